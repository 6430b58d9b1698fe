// What is known about cards by looking at them: brand, groups of digits, and
// whether number, date and code can be right. Pure functions.

const BRANDS = [
  { name: 'amex', label: 'American Express', starts: /^3[47]/, lengths: [15], groups: [4, 6, 5], cvc: 4 },
  { name: 'diners', label: 'Diners Club', starts: /^3(0[0-5]|[689])/, lengths: [14, 16], groups: [4, 6, 4], cvc: 3 },
  { name: 'jcb', label: 'JCB', starts: /^35(2[89]|[3-8])/, lengths: [16], groups: [4, 4, 4, 4], cvc: 3 },
  { name: 'discover', label: 'Discover', starts: /^6(011|4[4-9]|5)/, lengths: [16], groups: [4, 4, 4, 4], cvc: 3 },
  { name: 'unionpay', label: 'UnionPay', starts: /^(62|81)/, lengths: [16, 19], groups: [4, 4, 4, 4, 3], cvc: 3 },
  { name: 'mastercard', label: 'Mastercard', starts: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16], groups: [4, 4, 4, 4], cvc: 3 },
  { name: 'visa', label: 'Visa', starts: /^4/, lengths: [16], groups: [4, 4, 4, 4], cvc: 3 },
];
const UNKNOWN_BRAND = { name: 'unknown', label: '', lengths: [16], groups: [4, 4, 4, 4], cvc: 3 };

const ACCEPTED_BRANDS = ['visa', 'mastercard', 'amex', 'discover'].map((name) => BRANDS.find((brand) => brand.name === name));

function brandOf(digits) {
  return BRANDS.find((brand) => brand.starts.test(digits)) || UNKNOWN_BRAND;
}

function digitsOf(text) {
  return text.replace(/\D/g, '');
}

function passesLuhn(digits) {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = Number(digits[digits.length - 1 - i]);
    if (i % 2 === 1) digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
    sum += digit;
  }
  return sum % 10 === 0;
}

function formatNumber(text) {
  const brand = brandOf(digitsOf(text));
  let rest = digitsOf(text).slice(0, Math.max(...brand.lengths));
  // A 16-digit Diners card is grouped like any other.
  const sizes = brand.name === 'diners' && rest.length > 14 ? [4, 4, 4, 4] : brand.groups;
  const groups = [];
  for (const size of sizes) {
    if (rest) groups.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  return groups.join(' ');
}

// formatExpiry writes MM / YY as it is typed: "4" can only be April, so it
// becomes "04 / ". A year of four digits (a browser's autofill) is shortened.
function formatExpiry(text, deleting) {
  let digits = digitsOf(text);
  if (/^[2-9]/.test(digits) || /^\s*1\s*\/\s*/.test(text)) digits = '0' + digits;
  if (/^1[3-9]/.test(digits)) digits = '0' + digits;
  const month = digits.slice(0, 2);
  let year = digits.slice(2);
  year = year.length > 2 && year.startsWith('20') ? year.slice(2, 4) : year.slice(0, 2);
  if (month.length < 2 || (deleting && !year)) return month;
  return month + ' / ' + year;
}

function formatCVC(text, brand) {
  return digitsOf(text).slice(0, brand.name === 'unknown' ? 4 : brand.cvc);
}

// parseExpiry gives null until both parts are there.
function parseExpiry(text) {
  const match = /^(\d\d) \/ (\d\d)$/.exec(text);
  return match ? { month: Number(match[1]), year: 2000 + Number(match[2]) } : null;
}

function validationError(code, message) {
  return { type: 'validation_error', code, message };
}

function checkNumber(text) {
  const digits = digitsOf(text);
  const { lengths } = brandOf(digits);
  if (digits.length < Math.min(...lengths)) return validationError('incomplete_number', 'Your card number is incomplete.');
  if (passesLuhn(digits) && lengths.includes(digits.length)) return null;
  if (digits.length < Math.max(...lengths)) return validationError('incomplete_number', 'Your card number is incomplete.');
  return validationError('invalid_number', 'Your card number is invalid.');
}

function checkExpiry(text, now) {
  const expiry = parseExpiry(text);
  if (!expiry) return validationError('incomplete_expiry', 'Your card’s expiration date is incomplete.');
  if (expiry.month < 1 || expiry.month > 12) return validationError('invalid_expiry_month', 'Your card’s expiration month is invalid.');
  const year = now.getFullYear();
  if (expiry.year < year) return validationError('invalid_expiry_year_past', 'Your card’s expiration year is in the past.');
  if (expiry.year === year && expiry.month < now.getMonth() + 1) {
    return validationError('invalid_expiry_month_past', 'Your card’s expiration date is in the past.');
  }
  if (expiry.year > year + 50) return validationError('invalid_expiry_year', 'Your card’s expiration year is invalid.');
  return null;
}

function checkCVC(text, brand) {
  return digitsOf(text).length < brand.cvc ? validationError('incomplete_cvc', 'Your card’s security code is incomplete.') : null;
}
