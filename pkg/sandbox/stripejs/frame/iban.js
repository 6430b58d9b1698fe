// A bank account in the SEPA area: checked by its two check digits and its
// country's length, as the bank will.

const IBAN_LENGTHS = {
  AD: 24, AT: 20, BE: 16, BG: 22, CH: 21, CY: 28, CZ: 24, DE: 22, DK: 18, EE: 20, ES: 24, FI: 18, FR: 27, GB: 22, GI: 23, GR: 27, HR: 21, HU: 28, IE: 22, IS: 26,
  IT: 27, LI: 21, LT: 20, LU: 20, LV: 21, MC: 27, MT: 31, NL: 18, NO: 15, PL: 28, PT: 25, RO: 24, SE: 24, SI: 19, SK: 24, SM: 27, VA: 22,
};

const IBAN_FIELD = { name: 'iban', label: 'IBAN', placeholder: 'DE00 0000 0000 0000 0000 00', autocomplete: 'off', format: formatIBAN, check: checkIBAN };

function ibanOf(text) {
  return text.replace(/[^A-Za-z0-9]/g, '').toUpperCase();
}

function formatIBAN(text) {
  return ibanOf(text).slice(0, 34).replace(/(.{4})(?=.)/g, '$1 ');
}

function checkIBAN(text) {
  const iban = ibanOf(text);
  const country = iban.slice(0, 2);
  if (country.length === 2 && !IBAN_LENGTHS[country]) return validationError('invalid_iban_country_code', `The IBAN you entered is invalid, "${country}" is not a supported country code.`);
  if (iban.length < 4 || iban.length < IBAN_LENGTHS[country]) return validationError('incomplete_iban', 'The IBAN you entered is incomplete.');
  if (iban.length > IBAN_LENGTHS[country] || remainder97(iban.slice(4) + iban.slice(0, 4)) !== 1) return validationError('invalid_iban', 'The IBAN you entered is invalid.');
  return null;
}

// remainder97 reads letters as numbers: A is 10, Z is 35.
function remainder97(text) {
  return [...text].reduce((rest, character) => Number(String(rest) + parseInt(character, 36)) % 97, 0);
}

// IbanForm is the IBAN Element.
class IbanForm extends Form {
  constructor(root, type, emit) {
    super(root, type, emit);
    root.className = 'CardLine CardLine--part';
    this.iban = this.add(IBAN_FIELD);
    root.append(this.iban.node);
  }

  describe(error) {
    const country = ibanOf(this.iban.value).slice(0, 2);
    return { error, country: IBAN_LENGTHS[country] ? country : '', bankName: '' };
  }

  method() {
    return { type: 'sepa_debit', sepa_debit: { iban: ibanOf(this.iban.value) } };
  }

  get selected() {
    return 'sepa_debit';
  }
}
