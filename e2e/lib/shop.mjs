// What the shop's browser tests do again and again.
import assert from 'node:assert/strict';
import { cardFrame, fillCard, watchForCards } from './card.mjs';

export const EMAIL = 'ada@example.com';
export const DESKTOP = { width: 1180, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const SMALL_PHONE = { width: 360, height: 740 };

// openShop is a new guest at the shelf. What breaks on the page is in problems.
export async function openShop(t, { browser, demo }, { path = '', ...options } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, deviceScaleFactor: 2, locale: 'en-US', colorScheme: 'light', ...options });
  context.setDefaultTimeout(15_000);
  t.after(() => context.close());
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  const watch = await watchForCards(page, demo.url);
  await page.goto(demo.url + path);
  if (!path) await page.getByRole('button', { name: /^Add / }).first().waitFor();
  return { page, watch, problems };
}

export async function fillBasket(page, { email = EMAIL } = {}) {
  const add = page.getByRole('button', { name: /^Add / });
  await add.nth(0).click();
  await add.nth(1).click();
  if (email) await page.getByTestId('email').fill(email);
}

// startCheckout fills the basket and goes to the pay page; it gives the payment's answer.
export async function startCheckout(page, options) {
  await fillBasket(page, options);
  const answered = page.waitForResponse((response) => isStart(response.request()));
  await page.getByTestId('checkout').click();
  const answer = await answered;
  assert.equal(answer.status(), 201, await answer.text());
  await cardFrame(page).getByLabel('Card number').waitFor();
  return answer.json();
}

export function isStart(request) {
  return request.url().endsWith('/payments/intent') && request.method() === 'POST';
}

export async function buy(page, number, options) {
  const intent = await startCheckout(page, options);
  await fillCard(page, number);
  await page.getByTestId('pay').click();
  return intent;
}

// orderStatus is the order's status on its page.
export function orderStatus(page, words) {
  return page.getByTestId('order-status').filter({ hasText: words });
}

// charges are what Stripe made of an intent, oldest first.
export async function charges(demo, { clientSecret }) {
  const { data } = await demo.stripe('GET', '/charges', { payment_intent: clientSecret.split('_secret_')[0] });
  return data.map((charge) => charge.status).reverse();
}

// asGuest calls Till as the page's guest does.
export async function asGuest(page, demo, method, path, body) {
  const token = await page.evaluate(() => localStorage.getItem('till.guest'));
  const response = await fetch(demo.url + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}

// problem answers like Till does when something is wrong.
export function problem(status, code, { wait, detail = '' } = {}) {
  return {
    status, contentType: 'application/problem+json',
    headers: wait ? { 'Retry-After': String(wait) } : {},
    body: JSON.stringify({ type: 'about:blank', title: 'Trouble', status, code, detail }),
  };
}
