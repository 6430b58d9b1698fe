// The sandbox's Stripe.js under Stripe's real browser packages, in a real
// browser, at the sandbox alone: nothing of Till's API takes part.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { CARDS, cardFrame, challenge, fillCard, screenshot } from './lib/card.mjs';
import { openPay, waitForText, WAYS } from './lib/pay.mjs';
import { startSandbox } from './lib/till.mjs';
import { startSite } from './lib/site.mjs';

describe('Stripe.js of the sandbox', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  let sandbox, site, browser;

  before(async () => {
    // One after the other: after() closes what had been started when one fails.
    sandbox = await startSandbox();
    site = await startSite('pay.jsx');
    browser = await launch();
  });
  after(async () => {
    await Promise.all([browser?.close(), site?.stop(), sandbox?.stop()]);
  });

  const openShop = (t, options) => openPay(t, { sandbox, site, browser }, options);

  for (const way of WAYS) {
    test(`4242 is paid by ${way}`, async (t) => {
      const shop = await openShop(t, { way });
      await fillCard(shop.page, CARDS.good);
      await screenshot(shop.page, 'stripejs-filled');
      assert.equal(await cardFrame(shop.page).getByLabel('Card number').inputValue(), '4242 4242 4242 4242');
      assert.equal(await cardFrame(shop.page).getByLabel('Expiration date').inputValue(), '12 / 34');
      assert.deepEqual(JSON.parse(await shop.change.textContent()), { elementType: 'payment', complete: true, empty: false, collapsed: false, value: { type: 'card' } });
      await shop.pay.click();
      await waitForText(shop.message, 'paid succeeded');
      await shop.watch.check({ sent: true });
      assert.equal((await sandbox.stripe('GET', '/payment_intents/' + shop.intent.id)).status, 'succeeded');
      assert.deepEqual(shop.problems, []);
    });

    test(`3155 is challenged and completed by ${way}`, async (t) => {
      const shop = await openShop(t, { way });
      await fillCard(shop.page, CARDS.challenged);
      await shop.pay.click();
      await challenge(shop.page).getByRole('button', { name: 'Complete' }).waitFor();
      await screenshot(shop.page, 'stripejs-challenge', { fullPage: false });
      await challenge(shop.page).getByRole('button', { name: 'Complete' }).click();
      await waitForText(shop.message, 'paid succeeded');
      assert.equal(await shop.page.getByRole('dialog').count(), 0);
      await shop.watch.check({ sent: true });
      assert.deepEqual(shop.problems, []);
    });
  }

  test('a failed challenge is an error, and the same payment can be tried again', async (t) => {
    const shop = await openShop(t);
    await fillCard(shop.page, CARDS.challenged);
    await shop.pay.click();
    await challenge(shop.page).getByRole('button', { name: 'Fail' }).click();
    await waitForText(shop.message, 'payment_intent_authentication_failure');
    await fillCard(shop.page, CARDS.good);
    await shop.pay.click();
    await waitForText(shop.message, 'paid succeeded');
  });

  test('9995 is declined in words, then 4242 pays the same intent', async (t) => {
    const shop = await openShop(t);
    await fillCard(shop.page, CARDS.poor);
    await shop.pay.click();
    await waitForText(shop.message, 'error card_error card_declined: Your card has insufficient funds.');
    await fillCard(shop.page, CARDS.good);
    await shop.pay.click();
    await waitForText(shop.message, 'paid succeeded');
    const paid = await sandbox.stripe('GET', '/payment_intents/' + shop.intent.id);
    assert.equal(paid.status, 'succeeded');
    await shop.watch.check({ sent: true });
  });

  test('what is missing or wrong is said at its field and returned, and nothing is sent', async (t) => {
    const shop = await openShop(t);
    const frame = cardFrame(shop.page);
    const number = frame.getByLabel('Card number');
    await shop.pay.click();
    await waitForText(shop.message, 'error validation_error incomplete_number: Your card number is incomplete.');
    assert.equal(await number.getAttribute('aria-invalid'), 'true');
    const described = await number.getAttribute('aria-describedby');
    assert.equal(await frame.locator('#' + described).textContent(), 'Your card number is incomplete.');
    await screenshot(shop.page, 'stripejs-errors');

    for (const [values, code] of [
      [['4242424242424241', {}], 'invalid_number'],
      [['4242424242424242', { expiry: '12' }], 'incomplete_expiry'],
      [['4242424242424242', { expiry: '1220' }], 'invalid_expiry_year_past'],
      [['4242424242424242', { cvc: '12' }], 'incomplete_cvc'],
      [['378282246310005', { cvc: '123' }], 'incomplete_cvc'],
      [['4242424242424242', { zip: '941' }], 'incomplete_zip'],
    ]) {
      await fillCard(shop.page, ...values);
      await shop.pay.click();
      await waitForText(shop.message, 'error validation_error ' + code);
    }
    assert.equal((await sandbox.stripe('GET', '/payment_intents/' + shop.intent.id)).status, 'requires_payment_method');
    await shop.watch.check({ sent: false });
  });

  test('with redirect always the payer is sent to the return URL', async (t) => {
    const shop = await openShop(t, { query: { redirect: 'always' } });
    await fillCard(shop.page, CARDS.good);
    await shop.pay.click();
    await shop.page.waitForURL('**/done?*');
    await waitForText(shop.message, `back succeeded ${shop.intent.id}`);
  });

  test('an intent made later than the fields is paid', async (t) => {
    const shop = await openShop(t, { query: { deferred: '1' } });
    await fillCard(shop.page, CARDS.good);
    await shop.pay.click();
    await waitForText(shop.message, 'paid succeeded');
  });

  test('the Card Element pays too', async (t) => {
    const shop = await openShop(t, { query: { element: 'card' } });
    const frame = shop.page.frameLocator('iframe[name^="__privateStripeFrame"]');
    await frame.getByLabel('Card number').pressSequentially(CARDS.good);
    await frame.getByLabel('Expiration date').pressSequentially('1234');
    await frame.getByLabel('Security code').pressSequentially('123');
    await frame.getByLabel('ZIP code').pressSequentially('94107');
    await screenshot(shop.page, 'stripejs-card-element');
    assert.deepEqual(JSON.parse(await shop.change.textContent()), { elementType: 'card', complete: true, empty: false, brand: 'visa', value: { postalCode: '94107' } });
    await frame.getByLabel('ZIP code').press('Enter');
    await waitForText(shop.message, 'paid succeeded');
    await shop.watch.check({ sent: true });
  });

  test('a client secret that is not of this account is a load error', async (t) => {
    const shop = await openShop(t, { intent: { client_secret: 'pi_doesnotexist_secret_nothing' } });
    await waitForText(shop.message, 'loaderror No such payment_intent');
  });

  test('another origin cannot make the frame send a card', async (t) => {
    const shop = await openShop(t);
    await fillCard(shop.page, CARDS.good);
    // A page that knows the frame's address, and its messages, but is not the
    // origin that the frame was opened by.
    const stranger = await shop.page.context().newPage();
    await stranger.goto(site.url.replace('127.0.0.1', 'localhost') + '/done');
    await stranger.evaluate(async (src) => {
      window.heard = [];
      window.addEventListener('message', (event) => window.heard.push(event.data));
      const node = document.createElement('iframe');
      node.src = src;
      await new Promise((resolve) => {
        node.onload = resolve;
        document.body.append(node);
      });
    }, `${sandbox.url}/frames/elements.html#parent=${encodeURIComponent(site.url)}`);
    const opened = stranger.frames().find((f) => f.url().includes('/frames/elements.html'));
    // This listener comes after the frame's own, so once it has run so has the other.
    await opened.evaluate(() => {
      window.arrived = new Promise((resolve) => window.addEventListener('message', resolve)).then(() => true);
    });
    await stranger.evaluate(() => window.frames[0].postMessage({
      channel: 'stripejs', type: 'open', request: 1,
      data: { account: { key: 'pk_test_x' }, elementType: 'payment', options: {}, appearance: {}, fonts: [] },
    }, '*'));
    assert.equal(await opened.evaluate(() => window.arrived), true);
    assert.equal(await opened.locator('input').count(), 0, 'the frame drew no fields for a stranger');
    assert.deepEqual(await stranger.evaluate(() => window.heard), []);
  });

  test('the script ignores what did not come from its frame', async (t) => {
    const shop = await openShop(t);
    await cardFrame(shop.page).getByLabel('Card number').waitFor();
    const before = await shop.change.textContent();
    await shop.page.evaluate(async () => {
      const arrived = new Promise((resolve) => window.addEventListener('message', resolve));
      window.postMessage({ channel: 'stripejs', type: 'change', data: { complete: true, empty: false, invalid: false, event: {} } }, '*');
      await arrived;
    });
    assert.equal(await shop.change.textContent(), before);
  });

  // Without React: the calls that the Payment Element's packages do not make.
  test('the rest of the API works from plain JavaScript', async (t) => {
    const { page, intent } = await openShop(t);
    await cardFrame(page).getByLabel('Card number').waitFor();
    await page.evaluate((clientSecret) => {
      window.stripe = window.Stripe('pk_test_plain');
      window.elements = window.stripe.elements({ clientSecret });
      const place = document.createElement('div');
      place.id = 'plain';
      document.body.append(place);
      window.element = window.elements.create('payment', { fields: { billingDetails: { address: 'never' } }, readOnly: false });
      window.ready = new Promise((resolve) => window.element.on('ready', resolve));
      window.element.mount('#plain');
    }, intent.client_secret);
    assert.deepEqual(await page.evaluate(() => window.ready), { elementType: 'payment' });
    const frame = page.frameLocator('#plain iframe');
    assert.equal(await frame.getByLabel('Country').isVisible(), false, 'fields that the shop asks for itself are left out');

    assert.equal(await page.evaluate(() => window.elements.getElement('payment') === window.element), true);
    assert.deepEqual(await page.evaluate(() => window.elements.fetchUpdates()), {});
    await page.evaluate(() => window.elements.update({ appearance: { variables: { colorText: 'rgb(1, 2, 3)' } } }));
    await frame.locator('body').evaluate(async (body) => {
      while (getComputedStyle(body).color !== 'rgb(1, 2, 3)') await new Promise(requestAnimationFrame);
    });
    assert.deepEqual(await page.evaluate(() => window.elements.submit()), {
      error: { type: 'validation_error', code: 'incomplete_number', message: 'Your card number is incomplete.' },
    });

    await frame.getByLabel('Card number').fill(CARDS.good);
    await frame.getByLabel('Expiration date').fill('12/34');
    await frame.getByLabel('Security code').fill('123');
    assert.deepEqual(await page.evaluate(() => window.elements.submit()), { selectedPaymentMethod: 'card' });
    const { paymentMethod } = await page.evaluate(() => window.stripe.createPaymentMethod({ elements: window.elements, params: { billing_details: { name: 'Ada Payer' } } }));
    assert.match(paymentMethod.id, /^pm_/);
    assert.equal(paymentMethod.card.last4, '4242');
    assert.equal(paymentMethod.billing_details.name, 'Ada Payer');
    const retrieved = await page.evaluate((secret) => window.stripe.retrievePaymentIntent(secret), intent.client_secret);
    assert.equal(retrieved.paymentIntent.id, intent.id);

    // Confirmed by the server, challenged in the page.
    await sandbox.stripe('POST', `/payment_intents/${intent.id}/confirm`, { payment_method: 'pm_card_threeDSecure2Required' });
    const next = page.evaluate((clientSecret) => window.stripe.handleNextAction({ clientSecret }), intent.client_secret);
    await challenge(page).getByRole('button', { name: 'Complete' }).click();
    assert.equal((await next).paymentIntent.status, 'succeeded');

    assert.match((await page.evaluate(() => {
      const asked = window.elements.submit();
      window.element.destroy();
      return asked;
    })).error.message, /removed from the page/, 'who waits for a removed Element is answered');
    assert.equal(await page.locator('#plain iframe').count(), 0);
    for (const [call, message] of [
      ["window.Stripe('sk_test_secret')", /secret key/],
      ["window.stripe.elements({ clientSecret: 'pi_1' })", /clientSecret/],
      ["window.elements.create('crad')", /valid Element name/],
      ["window.elements.create('idealBank')", /not part of the sandbox/],
      ['window.stripe.confirmPayment({ elements: window.elements, confirmParams: {} })', /return_url/],
    ]) {
      await assert.rejects(page.evaluate(call), message);
    }
  });

  test('the watch for card numbers sees each way out', async (t) => {
    for (const leak of [
      (number) => fetch('/log', { method: 'POST', body: `card=${number}` }).then(() => {}),
      (number) => { window.postMessage({ card: number.replace(/(....)/g, '$1 ') }, '*'); },
      () => { document.body.append(Object.assign(document.createElement('input'), { autocomplete: 'cc-number' })); },
    ]) {
      const { page, watch } = await openShop(t);
      await page.evaluate(`(${leak})('${CARDS.good}')`);
      await assert.rejects(watch.check({ sent: String(leak).includes('fetch') }), { name: 'AssertionError' }, String(leak));
    }
  });

  for (const [name, query, viewport] of [
    ['night', { theme: 'night' }, undefined],
    ['phone', {}, { width: 360, height: 700 }],
  ]) {
    test(`it fits its place: ${name}`, async (t) => {
      const shop = await openShop(t, { query, viewport });
      await cardFrame(shop.page).getByLabel('Card number').pressSequentially('3782');
      await cardFrame(shop.page).getByLabel('Security code').focus();
      await screenshot(shop.page, 'stripejs-' + name);
      const frame = shop.page.frames().find((f) => f.url().includes('/frames/'));
      const clipped = await frame.evaluate(() => document.getElementById('root').getBoundingClientRect().height - window.innerHeight);
      assert.ok(clipped <= 1, `the frame is as high as its content (${clipped}px are cut off)`);
      assert.deepEqual(shop.problems, []);
    });
  }
});
