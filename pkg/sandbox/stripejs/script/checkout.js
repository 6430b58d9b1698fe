// Checkout is the sandbox's own page: the payer is sent there, or it stands in
// a frame of the shop's page.

/** @typedef {{clientSecret?: string, fetchClientSecret?: () => Promise<string>, onComplete?: () => void}} EmbeddedOptions */

const CHECKOUT_HEIGHT = 640; // until the page has told its own

let embedded = false; // Stripe allows one at a time

/** @param {Account} account @param {any} options @returns {Promise<any>} */
async function redirectToCheckout(account, options) {
  const { sessionId } = options || {};
  if (typeof sessionId !== 'string' || !/^cs_\w+$/.test(sessionId)) {
    throw new IntegrationError('stripe.redirectToCheckout: You must provide the sessionId of a Checkout Session that your server has created; the sandbox has no client-only Checkout.');
  }
  return leave(checkoutPage(account, sessionId));
}

/** @param {Account} account @param {EmbeddedOptions} options */
async function embedCheckout(account, options) {
  const { clientSecret, fetchClientSecret, onComplete } = options || {};
  if (!clientSecret && typeof fetchClientSecret !== 'function') {
    throw new IntegrationError('You must provide either clientSecret or fetchClientSecret to initialize Embedded Checkout.');
  }
  if (embedded) throw new IntegrationError('You cannot have multiple Embedded Checkout objects.');
  embedded = true;
  try {
    const id = sessionID(clientSecret || (fetchClientSecret && await fetchClientSecret()));
    return new EmbeddedCheckout(checkoutPage(account, id) + '?embedded=1', onComplete);
  } catch (error) {
    embedded = false;
    throw error;
  }
}

class EmbeddedCheckout {
  #url;
  #onComplete;
  #destroyed = false;
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  #receive = (event) => this.#hear(event);

  /** @param {string} url @param {(() => void) | undefined} onComplete */
  constructor(url, onComplete) {
    this.#url = url;
    this.#onComplete = onComplete;
  }

  /** @param {string | HTMLElement} target */
  mount(target) {
    const container = findContainer(target);
    if (this.#destroyed) throw new IntegrationError('This Embedded Checkout has already been destroyed. Please create a new one.');
    if (this.#frame) throw new IntegrationError('This Embedded Checkout is already mounted. Use `unmount()` before re-mounting.');
    const frame = document.createElement('iframe');
    frame.name = frameName();
    frame.title = 'Secure checkout frame';
    frame.setAttribute('allow', 'payment *');
    setStyle(frame, { border: '0', display: 'block', width: '100%', height: CHECKOUT_HEIGHT + 'px', 'color-scheme': 'light' });
    frame.src = this.#url;
    container.replaceChildren(frame);
    this.#frame = frame;
    window.addEventListener('message', this.#receive);
  }

  unmount() {
    if (!this.#frame) return;
    window.removeEventListener('message', this.#receive);
    this.#frame.remove();
    this.#frame = null;
  }

  destroy() {
    this.unmount();
    if (!this.#destroyed) embedded = false;
    this.#destroyed = true;
  }

  #hear(event) {
    if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== new URL(this.#url).origin) return;
    const { type, height } = event.data || {};
    if (type === 'complete' && this.#onComplete) this.#onComplete();
    if (type === 'resize' && height > 0) setStyle(this.#frame, { height: Math.ceil(height) + 'px' });
  }
}

/** @param {unknown} clientSecret */
function sessionID(clientSecret) {
  const match = /^(cs_\w+?)_secret_\w+$/.exec(typeof clientSecret === 'string' ? clientSecret : '');
  if (!match) {
    throw new IntegrationError('Invalid value for Embedded Checkout: clientSecret should be a client secret of the form ${id}_secret_${secret}. You specified: ' + JSON.stringify(clientSecret) + '.');
  }
  return match[1];
}

/** @param {Account} account @param {string} id */
function checkoutPage(account, id) {
  return `${account.base}/_hosted/checkout/${id}`;
}
