// The sandbox's page for testers, as somebody sees it who looks into their own Stripe.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { look } from './lib/look.mjs';
import { DESKTOP } from './lib/shop.mjs';
import { startSandbox } from './lib/till.mjs';

describe('the page of the sandbox', { timeout: 120_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  let sandbox, browser, app;
  const delivered = []; // ids of the events that the app was told of

  before(async () => {
    sandbox = await startSandbox();
    app = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => {
        const { id, type } = JSON.parse(body);
        delivered.push(id);
        response.writeHead(type === 'charge.failed' ? 500 : 200).end('seen');
      });
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    browser = await launch();
  });
  after(async () => {
    app?.close();
    await Promise.all([browser?.close(), sandbox?.stop()]);
  });

  async function until(what, done) {
    for (let i = 0; !(await done()); i++) {
      assert.ok(i < 500, `waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('shows what happened and lets testers make more happen', async (t) => {
    const { stripe, url } = sandbox;
    await stripe('POST', '/webhook_endpoints', { url: `http://127.0.0.1:${app.address().port}/hook`, 'enabled_events[0]': '*' });
    const intent = await stripe('POST', '/payment_intents', { amount: 2400, currency: 'usd', 'payment_method_types[0]': 'card' });
    await stripe('POST', `/payment_intents/${intent.id}/confirm`, { payment_method: 'pm_card_visa' });
    const poor = await stripe('POST', '/payment_intents', { amount: 1200, currency: 'usd', 'payment_method_types[0]': 'card' });
    await assert.rejects(stripe('POST', `/payment_intents/${poor.id}/confirm`, { payment_method: 'pm_card_chargeDeclined' }), /card_declined/);
    await stripe('POST', '/customers', { email: 'ada@example.com' });
    await until('the deliveries', () => delivered.length >= 7);

    const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-US', deviceScaleFactor: 2 });
    context.setDefaultTimeout(10_000);
    t.after(() => context.close());
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    // The broken snapshot is a 400; inline styles are tried by what takes the pictures, and the page forbids them.
    page.on('console', (message) => message.type() === 'error' && !/status of 400|Applying inline style/.test(message.text()) && problems.push(message.text()));
    await page.goto(url + '/_sandbox');

    const part = (name) => page.locator(`[data-live="${name}"]`);
    assert.match(await part('state').innerText(), /payment_intent\s+2/);
    const event = part('events').locator('details').filter({ hasText: 'payment_intent.succeeded' });
    assert.match(await event.innerText(), new RegExp(intent.id));
    await event.locator('summary').click();
    assert.equal(JSON.parse(await event.locator('pre').textContent()).data.object.amount, 2400);
    assert.match(await part('requests').innerText(), /402\s+POST\s+\/v1\/payment_intents\/pi_\w+\/confirm\s+req_/);

    const failed = part('deliveries').locator('.row').filter({ hasText: 'charge.failed' }).last();
    assert.match(await failed.innerText(), /500[\s\S]*attempt 1, next at[\s\S]*answered 500: seen/);
    const button = part('deliveries').getByRole('button', { name: /Redeliver customer.created/ }).last();
    const id = (await button.getAttribute('aria-label')).split(' ').at(-1);
    await button.click();
    await until('the redelivery', () => delivered.filter((one) => one === id).length === 2);

    const fault = part('faults');
    await fault.getByLabel('Kind').selectOption('status_before');
    await fault.getByLabel('Path').fill('/v1/customers');
    await fault.getByLabel('Count').fill('2');
    await fault.getByRole('button', { name: 'Add' }).click();
    await fault.getByText('0 of 2').waitFor();
    await assert.rejects(stripe('POST', '/customers'), /500/);
    await fault.getByRole('button', { name: 'Clear all' }).click();
    await fault.getByText('of 2').waitFor({ state: 'detached' });
    await stripe('POST', '/customers');

    const webhooks = part('webhooks');
    await webhooks.getByLabel('Mode').selectOption('chaos');
    await webhooks.getByRole('spinbutton', { name: 'Drop' }).fill('0.5');
    await webhooks.getByRole('button', { name: 'Set' }).click();
    await webhooks.getByRole('heading', { name: 'chaos' }).waitFor();
    assert.equal((await (await fetch(url + '/_sandbox/webhooks')).json()).drop, 0.5);

    await look(page, 'sandbox');

    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Save a snapshot' }).click()]);
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: 'Reset' }).click();
    await part('events').getByText('Nothing has happened yet.').waitFor();
    await page.getByLabel('Load a snapshot').setInputFiles({ name: 'broken.json', mimeType: 'application/json', buffer: Buffer.from('{') });
    await page.getByRole('alert').getByText('no snapshot').waitFor();
    await page.getByLabel('Load a snapshot').setInputFiles(await download.path());
    await part('events').locator('b', { hasText: 'payment_intent.succeeded' }).waitFor();
    assert.equal((await stripe('GET', '/payment_intents/' + intent.id)).status, 'succeeded');
    assert.deepEqual(problems, []);
  });
});
