// An Element is the page's side of one frame with card fields: it places the
// frame, hands options in and events out. What is typed stays in the frame.

const ELEMENT_TYPES = ['payment', 'card'];

// Shadows of focused fields reach this far over the frame's content.
const FRAME_BLEED = { payment: 4, card: 0 };
const FIRST_HEIGHT = { payment: 232, card: 20 };

let lastFrameNumber = 1000 + Math.floor(Math.random() * 8000);

function frameName() {
  lastFrameNumber += 1;
  return '__privateStripeFrame' + lastFrameNumber;
}

class Element extends Emitter {
  #group;
  #options;
  #container = null;
  #frame = null;
  #port = null;
  #opened = null; // resolves once the fields are drawn and the intent is known, or the Element is gone
  #loaded = null; // called by the frame's first message
  #state = { complete: false, empty: true, focused: false, invalid: false };

  constructor(group, type, options) {
    super();
    this.#group = group;
    this._type = type;
    this.#options = { ...options };
  }

  mount(target) {
    const container = typeof target === 'string' ? document.querySelector(target) : target;
    if (!container || !container.appendChild) {
      throw new IntegrationError(
        typeof target === 'string'
          ? `The selector you specified (${target}) applies to no DOM elements that are currently on the page. Make sure the element exists on the page before calling mount().`
          : 'Invalid DOM element. Call mount() with a valid DOM element or selector.',
      );
    }
    if (this.#container === container) return this;
    this.unmount();
    this.#container = container;
    const wrapper = document.createElement('div');
    wrapper.className = '__PrivateStripeElement';
    setStyle(wrapper, { margin: '0', padding: '0', border: 'none', display: 'block', background: 'transparent', position: 'relative', opacity: '1' });
    this.#frame = this.#createFrame();
    wrapper.append(this.#frame);
    container.replaceChildren(wrapper);
    this.#opened = this.#open();
    this.#paintClasses();
    return this;
  }

  unmount() {
    if (!this.#container) return this;
    this.#port.close();
    this.#loaded(); // who waits for the frame gets the closed port's answer
    this.#container.replaceChildren();
    this.#container.classList.remove(...Object.values(this.#classNames()));
    this.#container = this.#frame = this.#port = this.#opened = this.#loaded = null;
    this.#state = { complete: false, empty: true, focused: false, invalid: false };
    return this;
  }

  destroy() {
    this.unmount();
    this.#group._forget(this);
    return this;
  }

  update(options) {
    this.#options = { ...this.#options, ...options };
    if (this.#port) this.#port.send('update', this.#settings());
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

  // collapse closes the chosen method of an accordion; with cards alone there
  // is none to close.
  collapse() {
    return this;
  }

  // _ask puts a question to the frame once it is drawn.
  async _ask(type, data) {
    if (!this.#port) {
      throw new IntegrationError('We could not retrieve data from the specified Element. Please make sure the Element you are attempting to use is still mounted.');
    }
    const port = this.#port;
    await this.#opened;
    return port.ask(type, data);
  }

  _refresh() {
    if (this.#port) this.#port.send('update', this.#settings());
  }

  #tell(type) {
    if (this.#port) this.#opened.then(() => this.#port && this.#port.send(type));
    return this;
  }

  #settings() {
    return { elementType: this._type, options: plain(this.#options), ...this.#group._frameSettings() };
  }

  #createFrame() {
    const bleed = FRAME_BLEED[this._type];
    const frame = document.createElement('iframe');
    frame.name = frameName();
    frame.title = this._type === 'payment' ? 'Secure payment input frame' : 'Secure card payment input frame';
    frame.setAttribute('role', 'presentation');
    frame.setAttribute('frameborder', '0');
    frame.setAttribute('scrolling', 'no');
    frame.setAttribute('allow', 'payment *');
    frame.allowTransparency = 'true';
    setStyle(frame, {
      border: '0', display: 'block', padding: '0', margin: `-${bleed}px`, overflow: 'hidden', 'color-scheme': 'light',
      width: `calc(100% + ${2 * bleed}px)`, 'min-width': '100%', height: FIRST_HEIGHT[this._type] + 'px',
      opacity: '0', transition: 'height 0.2s ease, opacity 0.25s ease', 'user-select': 'none',
    });
    frame.src = this.#group._account.base + '/frames/elements.html#' + new URLSearchParams({ parent: window.location.origin });
    return frame;
  }

  // #open waits for the frame's first message, sends the settings, and says
  // ready when the intent is known too.
  async #open() {
    const frame = this.#frame;
    const hello = new Promise((resolve) => { this.#loaded = resolve; });
    const port = openPort(() => frame.contentWindow, this.#group._account.base, {
      loaded: () => this.#loaded(),
      resize: ({ height }) => { frame.style.height = height + 'px'; },
      change: (state) => this.#changed(state),
      focus: () => this.#focused(true),
      blur: () => this.#focused(false),
      escape: () => this._emit('escape', { elementType: this._type }),
      enter: () => this.#submitForm(),
    });
    this.#port = port;
    queueMicrotask(() => this._emit('loaderstart', { elementType: this._type }));
    await hello;
    await port.ask('open', this.#settings());
    if (this.#frame !== frame) return;
    frame.style.opacity = '1';
    const { error } = await this.#group._loaded();
    if (this.#frame !== frame) return;
    if (error) {
      this._emit('loaderror', { elementType: this._type, error });
    } else {
      this._emit('ready', { elementType: this._type });
    }
  }

  #changed({ complete, empty, invalid, event }) {
    this.#state = { ...this.#state, complete, empty, invalid };
    this.#paintClasses();
    this.#group._changed();
    this._emit('change', { elementType: this._type, complete, empty, ...event });
  }

  #focused(focused) {
    this.#state.focused = focused;
    this.#paintClasses();
    this._emit(focused ? 'focus' : 'blur', { elementType: this._type });
  }

  // Enter in the frame means what it means in a field of the page's own form.
  #submitForm() {
    const form = this.#container && this.#container.closest('form');
    if (form) form.requestSubmit();
  }

  #classNames() {
    return {
      base: 'StripeElement', complete: 'StripeElement--complete', empty: 'StripeElement--empty',
      focus: 'StripeElement--focus', invalid: 'StripeElement--invalid', ...this.#options.classes,
    };
  }

  #paintClasses() {
    if (!this.#container) return;
    const names = this.#classNames();
    const { classList } = this.#container;
    classList.add(names.base);
    classList.toggle(names.complete, this.#state.complete);
    classList.toggle(names.empty, this.#state.empty);
    classList.toggle(names.focus, this.#state.focused);
    classList.toggle(names.invalid, this.#state.invalid);
  }
}

// setStyle goes through the CSSOM, which a page's Content-Security-Policy lets
// pass where it forbids style attributes.
function setStyle(node, style) {
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value, 'important');
}

// plain drops what a message to a frame cannot carry (functions, DOM nodes).
function plain(value) {
  return JSON.parse(JSON.stringify(value === undefined ? {} : value));
}
