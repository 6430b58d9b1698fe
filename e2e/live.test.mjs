// How the shop learns of a payment's outcome: by the event stream, and by long
// polling wherever there is none.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CARDS, fillCard } from './lib/card.mjs';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { asGuest, buy, openShop, orderStatus, problem, startCheckout } from './lib/shop.mjs';
import { startDemo } from './lib/till.mjs';

describe('the outcome comes by itself', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  const world = {};

  before(async () => {
    world.demo = await startDemo();
    world.browser = await launch();
  });
  after(async () => {
    await Promise.all([world.browser?.close(), world.demo?.stop()]);
  });

  // listen counts how the page asks: streams with the version it had, and polls.
  function listen(page) {
    const asked = { streams: [], polls: 0 };
    page.on('request', (request) => {
      if (request.url().endsWith('/events')) asked.streams.push(request.headers()['last-event-id'] ?? null);
      if (request.url().includes('wait=25')) asked.polls += 1;
    });
    return asked;
  }

  // payElsewhere pays at Stripe, behind the page's back.
  function payElsewhere(demo, { clientSecret }) {
    const id = clientSecret.split('_secret_')[0];
    return demo.stripe('POST', `/payment_intents/${id}/confirm`, { payment_method: 'pm_card_visa', return_url: demo.url });
  }

  test('a stream tells of a decline and of the payment; nothing is polled', async (t) => {
    const { page, problems } = await openShop(t, world);
    const asked = listen(page);
    const intent = await buy(page, CARDS.poor);
    await page.getByTestId('pay-error').waitFor();
    assert.deepEqual(asked.streams, [null], 'a decline does not end the stream');
    await fillCard(page, CARDS.good);
    await page.getByTestId('pay').click();
    await orderStatus(page, /^Paid$/).waitFor();
    assert.equal(asked.polls, 0);
    assert.equal((await asGuest(page, world.demo, 'GET', '/payments/' + intent.id)).status, 'succeeded');
    assert.deepEqual(problems, []);
  });

  for (const [name, answer] of [
    ['is not known', (route) => route.fulfill(problem(404, 'not_found'))],
    ['is one too many', (route) => route.fulfill(problem(429, 'too_many_streams', { wait: 5 }))],
    ['is refused by a server in trouble', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' })],
    ['is answered by something else', (route) => route.fulfill({ status: 200, contentType: 'text/html', body: '<h1>Welcome</h1>' })],
    ['breaks', (route) => route.abort('connectionreset')],
    ['is kept back by a proxy', () => { /* never answered */ }],
  ]) {
    test(`a stream that ${name} is replaced by polling`, async (t) => {
      const { page, problems } = await openShop(t, world);
      const asked = listen(page);
      await page.route('**/events', answer);
      const intent = await startCheckout(page);
      const polled = page.waitForRequest((request) => request.url().includes('wait=25'));
      await page.goto(`${world.demo.url}/#/order/${intent.orderId}`);
      await page.getByRole('link', { name: 'Pay now' }).waitFor();
      await polled;
      await payElsewhere(world.demo, intent);
      await orderStatus(page, /^Paid$/).waitFor();
      assert.ok(asked.streams.length > 0 && asked.polls > 0, JSON.stringify(asked));
      assert.ok(asked.streams.length < 10, `${asked.streams.length} streams were asked for`);
      assert.deepEqual(problems, []);
    });
  }

  test('a stream that asks to come back is taken up where it was left', async (t) => {
    const { page } = await openShop(t, world);
    const asked = listen(page);
    const intent = await startCheckout(page);
    const payment = await asGuest(page, world.demo, 'GET', '/payments/' + intent.id);
    let first = true;
    await page.route('**/events', (route) => {
      if (!first) return route.continue();
      first = false;
      return route.fulfill({
        contentType: 'text/event-stream',
        body: `retry: 20\n\n: hello\n\nid: ${payment.version}\nevent: payment\ndata: ${JSON.stringify(payment)}\n\nevent: reconnect\ndata: {}\n\n`,
      });
    });
    asked.streams.length = 0;
    await page.goto(`${world.demo.url}/#/order/${intent.orderId}`);
    const again = await page.waitForRequest((request) => request.headers()['last-event-id'] !== undefined);
    assert.equal(again.headers()['last-event-id'], String(payment.version));
    await payElsewhere(world.demo, intent);
    await orderStatus(page, /^Paid$/).waitFor();
    assert.deepEqual([asked.streams, asked.polls], [[null, String(payment.version)], 0]);
  });

  test('a hidden tab holds no stream, and catches up when it is seen again', async (t) => {
    const { page } = await openShop(t, world);
    const intent = await startCheckout(page);
    const opened = page.waitForRequest((request) => request.url().endsWith('/events'));
    await page.goto(`${world.demo.url}/#/order/${intent.orderId}`);
    const stream = await opened;
    await page.getByText('What happened', { exact: true }).waitFor();
    const show = (state) => page.evaluate((value) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => value });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
    const closed = page.waitForEvent('requestfailed', (request) => request === stream);
    await show('hidden');
    await closed;
    await payElsewhere(world.demo, intent);
    await show('visible');
    await orderStatus(page, /^Paid$/).waitFor();
  });

  test('Till is restarted meanwhile: the page says so, and goes on by itself', async (t) => {
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'till-shop-'));
    t.after(() => fs.rmSync(data, { recursive: true, force: true }));
    let demo = await startDemo({ data });
    t.after(() => demo.stop());
    const { page } = await openShop(t, { ...world, demo });
    const intent = await startCheckout(page);
    await page.goto(`${demo.url}/#/order/${intent.orderId}`);
    await page.getByText('What happened', { exact: true }).waitFor();
    await demo.stop();
    await page.getByText('The connection was lost').waitFor();
    await look(page, 'order-lost');
    demo = await startDemo({ data, addr: new URL(demo.url).host, sandboxAddr: demo.sandboxAddr });
    await payElsewhere(demo, intent);
    await orderStatus(page, /^Paid$/).waitFor();
    await page.getByText('The connection was lost').waitFor({ state: 'detached' });
  });
});
