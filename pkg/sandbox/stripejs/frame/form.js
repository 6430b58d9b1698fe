// The card form, drawn for a Payment Element (labelled fields in a grid, errors
// below them) or for a Card Element (one line; the shop's page shows errors).
class CardForm {
  // emit(type, data) reports change, focus, blur, escape and enter.
  constructor(root, type, options, emit) {
    this.root = root;
    this.type = type;
    this.emit = emit;
    this.fields = this.#createFields(type === 'card' ? 'card' : 'payment');
    const { number, expiry, cvc, country, postalCode } = this.fields;
    this.all = [number, expiry, cvc, country, postalCode];
    root.className = type === 'card' ? 'CardLine' : 'CardGrid';
    root.dataset.element = type;
    if (type === 'card') {
      this.mark = element('span', 'CardLine-mark');
      root.append(this.mark, number.node, expiry.node, cvc.node, postalCode.node);
    } else {
      this.mark = element('span', 'Marks');
      number.box.append(this.mark);
      this.codeMark = element('span', 'Marks');
      cvc.box.append(this.codeMark);
      root.append(number.node, expiry.node, cvc.node, country.node, postalCode.node);
    }
    this.configure(options);
    for (const field of this.all) this.#listen(field);
    root.addEventListener('submit', (event) => event.preventDefault());
    this.#drawBrand();
    this.#fitPostal();
  }

  // configure takes options again, at the start and on element.update().
  configure(options) {
    const { country, postalCode } = this.fields;
    const billing = (options.defaultValues || {}).billingDetails || {};
    const address = billing.address || {};
    if (!country.value || !this.started) {
      country.input.value = COUNTRY_CODES.includes(address.country) ? address.country : homeCountry();
      if (address.postal_code) postalCode.input.value = address.postal_code;
      if (this.type === 'card' && options.value && options.value.postalCode) postalCode.input.value = options.value.postalCode;
      this.started = true;
    }
    this.wanted = wantedAddress(this.type, options);
    country.node.hidden = !this.wanted.country || this.type === 'card';
    this.root.classList.toggle('CardLine--noIcon', Boolean(options.hideIcon));
    this.options = options;
    this.lock(false);
    this.#fitPostal();
  }

  // lock keeps the fields from being changed while a request is on its way;
  // unlocked they are as the shop's options say.
  lock(locked) {
    const readOnly = Boolean(locked || this.options.readOnly || this.options.disabled);
    for (const field of this.all) {
      if (field.options.choices) {
        field.input.disabled = readOnly;
      } else {
        field.input.readOnly = readOnly;
      }
    }
    this.root.classList.toggle('is-readOnly', readOnly);
  }

  get brand() {
    return brandOf(digitsOf(this.fields.number.value));
  }

  // problem is the first thing that keeps the form from being sent.
  problem() {
    for (const field of this.all) {
      const error = field.problem();
      if (error) return error;
    }
    return null;
  }

  // validate shows every problem, goes to the first, and returns it.
  validate() {
    let first = null;
    for (const field of this.all) {
      const error = field.problem();
      field.show(error);
      if (error && !first) {
        first = error;
        field.input.focus();
      }
    }
    this.report();
    return first;
  }

  // paymentMethod is what Stripe calls payment_method_data. It must only ever
  // go into a request to this frame's own origin.
  paymentMethod() {
    const { number, expiry, cvc, country, postalCode } = this.fields;
    const { month, year } = parseExpiry(expiry.value);
    const address = {};
    if (!country.node.hidden) address.country = country.value;
    if (!postalCode.node.hidden && postalCode.value.trim()) address.postal_code = postalCode.value.trim();
    const data = { type: 'card', card: { number: digitsOf(number.value), exp_month: month, exp_year: year, cvc: cvc.value } };
    if (Object.keys(address).length) data.billing_details = { address };
    return data;
  }

  clear() {
    for (const field of this.all) {
      if (!field.options.choices) field.input.value = '';
      field.show(null);
    }
    this.#drawBrand();
    this.report();
  }

  // report tells the page what it may know: whether it is complete, never what it is.
  report() {
    const { number, expiry, cvc, postalCode } = this.fields;
    const complete = !this.problem();
    const empty = [number, expiry, cvc].every((field) => !field.value);
    const shown = this.all.map((field) => field.shown).find(Boolean);
    const event = this.type === 'card'
      ? { brand: this.brand.name, error: shown, value: { postalCode: postalCode.value } }
      : { collapsed: false, value: { type: 'card' } };
    const state = { complete, empty, invalid: Boolean(shown), event };
    const text = JSON.stringify(state);
    if (text === this.reported) return;
    this.reported = text;
    this.emit('change', state);
  }

  #createFields(idPrefix) {
    const field = (options) => new Field({ idPrefix, ...options });
    return {
      number: field({
        name: 'number', label: 'Card number', placeholder: idPrefix === 'card' ? 'Card number' : '1234 1234 1234 1234', autocomplete: 'cc-number',
        format: formatNumber, check: checkNumber,
      }),
      expiry: field({
        name: 'expiry', label: 'Expiration date', placeholder: 'MM / YY', autocomplete: 'cc-exp',
        format: formatExpiry, check: (text) => checkExpiry(text, new Date()),
      }),
      cvc: field({
        name: 'cvc', label: 'Security code', placeholder: 'CVC', autocomplete: 'cc-csc',
        format: (text) => formatCVC(text, this.brand), check: (text) => checkCVC(text, this.brand),
      }),
      country: field({ name: 'country', label: 'Country', autocomplete: 'billing country', choices: countryChoices() }),
      postalCode: field({
        name: 'postalCode', label: 'ZIP code', placeholder: '12345', autocomplete: 'billing postal-code',
        check: (text) => checkPostal(text, this.fields.country.value),
      }),
    };
  }

  #listen(field) {
    const { input } = field;
    input.addEventListener('input', (event) => {
      const deleting = (event.inputType || '').startsWith('delete');
      field.reformat(deleting);
      if (field.name === 'number') this.#drawBrand();
      if (field.name === 'country') this.#fitPostal();
      // An error goes as soon as it is mended; a finished number that cannot be
      // right is said at once, not when the field is left.
      const problem = field.problem();
      field.show(problem && !problem.code.startsWith('incomplete') && field.name !== 'postalCode' ? problem : null);
      this.report();
      if (!problem && !deleting && document.activeElement === input) this.#advance(field);
    });
    input.addEventListener('focus', () => this.emit('focus'));
    input.addEventListener('blur', () => {
      this.emit('blur');
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
    const order = this.all.filter((f) => !f.node.hidden && !f.options.choices);
    const next = order[order.indexOf(field) + 1];
    if (next && !next.value && field.input.selectionStart === field.value.length) next.input.focus();
  }

  #retreat(field) {
    if (this.type !== 'card') return;
    const order = this.all.filter((f) => !f.node.hidden && !f.options.choices);
    const previous = order[order.indexOf(field) - 1];
    if (previous) previous.input.focus();
  }

  #drawBrand() {
    const { brand } = this;
    const { number } = this.fields;
    if (this.codeMark) this.codeMark.replaceChildren(drawMark(brand.cvc === 4 ? 'cvc4' : 'cvc'));
    const known = brand.name !== 'unknown';
    const invite = this.type === 'payment' && !number.value; // an empty field shows what it takes
    const marks = known ? [brand] : invite ? ACCEPTED_BRANDS : [UNKNOWN_BRAND];
    const key = marks.map((b) => b.name).join();
    if (this.mark.dataset.marks === key) return;
    this.mark.dataset.marks = key;
    this.mark.replaceChildren(...marks.map((b) => drawMark(b.name, b.label)));
  }

  // The postal code is asked for where banks check it.
  #fitPostal() {
    const { country, postalCode } = this.fields;
    const rule = POSTAL[country.value];
    postalCode.node.hidden = !this.wanted.postalCode || !rule;
    country.node.classList.toggle('Field--wide', postalCode.node.hidden);
    if (rule) postalCode.rename(rule.label, this.type === 'card' ? rule.label.replace(' code', '') : rule.placeholder, rule.inputmode);
    postalCode.show(null);
  }
}

// wantedAddress reads which address fields the shop leaves to the Element.
function wantedAddress(type, options) {
  if (type === 'card') return { country: false, postalCode: !options.hidePostalCode };
  const details = (options.fields || {}).billingDetails;
  const address = details === 'never' ? 'never' : (details || {}).address;
  if (address === 'never') return { country: false, postalCode: false };
  const parts = typeof address === 'object' && address ? address : {};
  return { country: parts.country !== 'never', postalCode: parts.postalCode !== 'never' };
}
