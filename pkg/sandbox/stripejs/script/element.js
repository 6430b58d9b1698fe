// An Element is the page's side of one frame with fields: it places the frame,
// hands options in and events out. What is typed stays in the frame, but for
// addresses and e-mail, which are the shop's to know.

const calm = window.matchMedia('(prefers-reduced-motion: reduce)');

const UNTOUCHED = { complete: false, empty: true, focused: false, invalid: false };

let lastFrameNumber = 1000 + Math.floor(Math.random() * 8000);

function frameName() {
  lastFrameNumber += 1;
  return '__privateStripeFrame' + lastFrameNumber;
}

class StripeElement extends Emitter {
  /** @type {ElementsGroup} */
  #group;
  /** @type {any} */
  #options;
  /** @type {HTMLElement | null} */
  #container = null;
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** @type {ReturnType<typeof openPort> | null} */
  #port = null;
  /** @type {Promise<void> | null} resolves once the fields are drawn, cannot be, or the Element is gone */
  #opened = null;
  /** @type {() => void} called by the frame's first message */
  #loaded = () => {};
  /** @type {any} why nothing was drawn */
  #failure = null;
  #destroyed = false;
  #state = UNTOUCHED;

  /** @param {ElementsGroup} group @param {string} type @param {any} [options] */
  constructor(group, type, options) {
    super();
    this.#group = group;
    this._type = type;
    this.#options = { ...options };
  }

  // _mode tells a shipping address from a billing address.
  get _mode() {
    return this.#options.mode;
  }

  get _mounted() {
    return this.#container !== null;
  }

  /** @param {string} part @returns {any} */
  _option(part) {
    return this.#options[part];
  }

  /** @param {string | HTMLElement} target */
  mount(target) {
    const container = findContainer(target);
    if (this.#destroyed) throw new IntegrationError('This Element has already been destroyed. Please create a new one.');
    if (this.#container) throw new IntegrationError('This Element is already mounted. Use `unmount()` to unmount the Element before re-mounting.');
    if (container.hasChildNodes()) console.warn('This Element will be mounted to a DOM element that contains child nodes.');
    const frame = this.#createFrame();
    const wrapper = document.createElement('div');
    wrapper.className = '__PrivateStripeElement';
    setStyle(wrapper, { margin: '0', padding: '0', border: 'none', display: 'block', background: 'transparent', position: 'relative', opacity: '1' });
    wrapper.append(frame);
    container.replaceChildren(wrapper);
    this.#container = container;
    this.#frame = frame;
    this.#opened = this.#open(frame);
    this.#paintClasses();
    return this;
  }

  unmount() {
    if (!this.#container) return this;
    if (this.#port) this.#port.close();
    this.#loaded(); // who waits for the frame gets the closed port's answer
    this.#container.replaceChildren();
    this.#container.classList.remove(...this.#classNames().all);
    this.#container = this.#frame = this.#port = this.#opened = this.#failure = null;
    this.#state = UNTOUCHED;
    return this;
  }

  destroy() {
    this.unmount();
    this.#destroyed = true;
    this.#group._forget(this);
    return this;
  }

  /** @param {any} options */
  update(options) {
    this.#options = { ...this.#options, ...options };
    this._refresh();
    return this;
  }

  focus() {
    return this.#tell('focus');
  }

  blur() {
    return this.#tell('blur');
  }

  clear() {
    return this.#tell('clear');
  }

  // collapse closes the chosen method of an accordion.
  collapse() {
    return this.#tell('collapse');
  }

  /**
   * getValue is what an Address Element's change event tells.
   * @param {any} [options] how names are to be written; they are given as typed
   * @returns {Promise<any>} complete, isNewAddress and value
   */
  getValue(options) {
    return this._ask('value', options && plain(options));
  }

  /**
   * _ask puts a question to the frame once it is drawn.
   * @param {string} type @param {any} [data] @returns {Promise<any>}
   */
  async _ask(type, data) {
    const port = this.#port;
    if (!port) {
      throw new IntegrationError('We could not retrieve data from the specified Element. Please make sure the Element you are attempting to use is still mounted.');
    }
    await this.#opened;
    return this.#failure ? { error: this.#failure } : port.ask(type, data);
  }

  _refresh() {
    this.#tell('update', () => this.#settings());
  }

  /**
   * #tell waits for the frame, which hears nothing before it has been opened.
   * @param {string} type @param {() => any} [data]
   */
  #tell(type, data = () => undefined) {
    const port = this.#port;
    if (this.#opened) this.#opened.then(() => port === this.#port && port && port.send(type, data()));
    return this;
  }

  #settings() {
    return { elementType: this._type, options: plain(this.#options), ...this.#group._frameSettings() };
  }

  #createFrame() {
    const { title, bleed, height } = KINDS[this._type];
    const frame = document.createElement('iframe');
    frame.name = frameName();
    frame.title = title;
    frame.setAttribute('role', 'presentation');
    frame.setAttribute('frameborder', '0');
    frame.setAttribute('scrolling', 'no');
    frame.setAttribute('allow', 'payment *');
    frame.setAttribute('allowtransparency', 'true');
    setStyle(frame, {
      border: '0', display: 'block', padding: '0', margin: `-${bleed}px`, overflow: 'hidden', 'color-scheme': 'light',
      width: `calc(100% + ${2 * bleed}px)`, 'min-width': '100%', height: height + 'px',
      opacity: '0', transition: calm.matches ? 'none' : 'height 0.2s ease, opacity 0.25s ease', 'user-select': 'none',
    });
    frame.src = this.#group._account.base + '/frames/elements.html#' + new URLSearchParams({ parent: window.location.origin });
    return frame;
  }

  /**
   * #open waits for the frame's first message and for the intent, and has the fields drawn.
   * @param {HTMLIFrameElement} frame
   */
  async #open(frame) {
    /** @type {Promise<void>} */
    const hello = new Promise((resolve) => { this.#loaded = resolve; });
    const port = openPort(() => frame.contentWindow, this.#group._account.base, {
      loaded: () => this.#loaded(),
      resize: ({ height }) => setStyle(frame, { height: height + 'px' }),
      change: (state) => this.#changed(state),
      focus: () => this.#focused(true),
      blur: () => this.#focused(false),
      escape: () => this._emit('escape', { elementType: this._type }),
      enter: () => this.#submitForm(),
    });
    this.#port = port;
    queueMicrotask(() => this._emit('loaderstart', { elementType: this._type }));
    const [{ error }] = await Promise.all([this.#group._loaded(), hello]);
    if (this.#frame !== frame) return;
    if (error) {
      this.#failure = error;
      this._emit('loaderror', { elementType: this._type, error });
      return;
    }
    await port.ask('open', this.#settings());
    if (this.#frame !== frame) return;
    setStyle(frame, { opacity: '1' });
    this._emit('ready', this._type === 'expressCheckout' ? { elementType: this._type, availablePaymentMethods: undefined } : { elementType: this._type });
  }

  #changed({ complete, empty, invalid, event }) {
    this.#state = { ...this.#state, complete, empty, invalid };
    this.#paintClasses();
    this.#group._changed();
    this._emit('change', { elementType: this._type, complete, empty, ...event });
  }

  /** @param {boolean} focused */
  #focused(focused) {
    this.#state = { ...this.#state, focused };
    this.#paintClasses();
    this._emit(focused ? 'focus' : 'blur', { elementType: this._type });
  }

  // Enter in the frame means what it means in a field of the page's own form.
  #submitForm() {
    const form = this.#container && this.#container.closest('form');
    if (form) form.requestSubmit();
  }

  #classNames() {
    const names = {
      base: 'StripeElement', complete: 'StripeElement--complete', empty: 'StripeElement--empty',
      focus: 'StripeElement--focus', invalid: 'StripeElement--invalid', webkitAutofill: 'StripeElement--webkit-autofill', ...this.#options.classes,
    };
    // A shop may give several classes at once, as in class="a b".
    const lists = Object.fromEntries(Object.entries(names).map(([state, text]) => [state, String(text).split(/\s+/).filter(Boolean)]));
    return { lists, all: Object.values(lists).flat() };
  }

  #paintClasses() {
    if (!this.#container) return;
    const { classList } = this.#container;
    const { lists } = this.#classNames();
    const { complete, empty, focused, invalid } = this.#state;
    for (const [state, on] of Object.entries({ base: true, complete, empty, focus: focused, invalid })) {
      for (const name of lists[state]) classList.toggle(name, on);
    }
  }
}

/** @param {string | HTMLElement} target @returns {HTMLElement} */
function findContainer(target) {
  const container = typeof target === 'string' ? document.querySelector(target) : target;
  if (container instanceof HTMLElement) return container;
  throw new IntegrationError(
    typeof target === 'string'
      ? `The selector you specified (${target}) applies to no DOM elements that are currently on the page. Make sure the element exists on the page before calling mount().`
      : 'Invalid DOM element. Call mount() with a valid DOM element or selector.',
  );
}

/**
 * setStyle goes through the CSSOM, which a page's Content-Security-Policy lets
 * pass where it forbids style attributes.
 * @param {HTMLElement} node @param {Record<string, string>} style
 */
function setStyle(node, style) {
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value, 'important');
}

/**
 * plain drops what a message to a frame cannot carry (functions, DOM nodes).
 * @param {any} value @returns {any}
 */
function plain(value) {
  return JSON.parse(JSON.stringify(value === undefined ? {} : value));
}
