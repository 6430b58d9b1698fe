// IntegrationError is thrown where the shop's code is wrong (not where the
// payer is), with the name that Stripe.js gives it.
class IntegrationError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'IntegrationError';
  }
}

/**
 * absent gives methods that say why the sandbox does not have them, which helps
 * more than "is not a function".
 * @param {Record<string, string>} reasons by the method's name
 */
function absent(reasons) {
  return Object.fromEntries(Object.entries(reasons).map(([name, reason]) => [name, () => {
    throw new IntegrationError(`stripe.${name}() is not part of the sandbox: ${reason}`);
  }]));
}
