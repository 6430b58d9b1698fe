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

function countryChoices() {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  return COUNTRY_CODES.map((code) => ({ code, name: names.of(code) || code })).sort((a, b) => a.name.localeCompare(b.name));
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
