// The frame's side of an Element. The page that embeds it is named in the
// fragment; naming another helps nobody, since messages are delivered to that
// origin only.

const FORMS = {
  payment: PaymentForm, card: CardLine, cardNumber: CardPart, cardExpiry: CardPart, cardCvc: CardPart, iban: IbanForm,
  address: AddressForm, linkAuthentication: EmailForm, expressCheckout: NoForm,
};

// Where the frame sends what was typed, and nowhere else.
const TARGET = /^\/v1\/((payment|setup)_intents\/\w+\/confirm|payment_methods|confirmation_tokens|tokens)$/;

// How what was typed goes into a request's parameters.
const PLACES = {
  method: (form, { payment_method_data: more, ...params }) => ({ ...params, payment_method_data: merge(form.method(), more) }),
  whole: (form, params) => merge(form.method(), params),
  token: (form, params) => tokenOf(form.method(), params),
  cvc: async (form, params) => {
    const { card: { cvc, ...card }, ...others } = params.payment_method_options;
    const token = await callAPI(account, 'POST', '/v1/tokens', PLACES.cvc_update(form)); // the API takes no bare code
    return token.error ? token : { ...params, payment_method_options: { ...others, card: { ...card, cvc_token: token.id } } };
  },
  cvc_update: (form) => ({ cvc_update: { cvc: form.cvc.value } }),
};

const parentOrigin = new URLSearchParams(window.location.hash.slice(1)).get('parent') || '';
const root = document.getElementById('root');
let form = null;
let account = null;

if (window.parent !== window && /^https?:\/\//.test(parentOrigin)) {
  const port = openPort(() => window.parent, parentOrigin, {
    open(settings) {
      if (!Object.hasOwn(FORMS, settings.elementType)) return;
      account = { ...settings.account, base: window.location.origin };
      form = new FORMS[settings.elementType](root, settings.elementType, port.send);
      here.group = settings.group;
      here.form = form;
      dress(settings);
      configure(settings);
      new ResizeObserver(() => port.send('resize', { height: Math.ceil(root.getBoundingClientRect().height) })).observe(root);
      return {};
    },
    update(settings) {
      if (!form) return;
      dress(settings);
      configure(settings);
    },
    focus: () => form && form.focus(),
    blur: () => document.activeElement && document.activeElement.blur(),
    clear: () => form && form.clear(),
    collapse: () => form && form.collapse(),
    value: () => form.value(),
    selected: () => ({ type: form.selected }),
    validate: () => ({ error: form.validate() }),
    async send({ path, params, place }) {
      if (!TARGET.test(path)) return { error: { type: 'invalid_request_error', message: 'Not a path of the Elements: ' + path } };
      // A code alone is sent without the rest of its card.
      const forms = place.startsWith('cvc') ? [form] : form.team;
      const error = firstProblem(forms);
      if (error) return { error };
      forms.forEach((each) => each.lock(true));
      try {
        const completed = await PLACES[place](form, params);
        return completed.error ? completed : await callAPI(account, 'POST', path, completed);
      } finally {
        forms.forEach((each) => each.lock(false));
      }
    },
  });
  port.send('loaded');
}

function dress({ elementType, options, appearance, fonts }) {
  const styled = ['card', 'cardNumber', 'cardExpiry', 'cardCvc', 'iban'].includes(elementType);
  applyAppearance(styled ? {} : appearance);
  if (styled) applyStyle(options.style);
  loadFonts(fonts);
}

function configure(settings) {
  form.configure(settings);
  form.lock(false);
  form.report();
}

// firstProblem shows what is wrong in each form and goes to the first of it.
function firstProblem(forms) {
  let first = null;
  for (const each of forms) {
    const error = each.validate(!first);
    first ||= error;
  }
  return first;
}

// tokenOf is a card or an account as the older tokens describe them.
function tokenOf(method, params) {
  if (method.type === 'card') return { card: { ...params, ...method.card } };
  return { bank_account: { ...params, country: method.sepa_debit.iban.slice(0, 2), account_number: method.sepa_debit.iban } };
}
