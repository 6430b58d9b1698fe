// Confirming payments: from the Element's frame, or with a payment method that
// exists already; then whatever the intent asks for next.

// intentID reads the intent's id out of its client secret.
function intentID(clientSecret) {
  const match = /^(pi_[A-Za-z0-9_]+?)_secret_[A-Za-z0-9]+$/.exec(typeof clientSecret === 'string' ? clientSecret : '');
  if (!match) {
    throw new IntegrationError(
      'Invalid value for clientSecret: value should be a client secret of the form ${id}_secret_${secret}. You specified: ' + JSON.stringify(clientSecret) + '.',
    );
  }
  return match[1];
}

async function retrievePaymentIntent(account, clientSecret) {
  const intent = await callAPI(account, 'GET', '/v1/payment_intents/' + intentID(clientSecret), { client_secret: clientSecret });
  return intent.error ? { error: intent.error } : { paymentIntent: intent };
}

async function confirmPayment(account, options) {
  const { elements, confirmParams = {}, redirect = 'always' } = options || {};
  if (!['always', 'if_required'].includes(redirect)) {
    throw new IntegrationError(`Invalid value for stripe.confirmPayment(): redirect should be 'always' or 'if_required'. You specified: ${redirect}.`);
  }
  const clientSecret = elements ? elements._secretFor(options.clientSecret) : options && options.clientSecret;
  intentID(clientSecret);
  if (redirect === 'always' && !confirmParams.return_url) {
    throw new IntegrationError('stripe.confirmPayment(): the `confirmParams.return_url` argument is required when `redirect` is `always`.');
  }
  if (confirmParams.return_url) checkReturnURL(confirmParams.return_url);

  const result = await confirmIntent(account, clientSecret, confirmParams, elements && elements._main());
  if (result.error || redirect === 'if_required') return result;
  return leave(returnURL(confirmParams.return_url, clientSecret, result.paymentIntent));
}

// confirmCardPayment is the Card Element's way: {payment_method: {card: element}}.
async function confirmCardPayment(account, clientSecret, data = {}, { handleActions = true } = {}) {
  const { payment_method: method, ...params } = data;
  if (!method || typeof method === 'string') {
    return confirmIntent(account, clientSecret, method ? { ...params, payment_method: method } : params, null, handleActions);
  }
  const { card, ...rest } = method;
  const element = card instanceof Element ? card : null;
  const paymentMethodData = element ? rest : { type: 'card', ...method };
  return confirmIntent(account, clientSecret, { ...params, payment_method_data: paymentMethodData }, element, handleActions);
}

// confirmIntent leaves the request to the Element's frame where there is one,
// since only the frame knows the card.
async function confirmIntent(account, clientSecret, params, element, handleActions = true) {
  const path = `/v1/payment_intents/${intentID(clientSecret)}/confirm`;
  const body = plain({ ...params, client_secret: clientSecret, use_stripe_sdk: true });
  const intent = element ? await element._ask('confirm', { path, params: body }) : await callAPI(account, 'POST', path, body);
  if (intent.error) return { error: intent.error };
  return handleActions ? finish(account, clientSecret, intent) : { paymentIntent: intent };
}

async function handleNextAction(account, options) {
  const { clientSecret } = options || {};
  const { error, paymentIntent } = await retrievePaymentIntent(account, clientSecret);
  return error ? { error } : finish(account, clientSecret, paymentIntent);
}

// finish does what the intent asks for and resolves when nothing is left to ask.
async function finish(account, clientSecret, intent) {
  if (intent.status !== 'requires_action' || !intent.next_action) return { paymentIntent: intent };
  const action = intent.next_action;
  if (action.type === 'redirect_to_url') return leave(action.redirect_to_url.url);
  const sdk = action.use_stripe_sdk || {};
  if (action.type !== 'use_stripe_sdk' || sdk.type !== 'three_d_secure_redirect') return { paymentIntent: intent };

  const found = await runChallenge(sdk.stripe_js, () => retrievePaymentIntent(account, clientSecret));
  if (found.error) return found;
  const moved = found.paymentIntent;
  if (moved.status === 'requires_payment_method' && moved.last_payment_error) {
    return { error: { ...moved.last_payment_error, payment_intent: moved } };
  }
  return { paymentIntent: moved };
}

async function createPaymentMethod(account, options, cardElement, moreData) {
  const form = options && options.elements;
  if (form) return tokenize(form._main(), '/v1/payment_methods', options.params || {});
  const data = typeof options === 'string' ? { type: options, card: cardElement, ...moreData } : { ...options };
  if (data.card instanceof Element) {
    const { card, type, ...params } = data;
    return tokenize(card, '/v1/payment_methods', params);
  }
  const method = await callAPI(account, 'POST', '/v1/payment_methods', plain(data));
  return method.error ? { error: method.error } : { paymentMethod: method };
}

async function tokenize(element, path, params) {
  const method = await element._ask('createPaymentMethod', { path, params: plain(params) });
  return method.error ? { error: method.error } : { paymentMethod: method };
}

async function createToken(element, data = {}) {
  if (!(element instanceof Element)) {
    throw new IntegrationError('stripe.createToken(): the sandbox makes tokens of a Card Element only.');
  }
  const token = await element._ask('createToken', { params: plain(data) });
  return token.error ? { error: token.error } : { token };
}

function checkReturnURL(url) {
  let parsed = null;
  try {
    parsed = new URL(url);
  } catch {
    // told below
  }
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new IntegrationError(`Invalid value for stripe.confirmPayment(): confirmParams.return_url must be a valid URL with an explicit scheme, such as https. You specified: ${url}`);
  }
}

// returnURL carries what Stripe appends when it sends the payer back.
function returnURL(url, clientSecret, intent) {
  const to = new URL(url);
  to.searchParams.set('payment_intent', intent.id);
  to.searchParams.set('payment_intent_client_secret', clientSecret);
  to.searchParams.set('redirect_status', ['succeeded', 'processing', 'requires_capture'].includes(intent.status) ? 'succeeded' : 'failed');
  return to.toString();
}

// leave never resolves: the page is going away.
function leave(url) {
  window.location.assign(url);
  return new Promise(() => {});
}
