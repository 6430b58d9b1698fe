// The demo as a newcomer meets it: the React shop, Till and the sandbox from
// one command, paid in a real browser with the three cards.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from './lib/chromium.mjs';
import { CARDS, cardFrame, challenge, fillCard, screenshot } from './lib/card.mjs';
import { charges, EMAIL, isStart, openShop, orderStatus, PHONE, startCheckout } from './lib/shop.mjs';
import { startDemo } from './lib/till.mjs';

describe('the shop of the demo', { timeout: 300_000, skip: process.env.CHROMIUM_PATH ? false : 'CHROMIUM_PATH is not set: run by e2e/run.mjs' }, () => {
  const world = {};

  before(async () => {
    // One after the other: after() closes what had been started when one fails.
    world.demo = await startDemo();
    world.browser = await launch();
  });
  after(async () => {
    await Promise.all([world.browser?.close(), world.demo?.stop()]);
  });

  // seePaid waits for "Paid" on the page that is open, which must not have been loaded again.
  async function seePaid(page) {
    await orderStatus(page, /^Paid$/).waitFor();
    assert.equal(await page.evaluate(() => window.notReloaded), true, 'the page followed the order without a reload');
  }

  async function markPage(page) {
    await page.evaluate(() => { window.notReloaded = true; });
  }

  test('4242 pays; the order, its timeline and the mail say so', async (t) => {
    const { page, watch, problems } = await openShop(t, world);
    await screenshot(page, 'shop-1-shelf');
    await markPage(page);
    const intent = await startCheckout(page);
    const { amount, currency } = intent;
    const total = new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(amount / 100);
    await fillCard(page, CARDS.good);
    await screenshot(page, 'shop-2-checkout');
    await watch.check({ sent: false });
    await page.getByTestId('pay').click();
    await seePaid(page);
    await watch.check({ sent: true });
    assert.deepEqual(await charges(world.demo, intent), ['succeeded']);

    const timeline = page.getByTestId('timeline');
    await timeline.getByText('The order is paid').waitFor();
    await timeline.getByText(/confirmation/i).first().waitFor();
    assert.match(await timeline.textContent(), /evt_\w+/, 'the timeline names the event that told of it');
    await screenshot(page, 'shop-3-paid');

    const opened = page.context().waitForEvent('page');
    await page.getByTestId('mailbox-link').click();
    const mailbox = await opened;
    const mails = mailbox.getByTestId('mailbox').getByRole('link').filter({ hasText: EMAIL });
    await mails.first().waitFor(); // the list looks for new mail by itself
    assert.equal(await mails.count(), 1, 'one mail for one order');
    await screenshot(mailbox, 'shop-4-mailbox');
    await mails.click();
    const letter = mailbox.frameLocator('iframe[title^="The mail"]');
    await letter.getByText(total).filter({ visible: true }).first().waitFor();
    await screenshot(mailbox, 'shop-5-mail');
    await mailbox.getByRole('link', { name: 'Text' }).click();
    await mailbox.locator('pre').filter({ hasText: total }).waitFor();
    assert.deepEqual(problems, []);
  });

  test('3155 shows the bank’s challenge, and is paid once it is completed', async (t) => {
    const { page, watch, problems } = await openShop(t, world);
    await markPage(page);
    const intent = await startCheckout(page);
    await fillCard(page, CARDS.challenged);
    await page.getByTestId('pay').click();
    const complete = challenge(page).getByRole('button', { name: 'Complete' });
    await complete.waitFor();
    await screenshot(page, 'shop-6-challenge', { fullPage: false });
    assert.deepEqual(await charges(world.demo, intent), [], 'nothing is charged before the bank agrees');
    await complete.click();
    await seePaid(page);
    assert.deepEqual(await charges(world.demo, intent), ['succeeded']);
    await watch.check({ sent: true });
    assert.deepEqual(problems, []);
  });

  test('9995 is declined in words, and the same payment is paid with another card', async (t) => {
    const { page, watch, problems } = await openShop(t, world);
    await markPage(page);
    const intents = [];
    page.on('response', async (response) => {
      if (isStart(response.request())) intents.push(await response.json());
    });
    const intent = await startCheckout(page);
    await fillCard(page, CARDS.poor);
    await page.getByTestId('pay').click();
    const error = page.getByTestId('pay-error');
    await error.filter({ hasText: /not enough money/i }).waitFor();
    await page.getByTestId('pay').and(page.locator(':enabled')).waitFor();
    await screenshot(page, 'shop-7-declined');

    await fillCard(page, CARDS.good);
    await page.getByTestId('pay').click();
    await seePaid(page);
    assert.deepEqual([...new Set(intents.map((i) => i.id))], [intent.id], 'no second payment was made');
    assert.deepEqual(await charges(world.demo, intent), ['failed', 'succeeded']);
    await watch.check({ sent: true });
    assert.deepEqual(problems, []);
  });

  test('the basket survives a reload, which pays the same order', async (t) => {
    const { page } = await openShop(t, world);
    const first = await startCheckout(page);
    const again = page.waitForResponse((response) => isStart(response.request()));
    await page.reload();
    const answer = await again;
    assert.equal(answer.status(), 200, `${await answer.text()}\n${world.demo.output()}`);
    const second = await answer.json();
    assert.deepEqual([second.id, second.orderId, second.clientSecret], [first.id, first.orderId, first.clientSecret]);
  });

  test('the order can be paid at Stripe’s own page, which leads back to it', async (t) => {
    const { page, watch, problems } = await openShop(t, world);
    const intent = await startCheckout(page);
    await watch.check({ sent: false }); // from here on the page is Stripe's own, and the card is typed there
    await page.getByTestId('stripes-page').click();
    await page.waitForURL(/\/_hosted\/checkout\/cs_/);
    const ended = await world.demo.stripe('GET', '/payment_intents/' + intent.clientSecret.split('_secret_')[0]);
    assert.equal(ended.status, 'canceled', 'one way to pay at a time');
    await screenshot(page, 'shop-hosted-page');
    await page.getByLabel('Card number').pressSequentially(CARDS.good);
    await page.getByLabel('Expiry').pressSequentially('1240');
    await page.getByLabel('CVC').fill('123');
    await page.getByLabel('Name on card').fill('Ada Lovelace');
    await page.getByLabel('ZIP or postal code').fill('94103');
    await page.getByRole('button', { name: /^Pay/ }).click();
    await page.waitForURL(new RegExp(`#/order/${intent.orderId}`));
    await orderStatus(page, /^Paid$/).waitFor();
    assert.deepEqual(await charges(world.demo, intent), [], 'nothing came of the payment that gave way');
    assert.deepEqual(problems, []);
  });

  test('it fits a phone, and the dark', async (t) => {
    const { page, problems } = await openShop(t, world, { viewport: PHONE, colorScheme: 'dark' });
    await screenshot(page, 'shop-8-phone-shelf');
    await startCheckout(page);
    await cardFrame(page).getByLabel('Card number').pressSequentially('4242');
    await screenshot(page, 'shop-9-phone-checkout');
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow}px wider than the phone`);
    assert.deepEqual(problems, []);
  });
});
