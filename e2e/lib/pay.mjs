// The test shop's pay page, opened as a payer would.
import { watchForCards } from './card.mjs';

export const WAYS = ['https://js.stripe.com, sent to the sandbox', 'a script tag of the sandbox'];

// openPay makes an intent as a shop's server does and opens the page.
export async function openPay(t, { sandbox, site, browser }, { way = WAYS[1], train = 'basil', query = {}, intent = null, viewport = { width: 720, height: 760 } } = {}) {
  intent ||= await sandbox.stripe('POST', '/payment_intents', { amount: 2400, currency: 'usd', 'payment_method_types[0]': 'card' });
  const context = await browser.newContext({ viewport, locale: 'en-US', deviceScaleFactor: 2 });
  context.setDefaultTimeout(30_000);
  t.after(() => context.close());
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // A declined card is a 402, which the browser logs by itself.
    if (['error', 'warning'].includes(message.type()) && !/status of 402|served over HTTPS/.test(message.text())) problems.push(message.text());
  });
  const address = new URL(site.url);
  address.search = new URLSearchParams({ secret: intent.client_secret, ...query });
  if (way === WAYS[0]) {
    await page.route('https://js.stripe.com/**', async (route) => {
      const { pathname, search } = new URL(route.request().url());
      await route.fulfill({ response: await route.fetch({ url: sandbox.url + pathname + search }) });
    });
  } else {
    address.searchParams.set('script', `${sandbox.url}/${train}/stripe.js`);
  }
  const watch = await watchForCards(page, site.url);
  await page.goto(address.href);
  const pay = page.getByRole('button', { name: /Pay/ });
  return { page, intent, watch, problems, pay, message: page.getByTestId('message'), change: page.getByTestId('change'), notes: page.getByTestId('notes') };
}

export async function waitForText(locator, pattern) {
  try {
    await locator.filter({ hasText: pattern }).waitFor();
  } catch (error) {
    throw new Error(`waited for "${pattern}", the page says "${await locator.textContent()}"`, { cause: error });
  }
}

// fieldsOf is the frame of one Element, found by the title that Stripe gives it.
export function fieldsOf(page, title) {
  return page.frameLocator(`iframe[title="${title}"]`);
}
