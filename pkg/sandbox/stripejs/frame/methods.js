// What the Payment Element asks for and says, for each payment method. The
// bank's or wallet's own steps come after, on a page of theirs.

const METHODS = {
  card: { label: 'Card' },
  acss_debit: { label: 'Pre-authorized debit', needs: ['name', 'email'] },
  affirm: { label: 'Affirm', redirects: true },
  afterpay_clearpay: { label: 'Afterpay', needs: ['name', 'email'], redirects: true },
  alipay: { label: 'Alipay', redirects: true },
  amazon_pay: { label: 'Amazon Pay', redirects: true },
  au_becs_debit: { label: 'BECS Direct Debit', needs: ['name', 'email'], details: ['bsb_number', 'account_number'] },
  bacs_debit: { label: 'Bacs Direct Debit', needs: ['name', 'email'], details: ['sort_code', 'account_number'] },
  bancontact: { label: 'Bancontact', needs: ['name'], redirects: true },
  blik: { label: 'BLIK', says: 'Enter the code of your banking app when you are asked for it.' },
  boleto: { label: 'Boleto', needs: ['name', 'email'], details: ['tax_id'], says: 'You will get a voucher to pay at a bank.' },
  cashapp: { label: 'Cash App Pay', says: 'You will be shown a code to scan.' },
  customer_balance: { label: 'Bank transfer', needs: ['email'], says: 'After you have submitted the order, you will be told where to send the money.' },
  eps: { label: 'EPS', needs: ['name'], redirects: true },
  giropay: { label: 'giropay', needs: ['name'], redirects: true },
  ideal: { label: 'iDEAL', needs: ['name'], redirects: true },
  klarna: { label: 'Klarna', needs: ['email', 'country'], redirects: true },
  oxxo: { label: 'OXXO', needs: ['name', 'email'], says: 'You will get a voucher to pay at a store.' },
  p24: { label: 'Przelewy24', needs: ['name', 'email'], redirects: true },
  paypal: { label: 'PayPal', redirects: true },
  revolut_pay: { label: 'Revolut Pay', redirects: true },
  sepa_debit: { label: 'SEPA Debit', needs: ['name', 'email'], details: ['iban'] },
  sofort: { label: 'Sofort', needs: ['country'], redirects: true },
  us_bank_account: {
    label: 'US bank account', needs: ['name', 'email'], details: ['routing_number', 'account_number'], more: { account_holder_type: 'individual', account_type: 'checking' },
    says: 'The sandbox takes the account’s numbers here, where Stripe would have you sign in to your bank.',
  },
  wechat_pay: { label: 'WeChat Pay', says: 'You will be shown a code to scan.' },
};

// methodOf knows every type: what is not in the table sends the payer elsewhere.
function methodOf(type) {
  const words = type.replaceAll('_', ' ');
  return METHODS[type] || { label: words.slice(0, 1).toUpperCase() + words.slice(1), redirects: true };
}

const DETAIL_FIELDS = {
  iban: IBAN_FIELD,
  bsb_number: digitsField('bsb_number', 'BSB', '000000', 6),
  sort_code: digitsField('sort_code', 'Sort code', '108800', 6),
  routing_number: digitsField('routing_number', 'Routing number', '110000000', 9),
  account_number: digitsField('account_number', 'Account number', '000123456789', 4, 17),
  tax_id: digitsField('tax_id', 'CPF or CNPJ', '00000000000', 11, 14),
};

function digitsField(name, label, placeholder, least, most = least) {
  return {
    name, label, placeholder, autocomplete: 'off', inputmode: 'numeric',
    format: (text) => digitsOf(text).slice(0, most),
    check: (text) => digitsOf(text).length < least ? validationError('incomplete_' + name, `Your ${label.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())} is incomplete.`) : null,
  };
}

const NEED_FIELDS = {
  name: { name: 'name', label: 'Full name', placeholder: 'First and last name', autocomplete: 'billing name', check: required('name') },
  email: { name: 'email', label: 'Email', placeholder: 'you@example.com', autocomplete: 'billing email', inputmode: 'email', check: checkEmail },
  phone: { name: 'phone', label: 'Phone number', placeholder: '(201) 555-0123', autocomplete: 'billing tel', inputmode: 'tel', check: required('phone') },
};

// termsOf is the text in which the payer agrees to be charged later, where that is so.
function termsOf(type, { business, wish = 'auto', keepsMethod }) {
  const debits = ['sepa_debit', 'us_bank_account', 'au_becs_debit', 'bacs_debit', 'acss_debit'].includes(type);
  if (wish === 'never' || (wish === 'auto' && !keepsMethod && !debits)) return '';
  if (type === 'card') return `By providing your card information, you allow ${business} to charge your card for future payments in accordance with their terms.`;
  if (debits) return `By providing your account’s details and confirming this payment, you authorize ${business} and Stripe, our payment provider, to debit your account.`;
  return `By confirming your payment with ${methodOf(type).label}, you allow ${business} to charge your ${methodOf(type).label} account for future payments in accordance with their terms.`;
}
