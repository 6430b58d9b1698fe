// A Form is what stands in the frame of one Element: fields that check
// themselves, and the news of them for the page. Elements differ in what they add.
class Form {
  // emit(type, data) reports change, focus, blur, escape and enter.
  constructor(root, type, emit) {
    this.root = root;
    this.type = type;
    this.emit = emit;
    this.fields = [];
    root.dataset.element = type;
    root.addEventListener('submit', (event) => event.preventDefault());
    // Going from one field to the next does not leave the Element.
    root.addEventListener('focusin', (event) => root.contains(event.relatedTarget) || emit('focus'));
    root.addEventListener('focusout', (event) => root.contains(event.relatedTarget) || emit('blur'));
  }

  // What an Element must or may say for itself.
  configure(settings) { this.options = settings.options; } // at the start and on every update
  entered() {} // after a field's input
  describe() { return {}; } // what its change event has beside complete and empty
  method() { return null; } // payment_method_data
  value() { return {}; } // what the page may read
  collapse() {}
  get selected() { return 'card'; }
  get team() { return [this]; } // the forms that make one payment method together

  add(options, idPrefix = this.type) {
    const field = new Field({ idPrefix, ...options });
    this.fields.push(field);
    this.#listen(field);
    return field;
  }

  get shown() {
    return this.fields.filter((field) => !field.hidden);
  }

  get counted() {
    return this.shown.filter((field) => !field.options.choices && !field.options.aside);
  }

  // lock keeps the fields from being changed while a request is on its way;
  // unlocked they are as the shop's options say.
  lock(locked) {
    const readOnly = Boolean(locked || this.options.readOnly || this.options.disabled);
    for (const field of this.fields) {
      if (field.options.choices) {
        field.input.disabled = readOnly;
      } else if (this.options.disabled && !locked) {
        field.input.disabled = true;
      } else {
        field.input.disabled = false;
        field.input.readOnly = readOnly;
      }
    }
    this.root.classList.toggle('is-readOnly', readOnly);
  }

  // problem is the first thing that keeps the form from being sent.
  problem() {
    for (const field of this.shown) {
      const error = field.problem();
      if (error) return error;
    }
    return null;
  }

  // validate shows every problem, goes to the first unless another form has
  // the focus already, and returns it.
  validate(focusing = true) {
    let first = null;
    for (const field of this.shown) {
      const error = field.problem();
      field.show(error);
      if (error && !first) {
        first = error;
        if (focusing) field.input.focus();
      }
    }
    this.report();
    return first || this.problem();
  }

  focus() {
    const first = this.shown[0];
    if (first) first.input.focus();
  }

  clear() {
    for (const field of this.fields) {
      if (!field.options.choices) field.input.value = '';
      field.show(null);
      this.entered(field);
    }
    this.report();
  }

  // report tells the page what it may know. That nothing stands in the fields
  // is no news at the start.
  report() {
    for (const field of this.fields) field.paint();
    const complete = !this.problem();
    const empty = this.counted.every((field) => !field.value);
    const shown = this.shown.map((field) => field.shown).find(Boolean);
    const state = { complete, empty, invalid: Boolean(shown), event: this.describe(shown) };
    const text = JSON.stringify(state);
    const first = this.reported === undefined;
    if (text === this.reported) return;
    this.reported = text;
    if (!first || complete || !empty) this.emit('change', state);
  }

  #listen(field) {
    const { input } = field;
    input.addEventListener('input', (event) => {
      const deleting = (event.inputType || '').startsWith('delete');
      field.reformat(deleting);
      this.entered(field);
      // An error goes as soon as it is mended; a finished number that cannot be
      // right is said at once, not when the field is left.
      const problem = field.problem();
      field.show(problem && field.options.jumps && !problem.code.startsWith('incomplete') ? problem : null);
      this.report();
      if (!problem && !deleting && field.options.jumps && document.activeElement === input) this.#advance(field);
    });
    input.addEventListener('blur', () => {
      if (field.value) field.show(field.problem());
      this.report();
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.emit('escape');
      if (event.key === 'Enter' && !field.options.choices) this.emit('enter');
      if (event.key === 'Backspace' && !field.value) this.#retreat(field);
    });
  }

  // A finished field hands the caret to the next that is empty.
  #advance(field) {
    const order = this.shown.filter((f) => !f.options.choices);
    const next = order[order.indexOf(field) + 1];
    if (next && !next.value && field.input.selectionStart === field.value.length) next.input.focus();
  }

  #retreat(field) {
    if (this.type !== 'card') return;
    const order = this.shown.filter((f) => !f.options.choices);
    const previous = order[order.indexOf(field) - 1];
    if (previous) previous.input.focus();
  }
}
