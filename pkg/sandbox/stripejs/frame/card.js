// The fields of a card, in each of the Elements that have some.

const CARD_FIELDS = {
  number: { name: 'number', label: 'Card number', placeholder: 'Card number', autocomplete: 'cc-number', inputmode: 'numeric', jumps: true, format: formatNumber, check: checkNumber },
  expiry: { name: 'expiry', label: 'Expiration date', placeholder: 'MM / YY', autocomplete: 'cc-exp', inputmode: 'numeric', jumps: true, format: formatExpiry, check: (text) => checkExpiry(text, new Date()) },
};

// The code's length depends on the number's brand.
function codeField(brand) {
  return {
    name: 'cvc', label: 'Security code', placeholder: 'CVC', autocomplete: 'cc-csc', inputmode: 'numeric', jumps: true,
    format: (text) => formatCVC(text, brand()), check: (text) => checkCVC(text, brand()),
  };
}

function postalField(country) {
  return { name: 'postalCode', label: 'ZIP code', placeholder: '12345', autocomplete: 'billing postal-code', jumps: true, aside: true, check: (text) => checkPostal(text, country()) };
}

// cardData must only ever go into a request to this frame's own origin.
function cardData({ number, expiry, cvc }) {
  const data = {};
  if (number) data.number = digitsOf(number.value);
  const date = expiry && parseExpiry(expiry.value);
  if (date) Object.assign(data, { exp_month: date.month, exp_year: date.year });
  if (cvc) data.cvc = cvc.value;
  return data;
}

function brandOfField(field) {
  return brandOf(digitsOf(field ? field.value : ''));
}

// drawBrand shows the number's brand, or what the field takes while it is empty.
function drawBrand(place, number, invitation) {
  const brand = brandOfField(number);
  const marks = brand.name !== 'unknown' ? [brand] : !number.value ? invitation : [UNKNOWN_BRAND];
  const key = marks.map((b) => b.name).join();
  if (place.dataset.marks === key) return;
  place.dataset.marks = key;
  place.replaceChildren(...marks.map((b) => drawMark(b.name, b.label)));
}

// CardLine is the Card Element: one line; the shop's page shows errors.
class CardLine extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    root.className = 'CardLine';
    this.mark = element('span', 'CardLine-mark');
    this.number = this.add(CARD_FIELDS.number);
    this.expiry = this.add(CARD_FIELDS.expiry);
    this.cvc = this.add(codeField(() => brandOfField(this.number)));
    this.postalCode = this.add(postalField(() => this.country));
    this.country = homeCountry();
    root.append(this.mark, ...this.fields.map((field) => field.node));
  }

  configure(settings) {
    super.configure(settings);
    const { hidePostalCode, hideIcon, value } = this.options;
    const rule = POSTAL[this.country];
    this.postalCode.node.hidden = Boolean(hidePostalCode) || !rule;
    if (rule) this.postalCode.rename(rule.label, rule.label.replace(' code', ''), rule.inputmode);
    if (value && value.postalCode && value !== this.given) this.postalCode.input.value = value.postalCode;
    this.given = value;
    this.root.classList.toggle('CardLine--noIcon', Boolean(hideIcon));
    this.entered();
  }

  entered() {
    drawBrand(this.mark, this.number, [UNKNOWN_BRAND]);
  }

  describe(error) {
    return { brand: brandOfField(this.number).name, error, value: { postalCode: this.postalCode.value } };
  }

  method() {
    const data = { type: 'card', card: cardData(this) };
    const postal_code = this.postalCode.hidden ? '' : this.postalCode.value.trim();
    return postal_code ? { ...data, billing_details: { address: { postal_code } } } : data;
  }
}

// CardPart is one of the three Elements that a card may be split over. Any of
// them sends the card of all three.
class CardPart extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    root.className = 'CardLine CardLine--part';
    if (type === 'cardNumber') {
      this.number = this.add({ ...CARD_FIELDS.number, placeholder: '1234 1234 1234 1234' });
      this.mark = element('span', 'CardLine-mark');
      root.append(this.mark);
    } else if (type === 'cardExpiry') {
      this.expiry = this.add(CARD_FIELDS.expiry);
    } else {
      this.cvc = this.add(codeField(() => brandOfField((partner('cardNumber') || {}).number)));
    }
    root.append(this.fields[0].node);
  }

  configure(settings) {
    super.configure(settings);
    const { placeholder, showIcon } = this.options;
    if (placeholder !== undefined) this.fields[0].input.placeholder = placeholder;
    if (this.mark) this.mark.hidden = !showIcon;
    this.entered();
  }

  entered() {
    if (!this.number) return;
    drawBrand(this.mark, this.number, [UNKNOWN_BRAND]);
    const code = partner('cardCvc'); // which may have to be longer now
    if (code) code.report();
  }

  describe(error) {
    return this.number ? { error, brand: brandOfField(this.number).name } : { error };
  }

  get team() {
    return ['cardNumber', 'cardExpiry', 'cardCvc'].map((type) => type === this.type ? this : partner(type)).filter(Boolean);
  }

  method() {
    return { type: 'card', card: Object.assign({}, ...this.team.map(cardData)) };
  }
}
