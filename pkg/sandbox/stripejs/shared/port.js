// A port carries messages between the script in the shop's page and one frame.
// It hears one window of one origin and speaks to that origin only, so neither
// another frame of the page nor a page that took the frame's place can join in.

const CHANNEL = 'stripejs';

/**
 * openPort listens at once.
 * @param {() => Window | null} peer gives the other window, null while there is none
 * @param {string} origin
 * @param {Record<string, (data: any) => any>} handle maps a message's type to a function whose result is the reply
 */
function openPort(peer, origin, handle) {
  const waiting = new Map();
  const removed = { error: { type: 'api_error', message: 'The Element was removed from the page before it could answer.' } };
  let lastRequest = 0;
  let open = true;

  function post(message) {
    const to = peer();
    if (to) to.postMessage({ channel: CHANNEL, ...message }, origin);
  }

  async function receive(event) {
    if (event.origin !== origin || !event.source || event.source !== peer()) return;
    const message = event.data;
    if (!message || message.channel !== CHANNEL) return;
    if (message.type === 'reply') {
      const settle = waiting.get(message.request);
      waiting.delete(message.request);
      if (settle) settle(message.result);
      return;
    }
    const action = Object.hasOwn(handle, message.type) ? handle[message.type] : null;
    if (!action) return;
    const result = await action(message.data);
    if (message.request) post({ type: 'reply', request: message.request, result });
  }

  window.addEventListener('message', receive);
  return {
    /** @param {string} type @param {any} [data] */
    send(type, data) {
      post({ type, data });
    },
    /**
     * ask resolves with the other side's result, or with an error of Stripe's
     * shape once the port is closed, so that no caller waits for ever.
     * @param {string} type @param {any} [data] @returns {Promise<any>}
     */
    ask(type, data) {
      return new Promise((resolve) => {
        if (!open) return resolve(removed);
        lastRequest += 1;
        waiting.set(lastRequest, resolve);
        post({ type, data, request: lastRequest });
      });
    },
    close() {
      open = false;
      window.removeEventListener('message', receive);
      for (const settle of waiting.values()) settle(removed);
      waiting.clear();
    },
  };
}
