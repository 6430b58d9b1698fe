// What a payer does in the card fields, and what must never be seen outside of them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

export const CARDS = {
  good: '4242424242424242',
  challenged: '4000002500003155',
  poor: '4000000000009995',
};

const out = path.resolve(import.meta.dirname, '..', 'out');

// cardFrame is the frame with the fields, found as Stripe's own is.
export function cardFrame(page) {
  return page.frameLocator('iframe[title="Secure payment input frame"]');
}

// fillCard types like a payer, key by key, so that formatting is exercised.
export async function fillCard(page, number, { expiry = '1234', cvc = '123', zip = '94107' } = {}) {
  const frame = cardFrame(page);
  await frame.getByLabel('Card number').fill('');
  await frame.getByLabel('Card number').pressSequentially(number);
  await frame.getByLabel('Expiration date').fill('');
  await frame.getByLabel('Expiration date').pressSequentially(expiry);
  await frame.getByLabel('Security code').fill('');
  await frame.getByLabel('Security code').pressSequentially(cvc);
  await frame.getByLabel('Country').selectOption('US');
  await frame.getByLabel('ZIP code').fill(zip);
}

// challenge is the 3D Secure page inside its dialog.
export function challenge(page) {
  return page.getByRole('dialog').frameLocator('iframe');
}

// watchForCards records where card numbers travel; its check() fails if one was
// in the shop's own documents, requests or messages.
export async function watchForCards(page, shopOrigin) {
  const leaks = [];
  const seen = [];
  const holdsCard = (text) => Object.values(CARDS).some((number) => (text || '').replace(/[\s+-]|%20/g, '').includes(number));
  page.on('request', (request) => {
    if (!holdsCard(request.url() + (request.postData() || ''))) return;
    const from = new URL(request.frame().url()).origin;
    seen.push(from);
    if (request.frame() === page.mainFrame() || from === shopOrigin) leaks.push(`request from ${from} to ${request.url()}`);
  });
  // Messages to the shop's window are looked at before the page sees them.
  await page.exposeFunction('reportMessage', (text) => {
    if (holdsCard(text)) leaks.push('message ' + text);
  });
  await page.addInitScript(() => {
    if (window !== window.top) return;
    window.addEventListener('message', (event) => window.reportMessage(JSON.stringify(event.data) || ''), true);
  });
  return {
    async check({ sent }) {
      // A message of our own comes after all that were sent before.
      await page.evaluate(() => new Promise((resolve) => {
        window.addEventListener('message', (event) => event.data === 'all seen' && resolve());
        window.postMessage('all seen', '*');
      }));
      assert.deepEqual(leaks, []);
      assert.equal(seen.length > 0, sent, 'a card was sent from its frame');
      // The numbers may stand on the page to be copied from, but nothing takes one.
      const fields = await page.locator('input, select, textarea, [contenteditable]').evaluateAll((nodes) =>
        nodes.map((n) => [[n.name, n.id, n.autocomplete, n.placeholder].join(' '), n.value || n.textContent, n.outerHTML]));
      const forCards = fields.filter(([names, value]) => /card|number|cvc|cvv|expir|cc-/i.test(names) || holdsCard(value));
      assert.deepEqual(forCards, [], 'the shop’s own document has no card input');
    },
  };
}

// screenshot keeps a picture in e2e/out for people to look at.
export async function screenshot(page, name, { fullPage = true } = {}) {
  fs.mkdirSync(out, { recursive: true });
  await page.screenshot({ path: path.join(out, name + '.png'), animations: 'disabled', fullPage });
}
