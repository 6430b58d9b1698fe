// Paying by the sandbox's Stripe.js in each way that Stripe documents: with two
// majors of its React package, and by the calls of plain JavaScript.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { CARDS, challenge, fillCard, screenshot } from './lib/card.mjs';
import { fieldsOf, openPay, waitForText, WAYS } from './lib/pay.mjs';
import { startSandbox } from './lib/till.mjs';
import { startSite } from './lib/site.mjs';

const SKIP = process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs';
const NEWEST = { '@stripe/react-stripe-js': 'react-stripe-js-7', '@stripe/stripe-js': 'stripe-js-10' };

for (const [major, alias] of [[3, {}], [7, NEWEST]]) {
  describe(`react-stripe-js ${major}`, { timeout: 300_000, skip: SKIP }, () => {
    const world = {};

    before(async () => {
      // One after the other: after() closes what had been started when one fails.
      world.sandbox = await startSandbox();
      world.site = await startSite('pay.jsx', { alias });
      world.browser = await launch();
    });
    after(async () => {
      await Promise.all([world.browser?.close(), world.site?.stop(), world.sandbox?.stop()]);
    });

    // Stripe's own address has the train that the package was made for.
    test('the Payment Element pays after 3D Secure', async (t) => {
      const shop = await openPay(t, world, { way: WAYS[0] });
      await fillCard(shop.page, CARDS.challenged);
      await shop.pay.click();
      await challenge(shop.page).getByRole('button', { name: 'Complete' }).click();
      await waitForText(shop.message, 'paid succeeded');
      await shop.watch.check({ sent: true });
      assert.deepEqual(shop.problems, []);
    });

    test('a card split over three Elements pays', async (t) => {
      const shop = await openPay(t, world, { way: WAYS[0], query: { element: 'split' } });
      await fieldsOf(shop.page, 'Secure card number input frame').getByLabel('Card number').pressSequentially(CARDS.good);
      await fieldsOf(shop.page, 'Secure expiration date input frame').getByLabel('Expiration date').pressSequentially('1234');
      const code = fieldsOf(shop.page, 'Secure CVC input frame').getByLabel('Security code');
      await code.pressSequentially('123');
      await screenshot(shop.page, `confirm-split-${major}`);
      assert.deepEqual(JSON.parse(await shop.change.textContent()), { elementType: 'cardNumber', complete: true, empty: false, brand: 'visa' });
      await code.press('Enter');
      await waitForText(shop.message, 'paid succeeded');
      await shop.watch.check({ sent: true });
      assert.deepEqual(shop.problems, []);
    });

    test('an intent made later than the fields is paid', async (t) => {
      const shop = await openPay(t, world, { way: WAYS[0], query: { deferred: '1' } });
      await fillCard(shop.page, CARDS.good);
      await shop.pay.click();
      await waitForText(shop.message, 'paid succeeded');
      assert.deepEqual(shop.problems, []);
    });

    test('address and e-mail of their Elements go with the card', async (t) => {
      const shop = await openPay(t, world, { way: WAYS[0], query: { element: 'contact' }, viewport: { width: 720, height: 1200 } });
      const frame = fieldsOf(shop.page, 'Secure payment input frame');
      await shop.pay.and(shop.page.locator(':enabled')).waitFor();
      assert.equal(await frame.getByLabel('Country').isVisible(), false, 'the address is asked for once');
      const address = fieldsOf(shop.page, 'Secure address input frame');
      await fieldsOf(shop.page, 'Secure email input frame').getByLabel('Email').fill('ada@example.com');
      await frame.getByLabel('Card number').fill(CARDS.good);
      await frame.getByLabel('Expiration date').fill('12/34');
      await frame.getByLabel('Security code').fill('123');
      await shop.pay.click();
      await waitForText(shop.message, 'error validation_error incomplete_name');
      for (const [label, text] of [['Full name', 'Ada Payer'], ['Address line 1', '1 Main Street'], ['City', 'San Francisco'], ['ZIP code', '94107']]) {
        await address.getByLabel(label).fill(text);
      }
      await address.getByLabel('State').selectOption('CA');
      await screenshot(shop.page, `confirm-contact-${major}`);
      const notes = JSON.parse(await shop.notes.textContent());
      assert.deepEqual([notes.linkAuthentication.value.email, notes.address.value.name, notes.address.complete], ['ada@example.com', 'Ada Payer', true]);
      await shop.pay.click();
      await waitForText(shop.message, 'paid succeeded');
      const intent = await world.sandbox.stripe('GET', `/payment_intents/${shop.intent.id}`, { 'expand[]': 'payment_method' });
      assert.deepEqual(intent.payment_method.billing_details, {
        name: 'Ada Payer', email: 'ada@example.com', phone: null,
        address: { line1: '1 Main Street', line2: null, city: 'San Francisco', state: 'CA', postal_code: '94107', country: 'US' },
      });
      assert.deepEqual(shop.problems, []);
    });
  });
}

describe('Stripe.js without a framework', { timeout: 300_000, skip: SKIP }, () => {
  const world = {};

  before(async () => {
    // One after the other: after() closes what had been started when one fails.
    world.sandbox = await startSandbox();
    world.site = await startSite('plain.js');
    world.browser = await launch();
  });
  after(async () => {
    await Promise.all([world.browser?.close(), world.site?.stop(), world.sandbox?.stop()]);
  });

  async function open(t, options) {
    const shop = await openPay(t, world, options);
    await shop.page.waitForFunction(() => window.stripe);
    return shop;
  }

  const intentWith = (params) => world.sandbox.stripe('POST', '/payment_intents', { amount: 2400, currency: 'usd', 'payment_method_types[0]': 'card', ...params });

  const setupWith = (params) => world.sandbox.stripe('POST', '/setup_intents', { 'payment_method_types[0]': 'card', ...params });

  test('confirmCardPayment takes a payment method’s id, or what is on the intent', async (t) => {
    const { page, intent } = await open(t);
    const first = await page.evaluate((secret) => window.stripe.confirmCardPayment(secret, { payment_method: 'pm_card_visa' }), intent.client_secret);
    assert.equal(first.paymentIntent.status, 'succeeded');
    const other = await intentWith({ payment_method: 'pm_card_visa' });
    assert.equal((await page.evaluate((secret) => window.stripe.confirmCardPayment(secret), other.client_secret)).paymentIntent.status, 'succeeded');
  });

  test('a decline is passed on as the API tells it', async (t) => {
    const { page, intent } = await open(t);
    const { error } = await page.evaluate((secret) => window.stripe.confirmCardPayment(secret, { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }), intent.client_secret);
    assert.deepEqual([error.type, error.code, error.decline_code], ['card_error', 'card_declined', 'insufficient_funds']);
    assert.equal(error.payment_intent.id, intent.id);
  });

  test('with handleActions false the challenge waits for handleCardAction', async (t) => {
    const { page, intent } = await open(t);
    const secret = intent.client_secret;
    const asked = await page.evaluate((s) => window.stripe.confirmCardPayment(s, { payment_method: 'pm_card_threeDSecure2Required' }, { handleActions: false }), secret);
    assert.equal(asked.paymentIntent.status, 'requires_action');
    const answered = page.evaluate((s) => window.stripe.handleCardAction(s), secret);
    await challenge(page).getByRole('button', { name: 'Complete' }).click();
    assert.equal((await answered).paymentIntent.status, 'succeeded');
    assert.match((await page.evaluate((s) => window.stripe.handleCardAction(s), secret)).error.message, /not in the requires_action state/);
  });

  test('confirmSetup keeps a card for later, and returns the payer with the setup intent', async (t) => {
    const { page, watch } = await open(t);
    const setup = await setupWith({});
    await page.evaluate((clientSecret) => window.show({ clientSecret }, ['payment']), setup.client_secret);
    await fieldsOf(page, 'Secure payment input frame').getByText('you allow this business to charge your card for future payments').waitFor();
    await fillCard(page, CARDS.good);
    const kept = await page.evaluate(() => window.stripe.confirmSetup({ elements: window.elements, redirect: 'if_required' }));
    assert.equal(kept.setupIntent.status, 'succeeded');
    const { payment_method: card } = await world.sandbox.stripe('GET', `/setup_intents/${setup.id}`, { 'expand[]': 'payment_method' });
    assert.deepEqual([card.id, card.card.last4], [kept.setupIntent.payment_method, '4242']);

    const second = await setupWith({});
    await page.evaluate((clientSecret) => {
      window.leave();
      return window.show({ clientSecret }, ['payment']);
    }, second.client_secret);
    await fillCard(page, CARDS.good);
    await page.evaluate((url) => { window.stripe.confirmSetup({ elements: window.elements, confirmParams: { return_url: url } }); }, world.site.url + '/done');
    await page.waitForURL(`**/done?setup_intent=${second.id}&setup_intent_client_secret=${second.client_secret}&redirect_status=succeeded`);
    await watch.check({ sent: true });
  });

  test('confirmSetup shows a challenge; who fails it may try again', async (t) => {
    const { page } = await open(t);
    const setup = await setupWith({});
    await page.evaluate((clientSecret) => window.show({ clientSecret }, ['payment']), setup.client_secret);
    await fillCard(page, CARDS.challenged);
    const confirm = () => page.evaluate(() => window.stripe.confirmSetup({ elements: window.elements, redirect: 'if_required' }));
    const failed = confirm();
    await challenge(page).getByRole('button', { name: 'Fail' }).click();
    const { error } = await failed;
    assert.deepEqual([error.code, error.setup_intent.status], ['setup_intent_authentication_failure', 'requires_payment_method']);
    const kept = confirm();
    await challenge(page).getByRole('button', { name: 'Complete' }).click();
    assert.equal((await kept).setupIntent.status, 'succeeded');
  });

  test('confirmCardSetup asks for 3D Secure, and passes a decline on', async (t) => {
    const { page } = await open(t);
    const confirm = (intent, card) => page.evaluate(([secret, id]) => window.stripe.confirmCardSetup(secret, { payment_method: id }), [intent.client_secret, card]);
    const setup = await setupWith({});
    const { error } = await confirm(setup, 'pm_card_chargeDeclined');
    assert.deepEqual([error.type, error.code, error.setup_intent.id], ['card_error', 'card_declined', setup.id]);
    const kept = confirm(setup, 'pm_card_threeDSecure2Required');
    await challenge(page).getByRole('button', { name: 'Complete' }).click();
    assert.equal((await kept).setupIntent.status, 'succeeded');
    const retrieved = await page.evaluate((secret) => window.stripe.retrieveSetupIntent(secret), setup.client_secret);
    assert.equal(retrieved.setupIntent.status, 'succeeded');
  });

  test('a confirmation token holds the form until the server confirms with it', async (t) => {
    const { page, watch } = await open(t, { viewport: { width: 720, height: 1200 } });
    await page.evaluate(() => window.show({ mode: 'payment', amount: 2400, currency: 'usd' }, ['payment'], ['address', {
      mode: 'shipping', defaultValues: { name: 'Ada Payer', address: { line1: '1 Main Street', city: 'San Francisco', state: 'CA', postal_code: '94107', country: 'US' } },
    }]));
    await fillCard(page, CARDS.challenged);
    await page.evaluate(() => window.elements.submit());
    const { confirmationToken: token } = await page.evaluate(() => window.stripe.createConfirmationToken({
      elements: window.elements, params: { return_url: 'https://shop.example/done', payment_method_data: { billing_details: { name: 'Ada Payer' } } },
    }));
    assert.deepEqual([token.payment_method_preview.type, token.payment_method_preview.card.last4], ['card', '3155']);

    const asked = await intentWith({ confirm: 'true', confirmation_token: token.id });
    assert.deepEqual([asked.status, asked.next_action.type], ['requires_action', 'use_stripe_sdk']);
    const paid = page.evaluate((clientSecret) => window.stripe.handleNextAction({ clientSecret }), asked.client_secret);
    await challenge(page).getByRole('button', { name: 'Complete' }).click();
    assert.equal((await paid).paymentIntent.status, 'succeeded');
    const intent = await world.sandbox.stripe('GET', `/payment_intents/${asked.id}`, { 'expand[]': 'payment_method' });
    assert.deepEqual([intent.shipping.name, intent.shipping.address.line1], ['Ada Payer', '1 Main Street']);
    assert.deepEqual([intent.payment_method.billing_details.name, intent.payment_method.billing_details.address.postal_code], ['Ada Payer', '94107']);
    await assert.rejects(intentWith({ confirm: 'true', confirmation_token: token.id }), /already been used/);
    await watch.check({ sent: true });
  });

  test('createToken takes what stands in an Element, and accounts and numbers as data', async (t) => {
    const { page, watch } = await open(t);
    await page.evaluate(() => window.show({}, ['card', { hidePostalCode: true }], ['iban', { supportedCountries: ['SEPA'] }]));
    const card = fieldsOf(page, 'Secure card payment input frame');
    await card.getByLabel('Card number').fill(CARDS.good);
    await card.getByLabel('Expiration date').fill('12/34');
    await card.getByLabel('Security code').fill('123');
    await fieldsOf(page, 'Secure IBAN input frame').getByLabel('IBAN').fill('DE89370400440532013000');
    const [byCard, byIBAN, bank, pii] = await page.evaluate(() => Promise.all([
      window.stripe.createToken(window.elements.getElement('card'), { name: 'Ada Payer', address_zip: '94107' }),
      window.stripe.createToken(window.elements.getElement('iban'), { currency: 'eur', account_holder_name: 'Ada Payer', account_holder_type: 'individual' }),
      window.stripe.createToken('bank_account', { country: 'US', currency: 'usd', routing_number: '110000000', account_number: '000123456789' }),
      window.stripe.createToken('pii', { personal_id_number: '000000000' }),
    ]));
    assert.deepEqual([byCard.token.card.last4, byCard.token.card.name, byCard.token.card.address_zip], ['4242', 'Ada Payer', '94107']);
    assert.deepEqual([byIBAN.token.bank_account.country, byIBAN.token.bank_account.last4], ['DE', '3000']);
    assert.deepEqual([bank.token.type, bank.token.bank_account.last4, pii.token.type], ['bank_account', '6789', 'pii']);
    const method = await world.sandbox.stripe('POST', '/payment_methods', { type: 'card', 'card[token]': byCard.token.id });
    assert.equal(method.billing_details.name, 'Ada Payer');
    await watch.check({ sent: true });
  });

  test('a code is asked for again for a card that is kept, and stays in its frame', async (t) => {
    const { page, intent } = await open(t);
    const confirmed = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/confirm'));
    await page.evaluate(() => window.show({}, ['cardCvc']));
    const code = fieldsOf(page, 'Secure CVC input frame').getByLabel('Security code');
    const pay = () => page.evaluate((secret) => window.stripe.confirmCardPayment(secret, {
      payment_method: 'pm_card_visa', payment_method_options: { card: { cvc: window.elements.getElement('cardCvc') } },
    }), intent.client_secret);
    await code.fill('12');
    assert.equal((await pay()).error.code, 'incomplete_cvc');
    await code.fill('123');
    assert.equal((await pay()).paymentIntent.status, 'succeeded');
    const sent = new URLSearchParams((await confirmed).postData());
    assert.match(sent.get('payment_method_options[card][cvc_token]'), /^cvctok_/);
    const { token } = await page.evaluate(() => window.stripe.createToken('cvc_update', window.elements.getElement('cardCvc')));
    assert.equal(token.type, 'cvc_update');
  });

  test('Checkout is a page of its own, or a frame in the shop’s', async (t) => {
    const { page } = await open(t);
    await page.route(world.sandbox.url + '/_hosted/checkout/**', (route) => route.fulfill({
      contentType: 'text/html', body: '<title>Checkout</title><script>parent.postMessage({type:"resize",height:321},"*");parent.postMessage({type:"complete"},"*")</script>',
    }));
    const height = await page.evaluate(async () => {
      const box = window.place('checkout');
      await new Promise((resolve) => {
        window.stripe.initEmbeddedCheckout({ fetchClientSecret: async () => 'cs_test_1_secret_2', onComplete: resolve }).then((checkout) => {
          window.checkout = checkout;
          checkout.mount('#checkout');
        });
      });
      return box.offsetHeight;
    });
    assert.equal(height, 321);
    assert.match(page.frames().at(-1).url(), /\/_hosted\/checkout\/cs_test_1\?embedded=1$/);
    await assert.rejects(page.evaluate(() => window.stripe.createEmbeddedCheckoutPage({ clientSecret: 'cs_test_1_secret_2' })), /multiple Embedded Checkout/);
    await page.evaluate(() => window.checkout.destroy());
    assert.equal(await page.locator('#checkout iframe').count(), 0);
    await page.evaluate(() => { window.stripe.redirectToCheckout({ sessionId: 'cs_test_1' }); });
    await page.waitForURL(world.sandbox.url + '/_hosted/checkout/cs_test_1');
  });
});
