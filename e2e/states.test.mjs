// Every page and state of the shop, as axe, a phone and the night see it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CARDS, cardFrame, challenge, fillCard } from './lib/card.mjs';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { asGuest, buy, fillBasket, openShop, orderStatus, problem, startCheckout } from './lib/shop.mjs';
import { startDemo } from './lib/till.mjs';

describe('every state of the shop', { timeout: 600_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  const world = {};

  before(async () => {
    world.demo = await startDemo();
    world.browser = await launch();
  });
  after(async () => {
    await Promise.all([world.browser?.close(), world.demo?.stop()]);
  });

  const open = (t, options) => openShop(t, world, { deviceScaleFactor: 1, ...options });
  const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();

  test('the shelf, with an empty basket and a full one', async (t) => {
    const { page, problems } = await open(t);
    await page.getByText('Nothing in here yet').waitFor();
    await look(page, 'shelf-empty-basket');
    await fillBasket(page);
    await page.getByTestId('tip').fill('0.5');
    await page.getByTestId('give').click();
    await page.getByText(/Please choose an amount/).waitFor();
    await look(page, 'shelf-full-basket');
    assert.deepEqual(problems, []);
  });

  test('outlines stand where the content will be', async (t) => {
    const { page } = await open(t);
    await fillBasket(page);
    const held = [];
    const hold = (pattern) => page.route(pattern, (route) => held.push(route));
    await hold('**/payments/intent');
    await hold('**/orders**');
    await hold('**/catalog/products**');
    for (const [path, name] of [['/', 'shelf'], ['/checkout', 'checkout'], ['/orders', 'orders'], ['/order/ord_1', 'order']]) {
      await page.goto(world.demo.url + '/#' + path);
      await page.reload();
      await page.locator('.outline').waitFor();
      await look(page, 'waiting-' + name);
    }
  });

  test('the pay page: fields, what is wrong with them, a decline', async (t) => {
    const { page } = await open(t);
    await startCheckout(page);
    await look(page, 'pay');
    await page.getByTestId('pay').click();
    await cardFrame(page).getByText('Your card number is incomplete.').waitFor();
    await look(page, 'pay-incomplete');
    await fillCard(page, CARDS.poor);
    await page.getByTestId('pay').click();
    await page.getByTestId('pay-error').filter({ hasText: 'another card is needed' }).waitFor();
    await page.getByTestId('pay').and(page.locator(':enabled')).waitFor();
    await look(page, 'pay-declined');
  });

  test('a card that can’t be tried again is replaced by another payment of the same order', async (t) => {
    const { page } = await open(t);
    const intent = await buy(page, CARDS.poor);
    await page.getByTestId('pay-error').waitFor();
    // No test card is declined for good, so Till's answer is changed on its way.
    await page.route(/\/events$|wait=/, (route) => route.abort());
    await page.route(`**/payments/${intent.id}`, async (route) => {
      const response = await route.fetch();
      const text = (await response.text()).replaceAll('"other_card"', '"stop"');
      await route.fulfill({ response, body: text });
    });
    await page.reload();
    const again = page.getByRole('button', { name: 'Start again with another card' });
    await again.waitFor();
    await look(page, 'pay-stopped');
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await again.click();
    await page.getByTestId('pay-error').waitFor({ state: 'detached' });
    await fillCard(page, CARDS.good);
    await page.getByTestId('pay').click();
    await orderStatus(page, /^Paid$/).waitFor();
    const earlier = page.getByText('An earlier payment: Canceled');
    await earlier.click();
    await page.getByRole('region', { name: intent.id }).getByText('What happened', { exact: true }).waitFor();
    await look(page, 'order-two-payments');
    assert.equal((await asGuest(page, world.demo, 'GET', `/orders/${intent.orderId}`)).payments.length, 2);
  });

  test('the bank’s challenge', async (t) => {
    const { page } = await open(t);
    await buy(page, CARDS.challenged);
    await challenge(page).getByRole('button', { name: 'Complete' }).waitFor();
    await look(page, 'challenge', { fullPage: false });
    await challenge(page).getByRole('button', { name: 'Fail' }).click();
    await page.getByTestId('pay-error').filter({ hasText: 'your bank has to agree' }).waitFor();
    await look(page, 'challenge-failed');
  });

  test('while Stripe’s answer is not known the shop says so, and then goes on', async (t) => {
    const { page } = await open(t);
    await fillBasket(page);
    await world.demo.fault({ method: 'POST', path: '/v1/payment_intents', kind: 'reset_before', count: 50 });
    const pending = page.waitForResponse((response) => response.status() === 202);
    await page.getByTestId('checkout').click();
    await pending;
    await world.demo.mend();
    await page.getByText('Stripe is slow to answer').waitFor();
    await cardFrame(page).getByLabel('Card number').waitFor();
    await page.getByTestId('pay').and(page.locator(':enabled')).waitFor();
  });

  test('a long wait for Stripe', async (t) => {
    const { page } = await open(t);
    await fillBasket(page);
    await page.route('**/payments/intent', (route) => route.fulfill({
      status: 202, contentType: 'application/json', body: JSON.stringify({ id: 'pay_1', orderId: 'ord_1', status: 'unknown', retryAfter: 600 }),
    }));
    await page.getByTestId('checkout').click();
    await page.getByText('Stripe is slow to answer').waitFor();
    await look(page, 'pay-slow');
  });

  test('an order that waits, is paid, is canceled', async (t) => {
    const { page } = await open(t);
    const intent = await startCheckout(page);
    await page.goto(`${world.demo.url}/#/order/${intent.orderId}`);
    await page.getByRole('link', { name: 'Pay now' }).waitFor();
    await page.getByText('What happened', { exact: true }).waitFor();
    await look(page, 'order-open');
    await page.getByRole('link', { name: 'Pay now' }).click();
    await fillCard(page, CARDS.good);
    await page.getByTestId('pay').click();
    await orderStatus(page, /^Paid$/).waitFor();
    await page.getByTestId('timeline').getByText('confirmation mail was sent').waitFor();
    await look(page, 'order-paid');

    const order = await asGuest(page, world.demo, 'POST', '/orders', { items: [{ priceId: 'mug', quantity: 1 }] });
    await asGuest(page, world.demo, 'POST', `/orders/${order.id}/cancel`);
    await page.goto(`${world.demo.url}/#/order/${order.id}`);
    await orderStatus(page, 'Canceled').waitFor();
    await look(page, 'order-canceled');
    await page.goto(`${world.demo.url}/#/pay/${order.id}`);
    await page.getByText('This order was canceled').waitFor();
    await look(page, 'pay-canceled');
    await page.goto(`${world.demo.url}/#/pay/${intent.orderId}`);
    await orderStatus(page, /^Paid$/).or(page.getByText('This order is already paid')).first().waitFor();
  });

  test('orders: none, and more than a page', async (t) => {
    const { page } = await open(t, { path: '/#/orders' });
    await page.getByText('You have not ordered anything yet').waitFor();
    await look(page, 'orders-none');
    for (let n = 1; n <= 12; n++) {
      await asGuest(page, world.demo, 'POST', '/orders', { items: [{ priceId: n % 2 ? 'mug' : 'poster', quantity: n }, ...(n % 3 ? [] : [{ priceId: 'tee', quantity: 1 }])] });
    }
    await page.reload();
    const rows = page.getByTestId('orders').getByRole('link');
    await rows.nth(9).waitFor();
    assert.equal(await rows.count(), 10);
    await page.getByRole('button', { name: 'Show older orders' }).click();
    await rows.nth(11).waitFor();
    assert.equal(await rows.count(), 12);
    assert.equal(await rows.nth(10).evaluate((row) => row === document.activeElement), true, 'the focus is on the first of the new rows');
    assert.equal(await page.getByRole('button', { name: 'Show older orders' }).count(), 0);
    await look(page, 'orders');
  });

  test('an order that is not here, and an address that is none', async (t) => {
    const { page } = await open(t, { path: '/#/order/ord_nothing' });
    await page.getByText('We can’t find that here').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0, 'trying again would not help');
    await look(page, 'order-missing');
    await page.goto(world.demo.url + '/#/nowhere');
    await heading(page, 'Nothing here');
    await look(page, 'nowhere');
  });

  test('a guest whose token has expired is told, and can buy again', async (t) => {
    const { page } = await open(t);
    const intent = await startCheckout(page);
    await page.evaluate(() => localStorage.setItem('till.guest', localStorage.getItem('till.guest').replace(/\.[^.]+$/, '.AAAA')));
    await page.goto(`${world.demo.url}/#/order/${intent.orderId}`);
    await page.getByText('Your last visit has expired').waitFor();
    await look(page, 'expired-order');
    await page.getByRole('link', { name: 'All your orders' }).click();
    await page.getByText('You have not ordered anything yet').waitFor();
    await look(page, 'expired-orders');
    await page.goto(world.demo.url + '/#/checkout');
    await fillCard(page, CARDS.good);
    await page.getByTestId('pay').click();
    await orderStatus(page, /^Paid$/).waitFor();
  });

  test('Till is away, too busy, or says to wait', async (t) => {
    const { page } = await open(t);
    await fillBasket(page);
    await page.route('**/catalog/products**', (route) => route.abort());
    await page.reload();
    await page.getByText('We can’t reach the shop').waitFor();
    await look(page, 'away');
    await page.unroute('**/catalog/products**');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByTestId('checkout').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1', 'the focus is not lost with the button');

    let answer = problem(503, 'unavailable');
    await page.route('**/payments/intent', (route) => route.fulfill(answer));
    await page.getByTestId('checkout').click();
    await page.getByText('The shop is very busy').waitFor();
    await look(page, 'busy');
    answer = problem(429, 'rate_limited', { wait: 600 });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('That was a little fast').waitFor();
    const wait = page.getByRole('button', { name: /Try again in 10 min/ });
    await wait.waitFor();
    await look(page, 'limited');
    answer = problem(429, 'rate_limited', { wait: 1 });
    await page.reload();
    await page.getByRole('button', { name: 'Try again', exact: true }).and(page.locator('[aria-disabled=false]')).waitFor();
    await page.unroute('**/payments/intent');
    await page.getByRole('button', { name: 'Try again' }).click();
    await cardFrame(page).getByLabel('Card number').waitFor();
  });

  test('Stripe’s script can’t be had, and then it can', async (t) => {
    const { page } = await open(t);
    await fillBasket(page);
    await page.route('**/stripe.js', (route) => route.abort());
    await page.getByTestId('checkout').click();
    await page.getByText('The card form can’t be loaded').waitFor();
    await page.unroute('**/stripe.js');
    await page.getByRole('button', { name: 'Try again' }).click();
    await cardFrame(page).getByLabel('Card number').waitFor();
  });

  test('paid in another tab: this one follows, and nothing is paid twice', async (t) => {
    const { page } = await open(t);
    const intent = await startCheckout(page);
    const other = await page.context().newPage();
    await other.goto(world.demo.url + '/#/checkout');
    await fillCard(other, CARDS.good);
    await other.getByTestId('pay').click();
    await orderStatus(other, /^Paid$/).waitFor();
    await orderStatus(page, /^Paid$/).waitFor();
    assert.ok(page.url().includes(intent.orderId));
  });

  test('the basket changed in another tab: this one shows the new sum before it takes it', async (t) => {
    const { page } = await open(t);
    await startCheckout(page);
    const before = await page.getByTestId('pay').textContent();
    const other = await page.context().newPage();
    await other.goto(world.demo.url);
    await other.getByRole('button', { name: /^Add / }).first().click();
    await other.getByTestId('checkout').click();
    const sum = await other.getByTestId('pay').filter({ hasText: /Pay .*\d/ }).textContent();
    assert.notEqual(sum, before);
    await page.getByTestId('pay').filter({ hasText: sum }).waitFor();
  });

  test('the mailbox', async (t) => {
    const { page } = await open(t);
    await buy(page, CARDS.good, { email: 'eve@example.com' });
    await orderStatus(page, /^Paid$/).waitFor();
    await page.getByTestId('timeline').getByText('confirmation mail was sent').waitFor();
    await page.goto(world.demo.url + '/demo/mailbox');
    await page.getByRole('link').filter({ hasText: 'eve@example.com' }).waitFor();
    await look(page, 'mailbox');
    await page.getByRole('link').filter({ hasText: 'eve@example.com' }).click();
    await page.getByRole('link', { name: 'Text' }).click();
    await page.locator('pre').waitFor();
    await look(page, 'mail');
  });
});
