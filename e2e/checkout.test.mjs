// The sandbox's own pages for paying: Checkout, in a tab and in a frame of the
// shop's, payment links and receipts. Nothing of Till's API takes part.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { DESKTOP } from './lib/shop.mjs';
import { startSandbox } from './lib/till.mjs';

const GOOD = '4242424242424242', DECLINED = '4000000000000002', CHALLENGED = '4000002760003184';

describe('Checkout of the sandbox', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  let sandbox, browser, shop, shopURL;

  before(async () => {
    sandbox = await startSandbox();
    // The shop: /frame holds an embedded Checkout, every other page says where one is.
    shop = http.createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://shop');
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      response.end(pathname === '/frame' ? frame(searchParams.get('cs')) : `<!doctype html><title>Shop</title><h1>${pathname.slice(1)}</h1>`);
    }).listen(0, '127.0.0.1');
    await once(shop, 'listening');
    shopURL = `http://localhost:${shop.address().port}`; // not the sandbox's host: a frame of another site
    browser = await launch();
  });
  after(async () => {
    shop?.close();
    await Promise.all([browser?.close(), sandbox?.stop()]);
  });

  const frame = (cs) => `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title><main><h1>Your order</h1>
    <iframe title="Checkout" src="${sandbox.url}/_hosted/checkout/${cs}?embedded=1" style="width: 100%; height: 300px; border: 0"></iframe>
    <p id="told"></p></main>
    <script>
      addEventListener('message', ({ data }) => {
        if (data.type === 'resize') document.querySelector('iframe').style.height = data.height + 'px';
        if (data.type === 'complete') document.querySelector('#told').textContent = 'complete';
      });
    </script>`;

  async function session(params = {}) {
    const addresses = params.ui_mode ? {} : { success_url: shopURL + '/thanks?cs={CHECKOUT_SESSION_ID}', cancel_url: shopURL + '/basket' };
    return sandbox.stripe('POST', '/checkout/sessions', {
      mode: 'payment', ...addresses,
      'line_items[0][price_data][currency]': 'usd', 'line_items[0][price_data][unit_amount]': 2000, 'line_items[0][price_data][product_data][name]': 'Cup', 'line_items[0][quantity]': 2,
      ...params,
    });
  }
  const now = (id) => sandbox.stripe('GET', '/checkout/sessions/' + id);

  async function open(t, url, options = {}) {
    const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-US', deviceScaleFactor: 2, colorScheme: 'light', ...options });
    context.setDefaultTimeout(10_000);
    t.after(() => context.close());
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(url);
    return { page, problems };
  }

  async function fill(at, number, { email = 'ada@example.com' } = {}) {
    if (email) await at.getByLabel('Email').fill(email);
    await at.getByLabel('Card number').fill('');
    await at.getByLabel('Card number').pressSequentially(number);
    await at.getByLabel('Expiry').fill('');
    await at.getByLabel('Expiry').pressSequentially('1240');
    await at.getByLabel('CVC').fill('123');
    await at.getByLabel('Name on card').fill('Ada Lovelace');
    await at.getByLabel('ZIP or postal code').fill('94103');
  }

  test('an order is changed, paid and comes to the shop', async (t) => {
    const coupon = await sandbox.stripe('POST', '/coupons', { amount_off: 500, currency: 'usd' });
    await sandbox.stripe('POST', '/promotion_codes', { coupon: coupon.id, code: 'FRIENDS' });
    const s = await session({
      allow_promotion_codes: true, 'line_items[0][adjustable_quantity][enabled]': true,
      'shipping_options[0][shipping_rate_data][display_name]': 'Post', 'shipping_options[0][shipping_rate_data][type]': 'fixed_amount',
      'shipping_options[0][shipping_rate_data][fixed_amount][amount]': 400, 'shipping_options[0][shipping_rate_data][fixed_amount][currency]': 'usd',
      'shipping_options[1][shipping_rate_data][display_name]': 'Courier', 'shipping_options[1][shipping_rate_data][type]': 'fixed_amount',
      'shipping_options[1][shipping_rate_data][fixed_amount][amount]': 1500, 'shipping_options[1][shipping_rate_data][fixed_amount][currency]': 'usd',
    });
    const { page, problems } = await open(t, s.url);
    await fill(page, GOOD);
    assert.equal(await page.getByLabel('Card number').inputValue(), '4242 4242 4242 4242');
    assert.equal(await page.getByLabel('Expiry').inputValue(), '12 / 40');

    await page.getByLabel('Promotion code').fill('nothing');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('This code is invalid.').waitFor();
    await page.getByLabel('Promotion code').fill('friends');
    await page.getByLabel('Promotion code').press('Enter');
    await page.getByRole('button', { name: 'Pay $39.00' }).waitFor();
    await page.getByLabel('Courier').check();
    await page.getByRole('button', { name: 'Pay $50.00' }).waitFor();
    await page.getByLabel('Quantity').fill('3');
    await page.getByLabel('Quantity').press('Tab');
    await page.getByRole('button', { name: 'Pay $70.00' }).waitFor();
    await page.getByRole('button', { name: 'Remove the code FRIENDS' }).click();
    await page.getByRole('button', { name: 'Pay $75.00' }).click();

    await page.waitForURL(shopURL + '/thanks?cs=' + s.id);
    const paid = await now(s.id);
    assert.equal(paid.payment_status, 'paid');
    assert.equal(paid.amount_total, 7500);
    assert.equal(paid.customer_details.email, 'ada@example.com');
    assert.deepEqual(problems, []);
  });

  test('a decline is told at the card, and another card pays', async (t) => {
    const s = await session();
    const { page } = await open(t, s.url);
    await fill(page, DECLINED);
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.getByText('Your card was declined.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'number');
    assert.equal(await page.getByLabel('Email').inputValue(), 'ada@example.com');
    await look(page, 'checkout-declined', { schemes: ['light'] });
    await fill(page, GOOD);
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.waitForURL(shopURL + '/thanks**');
    assert.equal((await now(s.id)).payment_status, 'paid');
  });

  test('the bank asks by 3D Secure', async (t) => {
    const s = await session();
    const { page } = await open(t, s.url);
    await fill(page, CHALLENGED);
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.getByRole('button', { name: 'Fail' }).click();
    await page.getByText('unable to authenticate your payment method').waitFor();
    assert.equal((await now(s.id)).status, 'open');
    await fill(page, CHALLENGED);
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.getByRole('button', { name: 'Complete' }).click();
    await page.waitForURL(shopURL + '/thanks**');
    assert.equal((await now(s.id)).payment_status, 'paid');
  });

  test('the payer goes back to the shop', async (t) => {
    const s = await session();
    const { page } = await open(t, s.url);
    await page.getByRole('link', { name: 'Back to the shop' }).click();
    await page.waitForURL(shopURL + '/basket');
    assert.equal((await now(s.id)).status, 'open');
  });

  test('the keyboard is enough', async (t) => {
    const s = await session();
    const { page } = await open(t, s.url);
    await page.getByLabel('Email').focus();
    for (const text of ['ada@example.com', GOOD, '1240', '123', 'Ada Lovelace']) {
      await page.keyboard.type(text);
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Tab'); // the country stays
    await page.keyboard.type('94103');
    await page.keyboard.press('Enter');
    await page.waitForURL(shopURL + '/thanks**');
    assert.equal((await now(s.id)).payment_status, 'paid');
  });

  test('no script is needed', async (t) => {
    const s = await session();
    const { page } = await open(t, s.url, { javaScriptEnabled: false });
    await fill(page, DECLINED);
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.getByText('Your card was declined.').waitFor();
    await fill(page, GOOD, { email: null });
    await page.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.waitForURL(shopURL + '/thanks**');
  });

  test('a frame of the shop takes the payment and returns to the shop', async (t) => {
    const s = await session({ ui_mode: 'embedded', return_url: shopURL + '/return?cs={CHECKOUT_SESSION_ID}' });
    const { page } = await open(t, shopURL + '/frame?cs=' + s.id);
    const checkout = page.frameLocator('iframe');
    await fill(checkout, CHALLENGED);
    assert.ok(await page.locator('iframe').evaluate((f) => f.offsetHeight) > 400, 'the frame has not grown with its page');
    await checkout.getByRole('button', { name: 'Pay $40.00' }).click();
    await checkout.getByRole('button', { name: 'Complete' }).click();
    await page.waitForURL(shopURL + '/return?cs=' + s.id);
    assert.equal((await now(s.id)).payment_status, 'paid');
  });

  test('a frame that stays tells the shop', async (t) => {
    const s = await session({ ui_mode: 'embedded', redirect_on_completion: 'never' });
    const { page } = await open(t, shopURL + '/frame?cs=' + s.id);
    const checkout = page.frameLocator('iframe');
    await fill(checkout, GOOD);
    await look(page, 'checkout-frame', { schemes: ['light'] });
    await checkout.getByRole('button', { name: 'Pay $40.00' }).click();
    await page.locator('#told', { hasText: 'complete' }).waitFor();
    await checkout.getByText('Payment complete').waitFor();
  });

  test('a card is saved for later', async (t) => {
    const s = await sandbox.stripe('POST', '/checkout/sessions', { mode: 'setup', currency: 'usd', success_url: shopURL + '/saved' });
    const { page } = await open(t, s.url);
    await fill(page, GOOD);
    await look(page, 'checkout-setup', { schemes: ['dark'] });
    await page.getByRole('button', { name: 'Save card' }).click();
    await page.waitForURL(shopURL + '/saved');
    assert.equal((await now(s.id)).status, 'complete');
  });

  test('all that a shop can ask for is there for everybody', async (t) => {
    const vat = await sandbox.stripe('POST', '/tax_rates', { display_name: 'Tax', percentage: 8, inclusive: false });
    const s = await session({
      'line_items[0][adjustable_quantity][enabled]': true, 'line_items[0][price_data][product_data][description]': 'Stoneware, 300 ml, made by hand', 'line_items[0][tax_rates][0]': vat.id,
      'line_items[1][price_data][currency]': 'usd', 'line_items[1][price_data][unit_amount]': 1234500, 'line_items[1][price_data][product_data][name]': 'A coffee machine with a rather long name that has to go over two lines', 'line_items[1][quantity]': 3,
      allow_promotion_codes: true, billing_address_collection: 'required', 'phone_number_collection[enabled]': true,
      'payment_method_types[0]': 'card', 'payment_method_types[1]': 'us_bank_account', 'payment_method_types[2]': 'klarna',
      'shipping_address_collection[allowed_countries][0]': 'US', 'shipping_address_collection[allowed_countries][1]': 'DE',
      'shipping_options[0][shipping_rate_data][display_name]': 'Post', 'shipping_options[0][shipping_rate_data][type]': 'fixed_amount',
      'shipping_options[0][shipping_rate_data][fixed_amount][amount]': 0, 'shipping_options[0][shipping_rate_data][fixed_amount][currency]': 'usd',
      'shipping_options[0][shipping_rate_data][delivery_estimate][minimum][unit]': 'business_day', 'shipping_options[0][shipping_rate_data][delivery_estimate][minimum][value]': 3,
      'shipping_options[0][shipping_rate_data][delivery_estimate][maximum][unit]': 'business_day', 'shipping_options[0][shipping_rate_data][delivery_estimate][maximum][value]': 5,
      'shipping_options[1][shipping_rate_data][display_name]': 'Courier', 'shipping_options[1][shipping_rate_data][type]': 'fixed_amount',
      'shipping_options[1][shipping_rate_data][fixed_amount][amount]': 1500, 'shipping_options[1][shipping_rate_data][fixed_amount][currency]': 'usd',
      'custom_fields[0][key]': 'size', 'custom_fields[0][type]': 'dropdown', 'custom_fields[0][label][type]': 'custom', 'custom_fields[0][label][custom]': 'Gift wrap',
      'custom_fields[0][dropdown][options][0][label]': 'Paper', 'custom_fields[0][dropdown][options][0][value]': 'paper', 'custom_fields[0][optional]': true,
      'consent_collection[terms_of_service]': 'required', 'consent_collection[promotions]': 'auto', 'custom_text[submit][message]': 'We send it within a week.',
    });
    const { page, problems } = await open(t, s.url);
    assert.equal(await page.getByLabel('Country').first().locator('option', { hasText: 'Germany' }).count(), 1);
    await look(page, 'checkout');
    await page.getByLabel('US bank account').check();
    assert.ok(await page.getByLabel('Routing number').isVisible());
    assert.ok(!(await page.getByLabel('Card number').isVisible()));
    await page.getByRole('button', { name: /^Pay / }).click();
    await page.getByText('Enter your email address.').waitFor();
    assert.deepEqual(problems, []);
  });

  test('a payment link sells until it is closed, and the receipt tells of it', async (t) => {
    const price = await sandbox.stripe('POST', '/prices', { currency: 'usd', unit_amount: 2000, 'product_data[name]': 'Cup' });
    const link = await sandbox.stripe('POST', '/payment_links', { 'line_items[0][price]': price.id, 'line_items[0][quantity]': 1, 'restrictions[completed_sessions][limit]': 1, inactive_message: 'All cups are sold.' });
    const { page } = await open(t, link.url);
    await fill(page, GOOD);
    await page.getByRole('button', { name: 'Pay $20.00' }).click();
    await page.getByText('Thanks for your payment').waitFor();
    await look(page, 'link-thanks');
    await page.goto(link.url);
    await page.getByText('All cups are sold.').waitFor();
    const { data: [{ receipt_url: receipt, id }] } = await sandbox.stripe('GET', '/charges', { limit: 1 });
    await sandbox.stripe('POST', '/refunds', { charge: id, amount: 500 });
    await page.goto(receipt);
    await page.getByText('$15.00').waitFor();
    await look(page, 'receipt');
  });

  test('a page that came too late says so', async (t) => {
    const s = await session();
    await sandbox.stripe('POST', `/checkout/sessions/${s.id}/expire`);
    const { page } = await open(t, s.url);
    await page.getByText('This page has expired').waitFor();
    await look(page, 'checkout-expired', { schemes: ['dark'] });
  });
});
