// Customers and what is sold to them, through Stripe's own SDK for Node, each behaviour beside the page that documents it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { refused, startSDK } from './lib/node-sdk.mjs';

describe('customers and catalogue through the SDK for Node', { timeout: 120_000 }, () => {
  let sdk, stripe;
  before(async () => {
    sdk = await startSDK();
    stripe = sdk.stripe;
  });
  after(() => sdk?.stop());

  const idsOf = (list) => list.data.map((one) => one.id);
  const product = async () => (await stripe.products.create({ name: 'Cup' })).id;

  // https://docs.stripe.com/api/customers/update
  test('a customer is created, read, updated and found by email', async () => {
    const made = await stripe.customers.create({ email: 'amy@example.com', name: 'Amy', address: { line1: '1 Main St', city: 'Bonn' }, preferred_locales: ['de', 'en'] });
    assert.deepEqual([made.object, made.address.city, made.preferred_locales], ['customer', 'Bonn', ['de', 'en']]);
    await stripe.customers.update(made.id, { address: { city: 'Berlin' }, phone: '+4930123' });
    const read = await stripe.customers.retrieve(made.id);
    assert.deepEqual([read.address.city, read.address.line1, read.phone, read.name], ['Berlin', '1 Main St', '+4930123', 'Amy']);
    assert.equal((await stripe.customers.update(made.id, { phone: '' })).phone, null);
    assert.deepEqual(idsOf(await stripe.customers.list({ email: 'amy@example.com' })), [made.id]);
  });

  // https://docs.stripe.com/api/customers/delete
  test('a deleted customer can be read as deleted, and no more', async () => {
    const { id } = await stripe.customers.create({ email: 'gone@example.com' });
    assert.deepEqual({ ...(await stripe.customers.del(id)) }, { id, object: 'customer', deleted: true });
    assert.deepEqual({ ...(await stripe.customers.retrieve(id)) }, { id, object: 'customer', deleted: true });
    const late = await refused('StripeInvalidRequestError', stripe.customers.update(id, { name: 'Amy' }));
    assert.deepEqual([late.statusCode, late.code], [404, 'resource_missing']);
    assert.deepEqual(idsOf(await stripe.customers.list({ email: 'gone@example.com' })), []);
  });

  // https://docs.stripe.com/search#query-fields-for-customers
  test('customers are searched by what is known of them', async () => {
    const { id } = await stripe.customers.create({ name: 'Zoe Quince', metadata: { tier: 'gold' } });
    await stripe.customers.create({ name: 'Zoe Quarry' });
    const { data } = await stripe.customers.search({ query: 'name~"zoe" AND metadata["tier"]:"gold"' });
    assert.deepEqual(data.map((one) => one.id), [id]);
    const error = await refused('StripeInvalidRequestError', stripe.customers.search({ query: 'shoesize:"41"' }));
    assert.equal(error.statusCode, 400);
  });

  // https://docs.stripe.com/api/customer_balance_transactions/create
  test('a credit is a transaction on the customer’s balance', async () => {
    const { id } = await stripe.customers.create();
    const credit = await stripe.customers.createBalanceTransaction(id, { amount: -500, currency: 'usd', description: 'Sorry' });
    assert.deepEqual([credit.type, credit.ending_balance, credit.customer], ['adjustment', -500, id]);
    await stripe.customers.createBalanceTransaction(id, { amount: 200, currency: 'usd' });
    assert.equal((await stripe.customers.retrieve(id)).balance, -300);
    const { data } = await stripe.customers.listBalanceTransactions(id);
    assert.deepEqual(data.map((one) => one.amount), [200, -500]);
    const renamed = await stripe.customers.updateBalanceTransaction(id, credit.id, { description: 'Sorry again' });
    assert.deepEqual([renamed.description, (await stripe.customers.retrieveBalanceTransaction(id, credit.id)).amount], ['Sorry again', -500]);
  });

  // https://docs.stripe.com/billing/testing#customer-tax-id-verfication
  test('a tax id is verified, and deleted', async () => {
    const { id } = await stripe.customers.create();
    const given = await stripe.customers.createTaxId(id, { type: 'eu_vat', value: '000000000' });
    assert.equal(given.verification.status, 'pending');
    assert.equal((await stripe.customers.retrieveTaxId(id, given.id)).verification.status, 'verified');
    assert.deepEqual(idsOf(await stripe.customers.listTaxIds(id)), [given.id]);
    const wrong = await refused('StripeInvalidRequestError', stripe.customers.createTaxId(id, { type: 'eu_vat', value: 'nonsense' }));
    assert.equal(wrong.code, 'tax_id_invalid');
    assert.equal((await stripe.customers.deleteTaxId(id, given.id)).deleted, true);
    assert.deepEqual(idsOf(await stripe.customers.listTaxIds(id)), []);
  });

  // https://docs.stripe.com/api/cards/create
  test('a card is a source: the first is the default, until it is deleted', async () => {
    const { id } = await stripe.customers.create();
    const visa = await stripe.customers.createSource(id, { source: 'tok_visa' });
    const amex = await stripe.customers.createSource(id, { source: 'tok_amex' });
    assert.deepEqual([visa.object, visa.brand, visa.last4], ['card', 'Visa', '4242']);
    assert.equal((await stripe.customers.retrieve(id)).default_source, visa.id);
    assert.deepEqual(idsOf(await stripe.customers.listSources(id, { object: 'card' })), [amex.id, visa.id]);
    assert.equal((await stripe.customers.updateSource(id, amex.id, { name: 'Amy' })).name, 'Amy');
    assert.equal((await stripe.customers.deleteSource(id, visa.id)).deleted, true);
    assert.equal((await stripe.customers.retrieve(id, { expand: ['default_source'] })).default_source.name, 'Amy');
  });

  // https://docs.stripe.com/api/payment_methods/attach
  test('a payment method is made of a token, attached and listed', async () => {
    const { id: customer } = await stripe.customers.create();
    const made = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_mastercard' }, billing_details: { name: 'Amy' } });
    assert.deepEqual([made.customer, made.card.brand, made.billing_details.name], [null, 'mastercard', 'Amy']);
    assert.equal((await stripe.paymentMethods.attach(made.id, { customer })).customer, customer);
    assert.deepEqual(idsOf(await stripe.paymentMethods.list({ customer, type: 'card' })), [made.id]);
    assert.deepEqual(idsOf(await stripe.customers.listPaymentMethods(customer)), [made.id]);
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: made.id } });
    const read = await stripe.customers.retrieve(customer, { expand: ['invoice_settings.default_payment_method'] });
    assert.equal(read.invoice_settings.default_payment_method.card.last4, '4444');
  });

  // https://docs.stripe.com/api/payment_methods/detach
  test('a payment method that was detached is never attached again', async () => {
    const { id: customer } = await stripe.customers.create();
    const { id } = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    assert.equal((await stripe.paymentMethods.detach(id)).customer, null);
    assert.deepEqual(idsOf(await stripe.paymentMethods.list({ customer })), []);
    await refused('StripeInvalidRequestError', stripe.paymentMethods.attach(id, { customer }));
  });

  // https://docs.stripe.com/api/coupons/create
  test('a coupon takes off a part or an amount, and keeps it', async () => {
    const part = await stripe.coupons.create({ percent_off: 12.5, duration: 'repeating', duration_in_months: 3, id: 'SPRING' });
    assert.deepEqual([part.id, part.percent_off, part.duration_in_months, part.valid], ['SPRING', 12.5, 3, true]);
    const amount = await stripe.coupons.create({ amount_off: 500, currency: 'usd' });
    assert.deepEqual([amount.amount_off, amount.currency, amount.duration], [500, 'usd', 'once']);
    assert.equal((await stripe.coupons.update('SPRING', { name: 'Spring' })).name, 'Spring');
    const twice = await refused('StripeInvalidRequestError', stripe.coupons.create({ percent_off: 10, id: 'SPRING' }));
    assert.equal(twice.code, 'resource_already_exists');
    assert.equal((await stripe.coupons.del('SPRING')).deleted, true);
    assert.deepEqual(idsOf(await stripe.coupons.list()), [amount.id]);
  });

  // https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes
  test('a promotion code is what buyers type for a coupon', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 10 });
    const code = await stripe.promotionCodes.create({
      coupon: coupon.id, code: 'Welcome', max_redemptions: 5, restrictions: { minimum_amount: 1000, minimum_amount_currency: 'usd', first_time_transaction: true },
    });
    assert.deepEqual([code.code, code.active, code.coupon.percent_off, code.restrictions.minimum_amount], ['Welcome', true, 10, 1000]);
    assert.deepEqual(idsOf(await stripe.promotionCodes.list({ code: 'WELCOME' })), [code.id]);
    await refused('StripeInvalidRequestError', stripe.promotionCodes.create({ coupon: coupon.id, code: 'welcome' }));
    assert.equal((await stripe.promotionCodes.update(code.id, { active: false })).active, false);
    assert.equal((await stripe.promotionCodes.create({ coupon: coupon.id, code: 'welcome' })).active, true);
  });

  // https://docs.stripe.com/api/products/create#create_product-default_price_data
  test('a product is made with its default price, archived, and deleted once it has none', async () => {
    const cup = await stripe.products.create({ name: 'Cup', default_price_data: { currency: 'usd', unit_amount: 1200 }, expand: ['default_price'] });
    assert.deepEqual([cup.active, cup.default_price.unit_amount, cup.default_price.product], [true, 1200, cup.id]);
    const kept = await refused('StripeInvalidRequestError', stripe.products.del(cup.id));
    assert.equal(kept.statusCode, 400);
    assert.equal((await stripe.products.update(cup.id, { active: false })).active, false);
    assert.deepEqual(idsOf(await stripe.products.list({ active: false })), [cup.id]);
    assert.equal((await stripe.products.del(await product())).deleted, true);
  });

  // https://docs.stripe.com/products-prices/pricing-models#tiered-pricing
  test('a price in tiers shows them when asked', async () => {
    const price = await stripe.prices.create({
      product: await product(), currency: 'usd', billing_scheme: 'tiered', tiers_mode: 'graduated', recurring: { interval: 'month' },
      tiers: [{ up_to: 5, unit_amount: 700 }, { up_to: 'inf', unit_amount_decimal: '650.5' }],
    });
    assert.deepEqual([price.tiers, price.unit_amount, price.tiers_mode], [undefined, null, 'graduated']);
    const { tiers } = await stripe.prices.retrieve(price.id, { expand: ['tiers'] });
    assert.deepEqual(tiers.map((tier) => [tier.up_to, tier.unit_amount, tier.unit_amount_decimal]), [[5, 700, '700'], [null, null, '650.5']]);
  });

  // https://docs.stripe.com/products-prices/manage-prices#lookup-keys
  test('a lookup key is handed from one price to the next', async () => {
    const wanted = { product: await product(), currency: 'usd', lookup_key: 'cup' };
    const old = await stripe.prices.create({ ...wanted, unit_amount: 1000 });
    await refused('StripeInvalidRequestError', stripe.prices.create({ ...wanted, unit_amount: 1100 }));
    const next = await stripe.prices.create({ ...wanted, unit_amount: 1100, transfer_lookup_key: true });
    assert.deepEqual(idsOf(await stripe.prices.list({ lookup_keys: ['cup'] })), [next.id]);
    assert.equal((await stripe.prices.retrieve(old.id)).lookup_key, null);
  });

  // https://docs.stripe.com/payments/currencies/localize-prices/manual-currency-prices
  test('a price has an amount in each currency', async () => {
    const price = await stripe.prices.create({ product: await product(), currency: 'usd', unit_amount: 1000, currency_options: { eur: { unit_amount: 900 } }, expand: ['currency_options'] });
    assert.deepEqual(Object.entries(price.currency_options).map(([currency, of]) => [currency, of.unit_amount]).sort(), [['eur', 900], ['usd', 1000]]);
  });

  // https://docs.stripe.com/api/tax_rates/update
  test('a tax rate keeps its percentage, and is archived', async () => {
    const vat = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19.5, inclusive: true, country: 'DE' });
    assert.deepEqual([vat.percentage, vat.inclusive, vat.country], [19.5, true, 'DE']);
    const error = await refused('StripeInvalidRequestError', stripe.taxRates.update(vat.id, { percentage: 7 }));
    assert.deepEqual([error.code, error.param], ['parameter_unknown', 'percentage']);
    assert.equal((await stripe.taxRates.update(vat.id, { active: false })).active, false);
    assert.deepEqual(idsOf(await stripe.taxRates.list({ active: true })), []);
  });

  // https://docs.stripe.com/payments/during-payment/charge-shipping
  test('a shipping rate says what it costs and how long it takes', async () => {
    const ground = await stripe.shippingRates.create({
      display_name: 'Ground', type: 'fixed_amount', fixed_amount: { amount: 500, currency: 'usd' },
      delivery_estimate: { minimum: { unit: 'business_day', value: 3 }, maximum: { unit: 'week', value: 1 } },
    });
    assert.deepEqual([ground.fixed_amount.amount, ground.delivery_estimate.maximum.unit, ground.tax_behavior], [500, 'week', 'unspecified']);
    assert.equal((await stripe.shippingRates.update(ground.id, { active: false })).active, false);
    assert.deepEqual(idsOf(await stripe.shippingRates.list({ active: false })), [ground.id]);
  });

  // https://docs.stripe.com/file-upload
  test('a file is uploaded to the SDK’s host for files, and read back', async () => {
    const data = Buffer.from('\x89PNG\r\n\x1a\n pixels', 'latin1');
    const file = await stripe.files.create({ purpose: 'dispute_evidence', file: { data, name: 'receipt.png', type: 'image/png' } });
    assert.deepEqual([file.filename, file.type, file.size, file.purpose], ['receipt.png', 'png', data.length, 'dispute_evidence']);
    assert.deepEqual(idsOf(await stripe.files.list({ purpose: 'dispute_evidence' })), [file.id]);
    const { pathname } = new URL((await stripe.files.retrieve(file.id)).url);
    const content = await fetch(sdk.url + pathname, { headers: { Authorization: 'Bearer sk_test_node' } });
    assert.deepEqual(Buffer.from(await content.arrayBuffer()), data);
    const text = await refused('StripeInvalidRequestError', stripe.files.create({ purpose: 'dispute_evidence', file: { data: 'hello', name: 'receipt.png', type: 'image/png' } }));
    assert.equal(text.statusCode, 400);
  });

  // https://docs.stripe.com/file-upload#link-to-file
  test('a file link shows a file to anybody, until it ends', async () => {
    const file = await stripe.files.create({ purpose: 'business_logo', file: { data: Buffer.from('GIF89a pixels'), name: 'logo.gif' }, file_link_data: { create: true } });
    const [link] = file.links.data;
    const shown = async () => (await fetch(sdk.url + new URL(link.url).pathname)).status;
    assert.equal(await shown(), 200);
    assert.equal((await stripe.fileLinks.update(link.id, { expires_at: 'now' })).expired, true);
    assert.equal(await shown(), 404);
  });
});
