// Errors, retries, events and time through Stripe's own SDK for Node, each behaviour beside the page that documents it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { refused, startSDK } from './lib/node-sdk.mjs';

describe('calls, events and time through the SDK for Node', { timeout: 120_000 }, () => {
  let sdk, stripe;
  before(async () => {
    sdk = await startSDK();
    stripe = sdk.stripe;
  });
  afterEach(() => sdk.door('DELETE', '/faults'));
  after(() => sdk?.stop());

  const cup = { amount: 2400, currency: 'usd', payment_method_types: ['card'] };
  const fault = (kind, more) => sdk.door('POST', '/faults', { method: 'POST', path: '/v1/customers', kind, ...more });
  const emailed = async (email) => (await stripe.customers.list({ email })).data.length;

  // attempts are the idempotency keys and statuses of the last calls that made a customer, oldest first.
  async function attempts(count) {
    const calls = (await sdk.door('GET', '/log')).filter(({ method, path }) => method === 'POST' && path === '/v1/customers');
    return calls.slice(0, count).reverse().map(({ idempotencyKey, status }) => [idempotencyKey, status]);
  }

  // startApp is a merchant's webhook endpoint: {secret, next(), id}, where next gives {body, signature} of what arrives.
  async function startApp(t, events) {
    const arrived = [];
    const app = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      response.end();
      arrived.push({ body, signature: request.headers['stripe-signature'] });
      app.emit('delivery');
    }).listen(0, '127.0.0.1');
    t.after(() => {
      app.close();
      app.closeAllConnections();
    });
    await once(app, 'listening');
    const { id, secret } = await stripe.webhookEndpoints.create({ url: `http://127.0.0.1:${app.address().port}/hook`, enabled_events: events });
    t.after(() => stripe.webhookEndpoints.del(id));
    const next = async () => {
      if (!arrived.length) await once(app, 'delivery', { signal: AbortSignal.timeout(10_000) });
      return arrived.shift();
    };
    return { id, secret, next };
  }

  // https://docs.stripe.com/api/idempotent_requests
  test('a request with the same idempotencyKey is answered again, not made again', async () => {
    const make = () => stripe.customers.create({ email: 'once@example.com' }, { idempotencyKey: 'once' });
    const first = await make();
    assert.deepEqual([first.lastResponse.headers['idempotency-key'], first.lastResponse.headers['idempotent-replayed']], ['once', undefined]);
    const again = await make();
    assert.deepEqual([again.id, again.lastResponse.headers['idempotent-replayed']], [first.id, 'true']);
    assert.equal(again.lastResponse.headers['original-request'], first.lastResponse.requestId);
    assert.equal(await emailed('once@example.com'), 1);
  });

  // https://docs.stripe.com/api/errors#errors-type
  test('another body under the same idempotencyKey is a StripeIdempotencyError', async () => {
    await stripe.customers.create({ name: 'Amy' }, { idempotencyKey: 'taken' });
    const error = await refused('StripeIdempotencyError', stripe.customers.create({ name: 'Bob' }, { idempotencyKey: 'taken' }));
    assert.deepEqual([error.statusCode, error.rawType], [400, 'idempotency_error']);
  });

  // triesAgain meets the fault once; both calls have one key, and one of them the effect.
  async function triesAgain(kind, more, status) {
    await fault(kind, more);
    const email = `${kind}-${status}@example.com`;
    const made = await sdk.client('sk_test_node', { maxNetworkRetries: 2 }).customers.create({ email });
    const [[key, first], [sameKey, second]] = await attempts(2);
    assert.match(key, /^stripe-node-retry-/);
    assert.deepEqual([sameKey, first, second], [key, status, 200]);
    assert.deepEqual([made.email, await emailed(email)], [email, 1]);
  }

  // https://docs.stripe.com/error-low-level#server-errors
  test('after a server error the SDK tries again', () => triesAgain('status_before', { status: 500 }, 500));

  // https://docs.stripe.com/error-low-level#idempotency
  test('after a conflict of keys the SDK tries again', () => triesAgain('status_before', { status: 409 }, 409));

  // https://docs.stripe.com/rate-limits#object-lock-timeouts
  test('after a lock timeout the SDK tries again, since Stripe-Should-Retry says so', () => triesAgain('lock_timeout', {}, 429));

  // https://docs.stripe.com/error-low-level#network-errors
  test('after a reset that came before the effect the SDK tries again', () => triesAgain('reset_before', {}, 0));

  // https://docs.stripe.com/error-low-level#idempotency
  test('after a reset that came after the effect the SDK gets the first answer', () => triesAgain('reset_after', {}, 0));

  // https://docs.stripe.com/error-low-level#idempotency
  test('a server error that was saved for its key is a StripeAPIError, however often the SDK tries', async () => {
    await fault('status_after', { status: 500 });
    const patient = sdk.client('sk_test_node', { maxNetworkRetries: 1 });
    const error = await refused('StripeAPIError', patient.customers.create({ email: 'saved@example.com' }));
    assert.equal(error.statusCode, 500);
    assert.equal(await emailed('saved@example.com'), 1);
  });

  // https://docs.stripe.com/rate-limits
  test('one call too many is a StripeRateLimitError, and is left to the caller', async () => {
    await fault('status_before', { status: 429 });
    const error = await refused('StripeRateLimitError', sdk.client('sk_test_node', { maxNetworkRetries: 2 }).customers.create({ email: 'many@example.com' }));
    assert.deepEqual([error.statusCode, error.code], [429, 'rate_limit']);
    assert.equal(await emailed('many@example.com'), 0);
  });

  // https://docs.stripe.com/error-handling#connection-errors
  test('silence is a StripeConnectionError, and leaves open what has happened', async () => {
    await fault('timeout_after');
    const error = await refused('StripeConnectionError', stripe.customers.create({ email: 'silent@example.com' }, { timeout: 200 }));
    assert.match(error.message, /timeout/);
    assert.equal(await emailed('silent@example.com'), 1);
  });

  // https://docs.stripe.com/api/authentication
  test('without a key, or with a wrong one, a call is a StripeAuthenticationError', async () => {
    const none = await refused('StripeAuthenticationError', sdk.client('').customers.list());
    assert.equal(none.statusCode, 401);
    assert.match(none.message, /You did not provide an API key/);
    const wrong = await refused('StripeAuthenticationError', stripe.customers.list({ apiKey: 'sk_live_somebodyelse' }));
    assert.match(wrong.message, /Invalid API Key provided: sk_live_\*+else/);
  });

  // https://docs.stripe.com/api/errors#errors-param
  test('a StripeInvalidRequestError names the parameter', async () => {
    for (const [param, code, params] of [
      ['amount', 'parameter_missing', { currency: 'usd' }],
      ['amount', 'parameter_invalid_integer', { ...cup, amount: 'much' }],
      ['amount', 'amount_too_small', { ...cup, amount: 10 }],
      ['colour', 'parameter_unknown', { ...cup, colour: 'red' }],
      ['customer', 'resource_missing', { ...cup, customer: 'cus_nobody' }],
    ]) {
      const error = await refused('StripeInvalidRequestError', stripe.paymentIntents.create(params));
      assert.deepEqual([error.statusCode, error.param, error.code], [400, param, code]);
      assert.match(error.doc_url, new RegExp(code.replaceAll('_', '-')));
    }
  });

  // https://docs.stripe.com/error-codes#resource-missing
  test('what is not there is a 404 with the request’s id', async () => {
    const error = await refused('StripeInvalidRequestError', stripe.paymentIntents.retrieve('pi_nobody'));
    assert.deepEqual([error.statusCode, error.code, error.message], [404, 'resource_missing', "No such payment_intent: 'pi_nobody'"]);
    assert.match(error.requestId, /^req_\w{14}$/);
  });

  // https://docs.stripe.com/error-codes#account-invalid
  test('another’s account is a StripePermissionError', async () => {
    const error = await refused('StripePermissionError', stripe.customers.list({ stripeAccount: 'acct_1Nobody' }));
    assert.deepEqual([error.statusCode, error.code], [403, 'account_invalid']);
  });

  // https://docs.stripe.com/api/events/list
  test('events are listed by type, with what an update has changed', async () => {
    const { id } = await stripe.customers.create({ name: 'Amy' });
    await stripe.customers.update(id, { name: 'Bob' });
    const { data: [updated] } = await stripe.events.list({ type: 'customer.updated', limit: 1 });
    assert.deepEqual([updated.object, updated.api_version, updated.data.object.id, updated.data.object.name], ['event', '2023-10-16', id, 'Bob']);
    assert.deepEqual(updated.data.previous_attributes, { name: 'Amy' });
    assert.match(updated.request.id, /^req_/);
    const { data: both } = await stripe.events.list({ types: ['customer.created', 'customer.updated'], limit: 2 });
    assert.deepEqual(both.map((event) => event.type), ['customer.updated', 'customer.created']);
    assert.equal((await stripe.events.retrieve(updated.id)).type, 'customer.updated');
  });

  // https://docs.stripe.com/webhooks#verify-official-libraries
  test('a delivery is an event once constructEvent has verified it', async (t) => {
    const app = await startApp(t, ['payment_intent.succeeded']);
    const paid = await stripe.paymentIntents.create({ ...cup, payment_method: 'pm_card_visa', confirm: true }, { idempotencyKey: 'bought' });
    const { body, signature } = await app.next();
    const event = stripe.webhooks.constructEvent(body, signature, app.secret);
    assert.deepEqual([event.type, event.data.object.id, event.data.object.status], ['payment_intent.succeeded', paid.id, 'succeeded']);
    assert.deepEqual([event.request.idempotency_key, event.request.id], ['bought', paid.lastResponse.requestId]);
    assert.deepEqual((await stripe.events.retrieve(event.id)).data, event.data);
  });

  // https://docs.stripe.com/webhooks/signature
  test('a delivery that was changed, is of another or is old is no event', async (t) => {
    const app = await startApp(t, ['customer.created']);
    await stripe.customers.create({ name: 'Amy' });
    const { body, signature } = await app.next();
    const construct = (text, secret = app.secret, now = undefined) => stripe.webhooks.constructEvent(text, signature, secret, 300, undefined, now);
    assert.equal(construct(body).data.object.name, 'Amy');
    const unverified = { type: 'StripeSignatureVerificationError' };
    assert.throws(() => construct(body.replace('Amy', 'Eve')), unverified);
    assert.throws(() => construct(body, 'whsec_another'), unverified);
    assert.throws(() => construct(body, app.secret, Date.now() + 301_000), unverified);
  });

  // https://docs.stripe.com/api/webhook_endpoints/update
  test('an endpoint that is disabled hears of nothing until it is enabled', async (t) => {
    const app = await startApp(t, ['customer.created']);
    assert.equal((await stripe.webhookEndpoints.update(app.id, { disabled: true })).status, 'disabled');
    await stripe.customers.create({ name: 'Unheard' });
    await stripe.webhookEndpoints.update(app.id, { disabled: false });
    await stripe.customers.create({ name: 'Heard' });
    assert.equal(JSON.parse((await app.next()).body).data.object.name, 'Heard');
    assert.equal((await stripe.webhookEndpoints.retrieve(app.id)).secret, undefined);
  });

  // https://docs.stripe.com/billing/testing/test-clocks
  test('a test clock is advanced, and takes its customers with it', async (t) => {
    const app = await startApp(t, ['test_helpers.test_clock.ready']);
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: 1700000000, name: 'A year' });
    const customer = await stripe.customers.create({ test_clock: clock.id });
    assert.deepEqual([customer.test_clock, customer.created], [clock.id, 1700000000]);
    assert.equal((await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: 1700086400 })).status, 'advancing');
    await app.next();
    const ready = await stripe.testHelpers.testClocks.retrieve(clock.id);
    assert.deepEqual([ready.status, ready.frozen_time], ['ready', 1700086400]);
    const back = await refused('StripeInvalidRequestError', stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: 1700000000 }));
    assert.equal(back.param, 'frozen_time');
    assert.equal((await stripe.testHelpers.testClocks.del(clock.id)).deleted, true);
    assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  });

  // https://docs.stripe.com/charges/placing-a-hold
  test('a charge that nobody captures lapses when the sandbox’s clock has gone on for a week', async () => {
    const held = await stripe.charges.create({ amount: 2400, currency: 'usd', source: 'tok_visa', capture: false });
    const before = await sdk.door('GET', '/clock');
    assert.deepEqual(before.due.map(({ what, id }) => [what, id]).filter(([, id]) => id === held.id), [['charge_lapses', held.id]]);
    const { now } = await sdk.door('POST', '/clock', { advance: 8 * 86400 });
    assert.ok(now - before.now >= 8 * 86400, `${before.now} ${now}`);
    const lapsed = await stripe.charges.retrieve(held.id);
    assert.deepEqual([lapsed.captured, lapsed.refunded, lapsed.amount_refunded], [false, true, 2400]);
    const { data: [event] } = await stripe.events.list({ type: 'charge.expired', limit: 1 });
    assert.deepEqual([event.data.object.id, event.request.id], [held.id, null]);
  });
});
