// What every major of the official library does with every resource: one list of flows, run by majors.test.mjs.
import assert from 'node:assert/strict';
import { rawRequest } from './kontor.mjs';

/** Each route of the merchant API, by the library's method for it. */
export const methods = {
  'POST /v1/customers': 'customers.create',
  'GET /v1/customers': 'customers.list',
  'GET /v1/customers/{id}': 'customers.retrieve',
  'POST /v1/customers/{id}': 'customers.update',
  'DELETE /v1/customers/{id}': 'customers.del',
  'GET /v1/customers/{id}/cash_balance': 'customers.retrieveCashBalance',
  'POST /v1/test_helpers/customers/{id}/fund_cash_balance': 'testHelpers.customers.fundCashBalance',
  'POST /v1/payment_intents': 'paymentIntents.create',
  'GET /v1/payment_intents': 'paymentIntents.list',
  'GET /v1/payment_intents/{intent}': 'paymentIntents.retrieve',
  'POST /v1/payment_intents/{intent}': 'paymentIntents.update',
  'POST /v1/payment_intents/{intent}/confirm': 'paymentIntents.confirm',
  'POST /v1/payment_intents/{intent}/capture': 'paymentIntents.capture',
  'POST /v1/payment_intents/{intent}/cancel': 'paymentIntents.cancel',
  'GET /v1/charges': 'charges.list',
  'GET /v1/charges/{id}': 'charges.retrieve',
  'POST /v1/refunds': 'refunds.create',
  'GET /v1/refunds': 'refunds.list',
  'GET /v1/refunds/{id}': 'refunds.retrieve',
  'POST /v1/refunds/{id}': 'refunds.update',
  'GET /v1/balance': 'balance.retrieve',
  'GET /v1/balance_transactions': 'balanceTransactions.list',
  'GET /v1/balance_transactions/{id}': 'balanceTransactions.retrieve',
  'GET /v1/events': 'events.list',
  'GET /v1/events/{id}': 'events.retrieve',
  'POST /v1/webhook_endpoints': 'webhookEndpoints.create',
  'GET /v1/webhook_endpoints': 'webhookEndpoints.list',
  'GET /v1/webhook_endpoints/{id}': 'webhookEndpoints.retrieve',
  'POST /v1/webhook_endpoints/{id}': 'webhookEndpoints.update',
  'DELETE /v1/webhook_endpoints/{id}': 'webhookEndpoints.del',
  'GET /v1/account': 'accounts.retrieve',
};

/** Routes that no major has a method for. */
export const ofOurOwn = [/^\S+ \/v1\/ledger[/.]/, /^POST \/v1\/customers\/\{id\}\/top_ups$/, /^GET \/v1\/openapi\.json$/];

/** The library's method of that name, or undefined. */
export const methodOf = (stripe, name) => name.split('.').reduce((owner, part) => owner?.[part], stripe);

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'this request should have been refused' });
}

/** A refusal of that class of the library, under both names that programs ask for. */
async function refused(stripe, name, promise, wanted) {
  const error = await refusal(promise);
  assert.ok(error instanceof stripe.errors[name], `${error.type}: ${error.message}`);
  assert.equal(error.type, name);
  for (const [field, value] of Object.entries(wanted)) assert.equal(error[field], value, `${field}: ${error.message}`);
  assert.match(error.requestId, /^req_/);
  return error;
}

const pay = (stripe, fields) => stripe.paymentIntents.create({ amount: 1000, currency: 'eur', confirm: true, payment_method: 'pm_card_visa', ...fields });
const hold = (stripe, fields) => pay(stripe, { capture_method: 'manual', ...fields });
const ids = (list) => list.map((object) => object.id);

async function all(list) {
  const found = [];
  for await (const object of list) found.push(object);
  return found;
}

/** The wallet gets money by the library, or by a plain request where the major has no method for it. */
async function fund({ stripe, kontor }, customer, amount) {
  if (stripe.testHelpers?.customers?.fundCashBalance) {
    await stripe.testHelpers.customers.fundCashBalance(customer, { amount, currency: 'eur' });
    return;
  }
  const answer = await rawRequest(kontor, {
    method: 'POST',
    path: `/v1/test_helpers/customers/${customer}/fund_cash_balance`,
    headers: { Authorization: `Bearer ${kontor.test_key}`, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: `amount=${amount}&currency=eur`,
  });
  assert.equal(answer.status, 200, answer.text);
}

/** `{ stripe, kontor, receiver, name, library }`: the client, the node, a webhook receiver, a word of this run alone. */
export const flows = {
  'a customer and the wallet': async (run) => {
    const { stripe, name } = run;
    const customer = await stripe.customers.create({ name, email: `${name}@example.com`, metadata: { a: '1', b: '2' } });
    const changed = await stripe.customers.update(customer.id, { description: 'changed', metadata: { b: '' } });
    assert.deepEqual(changed.metadata, { a: '1' });
    const read = await stripe.customers.retrieve(customer.id);
    assert.equal(read.description, 'changed');
    assert.deepEqual(ids((await stripe.customers.list({ email: `${name}@example.com` })).data), [customer.id]);
    await fund(run, customer.id, 5000);
    const paid = await pay(stripe, { customer: customer.id, payment_method: 'pm_wallet', payment_method_types: ['wallet'], amount: 1500 });
    assert.equal(paid.status, 'succeeded');
    const wallet = await stripe.customers.retrieveCashBalance(customer.id);
    assert.equal(wallet.available.eur, 3500);
    const short = await refused(stripe, 'StripeCardError', pay(stripe, { customer: customer.id, payment_method: 'pm_wallet', payment_method_types: ['wallet'], amount: 3501 }), { code: 'card_declined', decline_code: 'insufficient_funds' });
    assert.equal(short.payment_intent.customer, customer.id);
    assert.equal((await stripe.customers.del(customer.id)).deleted, true);
    assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  },

  'a payment is made, confirmed and refunded in two parts': async ({ stripe, name }) => {
    const created = await stripe.paymentIntents.create({ amount: 900, currency: 'eur', payment_method_types: ['card'] });
    assert.equal(created.status, 'requires_payment_method');
    const changed = await stripe.paymentIntents.update(created.id, { amount: 1000, metadata: { name } });
    assert.equal(changed.amount, 1000);
    const intent = await stripe.paymentIntents.confirm(created.id, { payment_method: 'pm_card_visa' });
    assert.equal(intent.status, 'succeeded');
    const charge = await stripe.charges.retrieve(intent.latest_charge, { expand: ['balance_transaction', 'payment_intent'] });
    assert.equal(charge.balance_transaction.amount, 1000);
    assert.equal(charge.payment_intent.metadata.name, name);
    const first = await stripe.refunds.create({ payment_intent: intent.id, amount: 400, reason: 'requested_by_customer' });
    const second = await stripe.refunds.create({ charge: charge.id, metadata: { part: 'second' } });
    assert.deepEqual([first.status, second.status, first.amount, second.amount], ['succeeded', 'succeeded', 400, 600]);
    assert.deepEqual((await stripe.refunds.update(first.id, { metadata: { part: 'first' } })).metadata, { part: 'first' });
    assert.equal((await stripe.refunds.retrieve(first.id)).metadata.part, 'first');
    assert.deepEqual(ids((await stripe.refunds.list({ payment_intent: intent.id })).data), [second.id, first.id]);
    assert.equal((await stripe.charges.retrieve(charge.id)).refunded, true);
    await refused(stripe, 'StripeInvalidRequestError', stripe.refunds.create({ charge: charge.id }), { code: 'charge_already_refunded', statusCode: 400 });
  },

  'an amount is held, and captured in part or given up': async ({ stripe }) => {
    const held = await hold(stripe);
    assert.deepEqual([held.status, held.amount_capturable], ['requires_capture', 1000]);
    const captured = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 300 });
    assert.deepEqual([captured.status, captured.amount_received], ['succeeded', 300]);
    const again = await refused(stripe, 'StripeInvalidRequestError', stripe.paymentIntents.capture(held.id), { code: 'payment_intent_unexpected_state' });
    assert.equal(again.payment_intent.id, held.id);
    const other = await hold(stripe);
    assert.equal((await stripe.paymentIntents.cancel(other.id, { cancellation_reason: 'abandoned' })).status, 'canceled');
  },

  'a bank declines, and another card pays': async ({ stripe }) => {
    const declined = await refused(stripe, 'StripeCardError', pay(stripe, { payment_method: 'pm_card_chargeDeclinedLostCard' }), {
      code: 'card_declined',
      decline_code: 'lost_card',
      statusCode: 402,
    });
    assert.equal(declined.payment_intent.status, 'requires_payment_method');
    const paid = await stripe.paymentIntents.confirm(declined.payment_intent.id, { payment_method: 'pm_card_mastercard' });
    assert.equal(paid.status, 'succeeded');
  },

  'the payer proves who he is': async ({ stripe, kontor }) => {
    const intent = await pay(stripe, { payment_method: 'pm_card_threeDSecure2Required', return_url: 'https://shop.example/done' });
    assert.deepEqual([intent.status, intent.next_action.type], ['requires_action', 'redirect_to_url']);
    const page = new URL(intent.next_action.redirect_to_url.url);
    const back = await rawRequest(kontor, {
      method: 'POST',
      path: page.pathname + page.search,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'outcome=complete',
    });
    assert.equal(back.status, 303);
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'succeeded');
  },

  'a retried request moves no money': async ({ stripe, name }) => {
    const options = { idempotencyKey: `majors-${name}` };
    const request = { amount: 700, currency: 'eur', confirm: true, payment_method: 'pm_card_visa' };
    const first = await stripe.paymentIntents.create(request, options);
    const again = await stripe.paymentIntents.create(request, options);
    assert.equal(again.id, first.id);
    assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
    await refused(stripe, 'StripeIdempotencyError', stripe.paymentIntents.create({ ...request, amount: 701 }, options), { statusCode: 400 });
  },

  'lists have pages, forwards and backwards': async ({ stripe, name }) => {
    const customer = (await stripe.customers.create({ name })).id;
    const made = [];
    for (let i = 0; i < 7; i++) made.unshift((await pay(stripe, { customer, amount: 100 + i })).id);
    assert.deepEqual(ids(await all(stripe.paymentIntents.list({ customer, limit: 3 }))), made);
    assert.deepEqual(ids(await stripe.paymentIntents.list({ customer, limit: 2 }).autoPagingToArray({ limit: 5 })), made.slice(0, 5));
    const last = await stripe.paymentIntents.list({ customer, limit: 3, starting_after: made[3] });
    assert.deepEqual([ids(last.data), last.has_more], [made.slice(4), false]);
    assert.deepEqual(ids(await all(stripe.paymentIntents.list({ customer, limit: 3, ending_before: made[4] }))), made.slice(0, 4).reverse());
    const charges = await all(stripe.charges.list({ customer, limit: 4, expand: ['data.payment_intent'] }));
    assert.deepEqual(charges.map((charge) => charge.payment_intent.id), made);
  },

  'the balance moves with its transactions': async ({ stripe }) => {
    const total = async () => {
      const { available, pending } = await stripe.balance.retrieve();
      return [...available, ...pending].filter((line) => line.currency === 'eur').reduce((sum, line) => sum + line.amount, 0);
    };
    const before = await total();
    const intent = await pay(stripe, { amount: 2500 });
    const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
    const [charged] = (await stripe.balanceTransactions.list({ source: intent.latest_charge })).data;
    const returned = await stripe.balanceTransactions.retrieve(refund.balance_transaction);
    assert.deepEqual([charged.type, charged.amount, returned.type, returned.amount], ['charge', 2500, 'refund', -500]);
    assert.equal((await total()) - before, charged.net + returned.net);
  },

  'a webhook is delivered and verifies': async ({ stripe, receiver, name }) => {
    const types = ['payment_intent.succeeded', 'charge.refunded'];
    const endpoint = await stripe.webhookEndpoints.create({ url: `${receiver.url}/${name}`, enabled_events: types });
    assert.match(endpoint.secret, /^whsec_/);
    const intent = await pay(stripe, { metadata: { name } });
    const mine = (delivery) => delivery.path.endsWith(`/${name}`);
    await receiver.until((deliveries) => deliveries.some(mine));
    const { raw, headers } = receiver.deliveries.find(mine);
    const event = stripe.webhooks.constructEvent(raw, headers['stripe-signature'], endpoint.secret);
    assert.deepEqual([event.type, event.data.object.id], ['payment_intent.succeeded', intent.id]);
    for (const [body, secret] of [[`${raw} `, endpoint.secret], [raw, 'whsec_another']]) {
      const error = await refusal((async () => stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret))());
      assert.ok(error instanceof stripe.errors.StripeSignatureVerificationError, error.message);
    }
    const read = await stripe.events.retrieve(event.id);
    assert.equal(read.data.object.metadata.name, name);
    const listed = await stripe.events.list({ types, limit: 1 });
    assert.equal(listed.data[0].id, event.id);
    const changed = await stripe.webhookEndpoints.update(endpoint.id, { disabled: true, description: name });
    assert.equal(changed.status, 'disabled');
    assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined);
    assert.ok(ids((await stripe.webhookEndpoints.list()).data).includes(endpoint.id));
    assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true);
  },

  'the account is the own one': async ({ stripe }) => {
    const account = await stripe.accounts.retrieve();
    assert.match(account.id, /^acct_/);
    assert.equal(account.object, 'account');
  },

  'what is wrong has the class that programs catch': async ({ stripe, kontor, library }) => {
    await refused(stripe, 'StripeInvalidRequestError', pay(stripe, { amount: 0 }), { param: 'amount', statusCode: 400 });
    await refused(stripe, 'StripeInvalidRequestError', pay(stripe, { colour: 'red' }), { param: 'colour', code: 'parameter_unknown' });
    await refused(stripe, 'StripeInvalidRequestError', stripe.charges.retrieve('ch_00000000000'), { code: 'resource_missing', statusCode: 404 });
    const stranger = kontor.stripe({ library, key: 'sk_test_000000000000000000000000' });
    await refused(stripe, 'StripeAuthenticationError', stranger.balance.retrieve(), { statusCode: 401 });
  },
};
