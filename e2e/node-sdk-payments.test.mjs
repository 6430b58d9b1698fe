// Payments through Stripe's own SDK for Node, each behaviour beside the page that documents it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { refused, startSDK } from './lib/node-sdk.mjs';

describe('payments through the SDK for Node', { timeout: 120_000 }, () => {
  let sdk, stripe;
  before(async () => {
    sdk = await startSDK();
    stripe = sdk.stripe;
  });
  after(() => sdk?.stop());

  const cup = { amount: 2400, currency: 'usd', payment_method_types: ['card'] };
  const pay = (method = 'pm_card_visa', more = {}) => stripe.paymentIntents.create({ ...cup, payment_method: method, confirm: true, ...more });
  const hold = () => pay('pm_card_visa', { capture_method: 'manual' });
  const disputeOf = async (method) => (await stripe.disputes.list({ payment_intent: (await pay(method)).id })).data[0];

  // https://docs.stripe.com/payments/paymentintents/lifecycle
  test('an intent is created, and paid when it is confirmed', async () => {
    const intent = await stripe.paymentIntents.create(cup);
    assert.deepEqual([intent.object, intent.status, intent.amount_received, intent.livemode], ['payment_intent', 'requires_payment_method', 0, false]);
    const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' });
    assert.deepEqual([paid.id, paid.status, paid.amount_received], [intent.id, 'succeeded', 2400]);
  });

  // https://docs.stripe.com/declines/codes
  test('a decline is a StripeCardError with code, decline_code and the intent', async () => {
    const intent = await stripe.paymentIntents.create(cup);
    const error = await refused('StripeCardError', stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }));
    assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, 'card_declined', 'insufficient_funds']);
    assert.deepEqual([error.payment_intent.id, error.payment_intent.status], [intent.id, 'requires_payment_method']);
    const { last_payment_error: last } = await stripe.paymentIntents.retrieve(intent.id);
    assert.deepEqual([last.decline_code, last.charge, last.message], ['insufficient_funds', error.charge, error.message]);
  });

  // https://docs.stripe.com/testing#declined-payments
  test('every test card declines with its own code', async () => {
    for (const [method, code, decline] of [
      ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
      ['pm_card_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
      ['pm_card_chargeDeclinedExpiredCard', 'expired_card', undefined],
      ['pm_card_chargeDeclinedProcessingError', 'processing_error', undefined],
    ]) {
      const error = await refused('StripeCardError', pay(method));
      assert.deepEqual([error.code, error.decline_code], [code, decline], method);
    }
  });

  // https://docs.stripe.com/payments/3d-secure/authentication-flow
  test('3D Secure is a next_action, and the payment goes through after it', async () => {
    const asked = await pay('pm_card_authenticationRequired', { return_url: 'https://shop.example/back' });
    assert.equal(asked.status, 'requires_action');
    assert.equal(asked.next_action.type, 'redirect_to_url');
    assert.equal(asked.next_action.redirect_to_url.return_url, 'https://shop.example/back');
    const answer = await fetch(asked.next_action.redirect_to_url.url, {
      method: 'POST', redirect: 'manual', body: new URLSearchParams({ outcome: 'complete', client_secret: asked.client_secret }),
    });
    const back = new URL(answer.headers.get('Location'));
    assert.deepEqual([back.origin, back.searchParams.get('payment_intent'), back.searchParams.get('redirect_status')], ['https://shop.example', asked.id, 'succeeded']);
    assert.equal((await stripe.paymentIntents.retrieve(asked.id)).status, 'succeeded');
  });

  // https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
  test('an authorized payment is captured by a call of its own', async () => {
    const held = await hold();
    assert.deepEqual([held.status, held.amount_capturable, held.amount_received], ['requires_capture', 2400, 0]);
    const captured = await stripe.paymentIntents.capture(held.id);
    assert.deepEqual([captured.status, captured.amount_capturable, captured.amount_received], ['succeeded', 0, 2400]);
  });

  // https://docs.stripe.com/api/payment_intents/capture#capture_payment_intent-amount_to_capture
  test('a capture of a part lets the rest go', async () => {
    const held = await hold();
    const more = await refused('StripeInvalidRequestError', stripe.paymentIntents.capture(held.id, { amount_to_capture: 2401 }));
    assert.equal(more.code, 'amount_too_large');
    const part = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 1000, expand: ['latest_charge'] });
    assert.deepEqual([part.status, part.amount_received], ['succeeded', 1000]);
    assert.deepEqual([part.latest_charge.amount_captured, part.latest_charge.amount_refunded], [1000, 1400]);
  });

  // https://docs.stripe.com/api/payment_intents/cancel
  test('an intent is canceled once, with a reason', async () => {
    const { id } = await hold();
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'requested_by_customer' });
    assert.deepEqual([canceled.status, canceled.cancellation_reason, canceled.amount_capturable], ['canceled', 'requested_by_customer', 0]);
    const again = await refused('StripeInvalidRequestError', stripe.paymentIntents.cancel(id));
    assert.equal(again.code, 'payment_intent_unexpected_state');
  });

  // https://docs.stripe.com/api/payment_intents/update
  test('an amount is updated until it is paid', async () => {
    const { id } = await stripe.paymentIntents.create(cup);
    assert.equal((await stripe.paymentIntents.update(id, { amount: 2500 })).amount, 2500);
    await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    const late = await refused('StripeInvalidRequestError', stripe.paymentIntents.update(id, { amount: 2600 }));
    assert.deepEqual([late.code, late.payment_intent.amount], ['payment_intent_unexpected_state', 2500]);
  });

  // https://docs.stripe.com/api/pagination/auto
  test('for await goes through all pages, newest first or from the oldest on', async () => {
    const { id: customer } = await stripe.customers.create();
    const made = [];
    for (let amount = 1001; amount <= 1007; amount++) made.unshift((await stripe.paymentIntents.create({ ...cup, amount, customer })).id);
    const seen = [];
    for await (const intent of stripe.paymentIntents.list({ customer, limit: 3 })) seen.push(intent.id);
    assert.deepEqual(seen, made);
    const later = [];
    for await (const intent of stripe.paymentIntents.list({ customer, limit: 2, ending_before: made[4] })) later.push(intent.id);
    assert.deepEqual(later, made.slice(0, 4).reverse());
  });

  // https://docs.stripe.com/api/pagination/search
  test('a search brings its pages as one array', async () => {
    const made = [];
    for (let i = 0; i < 5; i++) made.push((await stripe.paymentIntents.create({ ...cup, metadata: { batch: 'searched' } })).id);
    const found = await stripe.paymentIntents.search({ query: 'metadata["batch"]:"searched"', limit: 2 }).autoPagingToArray({ limit: 100 });
    assert.deepEqual(found.map((intent) => intent.id).sort(), made.sort());
  });

  // https://docs.stripe.com/api/expanding_objects
  test('what an intent points to is expanded when it is created', async () => {
    const paid = await pay('pm_card_mastercard', { expand: ['latest_charge.balance_transaction', 'payment_method'] });
    assert.equal(paid.payment_method.card.brand, 'mastercard');
    assert.equal(paid.latest_charge.payment_intent, paid.id);
    assert.equal(paid.latest_charge.balance_transaction.net, 2400 - paid.latest_charge.balance_transaction.fee);
    const unknown = await refused('StripeInvalidRequestError', stripe.paymentIntents.retrieve(paid.id, { expand: ['colour'] }));
    assert.match(unknown.message, /colour/);
  });

  // https://docs.stripe.com/expand#lists
  test('a list expands what its members point to', async () => {
    const { id: customer } = await stripe.customers.create({ name: 'Amy' });
    await stripe.paymentIntents.create({ ...cup, customer });
    const { data: [one] } = await stripe.paymentIntents.list({ customer, expand: ['data.customer'] });
    assert.deepEqual([one.customer.id, one.customer.name], [customer, 'Amy']);
  });

  // https://docs.stripe.com/api/metadata
  test('metadata is merged, unset key by key, and unset as a whole', async () => {
    const { id } = await stripe.paymentIntents.create({ ...cup, metadata: { order: '1', cup: 'blue' } });
    const update = async (metadata) => (await stripe.paymentIntents.update(id, { metadata })).metadata;
    assert.deepEqual({ ...(await update({ gift: 'yes' })) }, { order: '1', cup: 'blue', gift: 'yes' });
    assert.deepEqual({ ...(await update({ cup: '' })) }, { order: '1', gift: 'yes' });
    assert.deepEqual({ ...(await update('')) }, {});
  });

  // https://docs.stripe.com/api/payment_intents/retrieve#retrieve_payment_intent-client_secret
  test('a page reads an intent by its client_secret with the publishable key', async () => {
    const { id, client_secret } = await stripe.paymentIntents.create({ ...cup, metadata: { note: 'ours' } });
    const page = sdk.client('pk_test_node');
    const seen = await page.paymentIntents.retrieve(id, { client_secret });
    assert.deepEqual([seen.id, seen.amount, seen.metadata], [id, 2400, undefined]);
    const blind = await refused('StripeInvalidRequestError', page.paymentIntents.retrieve(id));
    assert.equal(blind.param, 'client_secret');
    const server = await refused('StripePermissionError', page.paymentIntents.create(cup));
    assert.equal(server.code, 'secret_key_required');
  });

  // https://docs.stripe.com/refunds#issuing
  test('a part is refunded, then the rest', async () => {
    const { id, latest_charge } = await pay();
    const part = await stripe.refunds.create({ payment_intent: id, amount: 400, reason: 'requested_by_customer' });
    assert.deepEqual([part.status, part.amount, part.charge, part.payment_intent], ['succeeded', 400, latest_charge, id]);
    assert.equal((await stripe.refunds.create({ charge: latest_charge })).amount, 2000);
    const charge = await stripe.charges.retrieve(latest_charge, { expand: ['refunds'] });
    assert.deepEqual([charge.refunded, charge.amount_refunded, charge.refunds.data.length], [true, 2400, 2]);
  });

  // https://docs.stripe.com/api/refunds/create#create_refund-amount
  test('more than is left is not refunded', async () => {
    const { id } = await pay();
    await stripe.refunds.create({ payment_intent: id, amount: 2000 });
    const error = await refused('StripeInvalidRequestError', stripe.refunds.create({ payment_intent: id, amount: 401 }));
    assert.deepEqual([error.statusCode, error.param], [400, 'amount']);
    assert.match(error.message, /greater than unrefunded amount on charge \(\$4\.00\)/);
  });

  // https://docs.stripe.com/error-codes#charge-already-refunded
  test('nothing is refunded twice', async () => {
    const { id } = await pay();
    await stripe.refunds.create({ payment_intent: id });
    const error = await refused('StripeInvalidRequestError', stripe.refunds.create({ payment_intent: id }));
    assert.equal(error.code, 'charge_already_refunded');
  });

  // https://docs.stripe.com/testing#disputes
  test('a dispute takes the money until winning evidence brings it back', async () => {
    const dispute = await disputeOf('pm_card_createDispute');
    assert.deepEqual([dispute.status, dispute.reason, dispute.amount, dispute.balance_transactions[0].net], ['needs_response', 'fraudulent', 2400, -3900]);
    const answered = await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'winning_evidence' } });
    assert.equal(answered.evidence_details.submission_count, 1);
    const won = await stripe.disputes.retrieve(dispute.id);
    assert.deepEqual([won.status, won.balance_transactions.map((moved) => moved.net)], ['won', [-3900, 3900]]);
  });

  // https://docs.stripe.com/testing#evidence
  test('a dispute is lost by losing evidence, or by giving in', async () => {
    const fought = await disputeOf('pm_card_createDisputeProductNotReceived');
    await stripe.disputes.update(fought.id, { evidence: { uncategorized_text: 'losing_evidence' } });
    const lost = await stripe.disputes.retrieve(fought.id);
    assert.deepEqual([lost.status, lost.reason, lost.balance_transactions.length], ['lost', 'product_not_received', 1]);
    const accepted = await disputeOf('pm_card_createDispute');
    assert.equal((await stripe.disputes.close(accepted.id)).status, 'lost');
    await refused('StripeInvalidRequestError', stripe.disputes.close(accepted.id));
  });

  // https://docs.stripe.com/payments/charges-api
  test('a token is charged without an intent', async () => {
    const charge = await stripe.charges.create({ amount: 500, currency: 'eur', source: 'tok_visa', description: 'A cup' });
    assert.deepEqual([charge.status, charge.paid, charge.captured, charge.payment_intent, charge.payment_method_details.card.last4], ['succeeded', true, true, null, '4242']);
    const poor = await refused('StripeCardError', stripe.charges.create({ amount: 500, currency: 'eur', source: 'tok_chargeDeclined' }));
    assert.deepEqual([poor.code, poor.decline_code], ['card_declined', 'generic_decline']);
    assert.equal((await stripe.charges.retrieve(poor.charge)).status, 'failed');
  });

  // https://docs.stripe.com/charges/placing-a-hold
  test('a charge is held, and captured once', async () => {
    const held = await stripe.charges.create({ amount: 500, currency: 'eur', source: 'tok_visa', capture: false });
    assert.equal(held.captured, false);
    assert.equal((await stripe.charges.capture(held.id)).captured, true);
    const again = await refused('StripeInvalidRequestError', stripe.charges.capture(held.id));
    assert.equal(again.code, 'charge_already_captured');
  });

  // https://docs.stripe.com/reports/balance-transaction-types
  test('payments and refunds are balance transactions of what they moved', async () => {
    const paid = await pay('pm_card_bypassPending', { expand: ['latest_charge'] });
    const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 1000 });
    const booked = await stripe.balanceTransactions.retrieve(paid.latest_charge.balance_transaction, { expand: ['source'] });
    assert.deepEqual([booked.type, booked.amount, booked.fee, booked.net, booked.source.id], ['charge', 2400, 100, 2300, paid.latest_charge.id]);
    const { data } = await stripe.balanceTransactions.list({ source: refund.id });
    assert.deepEqual(data.map(({ type, amount, fee }) => [type, amount, fee]), [['refund', -1000, 0]]);
  });

  // https://docs.stripe.com/api/balance/balance_retrieve
  test('what has come in is pending, and available two days later at most', async () => {
    const amounts = async () => {
      const { available, pending } = await stripe.balance.retrieve();
      const of = (all) => all.find((one) => one.currency === 'gbp')?.amount ?? 0;
      return [of(available), of(pending)];
    };
    await pay('pm_card_visa', { currency: 'gbp' });
    assert.deepEqual(await amounts(), [0, 2300]);
    await sdk.door('POST', '/clock', { advance: 3 * 86400 });
    assert.deepEqual(await amounts(), [2300, 0]);
  });

  // https://docs.stripe.com/reports/balance
  test('the books agree with the balance that the SDK reads', async () => {
    const { currencies, differences } = await sdk.door('GET', '/ledger');
    assert.deepEqual(differences, []);
    const { available, pending } = await stripe.balance.retrieve();
    for (const [currency, sums] of Object.entries(currencies)) {
      const all = [...available, ...pending].filter((one) => one.currency === currency);
      assert.equal(all.reduce((sum, one) => sum + one.amount, 0), sums.net, currency);
    }
    assert.ok(currencies.usd.captured > 0 && currencies.usd.disputed > 0 && currencies.usd.refunded > 0, JSON.stringify(currencies.usd));
  });
});
