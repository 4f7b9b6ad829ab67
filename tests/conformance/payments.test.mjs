// The first customer's day: 1,000 payments of mixed outcome in 16 workers, then everything must add up.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inWorkers, startKontor, verify } from './kontor.mjs';
import { startReceiver } from './receiver.mjs';

const paymentCount = 1000;
const workers = 16;

let folder;
let kontor;
let stripe;
let receiver;
let endpoint;
const customers = [];
const outcomes = [];

before(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'kontor-conformance-')), 'data');
  kontor = await startKontor(['--data', folder, '--set', 'webhooks.allow_http=true']);
  stripe = kontor.stripe();
  receiver = await startReceiver();
});
after(async () => {
  await kontor?.stop();
  await receiver?.stop();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

test('a customer is created, read, changed and topped up', async () => {
  for (let i = 0; i < 8; i++) {
    const customer = await stripe.customers.create({
      name: `Customer ${i}`,
      email: `c${i}@example.com`,
      metadata: { number: String(i) },
    });
    assert.match(customer.id, /^cus_/);
    assert.equal(customer.object, 'customer');
    assert.equal(customer.livemode, false);
    assert.deepEqual(customer.metadata, { number: String(i) });
    await stripe.testHelpers.customers.fundCashBalance(customer.id, { amount: 5_000_000, currency: 'eur' });
    const wallet = await stripe.customers.retrieveCashBalance(customer.id);
    assert.equal(wallet.available.eur, 5_000_000);
    customers.push(customer.id);
  }
  const changed = await stripe.customers.update(customers[0], { description: 'the first', metadata: { number: '' } });
  assert.equal(changed.description, 'the first');
  assert.deepEqual(changed.metadata, {});
  const read = await stripe.customers.retrieve(customers[0]);
  assert.deepEqual({ ...read, lastResponse: undefined }, { ...changed, lastResponse: undefined });
});

test('a webhook endpoint is registered and shows its secret once', async () => {
  endpoint = await stripe.webhookEndpoints.create({
    url: receiver.url,
    enabled_events: ['payment_intent.succeeded', 'charge.refunded', 'payment_intent.payment_failed'],
  });
  assert.match(endpoint.secret, /^whsec_/);
  const read = await stripe.webhookEndpoints.retrieve(endpoint.id);
  assert.equal(read.secret, undefined);
});

// What a payment does after its creation. The kind follows from the number alone, so that a failure repeats.
const kinds = {
  wallet: async (amount, customer, options) => {
    const intent = await stripe.paymentIntents.create(
      { amount, currency: 'eur', customer, payment_method_types: ['wallet'], payment_method: 'pm_wallet', confirm: true },
      options,
    );
    assert.equal(intent.status, 'succeeded');
    assert.equal(intent.amount_received, amount);
    return { intent, received: amount, refunded: 0 };
  },
  card: async (amount, customer, options) => {
    const created = await stripe.paymentIntents.create({ amount, currency: 'eur', customer }, options);
    assert.equal(created.status, 'requires_payment_method');
    const intent = await stripe.paymentIntents.confirm(created.id, { payment_method: 'pm_card_visa' });
    assert.equal(intent.status, 'succeeded');
    return { intent, received: amount, refunded: 0 };
  },
  decline: async (amount, customer, options) => {
    const error = await rejection(
      stripe.paymentIntents.create(
        { amount, currency: 'eur', customer, payment_method: 'pm_card_chargeDeclined', confirm: true },
        options,
      ),
    );
    assert.equal(error.type, 'StripeCardError');
    assert.equal(error.code, 'card_declined');
    assert.equal(error.decline_code, 'generic_decline');
    assert.equal(error.statusCode, 402);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    return { intent: error.payment_intent, received: 0, refunded: 0 };
  },
  insufficient: async (amount, customer, options) => {
    const error = await rejection(
      stripe.paymentIntents.create(
        { amount, currency: 'eur', payment_method: 'pm_card_chargeDeclinedInsufficientFunds', confirm: true, customer },
        options,
      ),
    );
    assert.equal(error.decline_code, 'insufficient_funds');
    // Another method then pays the same intent.
    const intent = await stripe.paymentIntents.confirm(error.payment_intent.id, { payment_method: 'pm_card_mastercard' });
    assert.equal(intent.status, 'succeeded');
    return { intent, received: amount, refunded: 0 };
  },
  captureLater: async (amount, customer, options) => {
    const held = await stripe.paymentIntents.create(
      { amount, currency: 'eur', customer, payment_method: 'pm_card_visa', capture_method: 'manual', confirm: true },
      options,
    );
    assert.equal(held.status, 'requires_capture');
    assert.equal(held.amount_capturable, amount);
    const intent = await stripe.paymentIntents.capture(held.id);
    assert.equal(intent.status, 'succeeded');
    return { intent, received: amount, refunded: 0 };
  },
  partialCapture: async (amount, customer, options) => {
    const held = await stripe.paymentIntents.create(
      {
        amount,
        currency: 'eur',
        customer,
        payment_method_types: ['wallet'],
        payment_method: 'pm_wallet',
        capture_method: 'manual',
        confirm: true,
      },
      options,
    );
    const part = Math.floor(amount / 3);
    const intent = await stripe.paymentIntents.capture(held.id, { amount_to_capture: part });
    assert.equal(intent.amount_received, part);
    assert.equal(intent.amount_capturable, 0);
    return { intent, received: part, refunded: 0 };
  },
  cancel: async (amount, customer, options) => {
    const held = await stripe.paymentIntents.create(
      { amount, currency: 'eur', customer, payment_method: 'pm_card_visa', capture_method: 'manual', confirm: true },
      options,
    );
    const intent = await stripe.paymentIntents.cancel(held.id, { cancellation_reason: 'requested_by_customer' });
    assert.equal(intent.status, 'canceled');
    assert.equal(intent.amount_capturable, 0);
    return { intent, received: 0, refunded: 0 };
  },
  fullRefund: async (amount, customer, options) => {
    const { intent } = await kinds.card(amount, customer, options);
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    assert.equal(refund.status, 'succeeded');
    assert.equal(refund.amount, amount);
    return { intent, received: amount, refunded: amount };
  },
  partialRefunds: async (amount, customer, options) => {
    const { intent } = await kinds.wallet(amount, customer, options);
    const part = Math.floor(amount / 4);
    await stripe.refunds.create({ payment_intent: intent.id, amount: part });
    await stripe.refunds.create({ charge: intent.latest_charge, amount: part });
    const error = await rejection(stripe.refunds.create({ payment_intent: intent.id, amount: amount - 2 * part + 1 }));
    assert.equal(error.type, 'StripeInvalidRequestError');
    return { intent, received: amount, refunded: 2 * part };
  },
};

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'this request should have been refused' });
}

test(`${paymentCount} payments of mixed outcome in ${workers} workers, each create retried`, async () => {
  const names = Object.keys(kinds);
  const tasks = Array.from({ length: paymentCount }, (_, i) => async () => {
    const name = names[i % names.length];
    const amount = 100 + ((i * 7919) % 20_000);
    const options = { idempotencyKey: `conformance-${i}` };
    const outcome = await kinds[name](amount, customers[i % customers.length], options);
    return { name, amount, ...outcome };
  });
  outcomes.push(...(await inWorkers(workers, tasks)));
  assert.equal(outcomes.length, paymentCount);
  assert.equal(new Set(outcomes.map((o) => o.intent.id)).size, paymentCount);
});

test('a retried request gives the first answer and moves no money', async () => {
  const before = await stripe.balance.retrieve();
  const tasks = outcomes.slice(0, 90).map((outcome, i) => async () => {
    const options = { idempotencyKey: `conformance-${i}` };
    if (outcome.name !== 'wallet') return;
    const again = await stripe.paymentIntents.create(
      {
        amount: outcome.amount,
        currency: 'eur',
        customer: customers[i % customers.length],
        payment_method_types: ['wallet'],
        payment_method: 'pm_wallet',
        confirm: true,
      },
      options,
    );
    assert.equal(again.id, outcome.intent.id);
    assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
    const error = await rejection(
      stripe.paymentIntents.create({ amount: outcome.amount + 1, currency: 'eur' }, options),
    );
    assert.equal(error.type, 'StripeIdempotencyError');
    assert.equal(error.statusCode, 400);
  });
  await inWorkers(workers, tasks);
  const afterwards = await stripe.balance.retrieve();
  assert.deepEqual(afterwards.available, before.available);
  assert.deepEqual(afterwards.pending, before.pending);
});

test('auto-pagination finds every payment once, newest first', async () => {
  const seen = [];
  for await (const intent of stripe.paymentIntents.list({ limit: 100 })) seen.push(intent);
  assert.equal(seen.length, paymentCount);
  assert.deepEqual(new Set(seen.map((i) => i.id)), new Set(outcomes.map((o) => o.intent.id)));
  for (let i = 1; i < seen.length; i++) assert.ok(seen[i - 1].created >= seen[i].created);
  for (const outcome of outcomes) {
    const listed = seen.find((i) => i.id === outcome.intent.id);
    assert.equal(listed.amount_received, outcome.received, `${outcome.name} ${outcome.intent.id}`);
  }
});

test('pages go backwards too, and filters and expansion hold', async () => {
  const first = await stripe.paymentIntents.list({ limit: 10 });
  assert.equal(first.data.length, 10);
  assert.equal(first.has_more, true);
  const second = await stripe.paymentIntents.list({ limit: 10, starting_after: first.data[9].id });
  const back = await stripe.paymentIntents.list({ limit: 10, ending_before: second.data[0].id });
  assert.deepEqual(back.data.map((i) => i.id), first.data.map((i) => i.id));
  const mine = await stripe.paymentIntents.list({ customer: customers[0], limit: 100 });
  assert.ok(mine.data.length > 0 && mine.data.every((i) => i.customer === customers[0]));
  const expanded = await stripe.paymentIntents.list({ limit: 3, expand: ['data.customer', 'data.latest_charge.balance_transaction'] });
  for (const intent of expanded.data) {
    assert.equal(intent.customer.object, 'customer');
    if (intent.latest_charge?.balance_transaction) {
      assert.equal(intent.latest_charge.balance_transaction.object, 'balance_transaction');
    }
  }
});

test('the balance is the sum of the balance transactions', async () => {
  let sum = 0;
  let charges = 0;
  let refunds = 0;
  for await (const row of stripe.balanceTransactions.list({ limit: 100 })) {
    assert.equal(row.net, row.amount - row.fee);
    sum += row.net;
    if (row.type === 'charge') charges += row.amount;
    else refunds -= row.amount;
  }
  const balance = await stripe.balance.retrieve();
  const total = (lines) => lines.filter((l) => l.currency === 'eur').reduce((all, l) => all + l.amount, 0);
  assert.equal(sum, total(balance.available) + total(balance.pending));
  assert.equal(charges, outcomes.reduce((all, o) => all + o.received, 0));
  assert.equal(refunds, outcomes.reduce((all, o) => all + o.refunded, 0));
});

test('every webhook came in and verifies with the library itself', async () => {
  const expected = outcomes.filter((o) => o.received > 0).length;
  const succeeded = (deliveries) =>
    new Set(deliveries.map((d) => JSON.parse(d.raw)).filter((e) => e.type === 'payment_intent.succeeded').map((e) => e.data.object.id));
  await receiver.until((deliveries) => succeeded(deliveries).size >= expected, 60_000);
  for (const delivery of receiver.deliveries) {
    const event = stripe.webhooks.constructEvent(delivery.raw, delivery.headers['stripe-signature'], endpoint.secret);
    assert.ok(endpoint.enabled_events.includes(event.type));
  }
  assert.throws(() =>
    stripe.webhooks.constructEvent(
      Buffer.concat([receiver.deliveries[0].raw, Buffer.from(' ')]),
      receiver.deliveries[0].headers['stripe-signature'],
      endpoint.secret,
    ),
  );
  // The same event by API: the same content.
  const delivered = JSON.parse(receiver.deliveries[0].raw);
  const event = await stripe.events.retrieve(delivered.id);
  assert.deepEqual(event.data.object, delivered.data.object);
});

test('kontor verify holds, on the running node and on its stopped folder', async () => {
  const running = await verify(folder);
  assert.equal(running.code, 0, JSON.stringify(running));
  assert.equal(running.holds, true);
  assert.ok(running.transfers >= paymentCount / 2);
  await kontor.stop();
  const stopped = await verify(folder);
  assert.equal(stopped.code, 0, JSON.stringify(stopped));
  assert.equal(stopped.holds, true);
  assert.ok(stopped.transfers >= running.transfers);
});
