// window.Stripe. The script's own URL says both things it must know: the origin
// is the sandbox's (frames and API), the path is the train it was asked for.

const scriptURL = new URL(/** @type {HTMLScriptElement} */ (document.currentScript).src);

function stripeVersion() {
  const train = (/^\/(v3|[a-z]+)(\/|$)/.exec(scriptURL.pathname) || ['', 'v3'])[1];
  return train === 'v3' ? 3 : train;
}

// Methods of Stripe's that are not here.
const ABSENT = absent({
  collectBankAccountForPayment: 'there are no Financial Connections. Pass account_number and routing_number to confirmUsBankAccountPayment().',
  collectBankAccountForSetup: 'there are no Financial Connections. Pass account_number and routing_number to confirmUsBankAccountSetup().',
  collectBankAccountToken: 'there are no Financial Connections.',
  collectFinancialConnectionsAccounts: 'there are no Financial Connections.',
  createEphemeralKeyNonce: 'there is no Issuing.',
  createRadarSession: 'there is no Radar.',
  initCheckout: 'of Checkout there is the page and the embedded page, no Elements of its own.',
  initCheckoutElementsSdk: 'of Checkout there is the page and the embedded page, no Elements of its own.',
  initCheckoutFormSdk: 'of Checkout there is the page and the embedded page, no Elements of its own.',
  initCustomCheckout: 'of Checkout there is the page and the embedded page, no Elements of its own.',
  initializePricing: 'there are no pricing policies.',
  processOrder: 'Stripe’s Orders were a beta that ended.',
  retrieveOrder: 'Stripe’s Orders were a beta that ended.',
  verifyIdentity: 'there is no Identity.',
});

class StripeInstance {
  /** @type {Account} */
  #account;
  #wrappers = [];
  #apps = [];

  /** @param {string} key @param {any} options apiVersion and stripeAccount are heeded; betas and locale are taken and ignored */
  constructor(key, options) {
    this.#account = { base: scriptURL.origin, key, stripeAccount: options.stripeAccount, apiVersion: options.apiVersion };
    Object.assign(this, confirmations(this.#account));
  }

  /** @param {any} [options] */
  elements(options) {
    return new ElementsGroup(this.#account, options || {});
  }

  /**
   * @overload
   * @param {{elements?: any, clientSecret?: string, confirmParams?: any, redirect: 'if_required'}} options
   * @returns {Promise<PaymentIntentResult>}
   */
  /**
   * @overload
   * @param {{elements?: any, clientSecret?: string, confirmParams: any, redirect?: 'always'}} options
   * @returns {Promise<{error: StripeError}>}
   */
  /** @param {any} options @returns {Promise<any>} */
  confirmPayment(options) {
    return confirmWithElements(this.#account, options, PAYMENT, 'stripe.confirmPayment()');
  }

  /**
   * @overload
   * @param {{elements?: any, clientSecret?: string, confirmParams?: any, redirect: 'if_required'}} options
   * @returns {Promise<SetupIntentResult>}
   */
  /**
   * @overload
   * @param {{elements?: any, clientSecret?: string, confirmParams: any, redirect?: 'always'}} options
   * @returns {Promise<{error: StripeError}>}
   */
  /** @param {any} options @returns {Promise<any>} */
  confirmSetup(options) {
    return confirmWithElements(this.#account, options, SETUP, 'stripe.confirmSetup()');
  }

  /** @param {string} clientSecret @returns {Promise<PaymentIntentResult>} */
  retrievePaymentIntent(clientSecret) {
    return retrieveIntent(this.#account, clientSecret, PAYMENT);
  }

  /** @param {string} clientSecret @returns {Promise<SetupIntentResult>} */
  retrieveSetupIntent(clientSecret) {
    return retrieveIntent(this.#account, clientSecret, SETUP);
  }

  /** @param {{clientSecret?: string, hashedValue?: string}} options @returns {Promise<import('@stripe/stripe-js').PaymentIntentOrSetupIntentResult>} */
  handleNextAction(options) {
    return handleNextAction(this.#account, options);
  }

  /** @param {string} clientSecret @returns {Promise<PaymentIntentResult>} */
  handleCardAction(clientSecret) {
    return handleCardAction(this.#account, clientSecret);
  }

  /** @param {string} clientSecret @param {any} [data] @returns {Promise<PaymentIntentResult>} */
  verifyMicrodepositsForPayment(clientSecret, data) {
    return verifyMicrodeposits(this.#account, clientSecret, data, PAYMENT);
  }

  /** @param {string} clientSecret @param {any} [data] @returns {Promise<SetupIntentResult>} */
  verifyMicrodepositsForSetup(clientSecret, data) {
    return verifyMicrodeposits(this.#account, clientSecret, data, SETUP);
  }

  /** @param {any} options @param {any} [element] @param {any} [data] @returns {Promise<PaymentMethodResult>} */
  createPaymentMethod(options, element, data) {
    return createPaymentMethod(this.#account, options, element, data);
  }

  /** @param {any} options @returns {Promise<ConfirmationTokenResult>} */
  createConfirmationToken(options) {
    return createConfirmationToken(options);
  }

  /** @param {any} source @param {any} [data] @returns {Promise<TokenResult>} */
  createToken(source, data) {
    return createToken(this.#account, source, data);
  }

  /** @param {any} source @param {any} [data] */
  createSource(source, data) {
    return noSources();
  }

  /** @param {any} source */
  retrieveSource(source) {
    return noSources();
  }

  /** @param {any} options @returns {Promise<never | {error: StripeError}>} */
  redirectToCheckout(options) {
    return redirectToCheckout(this.#account, options);
  }

  /** @param {EmbeddedOptions} options */
  initEmbeddedCheckout(options) {
    return embedCheckout(this.#account, options);
  }

  /** @param {EmbeddedOptions} options */
  createEmbeddedCheckoutPage(options) {
    return embedCheckout(this.#account, options);
  }

  /** @param {any} options */
  paymentRequest(options) {
    return new WalletRequest(options);
  }

  /** Stripe's packages name themselves here, for Stripe's statistics. @param {any} wrapper */
  _registerWrapper(wrapper) {
    this.#wrappers.push(wrapper);
  }

  /** @param {any} app */
  registerAppInfo(app) {
    this.#apps.push(app);
  }
}
Object.assign(StripeInstance.prototype, ABSENT);

/**
 * Stripe works with and without new, as the real one does.
 * @param {string} key @param {any} [options]
 */
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
const page = /** @type {any} */ (window);
if (page.Stripe) {
  console.warn('It looks like Stripe.js was loaded more than one time. Please only load it once per page.');
} else {
  page.Stripe = Stripe;
}
