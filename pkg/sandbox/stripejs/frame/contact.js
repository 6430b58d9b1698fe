// The Link Authentication Element and the Address Element: what they hold is
// for the shop to know.

class EmailForm extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    root.className = 'Grid';
    this.email = this.add({ name: 'email', label: 'Email', placeholder: 'you@example.com', autocomplete: 'email', inputmode: 'email', check: checkEmail });
    this.email.node.classList.add('Field--wide');
    root.append(this.email.node);
  }

  configure(settings) {
    super.configure(settings);
    if (!this.started) this.email.input.value = (this.options.defaultValues || {}).email || '';
    this.started = true;
  }

  describe() {
    return { value: { email: this.email.value.trim() } };
  }

  value() {
    return { complete: !this.problem(), ...this.describe() };
  }
}

class AddressForm extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    root.className = 'Grid';
  }

  configure(settings) {
    super.configure(settings);
    if (!this.country) this.#draw();
    this.country.choose(countryChoices(this.options.allowedCountries));
    if (!this.started) this.#fill(this.options.defaultValues || {});
    this.started = true;
    const { phone } = this.options.fields || {};
    this.phone.node.hidden = phone !== 'always';
    this.phone.options.optional = ((this.options.validation || {}).phone || {}).required !== 'always';
    this.#fit();
  }

  entered(field) {
    if (field === this.country) this.#fit();
  }

  describe() {
    const text = (field) => field.hidden ? '' : field.value.trim();
    const split = (this.options.display || {}).name === 'split';
    const name = split ? [text(this.firstName), text(this.lastName)].filter(Boolean).join(' ') : text(this.name);
    const value = {
      name,
      ...(split && { firstName: text(this.firstName), lastName: text(this.lastName) }),
      address: {
        line1: text(this.line1), line2: text(this.line2) || null, city: text(this.city), country: this.country.value,
        postal_code: text(this.postalCode), state: text(this.state),
      },
      ...(!this.phone.hidden && { phone: text(this.phone) }),
    };
    return { elementMode: this.options.mode, isNewAddress: true, value };
  }

  value() {
    const { isNewAddress, value } = this.describe();
    return { complete: !this.problem(), isNewAddress, value };
  }

  #draw() {
    const area = this.options.mode; // shipping and billing, as autocomplete names them too
    const line = (name, label, autocomplete, more) => this.add({ name, label, autocomplete: `${area} ${autocomplete}`, check: required(name), ...more });
    const { name: display } = this.options.display || {};
    this.firstName = line('firstName', 'First name', 'given-name');
    this.lastName = line('lastName', 'Last name', 'family-name');
    this.name = line('name', display === 'organization' ? 'Organization name' : 'Full name', display === 'organization' ? 'organization' : 'name', { placeholder: 'First and last name' });
    this.country = line('country', 'Country or region', 'country', { choices: [] });
    this.line1 = line('line1', 'Address line 1', 'address-line1', { placeholder: 'Street address', check: (text) => this.#checkLine1(text) });
    this.line2 = line('line2', 'Address line 2', 'address-line2', { placeholder: 'Apt., suite, etc. (optional)', optional: true, check: null });
    this.city = line('city', 'City', 'address-level2');
    this.state = line('state', 'State', 'address-level1', { choices: [] });
    this.postalCode = line('postalCode', 'ZIP code', 'postal-code', { check: (text) => required('postal_code')(text) || checkPostal(text, this.country.value) });
    this.phone = line('phone', 'Phone number', 'tel', { inputmode: 'tel', placeholder: '(201) 555-0123' });
    for (const field of [this.name, this.country, this.line1, this.line2, this.phone]) field.node.classList.add('Field--wide');
    this.root.append(...this.fields.map((field) => field.node));
  }

  #checkLine1(text) {
    if (this.options.blockPoBox && /\bp\.?\s*o\.?\s*box\b/i.test(text)) return validationError('invalid_line1', 'Please enter an address that is not a P.O. box.');
    return required('line1')(text);
  }

  #fill({ name, firstName, lastName, phone, address = {} }) {
    const values = { name, firstName, lastName, phone, line1: address.line1, line2: address.line2, city: address.city, postalCode: address.postal_code };
    for (const [part, value] of Object.entries(values)) if (value) this[part].input.value = value;
    this.country.input.value = address.country || homeCountry();
    if (!this.country.value) this.country.input.selectedIndex = 0;
    this.#fit();
    if (address.state) this.state.input.value = address.state;
  }

  // #fit asks for what mail to the country needs.
  #fit() {
    const country = this.country.value;
    const { name: display } = this.options.display || {};
    const hidesName = (this.options.fields || {}).name === 'never';
    this.firstName.node.hidden = this.lastName.node.hidden = hidesName || display !== 'split';
    this.name.node.hidden = hidesName || display === 'split';
    const states = STATES[country];
    this.state.node.hidden = !states;
    if (states) {
      this.state.rename(states.label);
      this.state.choose([{ code: '', name: 'Select' }, ...states.codes.map((code, i) => ({ code, name: states.names[i] }))]);
    }
    this.postalCode.node.hidden = NO_POSTAL_CODE.includes(country);
    const rule = POSTAL[country] || { label: 'Postal code', placeholder: '', inputmode: 'text' };
    this.postalCode.rename(rule.label, rule.placeholder, rule.inputmode);
    this.city.rename(country === 'GB' ? 'Town or city' : 'City', '', 'text');
    // A row holds two: with a state the city has one of its own.
    this.city.node.classList.toggle('Field--wide', Boolean(states) || this.postalCode.node.hidden);
    this.postalCode.show(null);
    this.state.show(null);
  }
}

// NoForm is the Express Checkout Element's: no wallet is there to be shown, and
// nothing in it ever changes.
class NoForm extends Form {
  report() {}
}
