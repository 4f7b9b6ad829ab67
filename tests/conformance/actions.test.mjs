// Payments that need the payer, as a merchant's program with the official library sees them.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rawRequest, startKontor, verify } from './kontor.mjs';

let folder;
let kontor;
let stripe;

const secured = {
  amount: 1200,
  currency: 'eur',
  confirm: true,
  payment_method: 'pm_card_threeDSecure2Required',
  return_url: 'https://shop.example/done?order=7',
};

/** What the payer presses on the page. */
function press(intent, outcome) {
  const link = new URL(intent.next_action.redirect_to_url.url);
  return rawRequest(kontor, {
    method: 'POST',
    path: link.pathname + link.search,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: `outcome=${outcome}`,
  });
}

before(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'kontor-conformance-')), 'data');
  kontor = await startKontor(['--data', folder]);
  stripe = kontor.stripe();
});
after(async () => {
  await kontor?.stop();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

test('the payer completes, and the payment succeeds', async () => {
  const intent = await stripe.paymentIntents.create(secured);
  assert.equal(intent.status, 'requires_action');
  assert.equal(intent.next_action.type, 'redirect_to_url');
  assert.equal(intent.next_action.redirect_to_url.return_url, secured.return_url);
  const back = await press(intent, 'complete');
  assert.equal(back.status, 303);
  assert.equal(back.headers.location, 'https://shop.example/done?order=7&redirect_status=succeeded');
  const done = await stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] });
  assert.equal(done.status, 'succeeded');
  assert.equal(done.next_action, null);
  assert.equal(done.latest_charge.status, 'succeeded');
  const refund = await stripe.refunds.create({ payment_intent: intent.id });
  assert.equal(refund.status, 'succeeded');
});

test('the payer fails, and another card pays', async () => {
  const intent = await stripe.paymentIntents.create(secured);
  await press(intent, 'fail');
  const failed = await stripe.paymentIntents.retrieve(intent.id);
  assert.equal(failed.status, 'requires_payment_method');
  assert.equal(failed.last_payment_error.code, 'payment_intent_authentication_failure');
  assert.equal(failed.latest_charge, null);
  const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' });
  assert.equal(paid.status, 'succeeded');
});

test('the bank declines what the payer completed', async () => {
  const intent = await stripe.paymentIntents.create({
    ...secured,
    payment_method: 'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds',
  });
  await press(intent, 'complete');
  const declined = await stripe.paymentIntents.retrieve(intent.id);
  assert.equal(declined.status, 'requires_payment_method');
  assert.equal(declined.last_payment_error.decline_code, 'insufficient_funds');
});

test('nobody is there to act: declined', async () => {
  for (const absent of [{ error_on_requires_action: true }, { off_session: true }]) {
    await assert.rejects(stripe.paymentIntents.create({ ...secured, ...absent }), (error) => {
      assert.equal(error.type, 'StripeCardError');
      assert.equal(error.code, 'authentication_required');
      assert.equal(error.payment_intent.status, 'requires_payment_method');
      return true;
    });
  }
});

test('a cancelled payment takes nothing, whatever the payer presses', async () => {
  const intent = await stripe.paymentIntents.create(secured);
  assert.equal((await stripe.paymentIntents.cancel(intent.id)).status, 'canceled');
  assert.equal((await press(intent, 'complete')).status, 303);
  assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'canceled');
});

test('the event says it, and the books hold', async () => {
  const events = await stripe.events.list({ type: 'payment_intent.requires_action' });
  assert.equal(events.data.length, 4);
  assert.equal(events.data[0].data.object.next_action.type, 'redirect_to_url');
  await kontor.stop();
  const checked = await verify(folder);
  assert.equal(checked.code, 0, JSON.stringify(checked));
});
