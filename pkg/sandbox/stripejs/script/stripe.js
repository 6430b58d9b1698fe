// window.Stripe. The script's own URL says both things it must know: the origin
// is the sandbox's (frames and API), the path is the train it was asked for.

const scriptURL = new URL(document.currentScript.src);

function stripeVersion() {
  const train = /^\/([a-z][a-z0-9]*)(\/|$)/.exec(scriptURL.pathname)[1];
  return train === 'v3' ? 3 : train;
}

class StripeInstance {
  #account;
  #wrappers = [];
  #apps = [];

  constructor(key, options) {
    this.#account = { base: scriptURL.origin, key, stripeAccount: options.stripeAccount, apiVersion: options.apiVersion };
  }

  elements(options) {
    return new Elements(this.#account, options || {});
  }

  confirmPayment(options) {
    return confirmPayment(this.#account, options);
  }

  confirmCardPayment(clientSecret, data, options) {
    return confirmCardPayment(this.#account, clientSecret, data, options);
  }

  async retrievePaymentIntent(clientSecret) {
    return retrievePaymentIntent(this.#account, clientSecret);
  }

  handleNextAction(options) {
    return handleNextAction(this.#account, options);
  }

  createPaymentMethod(options, card, data) {
    return createPaymentMethod(this.#account, options, card, data);
  }

  createToken(element, data) {
    return createToken(element, data);
  }

  // Stripe's packages name themselves here, for Stripe's statistics.
  _registerWrapper(wrapper) {
    this.#wrappers.push(wrapper);
  }

  registerAppInfo(app) {
    this.#apps.push(app);
  }
}

// Stripe works with and without new, as the real one does.
function Stripe(key, options) {
  if (typeof key !== 'string' || key === '') {
    throw new IntegrationError('Please call Stripe() with your publishable key. You used an empty string.');
  }
  if (key.startsWith('sk_') || key.startsWith('rk_')) {
    throw new IntegrationError('You should not use your secret key with Stripe.js. Please pass a publishable key instead.');
  }
  if (!key.startsWith('pk_')) {
    throw new IntegrationError(`Invalid API Key provided: ${key.slice(0, 8)}. A publishable key starts with pk_.`);
  }
  return new StripeInstance(key, options || {});
}
Stripe.version = stripeVersion();

// A page that loads the script twice keeps the first, whose Elements it may hold.
if (window.Stripe) {
  console.warn('It looks like Stripe.js was loaded more than one time. Please only load it once per page.');
} else {
  window.Stripe = Stripe;
}
