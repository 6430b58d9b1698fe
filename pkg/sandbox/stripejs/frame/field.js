// One labelled input (or select) with its error line.
class Field {
  // options: name, label, placeholder, autocomplete, inputmode, idPrefix, choices
  // (makes it a select), optional, jumps (hands the caret on when it is complete),
  // format(text, deleting) and check(text) → error or null.
  constructor(options) {
    this.options = options;
    this.name = options.name;
    const id = `${options.idPrefix}-${options.name}`;
    this.node = element('div', 'Field Field--' + options.name);
    this.label = element('label', 'Label', options.label);
    this.label.htmlFor = id + 'Input';
    this.box = element('div', 'InputBox');
    this.input = element(options.choices ? 'select' : 'input', options.choices ? 'Input Input--select' : 'Input');
    this.input.id = id + 'Input';
    this.input.name = options.name;
    this.input.autocomplete = options.autocomplete;
    this.input.setAttribute('aria-invalid', 'false');
    if (options.choices) {
      this.choose(options.choices);
    } else {
      this.input.type = 'text';
      this.input.placeholder = options.placeholder || '';
      this.input.inputMode = options.inputmode || 'text';
      this.input.autocapitalize = this.input.autocorrect = 'off';
      this.input.spellcheck = false;
      this.input.setAttribute('aria-required', String(!options.optional));
    }
    this.error = element('p', 'Error');
    this.error.id = id + '-error';
    this.error.setAttribute('role', 'alert');
    this.box.append(this.input);
    this.node.append(this.label, this.box, this.error);
    this.shown = null; // the error that is shown
  }

  get value() {
    return this.input.value;
  }

  // hidden is so too while the field stands in a part that is not shown.
  get hidden() {
    return Boolean(this.node.closest('[hidden]'));
  }

  choose(choices) {
    const { value } = this.input;
    this.input.replaceChildren(...choices.map(({ code, name }) => new Option(name, code)));
    if (choices.some(({ code }) => code === value)) this.input.value = value;
  }

  // reformat keeps the caret behind the same digit.
  reformat(deleting) {
    const { input } = this;
    if (!this.options.format) return;
    const before = input.value;
    const after = this.options.format(before, deleting);
    if (after === before) return;
    const atEnd = input.selectionStart === before.length;
    const digitsBefore = digitsOf(before.slice(0, input.selectionStart)).length;
    input.value = after;
    if (document.activeElement !== input) return;
    let caret = after.length;
    if (!atEnd) {
      for (caret = 0; caret < after.length && digitsOf(after.slice(0, caret)).length < digitsBefore;) caret += 1;
    }
    input.setSelectionRange(caret, caret);
  }

  problem() {
    if (this.hidden) return null;
    if (this.options.optional && !this.value.trim()) return null;
    return this.options.check ? this.options.check(this.value) : null;
  }

  // show displays an error, or with null takes it away.
  show(error) {
    this.shown = error;
    this.node.classList.toggle('Field--invalid', Boolean(error));
    this.paint();
    this.input.setAttribute('aria-invalid', String(Boolean(error)));
    if (error) {
      this.input.setAttribute('aria-describedby', this.error.id);
    } else {
      this.input.removeAttribute('aria-describedby');
    }
    const text = error ? error.message : '';
    if (this.error.textContent !== text) this.error.textContent = text;
  }

  // paint sets the states that a shop's styles can name.
  paint() {
    const { classList } = this.input;
    classList.toggle('Input--invalid', Boolean(this.shown));
    classList.toggle('Input--empty', !this.value);
    classList.toggle('Input--complete', Boolean(this.value) && !this.shown && !this.problem());
  }

  rename(label, placeholder, inputmode) {
    this.label.textContent = label;
    if (this.options.choices) return;
    this.input.placeholder = placeholder;
    this.input.inputMode = inputmode;
  }
}

// required is the check of a field that takes any words.
function required(name) {
  return (text) => text.trim() ? null : validationError('incomplete_' + name, 'This field is incomplete.');
}

function checkEmail(text) {
  if (!text.trim()) return validationError('incomplete_email', 'Your email is incomplete.');
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text.trim()) ? null : validationError('invalid_email', 'Your email is invalid.');
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text) node.textContent = text;
  return node;
}
