// Every Element of the sandbox's Stripe.js, in a real browser: as it looks, as
// it is used, and what it tells the shop.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { checkAccess, LONG } from './lib/look.mjs';
import { CARDS, screenshot } from './lib/card.mjs';
import { fieldsOf, openPay } from './lib/pay.mjs';
import { startSandbox } from './lib/till.mjs';
import { startSite } from './lib/site.mjs';

const LATER = { mode: 'payment', amount: 2400, currency: 'eur' };
const METHODS = ['card', 'ideal', 'bancontact', 'klarna', 'sepa_debit', 'us_bank_account'];

// What is looked at: the group's options and its Elements.
const GALLERY = {
  tabs: [{ ...LATER, paymentMethodTypes: METHODS }, ['payment']],
  'tabs-sepa': [{ ...LATER, paymentMethodTypes: METHODS }, ['payment', { paymentMethodOrder: ['sepa_debit'] }]],
  accordion: [{ ...LATER, mode: 'setup', paymentMethodTypes: METHODS }, ['payment', { layout: { type: 'accordion', radios: true } }]],
  'accordion-spaced': [{ ...LATER, paymentMethodTypes: METHODS }, ['payment', { paymentMethodOrder: ['ideal'], layout: { type: 'accordion', radios: false, spacedAccordionItems: true } }]],
  cards: [{}, ['card'], ['cardNumber', { showIcon: true }], ['cardExpiry'], ['cardCvc'], ['iban', { supportedCountries: ['SEPA'] }]],
  contact: [{}, ['linkAuthentication'], ['address', { mode: 'shipping', fields: { phone: 'always' } }], ['address', { mode: 'billing', display: { name: 'split' }, defaultValues: { address: { country: 'DE' } } }]],
};

describe('the Elements of the sandbox', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  let sandbox, site, browser;

  before(async () => {
    // One after the other: after() closes what had been started when one fails.
    sandbox = await startSandbox();
    site = await startSite('plain.js');
    browser = await launch();
  });
  after(async () => {
    await Promise.all([browser?.close(), site?.stop(), sandbox?.stop()]);
  });

  async function open(t, options) {
    const shop = await openPay(t, { sandbox, site, browser }, options);
    await shop.page.waitForFunction(() => window.stripe);
    return shop;
  }

  // High enough for all of it: a browser does not paint frames that are out of sight.
  const desk = { width: 720, height: 1300 }, phone = { width: 360, height: 1400 };
  for (const [theme, size, viewport] of [
    ['stripe', 'desk', desk], ['night', 'phone', phone], ...(LONG ? [['night', 'desk', desk], ['stripe', 'phone', phone]] : []),
  ]) {
    test(`they fit their place: ${theme}, ${size}`, async (t) => {
      const { page, problems } = await open(t, { query: { theme }, viewport });
      for (const [name, [options, ...elements]] of Object.entries(GALLERY)) {
        await page.evaluate(() => window.leave());
        const ink = theme === 'night' ? { base: { color: '#fff', iconColor: '#85d996', '::placeholder': { color: '#a3a5b3' } } } : undefined;
        await page.evaluate(([group, wanted]) => window.show(group, ...wanted), [
          { ...options, appearance: { theme } },
          elements.map(([type, own]) => [type, /^(card|iban)/.test(type) ? { ...own, style: ink } : own]),
        ]);
        await screenshot(page, `element-${name}-${theme}-${size}`);
        for (const frame of page.frames().filter((f) => f.url().includes('/frames/'))) {
          const hidden = await frame.evaluate(() => {
            const { width, height } = document.getElementById('root').getBoundingClientRect();
            return { down: height - window.innerHeight, across: document.documentElement.scrollWidth - width };
          });
          assert.ok(hidden.down <= 1 && hidden.across <= 1, `${name}: ${JSON.stringify(hidden)} is cut off`);
          // Frames are transparent and axe takes that for white, so the ground they stand on is put in.
          await frame.evaluate(() => { document.body.style.backgroundColor = 'var(--colorBackground)'; });
        }
        await checkAccess(page, `${name}, ${theme}, ${size}`);
      }
      assert.deepEqual(problems, []);
    });
  }

  test('a wrong number is said with Stripe’s words, to the page and to the payer', async (t) => {
    const { page, watch } = await open(t);
    await page.evaluate(() => window.show({}, ['cardNumber'], ['cardExpiry'], ['cardCvc']));
    const number = fieldsOf(page, 'Secure card number input frame').getByLabel('Card number');
    await number.pressSequentially('4242424242424241');
    const last = async () => (await eventsOf(page, 'change')).at(-1);
    await page.waitForFunction(() => window.events.some(({ event }) => event && event.error));
    assert.deepEqual(await last(), {
      elementType: 'cardNumber', complete: false, empty: false, brand: 'visa',
      error: { type: 'validation_error', code: 'invalid_number', message: 'Your card number is invalid.' },
    });
    await page.locator('#cardNumber.StripeElement--invalid').waitFor();
    assert.equal(await number.getAttribute('aria-invalid'), 'true');

    await number.fill('4242');
    const result = await page.evaluate(() => window.stripe.createPaymentMethod({ type: 'card', card: window.elements.getElement('cardNumber') }));
    assert.deepEqual(result, { error: { type: 'validation_error', code: 'incomplete_number', message: 'Your card number is incomplete.' } });
    await number.fill('4242424242424242');
    const next = await page.evaluate(() => window.stripe.createToken(window.elements.getElement('cardCvc')));
    assert.equal(next.error.code, 'incomplete_expiry', 'a part sends the card of all three');
    await watch.check({ sent: false });
  });

  test('a card split over three frames becomes one payment method', async (t) => {
    const { page, watch, problems } = await open(t);
    await page.evaluate(() => window.show({}, ['cardNumber'], ['cardExpiry'], ['cardCvc', { placeholder: 'Code' }]));
    await fieldsOf(page, 'Secure card number input frame').getByLabel('Card number').pressSequentially('378282246310005');
    await fieldsOf(page, 'Secure expiration date input frame').getByLabel('Expiration date').pressSequentially('1234');
    const code = fieldsOf(page, 'Secure CVC input frame').getByPlaceholder('Code');
    await code.pressSequentially('123');
    const { error } = await page.evaluate(() => window.stripe.createPaymentMethod({ type: 'card', card: window.elements.getElement('cardNumber') }));
    assert.equal(error.code, 'incomplete_cvc', 'the code of an American Express card has four digits');
    await code.fill('1234');
    const { paymentMethod } = await page.evaluate(() => window.stripe.createPaymentMethod({
      type: 'card', card: window.elements.getElement('cardNumber'), billing_details: { name: 'Ada Payer' },
    }));
    assert.deepEqual([paymentMethod.card.brand, paymentMethod.card.last4, paymentMethod.billing_details.name], ['amex', '0005', 'Ada Payer']);
    await watch.check({ sent: false }); // an Amex number is none of those that the watch looks for
    assert.deepEqual(problems, []);
  });

  test('the Address Element tells what stands in it', async (t) => {
    const { page } = await open(t);
    await page.evaluate(() => window.show({}, ['address', { mode: 'shipping', fields: { phone: 'always' }, validation: { phone: { required: 'always' } } }]));
    const fields = fieldsOf(page, 'Secure address input frame');
    const empty = await page.evaluate(() => window.elements.getElement('address', { mode: 'shipping' }).getValue());
    assert.equal(empty.complete, false);
    await fields.getByLabel('Full name').fill('Ada Payer');
    await fields.getByLabel('Address line 1').fill('1 Main Street');
    await fields.getByLabel('City').fill('San Francisco');
    await fields.getByLabel('State').selectOption('CA');
    await fields.getByLabel('ZIP code').fill('94107');
    await fields.getByLabel('Phone number').fill('+1 415 555 0123');
    const value = {
      name: 'Ada Payer', phone: '+1 415 555 0123',
      address: { line1: '1 Main Street', line2: null, city: 'San Francisco', state: 'CA', postal_code: '94107', country: 'US' },
    };
    await page.waitForFunction(() => window.events.at(-1).event.complete);
    assert.deepEqual((await eventsOf(page, 'change')).at(-1), { elementType: 'address', elementMode: 'shipping', complete: true, empty: false, isNewAddress: true, value });
    assert.deepEqual(await page.evaluate(() => window.elements.getElement('address').getValue()), { complete: true, isNewAddress: true, value });

    await fields.getByLabel('Country or region').selectOption('GB');
    assert.equal(await fields.getByLabel('State').isVisible(), false, 'Britain has no states');
    await fields.getByLabel('Town or city').waitFor();
    assert.equal((await page.evaluate(() => window.elements.getElement('address').getValue())).complete, false, 'and other postal codes');
  });

  test('the Link Authentication Element tells the e-mail, also the one it was given', async (t) => {
    const { page } = await open(t);
    await page.evaluate(() => window.show({}, ['linkAuthentication', { defaultValues: { email: 'ada@example.com' } }]));
    assert.deepEqual(await eventsOf(page, 'change'), [{ elementType: 'linkAuthentication', complete: true, empty: false, value: { email: 'ada@example.com' } }]);
    const email = fieldsOf(page, 'Secure email input frame').getByLabel('Email');
    await email.fill('ada@');
    await email.blur();
    await fieldsOf(page, 'Secure email input frame').getByText('Your email is invalid.').waitFor();
    assert.equal((await eventsOf(page, 'change')).at(-1).complete, false);
  });

  test('the Express Checkout Element finds no wallet and takes no room', async (t) => {
    const { page, problems } = await open(t);
    await page.evaluate((later) => window.show(later, ['expressCheckout']), LATER);
    const ready = await page.evaluate(() => {
      const { event } = window.events.find(({ name }) => name === 'ready');
      return { names: Object.keys(event), wallets: String(event.availablePaymentMethods) };
    });
    assert.deepEqual(ready, { names: ['elementType', 'availablePaymentMethods'], wallets: 'undefined' });
    await page.waitForFunction(() => document.getElementById('expressCheckout').offsetHeight === 0);
    assert.deepEqual(await eventsOf(page, 'change'), []);
    assert.equal(await page.evaluate(() => window.stripe.paymentRequest({ country: 'US', currency: 'usd', total: { label: 'All', amount: 1 } }).canMakePayment()), null);
    assert.deepEqual(problems, []);
  });

  test('focus and blur are of the Element, not of each field; escape is told', async (t) => {
    const { page } = await open(t);
    await page.evaluate((later) => window.show(later, ['payment']), LATER);
    const frame = fieldsOf(page, 'Secure payment input frame');
    await page.evaluate(() => window.elements.getElement('payment').focus());
    await frame.locator('input:focus').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await page.evaluate(() => window.elements.getElement('payment').blur());
    await page.waitForFunction(() => window.events.some(({ name }) => name === 'blur'));
    assert.deepEqual(await page.evaluate(() => window.events.map(({ name }) => name)), ['loaderstart', 'ready', 'focus', 'escape', 'blur']);
  });

  test('the keyboard alone chooses a method and fills it in', async (t) => {
    const { page } = await open(t);
    await page.evaluate((group) => window.show(group, ['payment']), { ...LATER, paymentMethodTypes: ['card', 'sepa_debit', 'ideal'] });
    const frame = fieldsOf(page, 'Secure payment input frame');
    await page.keyboard.press('Tab');
    await frame.getByRole('tab', { name: 'Card', selected: true }).and(frame.locator(':focus')).waitFor();
    await page.keyboard.press('ArrowRight');
    await frame.getByRole('tab', { name: 'SEPA Debit', selected: true }).and(frame.locator(':focus')).waitFor();
    for (const text of ['Ada Payer', 'ada@example.com', 'DE89370400440532013000']) {
      await page.keyboard.press('Tab');
      await page.keyboard.type(text);
    }
    assert.equal(await frame.getByLabel('IBAN').inputValue(), 'DE89 3704 0044 0532 0130 00');
    assert.deepEqual(await page.evaluate(() => window.elements.submit()), { selectedPaymentMethod: 'sepa_debit' });
    assert.deepEqual((await eventsOf(page, 'change')).at(-1), { elementType: 'payment', complete: true, empty: false, collapsed: false, value: { type: 'sepa_debit' } });
  });

  test('an Element can be moved, emptied, changed and destroyed', async (t) => {
    const { page, problems } = await open(t);
    await page.evaluate(() => window.show({}, ['card', { hidePostalCode: true, classes: { base: 'mine also-mine', complete: 'whole' } }]));
    const frame = fieldsOf(page, 'Secure card payment input frame');
    await frame.getByLabel('Card number').fill(CARDS.good);
    await frame.getByLabel('Expiration date').fill('12/34');
    await frame.getByLabel('Security code').fill('123');
    await page.locator('#card.mine.also-mine.whole').waitFor();
    await page.evaluate(() => window.elements.getElement('card').clear());
    await page.locator('#card.mine:not(.whole)').waitFor();
    assert.equal((await eventsOf(page, 'change')).at(-1).empty, true);

    await page.evaluate(() => window.elements.getElement('card').update({ hidePostalCode: false, disabled: true }));
    await frame.getByLabel('ZIP code').and(frame.locator(':disabled')).waitFor();
    await page.evaluate(() => {
      window.kept = window.elements.getElement('card');
      window.kept.unmount();
      window.place('elsewhere');
      window.kept.mount('#elsewhere');
    });
    await page.frameLocator('#elsewhere iframe').getByLabel('Card number').waitFor();
    assert.equal(await page.evaluate(() => document.getElementById('card').className), '');
    await page.evaluate(() => window.kept.destroy());
    assert.equal(await page.evaluate(() => window.elements.getElement('card')), null);
    await assert.rejects(page.evaluate(() => window.kept.mount('#card')), /already been destroyed/);
    assert.deepEqual(problems, []);
  });

  test('an accordion collapses, and wants a choice then', async (t) => {
    const { page } = await open(t);
    await page.evaluate((group) => window.show(group, ['payment', { layout: 'accordion' }]), { ...LATER, paymentMethodTypes: ['ideal', 'card'] });
    const frame = fieldsOf(page, 'Secure payment input frame');
    await frame.getByText('you will be redirected').waitFor();
    await page.evaluate(() => window.elements.getElement('payment').collapse());
    await frame.getByRole('button', { name: 'iDEAL', expanded: false }).waitFor();
    assert.equal((await page.evaluate(() => window.elements.submit())).error.type, 'validation_error');
    await frame.getByRole('button', { name: 'Card' }).click();
    await frame.getByLabel('Card number').waitFor();
  });

  test('a shop’s colours and rules reach the fields', async (t) => {
    const { page } = await open(t);
    await page.evaluate((group) => window.show(group, ['payment']), {
      ...LATER, paymentMethodTypes: ['card', 'ideal'],
      appearance: { theme: 'flat', variables: { colorPrimary: 'rgb(1, 2, 3)' }, rules: { '.Input': { backgroundColor: 'rgb(4, 5, 6)' }, '.Label': { 'font-size': '21px' }, '.Tab--selected': { color: 'rgb(7, 8, 9)' } } },
    });
    const style = (locator, name) => locator.evaluate((node, property) => getComputedStyle(node)[property], name);
    const frame = fieldsOf(page, 'Secure payment input frame');
    assert.equal(await style(frame.getByLabel('Card number'), 'backgroundColor'), 'rgb(4, 5, 6)');
    assert.equal(await style(frame.getByText('Card number'), 'fontSize'), '21px');
    assert.equal(await style(frame.getByRole('tab', { name: 'Card' }), 'color'), 'rgb(7, 8, 9)');
    assert.equal(await style(frame.getByRole('tab', { name: 'Card' }), 'borderTopColor'), 'rgb(1, 2, 3)');
  });

  test('mistakes of the shop’s code are thrown as IntegrationErrors', async (t) => {
    const { page } = await open(t);
    await page.evaluate((later) => window.show(later, ['payment', { fields: { billingDetails: { email: 'never' } } }]), LATER);
    for (const [call, message] of [
      ["window.Stripe('')", /publishable key/],
      ["window.elements.create('payment')", /Can only create one Element of type payment/],
      ["window.elements.create('address', {})", /mode should be one of/],
      ["window.elements.getElement('payment').mount('#payment')", /already mounted/],
      ["window.elements.getElement('payment').on('change')", /function is required/],
      ["window.stripe.elements({}).create('payment')", /you must pass a clientSecret or mode/],
      ["window.stripe.elements({}).create('card').mount('#nowhere')", /#nowhere/],
      ["window.stripe.elements({ mode: 'payment', currency: 'usd' })", /amount should be/],
      ["window.stripe.elements({ mode: 'gift', amount: 1, currency: 'usd' })", /mode should be/],
      ["window.stripe.elements({}).submit()", /Payment Element or Card Element/],
      ["window.stripe.confirmPayment({ elements: window.elements, clientSecret: 'pi_1_secret_2', redirect: 'if_required' })", /elements.submit\(\) must be called/],
      ["window.stripe.confirmPayment({ clientSecret: 'seti_1_secret_2', redirect: 'if_required' })", /client secret of the form/],
      ["window.stripe.confirmPayment({ clientSecret: 'pi_1_secret_2', confirmParams: { return_url: 'done' } })", /return_url must be a valid URL/],
      ["window.stripe.confirmCardPayment('pi_1')", /client secret of the form/],
      ["window.stripe.confirmCardSetup('pi_1_secret_2')", /client secret of the form/],
      ["window.stripe.createToken('house')", /valid token type/],
      ["window.stripe.redirectToCheckout({})", /sessionId/],
      ["window.stripe.initEmbeddedCheckout({})", /clientSecret or fetchClientSecret/],
      ["window.stripe.verifyIdentity('vs_1')", /there is no Identity/],
    ]) {
      await assert.rejects(page.evaluate(`(async () => { await ${call}; })().catch((error) => { throw new Error(error.name + ' ' + error.message); })`), (error) => {
        assert.match(error.message, /IntegrationError/, call);
        assert.match(error.message, message, call);
        return true;
      });
    }
    const frame = fieldsOf(page, 'Secure payment input frame');
    await frame.getByLabel('Card number').fill(CARDS.good);
    await frame.getByLabel('Expiration date').fill('12/34');
    await frame.getByLabel('Security code').fill('123');
    await frame.getByLabel('ZIP code').fill('94107');
    await page.evaluate(() => window.elements.submit());
    await assert.rejects(page.evaluate(() => window.stripe.confirmPayment({ elements: window.elements, clientSecret: 'pi_1_secret_2', redirect: 'if_required' })),
      /You specified "never" for fields.billing_details.email/);
    assert.match((await page.evaluate(() => window.stripe.createSource({ type: 'card' }))).error.message, /deprecated/);
  });
});

async function eventsOf(page, name) {
  return page.evaluate((wanted) => window.events.filter((each) => each.name === wanted).map(({ event }) => event), name);
}
