// Small marks for card brands, drawn here so that the frame loads nothing.

const LIGHT_CARD = '<rect x=".25" y=".25" width="23.5" height="15.5" rx="2.25" fill="#fff" stroke="#d8dbe2" stroke-width=".5"/>';

function darkCard(colour) {
  return `<rect width="24" height="16" rx="2.5" fill="${colour}"/>`;
}

// lettering is squeezed to a given width, so that it looks alike in any font.
function lettering(text, { x, y, width, size, fill, italic = false }) {
  return `<text x="${x}" y="${y}" font-family="Arial, Helvetica, sans-serif" font-weight="800" font-size="${size}" fill="${fill}" ` +
    `textLength="${width}" lengthAdjust="spacingAndGlyphs"${italic ? ' font-style="italic"' : ''}>${text}</text>`;
}

const BLANK_CARD = '<rect x=".5" y="1" width="23" height="14" rx="2" fill="currentColor" opacity=".16"/><rect x=".5" y="3.5" width="23" height="2.75" fill="currentColor" opacity=".45"/>';

const MARKS = {
  visa: darkCard('#1434cb') + lettering('VISA', { x: 3.2, y: 11, width: 17, size: 8, fill: '#fff', italic: true }),
  mastercard: darkCard('#252525') + '<circle cx="9.3" cy="8" r="4.6" fill="#eb001b"/><circle cx="14.7" cy="8" r="4.6" fill="#f79e1b"/><path d="M12 4.27a4.6 4.6 0 0 1 0 7.46 4.6 4.6 0 0 1 0-7.46z" fill="#ff5f00"/>',
  amex: darkCard('#016fd0') + lettering('AMEX', { x: 2.5, y: 10.6, width: 19, size: 7, fill: '#fff' }),
  discover: LIGHT_CARD + '<path d="M23.75 9v4.5a2.25 2.25 0 0 1-2.25 2.25H8c7-1 12-3.4 15.75-6.75z" fill="#f47216"/>' +
    lettering('DISC', { x: 1.8, y: 8.6, width: 8.2, size: 4.6, fill: '#231f20' }) + '<circle cx="12" cy="7" r="1.8" fill="#f47216"/>' +
    lettering('VER', { x: 14.2, y: 8.6, width: 7.6, size: 4.6, fill: '#231f20' }),
  diners: darkCard('#0479be') + '<circle cx="12" cy="8" r="5.2" fill="#fff"/><path d="M11 4.9a3.3 3.3 0 0 0 0 6.2zm2 0v6.2a3.3 3.3 0 0 0 0-6.2z" fill="#0479be"/>',
  jcb: LIGHT_CARD + [['#0e4c96', 'J', 4.5], ['#d8163a', 'C', 9.7], ['#1a9b4b', 'B', 14.9]].map(([colour, letter, x]) =>
    `<rect x="${x}" y="3" width="4.6" height="10" rx="1.2" fill="${colour}"/>` + lettering(letter, { x: x + 1, y: 9.7, width: 2.6, size: 5, fill: '#fff' })).join(''),
  unionpay: LIGHT_CARD + '<path d="M6 3h4.5L8.6 13H4.8c-.8 0-1.3-.6-1.1-1.4l1.5-7.2C5.3 3.5 5.5 3 6 3z" fill="#e21836"/><path d="M10.5 3h5l-1.9 10h-5z" fill="#00447c"/><path d="M15.5 3h4c.8 0 1.3.6 1.1 1.4l-1.5 7.2c-.2.8-.8 1.4-1.6 1.4h-3.9z" fill="#007b84"/>',
  unknown: BLANK_CARD + '<rect x="3" y="10" width="7" height="2" rx="1" fill="currentColor" opacity=".4"/>',
  cvc: BLANK_CARD + '<rect x="10" y="7.2" width="14" height="8.3" rx="2" fill="var(--colorBackground)"/>' + lettering('123', { x: 11.7, y: 13.5, width: 10.5, size: 6.5, fill: 'currentColor' }),
  cvc4: BLANK_CARD + '<rect x="7" y="7.2" width="17" height="8.3" rx="2" fill="var(--colorBackground)"/>' + lettering('1234', { x: 8.7, y: 13.5, width: 13.5, size: 6.5, fill: 'currentColor' }),
};

// Methods other than cards are told apart by colour and initial.
const METHOD_COLOURS = {
  affirm: '#4a4af4', afterpay_clearpay: '#0b6e4f', alipay: '#1677ff', amazon_pay: '#c45500', bancontact: '#1e3764', cashapp: '#008236', customer_balance: '#425466',
  eps: '#c8036f', giropay: '#003a7d', ideal: '#cc0066', klarna: '#17120f', p24: '#d13239', paypal: '#003087', sepa_debit: '#10298e', us_bank_account: '#425466', wechat_pay: '#07803c',
};

function drawMethod(type, label) {
  if (type === 'card') return drawMark('unknown');
  const svg = drawMark('unknown');
  svg.dataset.brand = type;
  svg.innerHTML = darkCard(METHOD_COLOURS[type] || '#425466') +
    `<text x="12" y="11.6" text-anchor="middle" font-family="Arial, Helvetica, sans-serif" font-weight="700" font-size="10" fill="#fff"></text>`;
  svg.querySelector('text').textContent = label.slice(0, 1).toUpperCase();
  return svg;
}

// drawMark gives an svg that is announced by label, or hidden without one.
function drawMark(name, label) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 16');
  svg.setAttribute('class', 'Mark');
  svg.dataset.brand = name;
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  svg.innerHTML = MARKS[name] || MARKS.unknown;
  return svg;
}
