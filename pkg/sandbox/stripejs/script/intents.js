// Payment intents and setup intents, by their client secrets: reading them, and
// doing what they ask for next.

/** @typedef {import('@stripe/stripe-js').StripeError} StripeError */
/** @typedef {import('@stripe/stripe-js').PaymentIntentResult} PaymentIntentResult */
/** @typedef {import('@stripe/stripe-js').SetupIntentResult} SetupIntentResult */
/** @typedef {{object: string, name: string, path: string, result: string, lastError: string}} IntentKind */

const PAYMENT = { object: 'payment_intent', name: 'PaymentIntent', path: '/v1/payment_intents/', result: 'paymentIntent', lastError: 'last_payment_error' };
const SETUP = { object: 'setup_intent', name: 'SetupIntent', path: '/v1/setup_intents/', result: 'setupIntent', lastError: 'last_setup_error' };

/**
 * parseSecret reads kind and id out of a client secret, and throws unless it is
 * one (of the wanted kind).
 * @param {unknown} secret @param {string} where names it in the error @param {IntentKind} [wanted]
 * @returns {{kind: IntentKind, id: string, path: string}}
 */
function parseSecret(secret, where, wanted) {
  const match = /^((pi|seti)_[A-Za-z0-9]+?)_secret_[A-Za-z0-9]+$/.exec(typeof secret === 'string' ? secret : '');
  const kind = match && (match[2] === 'pi' ? PAYMENT : SETUP);
  if (!match || !kind || (wanted && kind !== wanted)) {
    throw new IntegrationError(
      `Invalid value for ${where}: value should be a client secret of the form \${id}_secret_\${secret}. You specified: ${JSON.stringify(secret)}.`,
    );
  }
  return { kind, id: match[1], path: kind.path + match[1] };
}

/**
 * resultOf is an intent in the form that Stripe.js resolves with.
 * @param {IntentKind} kind @param {any} intent @returns {any}
 */
function resultOf(kind, intent) {
  return { [kind.result]: intent };
}

/**
 * readIntent asks for the intent that a secret opens.
 * @param {Account} account @param {string} clientSecret @returns {Promise<{error?: any, intent?: any}>}
 */
async function readIntent(account, clientSecret) {
  const { path } = parseSecret(clientSecret, 'client secret');
  const intent = await callAPI(account, 'GET', path, { client_secret: clientSecret });
  return intent.error ? { error: intent.error } : { intent };
}

/**
 * retrieveIntent is retrievePaymentIntent and retrieveSetupIntent.
 * @param {Account} account @param {string} clientSecret @param {IntentKind} kind @returns {Promise<any>}
 */
async function retrieveIntent(account, clientSecret, kind) {
  parseSecret(clientSecret, `stripe.retrieve${kind.name}() intent secret`, kind);
  const { error, intent } = await readIntent(account, clientSecret);
  return error ? { error } : resultOf(kind, intent);
}

/**
 * handleNextAction goes on with an intent that a server has confirmed.
 * @param {Account} account @param {any} options @returns {Promise<any>}
 */
async function handleNextAction(account, options) {
  const { clientSecret } = options || {};
  parseSecret(clientSecret, 'stripe.handleNextAction() intent secret');
  const { error, intent } = await readIntent(account, clientSecret);
  return error ? { error } : finish(account, clientSecret, intent);
}

/**
 * handleCardAction is the older way, which insists that there is something to do.
 * @param {Account} account @param {string} clientSecret @returns {Promise<any>}
 */
async function handleCardAction(account, clientSecret) {
  parseSecret(clientSecret, 'stripe.handleCardAction intent secret', PAYMENT);
  const { error, intent } = await readIntent(account, clientSecret);
  if (error) return { error };
  if (intent.status !== 'requires_action') {
    return {
      error: {
        type: 'invalid_request_error', code: 'payment_intent_unexpected_state', payment_intent: intent,
        message: 'handleCardAction: The PaymentIntent supplied is not in the requires_action state.',
      },
    };
  }
  return finish(account, clientSecret, intent);
}

/**
 * finish does what the intent asks for and resolves when nothing is left to ask.
 * @param {Account} account @param {string} clientSecret @param {any} intent @returns {Promise<any>}
 */
async function finish(account, clientSecret, intent) {
  const { kind } = parseSecret(clientSecret, 'client secret');
  if (intent.status !== 'requires_action' || !intent.next_action) return resultOf(kind, intent);
  const action = intent.next_action;
  const page = addressOf(action);
  if (page) return leave(page);
  const shown = shownHere(action);
  if (!shown) return resultOf(kind, intent);

  const found = await showAction(shown.url, shown.kind, () => readIntent(account, clientSecret));
  if (found.error) return { error: found.error };
  const moved = found.intent;
  if (moved.status === 'requires_payment_method' && moved[kind.lastError]) {
    return { error: { ...moved[kind.lastError], [kind.object]: moved } };
  }
  return resultOf(kind, moved);
}

// addressOf is where an action sends the payer: redirect_to_url, and the
// like of alipay_handle_redirect, which carry a url in the same way.
function addressOf(action) {
  if (!/redirect/.test(action.type)) return null;
  return (action[action.type] || {}).url || null;
}

/**
 * shownHere is the page that an action has the payer see without leaving the
 * shop. Of bank transfers and microdeposits the shop tells by itself.
 * @param {any} action @returns {{url: string, kind: DialogKind} | null}
 */
function shownHere(action) {
  const details = action[action.type] || {};
  if (details.type === 'three_d_secure_redirect') return { url: details.stripe_js, kind: CHALLENGE };
  if (/_display_qr_code$/.test(action.type)) return { url: details.hosted_instructions_url, kind: CODE };
  if (/_display_details$/.test(action.type)) return { url: details.hosted_voucher_url, kind: VOUCHER };
  return null;
}

/**
 * leave never resolves: the page is going away.
 * @param {string} url @returns {Promise<any>}
 */
function leave(url) {
  window.location.assign(url);
  return new Promise(() => {});
}
