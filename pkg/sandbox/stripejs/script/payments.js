// Confirming payments and setups: from an Element's frame, or with a payment
// method that exists already; then whatever the intent asks for next.

/**
 * confirmWithElements is confirmPayment and confirmSetup.
 * @param {Account} account @param {any} options @param {IntentKind} kind @param {string} caller @returns {Promise<any>}
 */
async function confirmWithElements(account, options, kind, caller) {
  const { elements, confirmParams = {}, redirect = 'always' } = options || {};
  if (!['always', 'if_required'].includes(redirect)) {
    throw new IntegrationError(`Invalid value for ${caller}: redirect should be 'always' or 'if_required'. You specified: ${redirect}.`);
  }
  if (elements !== undefined && !(elements instanceof ElementsGroup)) {
    throw new IntegrationError(`Invalid value for ${caller}: elements should be an object created by stripe.elements().`);
  }
  const clientSecret = elements ? elements._secretFor(options.clientSecret, caller) : options && options.clientSecret;
  parseSecret(clientSecret, `${caller}: clientSecret`, kind);
  if (redirect === 'always' && !confirmParams.return_url) {
    throw new IntegrationError(`${caller}: the \`confirmParams.return_url\` argument is required when \`redirect\` is \`always\`.`);
  }
  if (confirmParams.return_url) checkReturnURL(confirmParams.return_url, caller);

  const main = elements ? elements._main() : null;
  if (main) checkLeftOut(main, confirmParams.payment_method_data, caller);
  const { error, params } = elements ? await describe(elements, confirmParams) : { error: null, params: confirmParams };
  if (error) return { error };
  const mismatch = elements && await elements._mismatch(clientSecret);
  if (mismatch) return { error: mismatch };
  const { shipping, ...unshipped } = params; // a setup intent has no such parameter
  const result = await confirmIntent(account, clientSecret, kind === SETUP ? unshipped : params, main);
  if (result.error || redirect === 'if_required') return result;
  return leave(returnURL(confirmParams.return_url, clientSecret, result[kind.result]));
}

/**
 * describe completes parameters by what stands in the Elements beside the
 * payment method, once everything in the form is right.
 * @param {ElementsGroup} elements @param {any} given @returns {Promise<{error?: any, params?: any}>}
 */
async function describe(elements, given = {}) {
  const { error } = await elements._validate();
  if (error) return { error };
  const { billing, shipping } = await elements._details();
  const params = { ...(shipping && { shipping }), ...given };
  if (billing) params.payment_method_data = merge({ billing_details: billing }, given.payment_method_data);
  return { params };
}

/**
 * checkLeftOut insists on what the shop has told the Element not to ask for.
 * @param {StripeElement} element @param {any} methodData @param {string} caller
 */
function checkLeftOut(element, methodData, caller) {
  const wanted = (element._option('fields') || {}).billingDetails;
  const given = (methodData || {}).billing_details;
  const insist = (name, present) => {
    if (present) return;
    throw new IntegrationError(
      `You specified "never" for fields.billing_details${name} when creating the payment Element, but did not pass ` +
      `confirmParams.payment_method_data.billing_details${name} when calling ${caller}. If you opt out of collecting data via the ` +
      'payment Element using the fields option, the data must be passed in when calling it.',
    );
  };
  if (wanted === 'never') return insist('', given);
  for (const [name, wish] of Object.entries(wanted || {})) {
    if (wish === 'never') insist('.' + name, given && given[name] !== undefined);
  }
}

/**
 * confirmWithMethod is confirmCardPayment and its like: data.payment_method is
 * an id, or describes a method, whose details may stand in an Element.
 * @param {Account} account @param {string} clientSecret @param {string} type of method @param {any} data
 * @param {any} options @param {IntentKind} kind @param {string} caller @returns {Promise<any>}
 */
async function confirmWithMethod(account, clientSecret, type, data, options, kind, caller) {
  parseSecret(clientSecret, `${caller} intent secret`, kind);
  const { handleActions = true } = options || {};
  const { payment_method: method, ...params } = data || {};
  if (params.return_url) checkReturnURL(params.return_url, caller);
  if (typeof method === 'string') {
    const code = ((params.payment_method_options || {}).card || {}).cvc;
    const element = code instanceof StripeElement ? code : null;
    return confirmIntent(account, clientSecret, { ...params, payment_method: method }, element, handleActions, 'cvc');
  }
  if (!method) {
    // Cards may be on the intent already; of the others only the type is needed.
    const body = type === 'card' ? params : { ...params, payment_method_data: { type } };
    return confirmIntent(account, clientSecret, body, null, handleActions);
  }
  const { [type]: details, ...rest } = method;
  const element = details instanceof StripeElement ? details : null;
  const methodData = element ? rest : { type, ...rest, ...(details && { [type]: details }) };
  return confirmIntent(account, clientSecret, { ...params, payment_method_data: methodData }, element, handleActions);
}

/**
 * confirmIntent leaves the request to the Element's frame where there is one,
 * since only the frame knows what was typed.
 * @param {Account} account @param {string} clientSecret @param {any} params @param {StripeElement | null} element
 * @param {boolean} [handleActions] @param {'method' | 'cvc'} [place] what the frame puts in
 * @returns {Promise<any>}
 */
async function confirmIntent(account, clientSecret, params, element, handleActions = true, place = 'method') {
  const { kind, path } = parseSecret(clientSecret, 'client secret');
  const body = plain({ ...params, client_secret: clientSecret, use_stripe_sdk: handleActions });
  const intent = element ? await element._ask('send', { path: path + '/confirm', params: body, place }) : await callAPI(account, 'POST', path + '/confirm', body);
  if (intent.error) return { error: intent.error };
  return handleActions ? finish(account, clientSecret, intent) : resultOf(kind, intent);
}

/**
 * verifyMicrodeposits tells the amounts or the code that reached a bank account.
 * @param {Account} account @param {string} clientSecret @param {any} data @param {IntentKind} kind @returns {Promise<any>}
 */
async function verifyMicrodeposits(account, clientSecret, data, kind) {
  const { path } = parseSecret(clientSecret, `stripe.verifyMicrodepositsFor${kind === PAYMENT ? 'Payment' : 'Setup'} intent secret`, kind);
  const intent = await callAPI(account, 'POST', path + '/verify_microdeposits', plain({ ...data, client_secret: clientSecret }));
  return intent.error ? { error: intent.error } : resultOf(kind, intent);
}

/** @param {any} url @param {string} caller */
function checkReturnURL(url, caller) {
  let parsed = null;
  try {
    parsed = new URL(url);
  } catch {
    // told below
  }
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new IntegrationError(`Invalid value for ${caller}: return_url must be a valid URL with an explicit scheme, such as https. You specified: ${url}`);
  }
}

/**
 * returnURL carries what Stripe appends when it sends the payer back.
 * @param {string} url @param {string} clientSecret @param {any} intent
 */
function returnURL(url, clientSecret, intent) {
  const { kind } = parseSecret(clientSecret, 'client secret');
  const to = new URL(url);
  to.searchParams.set(kind.object, intent.id);
  to.searchParams.set(kind.object + '_client_secret', clientSecret);
  const statuses = { succeeded: 'succeeded', processing: 'succeeded', requires_capture: 'succeeded', requires_action: 'pending' };
  to.searchParams.set('redirect_status', statuses[intent.status] || 'failed');
  return to.toString();
}
