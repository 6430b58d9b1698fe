// Paying by what is no card: with a bank's page, an account, a code or a voucher,
// from the sandbox's Elements to the money.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { CARDS, fillCard, screenshot } from './lib/card.mjs';
import { checkAccess } from './lib/look.mjs';
import { fieldsOf, openPay, waitForText } from './lib/pay.mjs';
import { startSandbox } from './lib/till.mjs';
import { startSite } from './lib/site.mjs';

const ADA = { name: 'Ada Payer', email: 'ada@example.com' };

describe('payment methods beyond cards', { timeout: 600_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
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

  // open makes an intent for these types, and shows the Payment Element with the first of them.
  async function open(t, currency, types, { params = {}, options = { defaultValues: { billingDetails: ADA } } } = {}) {
    const intent = await make(currency, types, params);
    const shop = await openPay(t, world, { intent });
    await shop.page.waitForFunction(() => window.stripe);
    await shop.page.evaluate(([clientSecret, own]) => window.show({ clientSecret }, ['payment', own]), [intent.client_secret, options]);
    return { ...shop, frame: fieldsOf(shop.page, 'Secure payment input frame') };
  }

  function make(currency, types, params = {}) {
    const list = Object.fromEntries(types.map((type, i) => [`payment_method_types[${i}]`, type]));
    return world.sandbox.stripe('POST', '/payment_intents', { amount: 2400, currency, ...list, ...params });
  }

  const look = (intent) => world.sandbox.stripe('GET', `/payment_intents/${intent.id}`, { 'expand[]': 'payment_method' });

  const confirm = (page) => page.evaluate(() => window.stripe.confirmPayment({ elements: window.elements, redirect: 'if_required' }));

  // wait lets time go by at the sandbox.
  async function wait(seconds) {
    const response = await fetch(world.sandbox.url + '/_sandbox/clock', { method: 'POST', body: JSON.stringify({ advance: seconds }) });
    assert.equal(response.status, 200);
  }

  // shopAgain is the page that the payer comes back to, which loads Stripe.js as before.
  const shopAgain = () => `${world.site.url}/done?script=${encodeURIComponent(world.sandbox.url + '/basil/stripe.js')}`;

  for (const [button, status, redirectStatus] of [['Authorize', 'succeeded', 'succeeded'], ['Fail', 'requires_payment_method', 'failed']]) {
    test(`iDEAL: ${button} on the bank’s page brings the payer back with ${redirectStatus}`, async (t) => {
      const { page, intent, frame, problems } = await open(t, 'eur', ['ideal', 'card']);
      await frame.getByText('you will be redirected').waitFor();
      await page.evaluate((url) => { window.stripe.confirmPayment({ elements: window.elements, confirmParams: { return_url: url } }); }, shopAgain());
      await page.waitForURL(`${world.sandbox.url}/_hosted/authorize/**`);
      await page.getByRole('heading', { name: 'Authorize this payment' }).waitFor();
      await screenshot(page, 'methods-ideal');
      await checkAccess(page, 'iDEAL');
      await page.getByRole('button', { name: button }).click();

      await page.waitForURL(`${world.site.url}/done?**`);
      const back = Object.fromEntries(new URL(page.url()).searchParams);
      assert.deepEqual([back.payment_intent, back.payment_intent_client_secret, back.redirect_status], [intent.id, intent.client_secret, redirectStatus]);
      await page.waitForFunction(() => window.stripe);
      const { paymentIntent } = await page.evaluate((secret) => window.stripe.retrievePaymentIntent(secret), back.payment_intent_client_secret);
      assert.equal(paymentIntent.status, status);
      const now = await look(intent);
      assert.equal(now.last_payment_error?.code, status === 'succeeded' ? undefined : 'payment_intent_authentication_failure');
      if (status === 'succeeded') assert.deepEqual([now.payment_method.type, now.payment_method.billing_details.name], ['ideal', 'Ada Payer']);
      assert.deepEqual(problems, []);
    });
  }

  test('SEPA Debit: an IBAN is checked in its field, is on its way, and arrives', async (t) => {
    const { page, intent, frame, problems } = await open(t, 'eur', ['sepa_debit', 'card']);
    const iban = frame.getByLabel('IBAN');
    await iban.fill('DE08370400440532013004');
    assert.equal((await confirm(page)).error.code, 'invalid_iban');
    await frame.getByText('The IBAN you entered is invalid.').waitFor();
    await screenshot(page, 'methods-sepa-error');
    await iban.fill('DE08370400440532013003'); // whose bank takes three minutes
    await frame.getByText('you authorize this business and Stripe').waitFor();
    await screenshot(page, 'methods-sepa');
    assert.equal((await confirm(page)).paymentIntent.status, 'processing');
    await wait(180);
    const paid = await look(intent);
    assert.deepEqual([paid.status, paid.payment_method.sepa_debit.last4, paid.payment_method.billing_details.email], ['succeeded', '3003', 'ada@example.com']);
    assert.deepEqual(problems, []);
  });

  test('SEPA Debit: what the bank refuses can be paid in another way', async (t) => {
    const { page, intent, frame } = await open(t, 'eur', ['sepa_debit']);
    await frame.getByLabel('IBAN').fill('DE78370400440532013004');
    assert.equal((await confirm(page)).paymentIntent.status, 'processing');
    await wait(180);
    const refused = await look(intent);
    assert.deepEqual([refused.status, refused.last_payment_error.code], ['requires_payment_method', 'generic_could_not_process']);
  });

  test('an IBAN is sent from its own Element', async (t) => {
    const { page, intent } = await open(t, 'eur', ['sepa_debit']);
    await page.evaluate(() => {
      window.leave();
      return window.show({}, ['iban', { supportedCountries: ['SEPA'] }]);
    });
    const pay = () => page.evaluate((secret) => window.stripe.confirmSepaDebitPayment(secret, {
      payment_method: { sepa_debit: window.elements.getElement('iban'), billing_details: { name: 'Ada Payer', email: 'ada@example.com' } },
    }), intent.client_secret);
    const iban = fieldsOf(page, 'Secure IBAN input frame').getByLabel('IBAN');
    await iban.fill('DE89370400440532013001');
    assert.equal((await pay()).error.code, 'invalid_iban');
    await iban.fill('DE89370400440532013000');
    assert.equal((await pay()).paymentIntent.status, 'processing');
    assert.equal((await look(intent)).payment_method.sepa_debit.last4, '3000');
  });

  test('a US bank account is verified by two small deposits', async (t) => {
    const { page, intent, frame, problems } = await open(t, 'usd', ['us_bank_account', 'card']);
    await frame.getByLabel('Routing number').fill('110000000');
    await frame.getByLabel('Account number').fill('000123456789');
    await screenshot(page, 'methods-us-bank');
    const { paymentIntent } = await confirm(page);
    assert.deepEqual([paymentIntent.status, paymentIntent.next_action.type], ['requires_action', 'verify_with_microdeposits']);
    const verify = (amounts) => page.evaluate(([secret, two]) => window.stripe.verifyMicrodepositsForPayment(secret, { amounts: two }), [intent.client_secret, amounts]);
    assert.equal((await verify([1, 2])).error.code, 'payment_method_microdeposit_verification_amounts_mismatch');
    assert.equal((await verify([32, 45])).paymentIntent.status, 'processing');
    await wait(180);
    const paid = await look(intent);
    assert.deepEqual([paid.status, paid.payment_method.us_bank_account.bank_name], ['succeeded', 'STRIPE TEST BANK']);
    assert.deepEqual(problems.filter((text) => !/status of 400/.test(text)), []);
  });

  for (const [type, name, params] of [['cashapp', 'Cash App Pay', {}], ['wechat_pay', 'WeChat Pay', { 'payment_method_options[wechat_pay][client]': 'web' }]]) {
    test(`${name}: a code is scanned without leaving the shop`, async (t) => {
      const { page, frame, problems } = await open(t, 'usd', [type, 'card'], { params });
      await frame.getByText('You will be shown a code to scan.').waitFor();
      const dialog = page.getByRole('dialog', { name: 'Code to scan' });
      const code = dialog.frameLocator('iframe');

      const left = confirm(page);
      await code.getByRole('img', { name: 'Code to scan' }).waitFor();
      await screenshot(page, `methods-${type}`, { fullPage: false });
      await checkAccess(page, name);
      await page.setViewportSize({ width: 360, height: 640 });
      await screenshot(page, `methods-${type}-phone`, { fullPage: false });
      await dialog.getByRole('button', { name: 'Close' }).click();
      assert.equal((await left).paymentIntent.status, 'requires_action', 'who closes the dialog may scan later');

      const refused = confirm(page);
      await code.getByRole('button', { name: 'Fail' }).click();
      assert.equal((await refused).error.payment_intent.status, 'requires_payment_method');

      const back = page.waitForURL(`${world.site.url}/done?**redirect_status=succeeded`);
      await page.evaluate((url) => { window.stripe.confirmPayment({ elements: window.elements, confirmParams: { return_url: url } }); }, shopAgain());
      await code.getByRole('button', { name: 'Authorize' }).click();
      await back;
      assert.deepEqual(problems, []);
    });
  }

  test('OXXO: the voucher is shown, and paid later', async (t) => {
    const { page, intent } = await open(t, 'mxn', ['oxxo']);
    const dialog = page.getByRole('dialog', { name: 'Voucher' });
    const shown = confirm(page);
    await dialog.frameLocator('iframe').getByRole('img', { name: 'Barcode' }).waitFor();
    await screenshot(page, 'methods-oxxo', { fullPage: false });
    await page.keyboard.press('Escape');
    const { paymentIntent } = await shown;
    assert.deepEqual([paymentIntent.status, paymentIntent.next_action.type], ['requires_action', 'oxxo_display_details']);
    await wait(180);
    assert.equal((await look(intent)).status, 'succeeded');
  });

  // Each has a method of its own in Stripe.js, and the same data as the API.
  for (const [call, currency, type, data, expected] of [
    ['confirmIdealPayment', 'eur', 'ideal', { payment_method: { ideal: { bank: 'ing' } }, return_url: 'https://shop.example/done' }, { action: 'redirect_to_url', bank: 'ing' }],
    ['confirmKlarnaPayment', 'eur', 'klarna', { payment_method: { billing_details: { email: 'ada@example.com', address: { country: 'DE' } } } }, { action: 'redirect_to_url' }],
    ['confirmUsBankAccountPayment', 'usd', 'us_bank_account',
      { payment_method: { us_bank_account: { account_number: '000123456789', routing_number: '110000000', account_holder_type: 'company' }, billing_details: { name: 'Ada Payer' } } },
      { action: 'verify_with_microdeposits', account_holder_type: 'company' }],
    ['confirmAlipayPayment', 'usd', 'alipay', undefined, { action: 'alipay_handle_redirect' }],
    ['confirmCashappPayment', 'usd', 'cashapp', undefined, { action: 'cashapp_handle_redirect_or_display_qr_code' }],
  ]) {
    test(`${call} pays with its own type`, async (t) => {
      const { page, intent } = await open(t, currency, [type]);
      const { paymentIntent } = await page.evaluate(([name, secret, more]) => window.stripe[name](secret, more, { handleActions: false }), [call, intent.client_secret, data]);
      const { action, ...details } = expected;
      assert.deepEqual([paymentIntent.status, paymentIntent.next_action.type], ['requires_action', action]);
      const { payment_method: method } = await look(intent);
      assert.equal(method.type, type);
      for (const [name, value] of Object.entries(details)) assert.equal(method[type][name], value);
    });
  }

  test('a payment method that the server has made is confirmed by its id', async (t) => {
    const { page, intent } = await open(t, 'eur', ['bancontact']);
    const method = await world.sandbox.stripe('POST', '/payment_methods', { type: 'bancontact', 'billing_details[name]': 'Ada Payer' });
    await page.evaluate(([secret, id]) => { window.stripe.confirmBancontactPayment(secret, { payment_method: id }); }, [intent.client_secret, method.id]);
    await page.waitForURL(`${world.sandbox.url}/_hosted/authorize/${intent.id}**`);
    await page.getByRole('button', { name: 'Authorize' }).click();
    await waitForText(page.getByRole('status'), 'You can close this page');
    assert.equal((await look(intent)).status, 'succeeded');
  });

  test('an intent made after the fields must be for what they have shown', async (t) => {
    const { page, watch } = await open(t, 'usd', ['card']);
    await page.evaluate(() => {
      window.leave();
      return window.show({ mode: 'payment', amount: 2400, currency: 'usd', paymentMethodTypes: ['card'] }, ['payment']);
    });
    await fillCard(page, CARDS.good);
    const pay = async (intent) => {
      await page.evaluate(() => window.elements.submit());
      return page.evaluate((clientSecret) => window.stripe.confirmPayment({ elements: window.elements, clientSecret, redirect: 'if_required' }), intent.client_secret);
    };
    for (const [params, param, message] of [
      [{ amount: 2500 }, 'amount', /^The provided amount \(2500\) does not match the expected amount \(2400\)\. Try confirming with a Payment Intent/],
      [{ currency: 'eur' }, 'currency', /provided currency \(eur\) does not match the expected currency \(usd\)/],
      [{ setup_future_usage: 'off_session' }, 'setup_future_usage', /\(off_session\) does not match the expected setup_future_usage \(null\)/],
      [{ capture_method: 'manual' }, 'capture_method', /\(manual\) does not match the expected capture_method \(automatic\)/],
      [{ 'payment_method_types[1]': 'link' }, 'payment_method_types', /\(\["card","link"\]\) does not match the expected payment_method_types \(\["card"\]\)/],
    ]) {
      const intent = await make('usd', ['card'], params);
      const { error } = await pay(intent);
      assert.deepEqual([error.type, error.code, error.param], ['invalid_request_error', 'payment_intent_invalid_parameter', param]);
      assert.match(error.message, message);
      assert.equal((await look(intent)).status, 'requires_payment_method', 'nothing was sent');
    }
    await watch.check({ sent: false });
    const good = await make('usd', ['card']);
    assert.equal((await pay(good)).paymentIntent.status, 'succeeded');
    assert.equal((await look(good)).payment_method.card.last4, '4242');
  });
});
