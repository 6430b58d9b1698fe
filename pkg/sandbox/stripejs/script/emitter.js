// Emitter gives Elements their on, once and off.
class Emitter {
  /** @type {Map<string, Array<(event: any) => any>>} */
  #handlers = new Map();

  /** @param {string} name @param {(event: any) => any} handler @returns {this} */
  on(name, handler) {
    if (typeof handler !== 'function') {
      throw new IntegrationError(`Invalid event handler for '${name}': a function is required.`);
    }
    this.#handlers.set(name, [...(this.#handlers.get(name) || []), handler]);
    return this;
  }

  /** @param {string} name @param {(event: any) => any} handler @returns {this} */
  once(name, handler) {
    const once = (event) => {
      this.off(name, once);
      handler(event);
    };
    return this.on(name, once);
  }

  /**
   * off without a handler drops them all, as in Stripe.js.
   * @param {string} name @param {((event: any) => any) | null} [handler] @returns {this}
   */
  off(name, handler) {
    const rest = handler ? (this.#handlers.get(name) || []).filter((h) => h !== handler) : [];
    this.#handlers.set(name, rest);
    return this;
  }

  /** @param {string} name @param {any} event */
  _emit(name, event) {
    for (const handler of this.#handlers.get(name) || []) handler(event);
  }
}
