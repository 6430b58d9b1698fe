// What a form is turned into before anything is paid: payment methods,
// confirmation tokens, and the older tokens.

/** @typedef {import('@stripe/stripe-js').PaymentMethodResult} PaymentMethodResult */
/** @typedef {import('@stripe/stripe-js').ConfirmationTokenResult} ConfirmationTokenResult */
/** @typedef {import('@stripe/stripe-js').TokenResult} TokenResult */

/**
 * @param {Account} account @param {any} options {elements, params}, {element, params} or payment method data;
 * the oldest form has the type here and the Element and more data behind it
 * @param {any} [oldElement] @param {any} [oldData] @returns {Promise<any>}
 */
async function createPaymentMethod(account, options, oldElement, oldData) {
  const caller = 'stripe.createPaymentMethod()';
  if (typeof options === 'string') return createPaymentMethod(account, { type: options, [options]: oldElement, ...oldData });
  const { elements, element, params, ...data } = options || {};
  if (elements !== undefined || element !== undefined) {
    const source = await sourceOf({ elements, element }, { payment_method_data: params }, caller);
    if (source.error) return { error: source.error };
    return named('paymentMethod', source.main._ask('send', { path: '/v1/payment_methods', params: plain(source.params.payment_method_data), place: 'whole' }));
  }
  const { type, [type]: details, ...rest } = data;
  if (!type) throw new IntegrationError(`${caller}: please provide the type of the PaymentMethod, or elements.`);
  if (details instanceof StripeElement) {
    return named('paymentMethod', details._ask('send', { path: '/v1/payment_methods', params: plain(rest), place: 'whole' }));
  }
  return named('paymentMethod', callAPI(account, 'POST', '/v1/payment_methods', plain(data)));
}

/**
 * createConfirmationToken is what a shop sends to its server to be confirmed there.
 * @param {any} options @returns {Promise<any>}
 */
async function createConfirmationToken(options) {
  const { elements, element, params = {} } = options || {};
  const caller = 'stripe.createConfirmationToken()';
  const source = await sourceOf({ elements, element }, params, caller);
  if (source.error) return { error: source.error };
  if (params.return_url) checkReturnURL(params.return_url, caller);
  return named('confirmationToken', source.main._ask('send', { path: '/v1/confirmation_tokens', params: plain(source.params), place: 'method' }));
}

/**
 * sourceOf is the Element that the request comes from, and the parameters with
 * what its neighbours add.
 * @param {{elements?: any, element?: any}} from @param {any} params @param {string} caller @returns {Promise<any>}
 */
async function sourceOf({ elements, element }, params, caller) {
  if (element instanceof StripeElement) return { main: element, params };
  if (!(elements instanceof ElementsGroup)) {
    throw new IntegrationError(`Invalid value for ${caller}: elements should be an object created by stripe.elements().`);
  }
  const main = elements._main();
  const { error, params: described } = await describe(elements, params);
  return error ? { error } : { main, params: described };
}

/**
 * createToken takes a Card, IBAN or CVC Element, or data that are no card's.
 * @param {Account} account @param {any} source @param {any} [data] @returns {Promise<any>}
 */
async function createToken(account, source, data = {}) {
  if (source instanceof StripeElement) {
    return named('token', source._ask('send', { path: '/v1/tokens', params: plain(data), place: 'token' }));
  }
  if (source === 'cvc_update' && data instanceof StripeElement) {
    return named('token', data._ask('send', { path: '/v1/tokens', params: {}, place: 'cvc_update' }));
  }
  if (!['pii', 'bank_account', 'account', 'person'].includes(source)) {
    throw new IntegrationError('You must provide a Stripe Element or a valid token type to create a Token.');
  }
  const params = source === 'pii' ? { pii: { id_number: data.personal_id_number } } : { [source]: data };
  return named('token', callAPI(account, 'POST', '/v1/tokens', plain(params)));
}

/** Sources were replaced by payment methods, which is all that the sandbox has. @returns {Promise<{source?: undefined, error: StripeError}>} */
async function noSources() {
  return {
    error: {
      type: 'invalid_request_error',
      message: 'Sources are deprecated and not part of the sandbox. Use a PaymentMethod: https://docs.stripe.com/payments/payment-methods/transitioning',
    },
  };
}

/** @param {string} name @param {Promise<any>} answer */
async function named(name, answer) {
  const object = await answer;
  return object.error ? { error: object.error } : { [name]: object };
}
