// What bad input gets: the right type, code and param through the library's own error classes, and nothing changed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rawRequest, startKontor } from './kontor.mjs';

let kontor;
let stripe;

before(async () => {
  kontor = await startKontor(['--ephemeral']);
  stripe = kontor.stripe({ config: { maxNetworkRetries: 0 } });
});
after(() => kontor?.stop());

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'this request should have been refused' });
}
const paid = (amount, extra = {}) =>
  stripe.paymentIntents.create({ amount, currency: 'eur', payment_method: 'pm_card_visa', confirm: true, ...extra });
const held = (amount) => paid(amount, { capture_method: 'manual' });

// name, request, wanted error fields
const cases = [
  ['amount zero', () => paid(0), { param: 'amount', statusCode: 400 }],
  ['amount negative', () => paid(-1), { param: 'amount', statusCode: 400 }],
  ['amount above the limit', () => paid(1_000_000_000_000), { param: 'amount', code: 'amount_too_large', statusCode: 400 }],
  ['amount with a fraction', () => paid(10.5), { param: 'amount', code: 'parameter_invalid_integer', statusCode: 400 }],
  ['amount not a number', () => paid('ten'), { param: 'amount', code: 'parameter_invalid_integer', statusCode: 400 }],
  ['amount missing', () => stripe.paymentIntents.create({ currency: 'eur' }), { param: 'amount', code: 'parameter_missing' }],
  ['unknown currency', () => paid(100, { currency: 'xyz' }), { param: 'currency', statusCode: 400 }],
  ['unknown parameter', () => paid(100, { colour: 'red' }), { param: 'colour', code: 'parameter_unknown', statusCode: 400 }],
  ['unknown payment method', () => paid(100, { payment_method: 'pm_nothing' }), { param: 'payment_method', code: 'resource_missing' }],
  ['wrong type for a list', () => paid(100, { payment_method_types: 'card' }), { param: 'payment_method_types', statusCode: 400 }],
  ['metadata value too long', () => paid(100, { metadata: { a: 'x'.repeat(501) } }), { statusCode: 400 }],
  ['metadata with too many keys', () => paid(100, { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'v'])) }), { statusCode: 400 }],
  ['no such customer', () => paid(100, { customer: 'cus_00000000000' }), { param: 'customer', code: 'resource_missing' }],
  ['no such intent', () => stripe.paymentIntents.retrieve('pi_00000000000'), { code: 'resource_missing', statusCode: 404 }],
  ['limit above 100', () => stripe.paymentIntents.list({ limit: 101 }), { param: 'limit', statusCode: 400 }],
  ['expansion of what cannot be', () => stripe.paymentIntents.list({ expand: ['data.nothing'] }), { statusCode: 400 }],
];
for (const [name, request, wanted] of cases) {
  test(`${name} is refused and changes nothing`, async () => {
    const before = await stripe.balance.retrieve();
    const count = (await stripe.paymentIntents.list({ limit: 100 })).data.length;
    const error = await refusal(request());
    assert.equal(error.type, 'StripeInvalidRequestError', error.message);
    for (const [key, value] of Object.entries(wanted)) assert.equal(error[key], value, `${key}: ${error.message}`);
    assert.match(error.requestId, /^req_/);
    assert.deepEqual((await stripe.balance.retrieve()).pending, before.pending);
    assert.equal((await stripe.paymentIntents.list({ limit: 100 })).data.length, count);
  });
}

test('two concurrent refunds of 80 on a payment of 100: exactly one succeeds', async () => {
  for (let round = 0; round < 10; round++) {
    const intent = await paid(100);
    const settled = await Promise.allSettled([
      stripe.refunds.create({ payment_intent: intent.id, amount: 80 }),
      stripe.refunds.create({ payment_intent: intent.id, amount: 80 }),
    ]);
    const won = settled.filter((s) => s.status === 'fulfilled');
    const lost = settled.filter((s) => s.status === 'rejected');
    assert.equal(won.length, 1);
    assert.equal(lost[0].reason.type, 'StripeInvalidRequestError');
    const charge = await stripe.charges.retrieve(intent.latest_charge);
    assert.equal(charge.amount_refunded, 80);
  }
});

test('capture above authorised, second capture, capture of what was cancelled', async () => {
  const first = await held(500);
  const tooMuch = await refusal(stripe.paymentIntents.capture(first.id, { amount_to_capture: 501 }));
  assert.equal(tooMuch.code, 'amount_too_large');
  assert.equal(tooMuch.param, 'amount_to_capture');
  assert.equal((await stripe.paymentIntents.retrieve(first.id)).amount_capturable, 500);
  await stripe.paymentIntents.capture(first.id);
  const again = await refusal(stripe.paymentIntents.capture(first.id));
  assert.equal(again.code, 'payment_intent_unexpected_state');
  const second = await held(500);
  await stripe.paymentIntents.cancel(second.id);
  for (const request of [
    () => stripe.paymentIntents.capture(second.id),
    () => stripe.paymentIntents.confirm(second.id, { payment_method: 'pm_card_visa' }),
    () => stripe.paymentIntents.cancel(second.id),
  ]) {
    const error = await refusal(request());
    assert.equal(error.code, 'payment_intent_unexpected_state');
    assert.equal(error.payment_intent.status, 'canceled');
  }
});

test('refund above what is left, of what was not captured, of what is fully refunded', async () => {
  const intent = await paid(300);
  const above = await refusal(stripe.refunds.create({ payment_intent: intent.id, amount: 301 }));
  assert.equal(above.type, 'StripeInvalidRequestError');
  assert.equal(above.param, 'amount');
  await stripe.refunds.create({ payment_intent: intent.id });
  const done = await refusal(stripe.refunds.create({ payment_intent: intent.id }));
  assert.equal(done.code, 'charge_already_refunded');
  const open = await held(300);
  assert.equal((await refusal(stripe.refunds.create({ payment_intent: open.id }))).type, 'StripeInvalidRequestError');
});

test('a wallet that does not cover the payment is a decline, and stays as it was', async () => {
  const customer = await stripe.customers.create({ name: 'Short of cash' });
  await stripe.testHelpers.customers.fundCashBalance(customer.id, { amount: 99, currency: 'eur' });
  const error = await refusal(
    stripe.paymentIntents.create({
      amount: 100,
      currency: 'eur',
      customer: customer.id,
      payment_method_types: ['wallet'],
      payment_method: 'pm_wallet',
      confirm: true,
    }),
  );
  assert.equal(error.type, 'StripeCardError');
  assert.equal(error.decline_code, 'insufficient_funds');
  assert.equal((await stripe.customers.retrieveCashBalance(customer.id)).available.eur, 99);
});

test('an answer of the acquirer that was lost is asked for again, never guessed', async () => {
  const intent = await paid(700, { payment_method: 'pm_card_sandboxAnswerLost' });
  assert.equal(intent.status, 'succeeded');
  const error = await refusal(paid(700, { payment_method: 'pm_card_sandboxAnswerLostThenDeclined' }));
  assert.equal(error.type, 'StripeCardError');
});

test('keys: none, wrong, malformed', async () => {
  assert.equal((await rawRequest(kontor, { path: '/v1/balance' })).status, 401);
  const wrong = kontor.stripe({ key: 'sk_test_000000000000000000000000', config: { maxNetworkRetries: 0 } });
  assert.equal((await refusal(wrong.balance.retrieve())).type, 'StripeAuthenticationError');
  const basic = Buffer.from(`${kontor.test_key}:`).toString('base64');
  assert.equal((await rawRequest(kontor, { path: '/v1/balance', headers: { Authorization: `Basic ${basic}` } })).status, 200);
});

// Bodies that the library would never send.
const bodies = [
  ['a broken form', 'application/x-www-form-urlencoded', 'amount=%zz', 400],
  ['broken brackets', 'application/x-www-form-urlencoded', 'metadata[a=1&amount=1&currency=eur', 400],
  ['broken JSON', 'application/json', '{"amount":', 400],
  ['JSON that is no object', 'application/json', '[1,2]', 400],
  ['JSON nested too deep', 'application/json', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`, 400],
  ['a NUL byte', 'application/x-www-form-urlencoded', 'amount=1&currency=eur&description=%00', 400],
  ['bytes that are no UTF-8', 'application/x-www-form-urlencoded', 'amount=1&currency=eur&description=%ff%fe', 400],
  ['a parameter twice', 'application/x-www-form-urlencoded', 'amount=1&amount=2&currency=eur', 400],
  ['a body above the limit', 'application/x-www-form-urlencoded', `amount=1&description=${'x'.repeat(5 << 20)}`, 413],
];
for (const [name, type, body, status] of bodies) {
  test(`${name} gets ${status} and a JSON error`, async () => {
    const response = await rawRequest(kontor, {
      method: 'POST',
      path: '/v1/payment_intents',
      headers: { Authorization: `Bearer ${kontor.test_key}`, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) },
      body,
    }).catch((error) => ({ status: error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 413 : 0, text: '{"error":{}}' }));
    assert.equal(response.status, status, response.text);
    assert.ok(JSON.parse(response.text).error);
    await stripe.balance.retrieve();
  });
}

test('JSON bodies do what form bodies do', async () => {
  const body = JSON.stringify({ amount: 250, currency: 'eur', payment_method: 'pm_card_visa', confirm: true, metadata: { a: 'b' } });
  const response = await rawRequest(kontor, {
    method: 'POST',
    path: '/v1/payment_intents',
    headers: { Authorization: `Bearer ${kontor.test_key}`, 'Content-Type': 'application/json' },
    body,
  });
  assert.equal(response.status, 200, response.text);
  assert.equal(response.json.status, 'succeeded');
  assert.deepEqual(response.json.metadata, { a: 'b' });
});

test('the same idempotency key at the same time moves money once', async () => {
  const before = (await stripe.balance.retrieve()).pending.concat((await stripe.balance.retrieve()).available);
  const attempts = await Promise.allSettled(
    Array.from({ length: 12 }, () => stripe.paymentIntents.create(
      { amount: 1234, currency: 'eur', payment_method: 'pm_card_visa', confirm: true },
      { idempotencyKey: 'all-at-once' },
    )),
  );
  const ids = new Set(attempts.filter((a) => a.status === 'fulfilled').map((a) => a.value.id));
  assert.equal(ids.size, 1);
  for (const lost of attempts.filter((a) => a.status === 'rejected')) {
    assert.equal(lost.reason.statusCode, 409);
    assert.equal(lost.reason.code, 'idempotency_key_in_use');
  }
  const total = (lines) => lines.reduce((all, line) => all + line.amount, 0);
  const balance = await stripe.balance.retrieve();
  assert.equal(total(balance.pending.concat(balance.available)) - total(before), 1234);
});
