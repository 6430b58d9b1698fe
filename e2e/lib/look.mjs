// Looking at a page as it is for everybody: on a desk and on a phone, by day
// and by night, with axe for those who can't see it.
import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { screenshot } from './card.mjs';
import { DESKTOP, PHONE, SMALL_PHONE } from './shop.mjs';

const PLACES = [['desk', DESKTOP], ['phone', PHONE], ['small', SMALL_PHONE]];

// Every light in every place takes long: that is for the long run. Otherwise it is
// day at the desk and night on the phone.
export const LONG = Boolean(process.env.TILL_TEST_LONG);

// look checks the page as it stands in its places and lights, and keeps a picture of each.
export async function look(page, name, { fullPage = true, schemes = ['light', 'dark'] } = {}) {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await frameFollows(page);
    for (const [place, viewport] of PLACES) {
      await page.setViewportSize(viewport);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${name}, ${place}: ${overflow}px wider than the screen`);
      if (place === 'small') continue; // the same as the phone but for its width
      if (!LONG && schemes.length > 1 && (colorScheme === 'light') !== (place === 'desk')) continue;
      await checkAccess(page, `${name}, ${place}, ${colorScheme}`);
      await screenshot(page, `look-${name}-${place}-${colorScheme}`, { fullPage });
    }
  }
  await page.setViewportSize(DESKTOP);
}

// checkAccess fails with what axe finds on the page and in its frames.
export async function checkAccess(page, name) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  at ${target.flat().join(' ')}\n  ${failureSummary.replaceAll('\n', '\n  ')}`));
  assert.deepEqual(found, [], `${name}:\n${found.join('\n')}`);
}

// frameFollows waits until the card form has taken the page's colours. Its frame
// is transparent and axe takes that for white, so the ground it stands on is put in.
async function frameFollows(page) {
  const frame = page.frames().find((f) => f.url().includes('/frames/elements.html'));
  if (!frame || !(await (await frame.frameElement()).isVisible()) || !(await frame.locator('input').count())) return;
  const ink = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--ink').trim());
  await frame.waitForFunction((color) => getComputedStyle(document.documentElement).getPropertyValue('--colorText').trim() === color, ink);
  await frame.evaluate(() => { document.body.style.backgroundColor = 'var(--colorBackground)'; });
}
