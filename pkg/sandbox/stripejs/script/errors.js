// IntegrationError is thrown where the shop's code is wrong (not where the
// payer is), with the name that Stripe.js gives it.
class IntegrationError extends Error {
  constructor(message) {
    super(message);
    this.name = 'IntegrationError';
  }
}
