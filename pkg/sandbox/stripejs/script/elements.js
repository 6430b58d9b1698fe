// Elements is one form's worth of Elements: they share a client secret (or an
// amount to be paid later), an appearance and fonts.
class Elements extends Emitter {
  #options;
  #list = [];
  #submitted = false;
  #loading = null;

  constructor(account, options) {
    super();
    this._account = account;
    this.#options = { ...options };
    if (options.clientSecret !== undefined) intentID(options.clientSecret); // throws what is wrong with it
    if (options.clientSecret !== undefined && options.mode !== undefined) {
      throw new IntegrationError('Invalid value for elements(): `mode` cannot be combined with `clientSecret`.');
    }
    if (options.mode !== undefined && options.mode !== 'payment') {
      throw new IntegrationError(`Invalid value for elements(): the sandbox supports mode 'payment'. You specified: ${options.mode}.`);
    }
  }

  create(type, options) {
    if (!ELEMENT_TYPES.includes(type)) {
      throw new IntegrationError(`A valid Element name must be provided. The sandbox has: ${ELEMENT_TYPES.join(', ')}. You passed in: ${type}.`);
    }
    if (this.getElement(type)) {
      throw new IntegrationError(`Can only create one Element of type ${type} per Elements instance.`);
    }
    if (type === 'payment' && !this.#options.clientSecret && !this.#options.mode) {
      throw new IntegrationError('In order to create a payment element, you must pass a clientSecret or mode when creating the Elements group.');
    }
    const element = new Element(this, type, options);
    this.#list.push(element);
    return element;
  }

  // getElement takes a type or, as react-stripe-js passes, a component.
  getElement(type) {
    const name = typeof type === 'string' ? type : type && type.__elementType;
    return this.#list.find((element) => element._type === name) || null;
  }

  update(options) {
    if (options && 'clientSecret' in options && options.clientSecret !== this.#options.clientSecret) {
      throw new IntegrationError('elements.update(): the clientSecret of an Elements instance cannot be changed. Create a new one.');
    }
    this.#options = { ...this.#options, ...options };
    for (const element of this.#list) element._refresh();
  }

  // fetchUpdates reads the intent again after the server changed it.
  async fetchUpdates() {
    this.#loading = null;
    return this._loaded();
  }

  // submit shows what is missing in the fields, and must come before
  // confirmPayment where the intent is made only then.
  async submit() {
    const element = this._main();
    const { error } = await element._ask('validate');
    if (error) return { error };
    this.#submitted = true;
    return { selectedPaymentMethod: 'card' };
  }

  // _main is the Element that holds the card.
  _main() {
    const element = this.getElement('payment') || this.getElement('card');
    if (!element) {
      throw new IntegrationError('Invalid value for elements: it should have a mounted Payment Element or Card Element.');
    }
    return element;
  }

  // _secretFor tells which intent to confirm, given what the caller passed.
  _secretFor(given) {
    const { clientSecret, mode } = this.#options;
    if (mode && !this.#submitted) {
      throw new IntegrationError('elements.submit() must be called before stripe.confirmPayment().');
    }
    if (mode && !given) {
      throw new IntegrationError('stripe.confirmPayment(): clientSecret is required for Elements created without one.');
    }
    return given || clientSecret;
  }

  // _loaded resolves with {} once the intent is known to be payable, else with
  // {error}. It asks once per instance.
  _loaded() {
    this.#loading ||= this.#load();
    return this.#loading;
  }

  async #load() {
    const { clientSecret } = this.#options;
    if (!clientSecret) return {};
    const { error, paymentIntent } = await retrievePaymentIntent(this._account, clientSecret);
    if (error) return { error };
    if (['succeeded', 'canceled', 'requires_capture', 'processing'].includes(paymentIntent.status)) {
      return {
        error: {
          type: 'invalid_request_error', code: 'payment_intent_unexpected_state', payment_intent: paymentIntent,
          message: `This PaymentIntent is in a terminal state and cannot be used to initialize Elements (status: ${paymentIntent.status}).`,
        },
      };
    }
    return {};
  }

  _frameSettings() {
    const { key, stripeAccount, apiVersion } = this._account;
    return { account: { key, stripeAccount, apiVersion }, appearance: plain(this.#options.appearance), fonts: plain(this.#options.fonts || []) };
  }

  _changed() {
    this.#submitted = false;
  }

  _forget(element) {
    this.#list = this.#list.filter((e) => e !== element);
  }
}
