// An ElementsGroup is one form's worth of Elements: they share a client secret
// (or an amount to be paid later), an appearance and fonts.

const MODES = ['payment', 'setup', 'subscription'];

// Groups have names, by which the frames of one page find their like.
let lastGroup = 0;

class ElementsGroup extends Emitter {
  /** @type {any} */
  #options;
  /** @type {StripeElement[]} */
  #list = [];
  #submitted = false;
  /** @type {Promise<{error?: any}> | null} */
  #loading = null;
  /** @type {any} */
  #intent = null;
  #name;

  /** @param {Account} account @param {any} options */
  constructor(account, options) {
    super();
    lastGroup += 1;
    this.#name = 'group' + lastGroup;
    this._account = account;
    this.#options = { ...options };
    const { clientSecret, mode } = options;
    if (clientSecret !== undefined && mode !== undefined) {
      throw new IntegrationError('Invalid value for elements(): `mode` cannot be combined with `clientSecret`.');
    }
    if (clientSecret !== undefined) parseSecret(clientSecret, 'elements(): clientSecret'); // throws what is wrong with it
    if (mode !== undefined) checkMode(this.#options);
  }

  /** @param {string} type @param {any} [options] @returns {StripeElement} */
  create(type, options) {
    if (Object.hasOwn(ABSENT_KINDS, type)) {
      throw new IntegrationError(`The ${type} Element is not part of the sandbox: ${ABSENT_KINDS[type]}`);
    }
    if (!Object.hasOwn(KINDS, type)) {
      throw new IntegrationError(`A valid Element name must be provided. Valid Elements are:\n  ${Object.keys(KINDS).join(', ')}; you passed in: ${type}.`);
    }
    const mode = type === 'address' ? (options || {}).mode : undefined;
    if (type === 'address' && !['shipping', 'billing'].includes(mode)) {
      throw new IntegrationError('Invalid value for elements.create(): mode should be one of the following strings: shipping, billing.');
    }
    if (this.#find(type, mode)) {
      throw new IntegrationError(`Can only create one Element of type ${type} per Elements instance.`);
    }
    if (['payment', 'expressCheckout'].includes(type) && !this.#options.clientSecret && !this.#options.mode) {
      throw new IntegrationError(`In order to create a ${type} element, you must pass a clientSecret or mode when creating the Elements group.`);
    }
    const element = new StripeElement(this, type, options);
    this.#list.push(element);
    this.#refresh(); // a billing address of its own leaves fewer fields to the Payment Element
    return element;
  }

  /**
   * getElement takes a type or, as react-stripe-js passes, a component.
   * @param {any} type @param {{mode?: string}} [options] @returns {StripeElement | null}
   */
  getElement(type, options) {
    return this.#find(typeof type === 'string' ? type : type && type.__elementType, options && options.mode) || null;
  }

  /** @param {any} options @returns {Promise<void>} */
  update(options = {}) {
    if ('clientSecret' in options && options.clientSecret !== this.#options.clientSecret) {
      throw new IntegrationError('elements.update(): the clientSecret of an Elements instance cannot be changed. Create a new one.');
    }
    const changed = { ...this.#options, ...options };
    if (changed.mode !== undefined) checkMode(changed);
    this.#options = changed;
    this.#refresh();
    this._emit('update-end', undefined);
    return Promise.resolve();
  }

  /**
   * fetchUpdates reads the intent again after the server changed it.
   * @returns {Promise<{error?: any}>}
   */
  async fetchUpdates() {
    this.#loading = null;
    const { error } = await this._loaded();
    if (error) return { error };
    this.#refresh();
    return {};
  }

  /**
   * submit shows what is missing in the fields, and must come before
   * confirmPayment where the intent is made only then.
   * @returns {Promise<{error: StripeError, selectedPaymentMethod?: undefined} | {selectedPaymentMethod: string, error?: undefined}>}
   */
  async submit() {
    const main = this._main();
    const { error } = await this._validate();
    if (error) return { error };
    const { type } = await main._ask('selected');
    this.#submitted = true;
    return { selectedPaymentMethod: type };
  }

  // _main is the Element that holds the payment method.
  _main() {
    const main = ['payment', 'card', 'cardNumber', 'expressCheckout'].map((type) => this.#find(type)).find(Boolean);
    if (!main) {
      throw new IntegrationError('Invalid value for elements: it should have a mounted Payment Element or Card Element.');
    }
    return main;
  }

  /**
   * _validate has every Element show what is wrong with it, and gives the first error.
   * @returns {Promise<{error?: StripeError}>}
   */
  async _validate() {
    const answers = await Promise.all(this.#list.filter((element) => element._mounted).map((element) => element._ask('validate')));
    return { error: answers.map((answer) => answer.error).find(Boolean) };
  }

  /**
   * _details are what the Elements beside the payment method add to it.
   * @returns {Promise<{billing?: any, shipping?: any}>}
   */
  async _details() {
    const [email, billing, shipping] = await Promise.all(
      [this.#find('linkAuthentication'), this.#find('address', 'billing'), this.#find('address', 'shipping')]
        .map((element) => element && element._mounted && element._ask('value')),
    );
    const details = {};
    if (email) details.billing = { email: email.value.email };
    if (billing) details.billing = { ...details.billing, ...contact(billing.value) };
    if (shipping) details.shipping = contact(shipping.value);
    return details;
  }

  /**
   * _secretFor tells which intent to confirm, given what the caller passed.
   * @param {string | undefined} given @param {string} caller
   */
  _secretFor(given, caller) {
    const { clientSecret, mode } = this.#options;
    if (mode && !this.#submitted) throw new IntegrationError(`elements.submit() must be called before ${caller}.`);
    if (mode && !given) throw new IntegrationError(`${caller}: clientSecret is required for Elements created without one.`);
    return given || clientSecret;
  }

  /**
   * _mismatch is what is wrong with an intent made later than the fields: it must
   * be for what the payer has been shown.
   * @param {string} clientSecret @returns {Promise<StripeError | null>}
   */
  async _mismatch(clientSecret) {
    const { mode, amount, currency, setupFutureUsage = null, captureMethod, paymentMethodTypes } = this.#options;
    if (!mode) return null;
    const { error, intent } = await readIntent(this._account, clientSecret);
    if (error) return error;
    if (intent.object !== PAYMENT.object || mode !== 'payment') return null; // a subscription's amount is its invoice's
    const manual = (method) => method === 'manual' ? 'manual' : 'automatic';
    const types = (list) => JSON.stringify([...list].sort());
    for (const [param, provided, expected] of [
      ['amount', intent.amount, amount],
      ['currency', intent.currency, currency.toLowerCase()],
      ['setup_future_usage', intent.setup_future_usage, setupFutureUsage],
      ['capture_method', manual(intent.capture_method), manual(captureMethod)],
      ['payment_method_types', types(intent.payment_method_types), types(paymentMethodTypes || intent.payment_method_types)],
    ]) {
      if (provided === expected) continue;
      return {
        type: 'invalid_request_error', code: 'payment_intent_invalid_parameter', param, payment_intent: intent,
        message: `The provided ${param} (${provided}) does not match the expected ${param} (${expected}). ` +
          'Try confirming with a Payment Intent that is configured with the same parameters as Stripe Elements.',
      };
    }
    return null;
  }

  // _loaded resolves with {} once the intent is known to be open, else with
  // {error}. It asks once per instance.
  _loaded() {
    this.#loading ||= this.#load();
    return this.#loading;
  }

  async #load() {
    const { clientSecret } = this.#options;
    if (!clientSecret) return {};
    const { kind } = parseSecret(clientSecret, 'elements(): clientSecret');
    const { error, intent } = await readIntent(this._account, clientSecret);
    if (error) return { error };
    if (['succeeded', 'canceled', 'requires_capture', 'processing'].includes(intent.status)) {
      return {
        error: {
          type: 'invalid_request_error', code: `${kind.object}_unexpected_state`, [kind.object]: intent,
          message: `This ${kind.name} is in a terminal state and cannot be used to initialize Elements (status: ${intent.status}).`,
        },
      };
    }
    this.#intent = intent;
    return {};
  }

  _frameSettings() {
    const { key, stripeAccount, apiVersion } = this._account;
    const { appearance, fonts = [], mode, setupFutureUsage, paymentMethodTypes } = this.#options;
    const intent = this.#intent || {};
    return {
      account: { key, stripeAccount, apiVersion }, group: this.#name, appearance: plain(appearance), fonts: plain(fonts),
      methods: intent.payment_method_types || paymentMethodTypes || ['card'],
      keepsMethod: intent.object === 'setup_intent' || Boolean(intent.setup_future_usage || setupFutureUsage) || ['setup', 'subscription'].includes(mode),
      addressElsewhere: Boolean(this.#find('address', 'billing')),
      emailElsewhere: Boolean(this.#find('linkAuthentication')),
    };
  }

  _changed() {
    this.#submitted = false;
  }

  /** @param {StripeElement} element */
  _forget(element) {
    this.#list = this.#list.filter((e) => e !== element);
  }

  /** @param {string} type @param {string} [mode] */
  #find(type, mode) {
    return this.#list.find((element) => element._type === type && (mode === undefined || element._mode === mode));
  }

  #refresh() {
    for (const element of this.#list) element._refresh();
  }
}

/** @param {any} options of a group whose intent is made later */
function checkMode({ mode, amount, currency }) {
  if (!MODES.includes(mode)) {
    throw new IntegrationError(`Invalid value for elements(): mode should be one of the following strings: ${MODES.join(', ')}. You specified: ${mode}.`);
  }
  if (mode !== 'setup' && !(Number.isInteger(amount) && amount >= (mode === 'payment' ? 1 : 0))) {
    throw new IntegrationError(`Invalid value for elements(): amount should be a positive integer in the currency's smallest unit when mode is ${mode}. You specified: ${amount}.`);
  }
  if (mode !== 'setup' && !/^[a-z]{3}$/i.test(currency)) {
    throw new IntegrationError(`Invalid value for elements(): currency should be a three-letter code when mode is ${mode}. You specified: ${currency}.`);
  }
}

// contact is an Address Element's value as the API takes it.
function contact({ name, phone, address }) {
  return { ...(name && { name }), ...(phone && { phone }), address };
}
