// A shop's page without a framework: the script at script=, and places by name.
const query = new URLSearchParams(window.location.search);
const night = query.get('theme') === 'night';

document.body.style.cssText = `margin:0;padding:24px 16px;font:16px/1.5 system-ui,sans-serif;background:${night ? '#1b1c26' : '#f6f8fb'};color:${night ? '#fff' : '#1a1f36'}`;
const app = document.getElementById('app');
app.setAttribute('role', 'main');
app.innerHTML = '<h1 style="max-width:440px;margin:0 auto 20px;font-size:20px">Order 1042</h1>';

const script = document.createElement('script');
script.src = query.get('script');
script.onload = () => { window.stripe = window.Stripe('pk_test_plain', { locale: 'en', betas: ['some_beta_1'], apiVersion: '2023-10-16' }); };
document.head.append(script);

// place makes a box of the given name for an Element to be mounted in.
window.place = (name, framed = false) => {
  const box = document.createElement('div');
  box.id = name;
  box.style.cssText = 'max-width:440px;margin:0 auto 20px';
  if (framed) box.style.cssText += `;border:1px solid ${night ? '#424353' : '#e0e4ec'};border-radius:8px;padding:12px;background:${night ? '#30313d' : '#fff'}`;
  app.append(box);
  return box;
};

// show mounts Elements of one group, each [type, options], and resolves when all are ready.
window.show = async (options, ...wanted) => {
  const elements = window.stripe.elements(options);
  window.elements = elements;
  window.events = [];
  window.mounted = [];
  await Promise.all(wanted.map(([type, own]) => new Promise((resolve) => {
    const element = elements.create(type, own);
    window.mounted.push(element);
    for (const name of ['loaderstart', 'ready', 'change', 'focus', 'blur', 'escape', 'loaderror']) {
      element.on(name, (event) => window.events.push({ name, event }));
    }
    element.on('ready', resolve);
    element.on('loaderror', resolve);
    element.mount(window.place(own && own.mode ? `${type}-${own.mode}` : type, /^(card|iban)/.test(type)));
  })));
};

// leave takes away what show has mounted.
window.leave = () => {
  window.mounted?.forEach((element) => element.destroy());
  for (const box of app.querySelectorAll('div[id]')) box.remove();
};
