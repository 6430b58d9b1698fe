// How the shop's appearance and style options become the frame's styles. All goes
// through the CSSOM, so that a value can never be more than a value.

const THEMES = {
  stripe: {
    colorPrimary: '#0570de', colorBackground: '#ffffff', colorText: '#30313d', colorDanger: '#df1b41', colorTextPlaceholder: '#757680',
    colorTextSecondary: '#6a6b75', colorBorder: '#e6e6e6', inputShadow: '0 1px 1px rgba(0, 0, 0, 0.03), 0 3px 6px rgba(0, 0, 0, 0.02)',
  },
  night: {
    colorPrimary: '#85d996', colorBackground: '#30313d', colorText: '#ffffff', colorDanger: '#fe87a1', colorTextPlaceholder: '#a3a5b3',
    colorTextSecondary: '#c3c5d1', colorBorder: '#424353', inputShadow: '0 2px 4px rgba(0, 0, 0, 0.5), 0 1px 6px rgba(0, 0, 0, 0.25)',
  },
  flat: {
    colorPrimary: '#0570de', colorBackground: '#f1f1f3', colorText: '#30313d', colorDanger: '#df1b41', colorTextPlaceholder: '#6d6e78',
    colorTextSecondary: '#63646f', colorBorder: 'transparent', inputShadow: 'none',
  },
};
// none leaves the look to the shop's rules, but fields must be seen without any.
THEMES.none = { ...THEMES.stripe, colorBorder: '#757680', inputShadow: 'none' };

const COMMON = {
  fontFamily: "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Ubuntu, 'Open Sans', sans-serif",
  fontSizeBase: '16px', fontWeightNormal: '400', fontWeightMedium: '500', borderRadius: '5px', spacingUnit: '4px',
  gridRowSpacing: 'calc(var(--spacingUnit) * 3)', gridColumnSpacing: 'calc(var(--spacingUnit) * 3)',
};

// The shop's own rules come after elements.css and weigh as much, so they win.
const shopRules = new CSSStyleSheet();
document.adoptedStyleSheets = [shopRules];

// applyAppearance sets everything anew, so that leaving a value out gives its default.
function applyAppearance({ theme, variables, rules }) {
  clearRules();
  for (const [name, value] of Object.entries({ ...COMMON, ...(THEMES[theme] || THEMES.stripe), ...variables })) {
    if (/^[A-Za-z]+$/.test(name)) document.documentElement.style.setProperty('--' + name, String(value));
  }
  for (const [selector, styles] of Object.entries(rules || {})) {
    if (/^\.[A-Za-z]+(--[A-Za-z]+)*(::?[a-z-]+)*( \.[A-Za-z]+(--[A-Za-z]+)*(::?[a-z-]+)*)?$/.test(selector)) addRule(selector, styles);
  }
}

// applyStyle maps the style option of the Card Element and its like.
function applyStyle({ base, complete, empty, invalid } = {}) {
  const { iconColor, ...rest } = base || {};
  document.documentElement.style.setProperty('--colorIcon', iconColor || 'var(--colorText)');
  document.documentElement.style.setProperty('--colorIconInvalid', (invalid || {}).iconColor || (invalid || {}).color || 'var(--colorDanger)');
  addVariant('', { ...rest });
  addRule('#root', plainStyles(rest));
  addVariant('--empty', empty);
  addVariant('--complete', complete);
  addVariant('--invalid', invalid);
}

function addVariant(state, styles = {}) {
  addRule('.Input' + state, plainStyles(styles));
  for (const [name, inner] of Object.entries(styles)) {
    if (/^::?[a-z-]+$/.test(name)) addRule('.Input' + state + name, plainStyles(inner));
  }
}

function plainStyles(styles) {
  return Object.fromEntries(Object.entries(styles || {}).filter(([, value]) => typeof value !== 'object'));
}

function clearRules() {
  while (shopRules.cssRules.length) shopRules.deleteRule(0);
}

// addRule takes properties as Stripe names them, fontSize or font-size.
function addRule(selector, styles) {
  const at = shopRules.cssRules.length;
  try {
    shopRules.insertRule(selector + ' {}', at);
  } catch {
    return; // a pseudo-class that this browser does not know
  }
  const { style } = shopRules.cssRules[at];
  for (const [name, value] of Object.entries(styles || {})) {
    style.setProperty(name.replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase()), String(value));
  }
}

// loadFonts takes Elements' fonts option: style sheets by URL, or one font each.
function loadFonts(fonts) {
  for (const font of fonts) {
    if (font.cssSrc) {
      if ([...document.querySelectorAll('link[rel=stylesheet]')].some((link) => link.href === font.cssSrc)) continue;
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = font.cssSrc;
      document.head.append(link);
    } else if (font.family && font.src) {
      const { family, src, display, style, weight, unicodeRange } = font;
      const face = new FontFace(family, src, dropEmpty({ display, style, weight, unicodeRange }));
      document.fonts.add(face);
    }
  }
}

function dropEmpty(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined && value !== ''));
}
