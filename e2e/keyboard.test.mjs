// The shop with the keyboard alone: Tab, Enter, Space and typing, nothing else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CARDS, screenshot } from './lib/card.mjs';
import { launch } from './lib/chromium.mjs';
import { charges, DESKTOP, isStart, openShop, orderStatus, SMALL_PHONE } from './lib/shop.mjs';
import { startDemo } from './lib/till.mjs';

describe('the keyboard alone', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  const world = {};

  before(async () => {
    world.demo = await startDemo();
    world.browser = await launch();
  });
  after(async () => {
    await Promise.all([world.browser?.close(), world.demo?.stop()]);
  });

  // focused is what has the focus, in whatever frame: {name, visible}.
  async function focused(page) {
    let frame = page.mainFrame();
    for (;;) {
      const element = await frame.evaluateHandle(() => document.activeElement);
      const inner = await element.asElement()?.contentFrame();
      if (!inner) {
        return element.evaluate((node) => {
          const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(node);
          const label = node.labels?.[0]?.textContent;
          const others = [...document.querySelectorAll('.Input')].filter((other) => other !== node);
          return {
            name: (node.getAttribute('aria-label') || label || node.textContent || node.id).trim(),
            visible: (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) ||
              (node.matches('.Input') && others.every((other) => getComputedStyle(other).boxShadow !== boxShadow)),
          };
        });
      }
      frame = inner;
    }
  }

  // tabTo goes on with Tab until the focus is on what is called so; every stop on the way must be seen.
  async function tabTo(page, name, { key = 'Tab', most = 40 } = {}) {
    const met = [];
    for (let i = 0; i < most; i++) {
      await page.keyboard.press(key);
      const now = await focused(page);
      met.push(now.name);
      assert.ok(now.visible, `the focus on "${now.name}" can’t be seen`);
      if (name.test(now.name)) return now;
    }
    assert.fail(`no ${name} within ${most} stops: ${met.join(' | ')}`);
  }

  async function typeCard(page, number) {
    await tabTo(page, /^Card number/);
    await page.keyboard.press('Control+A');
    await page.keyboard.type(number); // each finished field hands on to the next that is empty
    for (const [field, value] of [[/^Expiration/, '1234'], [/^Security code/, '123'], [/^ZIP/, '94107']]) {
      if (!field.test((await focused(page)).name)) await tabTo(page, field);
      await page.keyboard.press('Control+A');
      await page.keyboard.type(value);
    }
  }

  for (const [place, viewport] of [['desk', DESKTOP], ['phone', SMALL_PHONE]]) {
    test(`a whole purchase, ${place}: declined, then challenged, then paid`, async (t) => {
      const { page, problems } = await openShop(t, world, { viewport, reducedMotion: 'reduce' });
      await page.keyboard.press('Tab');
      assert.equal((await focused(page)).name, 'Skip to content');
      await screenshot(page, `keyboard-${place}-skip`, { fullPage: false });
      await page.keyboard.press('Enter');
      await tabTo(page, /^Add to basket: Letterpress poster/);
      await page.keyboard.press('Space');
      await page.getByRole('status').filter({ hasText: 'Letterpress poster added' }).waitFor();
      await tabTo(page, /^One more Letterpress poster/);
      await page.keyboard.press('Enter');
      await tabTo(page, /^Email/);
      await page.keyboard.type('kim@example.com');
      await tabTo(page, /^Check out/);
      const answered = page.waitForResponse((response) => isStart(response.request()));
      await page.keyboard.press('Enter');
      const intent = await (await answered).json();

      const pay = page.getByTestId('pay').and(page.locator(':enabled'));
      await pay.waitFor();
      assert.equal((await focused(page)).name, 'Checkout', 'the new page is read out');

      // What is wrong is said at the field, which gets the focus.
      await tabTo(page, /^Pay /);
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement.tagName === 'IFRAME');
      assert.equal((await focused(page)).name, 'Card number');

      // Shift+Tab and Tab lead out of the frame and back into it: no trap.
      await tabTo(page, /^(Orders|Basket)/, { key: 'Shift+Tab' });
      await typeCard(page, CARDS.poor);
      await page.keyboard.press('Enter'); // in the frame, as in a form
      const declined = page.getByTestId('pay-error');
      await declined.filter({ hasText: 'another card is needed' }).waitFor();
      await pay.waitFor();
      assert.match((await focused(page)).name, /^Not paid/, 'what is new has the focus');
      await screenshot(page, `keyboard-${place}-declined`, { fullPage: false });

      await typeCard(page, CARDS.challenged);
      await tabTo(page, /^Pay /);
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Card authentication' });
      await dialog.frameLocator('iframe').getByRole('button', { name: 'Complete' }).waitFor();
      await page.keyboard.press('Escape');
      assert.equal(await dialog.count(), 1, 'the bank still waits for an answer');
      await tabTo(page, /^Complete$/, { most: 4 });
      await screenshot(page, `keyboard-${place}-challenge`, { fullPage: false });
      await page.keyboard.press('Enter');

      await orderStatus(page, /^Paid$/).waitFor();
      assert.equal((await focused(page)).name, 'Your order');
      assert.deepEqual(await charges(world.demo, intent), ['failed', 'succeeded'], 'one payment, paid once');
      await tabTo(page, /^All your orders/);
      await screenshot(page, `keyboard-${place}-paid`, { fullPage: false });
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement.textContent === 'Your orders');
      await tabTo(page, /Letterpress poster/);
      await page.keyboard.press('Enter');
      await orderStatus(page, /^Paid$/).waitFor();
      assert.deepEqual(problems, []);
    });
  }

  test('the last thing taken out of the basket leaves the focus at the basket', async (t) => {
    const { page } = await openShop(t, world, { reducedMotion: 'reduce' });
    await tabTo(page, /^Add to basket: Enamel mug/);
    await page.keyboard.press('Enter');
    await tabTo(page, /^One Enamel mug less/);
    await page.keyboard.press('Enter');
    await page.getByText('Nothing in here yet').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'basket');
  });
});
