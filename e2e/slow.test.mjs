// The shop on a slow connection: 400 kbit/s, and 400 ms to anywhere.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CARDS, fillCard, screenshot } from './lib/card.mjs';
import { launch } from './lib/chromium.mjs';
import { charges, DESKTOP, isStart, orderStatus, PHONE } from './lib/shop.mjs';
import { startDemo } from './lib/till.mjs';

const SLOW = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };

describe('a slow connection', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  let demo, browser;

  before(async () => {
    demo = await startDemo();
    browser = await launch();
  });
  after(async () => {
    await Promise.all([browser?.close(), demo?.stop()]);
  });

  // frameFits waits until the frame with the fields is as high as they are.
  function frameFits(page) {
    const frame = page.frames().find((f) => f.url().includes('/frames/'));
    return frame.waitForFunction(() => Math.abs(document.getElementById('root').getBoundingClientRect().height - window.innerHeight) <= 1);
  }

  for (const [place, viewport] of [['desk', DESKTOP], ['phone', PHONE]]) {
    test(`${place}: what is on its way has its place, nothing jumps, and impatience pays once`, async (t) => {
      const context = await browser.newContext({ viewport, locale: 'en-US', reducedMotion: 'reduce' });
      context.setDefaultTimeout(30_000);
      t.after(() => context.close());
      const page = await context.newPage();
      const network = await context.newCDPSession(page);
      await network.send('Network.emulateNetworkConditions', SLOW);
      await page.addInitScript(() => {
        window.jumps = [];
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) {
            if (!entry.hadRecentInput) window.jumps.push({ by: entry.value, what: entry.sources.map(({ node }) => node?.className || node?.nodeName) });
          }
        }).observe({ type: 'layout-shift', buffered: true });
      });
      const seen = { starts: 0, confirms: 0 };
      page.on('request', (request) => {
        if (isStart(request)) seen.starts += 1;
        if (request.method() === 'POST' && request.url().endsWith('/confirm')) seen.confirms += 1;
      });

      await page.goto(demo.url, { waitUntil: 'commit' });
      await page.locator('.outline').waitFor();
      await screenshot(page, `slow-${place}-shelf`);
      await page.getByTestId('add-tee').click();
      const started = page.waitForResponse((response) => isStart(response.request()));
      await page.getByTestId('checkout').dblclick();
      await page.locator('.outline').waitFor();
      await screenshot(page, `slow-${place}-checkout`);
      const intent = await (await started).json();
      const pay = page.getByTestId('pay');
      await pay.waitFor();
      assert.equal(await pay.isDisabled(), true, 'there is nothing to pay with yet');
      await screenshot(page, `slow-${place}-form`);
      await pay.and(page.locator(':enabled')).waitFor();
      await fillCard(page, CARDS.good);
      await frameFits(page);
      await pay.dblclick();
      await page.keyboard.press('Enter');
      assert.equal(await pay.getAttribute('aria-disabled'), 'true');
      await screenshot(page, `slow-${place}-paying`);
      await orderStatus(page, /^Paid$/).waitFor();

      assert.deepEqual(await charges(demo, intent), ['succeeded']);
      assert.deepEqual(seen, { starts: 1, confirms: 1 });
      const jumps = await page.evaluate(() => window.jumps);
      const sum = jumps.reduce((all, { by }) => all + by, 0);
      t.diagnostic(`layout shifted by ${sum.toFixed(3)}`);
      assert.ok(sum < 0.1, JSON.stringify(jumps)); // what browsers call good; the page's own change is part of it
    });
  }

  test('the shop’s own script and styles are small', async (t) => {
    const page = await browser.newPage();
    t.after(() => page.close());
    const sizes = {};
    page.on('response', async (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith('/assets/')) sizes[pathname] = (await response.request().sizes()).responseBodySize;
    });
    await page.goto(demo.url, { waitUntil: 'networkidle' });
    const sum = Object.values(sizes).reduce((all, size) => all + size, 0);
    t.diagnostic(`${sum} bytes on the wire`);
    assert.ok(sum > 10_000 && sum < 100_000, JSON.stringify(sizes));
  });
});
