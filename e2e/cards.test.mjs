// The rules for what is typed into card fields, tried without a browser.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import vm from 'node:vm';

const source = path.resolve(import.meta.dirname, '../pkg/sandbox/stripejs/frame/cards.js');
const cards = vm.createContext({});
vm.runInContext(fs.readFileSync(source, 'utf8'), cards);

test('numbers are grouped as they are on the card', () => {
  for (const [typed, shown, brand] of [
    ['4242424242424242', '4242 4242 4242 4242', 'visa'],
    ['4242-4242-4242-4242 99', '4242 4242 4242 4242', 'visa'],
    ['378282246310005', '3782 822463 10005', 'amex'],
    ['30569309025904', '3056 930902 5904', 'diners'],
    ['3056930009020004', '3056 9300 0902 0004', 'diners'],
    ['5555555555554444', '5555 5555 5555 4444', 'mastercard'],
    ['2223003122003222', '2223 0031 2200 3222', 'mastercard'],
    ['6011111111111117', '6011 1111 1111 1117', 'discover'],
    ['3566002020360505', '3566 0020 2036 0505', 'jcb'],
    ['6205500000000000004', '6205 5000 0000 0000 004', 'unionpay'],
    ['9', '9', 'unknown'],
    ['', '', 'unknown'],
  ]) {
    assert.equal(cards.formatNumber(typed), shown);
    assert.equal(cards.brandOf(cards.digitsOf(typed)).name, brand, typed);
  }
});

test('dates are written as MM / YY', () => {
  for (const [typed, shown] of [
    ['1', '1'], ['12', '12 / '], ['4', '04 / '], ['13', '01 / 3'], ['1/', '01 / '], ['1 / 27', '01 / 27'], ['1234', '12 / 34'], ['12/2034', '12 / 34'],
    ['12 / 345', '12 / 34'], ['0', '0'], ['', ''],
  ]) assert.equal(cards.formatExpiry(typed, false), shown, typed);
  assert.equal(cards.formatExpiry('12 / ', true), '12', 'deleting the space takes the slash along');
});

test('what cannot be right is named by Stripe’s codes', () => {
  const now = new Date(2026, 10, 24);
  const code = (error) => error && error.code;
  assert.equal(code(cards.checkNumber('')), 'incomplete_number');
  assert.equal(code(cards.checkNumber('4242 4242 4242 424')), 'incomplete_number');
  assert.equal(code(cards.checkNumber('4242 4242 4242 4241')), 'invalid_number');
  assert.equal(code(cards.checkNumber('4242 4242 4242 4242')), null);
  assert.equal(code(cards.checkNumber('3782 822463 10005')), null);
  assert.equal(code(cards.checkNumber('6205 5000 0000 0000 004')), null);
  assert.equal(code(cards.checkExpiry('12', now)), 'incomplete_expiry');
  assert.equal(code(cards.checkExpiry('00 / 30', now)), 'invalid_expiry_month');
  assert.equal(code(cards.checkExpiry('12 / 25', now)), 'invalid_expiry_year_past');
  assert.equal(code(cards.checkExpiry('10 / 26', now)), 'invalid_expiry_month_past');
  assert.equal(code(cards.checkExpiry('11 / 26', now)), null, 'a card is good until its month ends');
  assert.equal(code(cards.checkExpiry('11 / 80', now)), 'invalid_expiry_year');
  assert.equal(code(cards.checkCVC('12', cards.brandOf('42'))), 'incomplete_cvc');
  assert.equal(code(cards.checkCVC('123', cards.brandOf('37'))), 'incomplete_cvc');
  assert.equal(code(cards.checkCVC('1234', cards.brandOf('37'))), null);
});
