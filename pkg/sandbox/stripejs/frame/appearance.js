// How the shop's appearance and style options become the frame's CSS variables.

const THEMES = {
  stripe: {
    colorPrimary: '#0570de', colorBackground: '#ffffff', colorText: '#30313d', colorDanger: '#df1b41', colorTextPlaceholder: '#757680',
    colorBorder: '#e6e6e6', inputShadow: '0 1px 1px rgba(0, 0, 0, 0.03), 0 3px 6px rgba(0, 0, 0, 0.02)',
  },
  night: {
    colorPrimary: '#85d996', colorBackground: '#30313d', colorText: '#ffffff', colorDanger: '#fe87a1', colorTextPlaceholder: '#a3a5b3',
    colorBorder: '#424353', inputShadow: '0 2px 4px rgba(0, 0, 0, 0.5), 0 1px 6px rgba(0, 0, 0, 0.25)',
  },
  flat: {
    colorPrimary: '#0570de', colorBackground: '#f1f1f3', colorText: '#30313d', colorDanger: '#df1b41', colorTextPlaceholder: '#6d6e78',
    colorBorder: 'transparent', inputShadow: 'none',
  },
};
THEMES.none = THEMES.stripe;

const COMMON = {
  fontFamily: "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Ubuntu, 'Open Sans', sans-serif",
  fontSizeBase: '16px', fontWeightNormal: '400', borderRadius: '5px', spacingUnit: '4px', gridRowSpacing: 'calc(var(--spacingUnit) * 3)',
  gridColumnSpacing: 'calc(var(--spacingUnit) * 3)',
};

// applyAppearance sets every variable anew, so that leaving one out gives its default.
function applyAppearance(appearance) {
  const theme = THEMES[appearance.theme] || THEMES.stripe;
  const variables = { ...COMMON, ...theme, ...appearance.variables };
  // The night theme's danger colour and others follow the given ones by CSS's color-mix.
  for (const [name, value] of Object.entries(variables)) {
    if (/^[A-Za-z]+$/.test(name)) document.documentElement.style.setProperty('--' + name, String(value));
  }
}

// applyCardStyle maps the Card Element's style option ({base, invalid}).
function applyCardStyle({ base = {}, invalid = {} } = {}) {
  const set = (name, value) => {
    if (value) document.documentElement.style.setProperty('--' + name, String(value));
  };
  set('colorText', base.color);
  set('colorTextPlaceholder', (base['::placeholder'] || {}).color);
  set('colorIcon', base.iconColor);
  set('colorDanger', invalid.color);
  set('fontFamily', base.fontFamily);
  set('fontSizeBase', base.fontSize);
  set('fontWeightNormal', base.fontWeight);
  set('letterSpacing', base.letterSpacing);
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
