// Emitter gives Elements their on, once and off.
class Emitter {
  #handlers = new Map();

  on(name, handler) {
    if (typeof handler !== 'function') {
      throw new IntegrationError(`Invalid event handler for '${name}': a function is required.`);
    }
    this.#handlers.set(name, [...(this.#handlers.get(name) || []), handler]);
    return this;
  }

  once(name, handler) {
    const once = (event) => {
      this.off(name, once);
      handler(event);
    };
    return this.on(name, once);
  }

  // off without a handler drops them all, as in Stripe.js.
  off(name, handler) {
    const rest = handler ? (this.#handlers.get(name) || []).filter((h) => h !== handler) : [];
    this.#handlers.set(name, rest);
    return this;
  }

  _emit(name, event) {
    for (const handler of this.#handlers.get(name) || []) handler(event);
  }
}
