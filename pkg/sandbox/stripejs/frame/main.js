// The frame's side of an Element. The page that embeds it is named in the
// fragment; naming another helps nobody, since messages are delivered to that
// origin only.

const parentOrigin = new URLSearchParams(window.location.hash.slice(1)).get('parent') || '';
const root = document.getElementById('root');
let form = null;
let account = null;

if (window.parent !== window && /^https?:\/\//.test(parentOrigin)) {
  const port = openPort(() => window.parent, parentOrigin, {
    open(settings) {
      account = { ...settings.account, base: window.location.origin };
      dress(settings);
      form = new CardForm(root, settings.elementType, settings.options, port.send);
      new ResizeObserver(() => port.send('resize', { height: Math.ceil(root.getBoundingClientRect().height) })).observe(root);
      return {};
    },
    update(settings) {
      if (!form) return;
      dress(settings);
      form.configure(settings.options);
    },
    focus: () => form.fields.number.input.focus(),
    blur: () => document.activeElement && document.activeElement.blur(),
    clear: () => form.clear(),
    validate: () => ({ error: form.validate() }),
    confirm({ path, params }) {
      if (!/^\/v1\/payment_intents\/\w+\/confirm$/.test(path)) return { error: { type: 'invalid_request_error', message: 'Not a path to confirm: ' + path } };
      return withCard((card) => {
        const { payment_method_data: more, ...rest } = params;
        return callAPI(account, 'POST', path, { ...rest, payment_method_data: merge(card, more) });
      });
    },
    createPaymentMethod: ({ params }) => withCard((card) => callAPI(account, 'POST', '/v1/payment_methods', merge(card, params))),
    createToken: ({ params }) => withCard(({ card }) => callAPI(account, 'POST', '/v1/tokens', { card: { ...params, ...card } })),
  });
  port.send('loaded');
}

function dress({ elementType, options, appearance, fonts }) {
  applyAppearance(elementType === 'card' ? {} : appearance);
  if (elementType === 'card') applyCardStyle(options.style);
  loadFonts(fonts);
}

// withCard checks the form and locks it while the request is on its way.
async function withCard(send) {
  const error = form.validate();
  if (error) return { error };
  form.lock(true);
  try {
    return await send(form.paymentMethod());
  } finally {
    form.lock(false);
  }
}

// merge lays what the shop passed over what was typed, at every depth but the
// card itself.
function merge(typed, given) {
  if (given === undefined || given === null) return typed;
  const merged = { ...typed };
  for (const [key, value] of Object.entries(given)) {
    if (key === 'card') continue;
    const both = value && typeof value === 'object' && typed[key] && typeof typed[key] === 'object';
    merged[key] = both ? merge(typed[key], value) : value;
  }
  return merged;
}
