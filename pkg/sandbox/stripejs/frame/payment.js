// The Payment Element: one pane for each payment method, as tabs or as an
// accordion. With one method alone, tabs have nothing to choose from.
class PaymentForm extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    this.panes = [];
    this.chosen = null; // a pane, or null while the accordion is closed
  }

  configure(settings) {
    super.configure(settings);
    this.settings = settings;
    const key = JSON.stringify([this.#types(), this.#layout()]);
    if (key !== this.drawn) this.#draw();
    this.drawn = key;
    for (const pane of this.panes) pane.configure(settings);
  }

  entered(field) {
    const pane = this.panes.find((p) => p.fields.includes(field));
    if (pane) pane.entered(field);
  }

  get selected() {
    return (this.chosen || this.panes[0]).type;
  }

  describe() {
    return { collapsed: !this.chosen, value: { type: this.selected } };
  }

  problem() {
    return this.chosen ? super.problem() : validationError('incomplete_payment_method', 'Please select a payment method.');
  }

  method() {
    return this.chosen.method();
  }

  collapse() {
    if (this.#layout().type === 'accordion') this.choose(null);
  }

  choose(pane) {
    this.#open(pane);
    this.report();
  }

  // link is what Stripe shows inside the card's pane, and the sandbox not at all.
  #types() {
    const types = this.settings.methods.filter((type) => type !== 'link');
    const order = this.options.paymentMethodOrder || [];
    const place = (type) => order.includes(type) ? order.indexOf(type) : order.length;
    const sorted = [...new Set(types)].sort((a, b) => place(a) - place(b));
    return sorted.length ? sorted : ['card'];
  }

  #layout() {
    const given = this.options.layout || 'tabs';
    const layout = typeof given === 'string' ? { type: given } : given;
    return { ...layout, type: layout.type === 'accordion' ? 'accordion' : 'tabs' };
  }

  #draw() {
    const layout = this.#layout();
    const before = this.chosen && this.chosen.type;
    this.fields = [];
    this.panes = this.#types().map((type) => new Pane(this, type, layout));
    const alone = this.panes.length === 1 && layout.type === 'tabs';
    this.root.className = layout.type === 'tabs' ? 'Payment' : 'Payment Payment--accordion';
    this.root.classList.toggle('Payment--spaced', Boolean(layout.spacedAccordionItems));
    if (layout.type === 'accordion') {
      this.root.replaceChildren(...this.panes.map((pane) => pane.item));
    } else {
      const tabs = element('div', 'Tabs');
      tabs.setAttribute('role', 'tablist');
      tabs.setAttribute('aria-label', 'Payment method');
      tabs.append(...this.panes.map((pane) => pane.button));
      tabs.addEventListener('keydown', (event) => this.#walk(event));
      tabs.hidden = alone;
      this.root.replaceChildren(tabs, ...this.panes.map((pane) => pane.panel));
      if (alone) this.panes[0].stand();
    }
    const closed = layout.type === 'accordion' && layout.defaultCollapsed && !before;
    this.#open(closed ? null : this.panes.find((pane) => pane.type === before) || this.panes[0]);
  }

  #open(pane) {
    this.chosen = pane;
    for (const each of this.panes) each.open(each === pane);
  }

  // #walk is how the arrow keys go through tabs.
  #walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const count = this.panes.length;
    const next = this.panes[(this.panes.indexOf(this.chosen) + step + count) % count];
    this.choose(next);
    next.button.focus();
  }
}

// Pane is one payment method with its fields and words.
class Pane {
  constructor(form, type, layout) {
    this.form = form;
    this.type = type;
    this.about = methodOf(type);
    this.layout = layout;
    this.fields = [];
    const idPrefix = type === 'card' ? 'payment' : type;
    const add = (options, className = 'Field--wide') => {
      const field = form.add(options, idPrefix);
      if (className) field.node.classList.add(className);
      this.fields.push(field);
      return field;
    };
    if (type === 'card') this.#addCard(add);
    for (const name of ['name', 'email', 'phone']) this[name] = add({ ...NEED_FIELDS[name], aside: type === 'card' });
    this.details = (this.about.details || []).map((name) => add(DETAIL_FIELDS[name]));
    this.country = add({ name: 'country', label: 'Country', autocomplete: 'billing country', choices: countryChoices() }, '');
    this.postalCode = add(postalField(() => this.country.value), '');
    this.#build();
  }

  configure({ options, keepsMethod, addressElsewhere, emailElsewhere }) {
    const { billingDetails } = options.fields || {};
    const wish = (name) => billingDetails === 'never' ? 'never' : (billingDetails || {})[name];
    const needs = this.about.needs || [];
    this.name.node.hidden = wish('name') === 'never' || !(needs.includes('name') || wish('name') === 'always');
    this.email.node.hidden = wish('email') === 'never' || emailElsewhere || !needs.includes('email');
    this.phone.node.hidden = !needs.includes('phone') || wish('phone') === 'never';
    const address = wish('address');
    const parts = typeof address === 'object' && address ? address : { country: address, postalCode: address };
    const asks = !addressElsewhere && (this.type === 'card' || needs.includes('country'));
    this.country.node.hidden = !asks || parts.country === 'never';
    this.wantsPostalCode = asks && this.type === 'card' && parts.postalCode !== 'never';
    if (!this.started) this.#fill((options.defaultValues || {}).billingDetails || {});
    this.started = true;
    this.#fitPostal();
    const business = (options.business || {}).name || 'this business';
    const camel = this.type.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
    this.terms.textContent = termsOf(this.type, { business, keepsMethod, wish: (options.terms || {})[camel] });
    this.terms.hidden = !this.terms.textContent;
    this.grid.hidden = this.fields.every((field) => field.node.hidden);
    this.entered(this.number);
  }

  entered(field) {
    if (field && field === this.number) {
      drawBrand(this.mark, this.number, ACCEPTED_BRANDS);
      this.codeMark.replaceChildren(drawMark(brandOfField(this.number).cvc === 4 ? 'cvc4' : 'cvc'));
    }
    if (field === this.country) this.#fitPostal();
  }

  open(opened) {
    this.panel.hidden = !opened;
    const tabs = this.layout.type === 'tabs';
    this.button.setAttribute(tabs ? 'aria-selected' : 'aria-expanded', String(opened));
    this.button.classList.toggle(tabs ? 'Tab--selected' : 'AccordionHeader--selected', opened);
    this.item.classList.toggle('AccordionItem--selected', opened);
    if (tabs) this.button.tabIndex = opened ? 0 : -1;
  }

  // stand makes the panel speak for itself where there are no tabs.
  stand() {
    for (const name of ['role', 'aria-labelledby']) this.panel.removeAttribute(name);
  }

  method() {
    const details = this.type === 'card' ? cardData(this) : { ...this.about.more };
    for (const field of this.details) details[field.name] = field.name === 'iban' ? ibanOf(field.value) : field.value.trim();
    const data = { type: this.type };
    if (Object.keys(details).length) data[this.type] = details;
    const billing = {};
    for (const name of ['name', 'email', 'phone']) if (!this[name].node.hidden) billing[name] = this[name].value.trim();
    const address = {};
    if (!this.country.node.hidden) address.country = this.country.value;
    if (!this.postalCode.node.hidden && this.postalCode.value.trim()) address.postal_code = this.postalCode.value.trim();
    if (Object.keys(address).length) billing.address = address;
    if (Object.keys(billing).length) data.billing_details = billing;
    return data;
  }

  #addCard(add) {
    this.number = add({ ...CARD_FIELDS.number, placeholder: '1234 1234 1234 1234' });
    this.expiry = add(CARD_FIELDS.expiry, '');
    this.cvc = add(codeField(() => brandOfField(this.number)), '');
    this.mark = element('span', 'Marks');
    this.number.box.append(this.mark);
    this.codeMark = element('span', 'Marks');
    this.cvc.box.append(this.codeMark);
  }

  #build() {
    const { label, says, redirects } = this.about;
    const tabs = this.layout.type === 'tabs';
    this.panel = element('div', 'Pane');
    this.panel.id = `${this.type}-panel`;
    this.grid = element('div', 'Grid');
    this.grid.append(...this.fields.map((field) => field.node));
    this.panel.append(this.grid);
    if (says || redirects) {
      this.panel.append(element('p', 'RedirectText', says || 'After submission, you will be redirected to securely complete next steps.'));
    }
    this.terms = element('p', 'TermsText');
    this.panel.append(this.terms);

    this.button = element('button', tabs ? 'Tab' : 'AccordionHeader');
    this.button.type = 'button';
    this.button.id = `${this.type}-choice`;
    this.button.setAttribute('aria-controls', this.panel.id);
    this.button.addEventListener('click', () => this.form.choose(this));
    this.button.addEventListener('keydown', (event) => { if (event.key === 'Escape') this.form.emit('escape'); });
    const icon = element('span', tabs ? 'TabIcon' : 'AccordionIcon');
    icon.append(drawMethod(this.type, label));
    this.button.append(icon, element('span', tabs ? 'TabLabel' : 'AccordionLabel', label));
    this.panel.setAttribute('aria-labelledby', this.button.id);
    this.panel.setAttribute('role', tabs ? 'tabpanel' : 'region');
    if (tabs) this.button.setAttribute('role', 'tab');
    if (!tabs && ![false, 'never'].includes(this.layout.radios)) this.button.prepend(element('span', 'Radio'));
    this.item = element('div', 'AccordionItem');
    if (!tabs) this.item.append(this.button, this.panel);
  }

  #fill({ name, email, phone, address = {} }) {
    for (const [part, value] of Object.entries({ name, email, phone, postalCode: address.postal_code })) if (value) this[part].input.value = value;
    this.country.input.value = COUNTRY_CODES.includes(address.country) ? address.country : homeCountry();
  }

  // The postal code is asked for where banks check it.
  #fitPostal() {
    const rule = POSTAL[this.country.value];
    this.postalCode.node.hidden = !this.wantsPostalCode || !rule;
    this.country.node.classList.toggle('Field--wide', this.postalCode.node.hidden);
    if (rule) this.postalCode.rename(rule.label, rule.placeholder, rule.inputmode);
    this.postalCode.show(null);
  }
}
