// Countries that a card may be billed in, named in the browser's own words, and
// the few where the postal code is asked for because banks check it.

const COUNTRY_CODES = (
  'AD AE AF AG AI AL AM AO AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CD CF CG CH CI CK CL CM CN CO CR CV CW CY CZ ' +
  'DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IS IT ' +
  'JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL ' +
  'NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PY QA RE RO RS RU RW SA SB SC SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SZ TC TD TF TG TH TJ TK TL ' +
  'TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VN VU WF WS XK YE YT ZA ZM ZW'
).split(' ');

const POSTAL = {
  US: { label: 'ZIP code', placeholder: '12345', complete: /^\d{5}(-?\d{4})?$/, inputmode: 'numeric', error: 'Your ZIP code is incomplete.' },
  CA: { label: 'Postal code', placeholder: 'M5T 1T4', complete: /^[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d$/, inputmode: 'text', error: 'Your postal code is incomplete.' },
  GB: { label: 'Postal code', placeholder: 'WS11 1DB', complete: /^[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}$/, inputmode: 'text', error: 'Your postal code is incomplete.' },
};

// States are asked for where mail needs them; elsewhere the Address Element has no such field.
const STATES = {
  US: {
    label: 'State',
    codes: ('AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA PR RI SC SD TN TX UT VT VA WA WV WI WY').split(' '),
    names: ('Alabama,Alaska,Arizona,Arkansas,California,Colorado,Connecticut,Delaware,District of Columbia,Florida,Georgia,Hawaii,Idaho,Illinois,Indiana,Iowa,Kansas,' +
      'Kentucky,Louisiana,Maine,Maryland,Massachusetts,Michigan,Minnesota,Mississippi,Missouri,Montana,Nebraska,Nevada,New Hampshire,New Jersey,New Mexico,New York,' +
      'North Carolina,North Dakota,Ohio,Oklahoma,Oregon,Pennsylvania,Puerto Rico,Rhode Island,South Carolina,South Dakota,Tennessee,Texas,Utah,Vermont,Virginia,' +
      'Washington,West Virginia,Wisconsin,Wyoming').split(','),
  },
  CA: {
    label: 'Province',
    codes: 'AB BC MB NB NL NS NT NU ON PE QC SK YT'.split(' '),
    names: ('Alberta,British Columbia,Manitoba,New Brunswick,Newfoundland and Labrador,Nova Scotia,Northwest Territories,Nunavut,Ontario,Prince Edward Island,Quebec,' +
      'Saskatchewan,Yukon').split(','),
  },
  AU: {
    label: 'State',
    codes: 'ACT NSW NT QLD SA TAS VIC WA'.split(' '),
    names: 'Australian Capital Territory,New South Wales,Northern Territory,Queensland,South Australia,Tasmania,Victoria,Western Australia'.split(','),
  },
};

// Countries whose addresses have no postal code.
const NO_POSTAL_CODE = 'AE AG AO AW BS BW BZ CI CM DJ DM FJ GD GH GM GY HK JM KI KM KN LC ML MO MW NR PA QA RW SB SC SR ST SX TG TO TT TV UG VU YE ZW'.split(' ');

function countryChoices(allowed) {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const codes = allowed ? COUNTRY_CODES.filter((code) => allowed.includes(code)) : COUNTRY_CODES;
  return codes.map((code) => ({ code, name: names.of(code) || code })).sort((a, b) => a.name.localeCompare(b.name));
}

// homeCountry guesses from the browser's language, as Stripe does from the address.
function homeCountry() {
  try {
    const { region } = new Intl.Locale(navigator.language);
    if (region && COUNTRY_CODES.includes(region)) return region;
  } catch {
    // A language tag that cannot be read says nothing about the country.
  }
  return 'US';
}

function checkPostal(text, country) {
  const rule = POSTAL[country];
  return rule && !rule.complete.test(text.trim()) ? validationError('incomplete_zip', rule.error) : null;
}
