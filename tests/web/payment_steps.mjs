// The steps of the admin pages' test that are about payments: home, the list, one payment.

import assert from 'node:assert/strict';
import { callApi, checkAccessibility, pay, until } from './harness.mjs';

// With what the test has opened, and its words for looking at it.
export function paymentSteps({ kontor, receiver, window_, page, text, admin, addressHas }) {
  async function homeIsLive() {
    await page.locator('[data-live=live]').waitFor();
    assert.equal(await text('[data-testid=total-payments]'), '0');
    await page.locator('.recent .state', { hasText: 'No payments yet' }).waitFor();
    await page.evaluate(() => {
      globalThis.notReloaded = true;
    });
    // The receiver is refused where the server wants HTTPS; then the one that `kontor dev` brings has to do.
    await callApi(kontor, 'POST', '/v1/webhook_endpoints', { url: receiver.url, 'enabled_events[]': '*' });

    for (let i = 1; i <= 5; i += 1) {
      const paid = await pay(kontor, { amount: String(1000 * i), currency: 'eur', description: `Order ${i}` });
      assert.equal(paid.status, 200, JSON.stringify(paid.json));
      assert.equal(paid.json.status, 'succeeded');
    }
    const inCny = await pay(kontor, { amount: '8888', currency: 'cny', description: '校园卡充值' });
    assert.equal(inCny.status, 200, JSON.stringify(inCny.json));
    const declined = await pay(kontor, {
      amount: '700',
      currency: 'eur',
      description: 'Declined order',
      payment_method: 'pm_card_chargeDeclined',
    });
    assert.equal(declined.status, 402);

    await until('seven payments', async () => (await text('[data-testid=total-payments]')) === '7');
    await until('EUR volume', async () => /€150\.00/.test(await text('.tile[data-currency=eur]')));
    assert.match(await text('.tile[data-currency=cny]'), /¥88\.88/);
    assert.equal(await text('[data-testid=success-rate]'), '85.7%'); // 6 of 7, rounded down
    assert.match(await text('[data-testid=cache-hit-rate]'), /^(\d+\.\d%|–)$/);
    await until('latest payments', async () => (await page.locator('.recent .rows-item').count()) === 7);
    await page.locator('.chart canvas').waitFor();
    assert.equal(await page.evaluate(() => globalThis.notReloaded), true);
    await checkAccessibility(page, 'home');
  }

  async function liveStateIsTold() {
    await window_.context.route('**/admin/api/*/stream', (route) => route.abort());
    await page.getByLabel('Live', { exact: true }).check({ force: true }); // another mode: a new stream, which fails
    await page.locator('[data-live=offline]').waitFor();
    assert.equal(new URL(page.url()).pathname, '/admin/live/');
    assert.equal(await page.locator('.test-strip').count(), 0);
    await until('nothing of test mode here', async () => (await text('[data-testid=total-payments]')) === '0');
    await window_.context.unroute('**/admin/api/*/stream');
    await page.locator('[data-live=live]').waitFor({ timeout: 40_000 });
    await page.getByLabel('Test', { exact: true }).check({ force: true });
    await page.locator('.test-strip').waitFor();
    await until('test mode again', async () => (await text('[data-testid=total-payments]')) === '7');
  }

  const rowCount = () => page.locator('.payments-table tbody tr').count();

  async function listAndFilters() {
    await page.getByRole('link', { name: 'Payments', exact: true }).click();
    await until('all rows', async () => (await rowCount()) === 7);
    assert.equal(page.url(), admin('test/payments'));
    await checkAccessibility(page, 'payments');

    await page.locator('.chip[data-status=requires_payment_method]').click();
    await addressHas('status=requires_payment_method');
    await until('the declined one', async () => (await rowCount()) === 1);
    assert.match(await text('.payments-table tbody tr'), /€7\.00[\s\S]*Failed[\s\S]*Declined order/);
    await page.goBack();
    await until('all rows again', async () => (await rowCount()) === 7);

    await page.getByLabel('Search payments').fill('order 3');
    await addressHas('q=order');
    await until('one found', async () => (await rowCount()) === 1);
    await page.goto(admin('payments?q=%E6%A0%A1%E5%9B%AD')); // two Chinese characters
    await until('one found in Chinese', async () => (await rowCount()) === 1);

    await page.goto(admin('payments?status=succeeded&currency=eur&amount_gte=2000&amount_lte=4000'));
    await until('three between 20 and 40 euros', async () => (await rowCount()) === 3);
    assert.equal(await page.getByLabel('Amount from').inputValue(), '20.00');
    await page.getByLabel('Amount from').fill('30');
    await page.getByLabel('Amount from').press('Enter');
    await addressHas('amount_gte=3000');
    await until('two between 30 and 40 euros', async () => (await rowCount()) === 2);

    const today = await page.evaluate(() => new Date().toLocaleDateString('sv-SE'));
    await page.goto(admin(`payments?from=${today}&to=${today}`));
    await until('all are from today', async () => (await rowCount()) === 7);
    await page.goto(admin('payments?to=2020-01-01'));
    await page.getByText('Nothing matches').waitFor();
    await page.locator('.state').getByRole('button', { name: 'Clear filters' }).click();
    await until('cleared', async () => (await rowCount()) === 7);

    await page.locator('[data-live=live]').waitFor();
    await pay(kontor, { amount: '4200', currency: 'eur', description: 'Arrives while looking' });
    await page.getByTestId('fresh').click();
    await until('the new one is on top', async () =>
      /Arrives while looking/.test(await text('.payments-table tbody tr')),
    );
  }

  async function paging() {
    // One more than a page holds.
    for (let i = 0; i < 45; i += 1) {
      await pay(kontor, { amount: String(100 + i), currency: 'usd', description: `Batch ${i}` });
    }
    await page.goto(admin('payments'));
    // The reports may be behind the payments: what arrives while the page is open is asked for.
    await until('one page', async () => {
      const fresh = page.getByTestId('fresh');
      if (await fresh.count()) await fresh.click({ timeout: 1000 }).catch(() => {});
      return (await page.getByRole('button', { name: 'Load more' }).count()) === 1 && (await rowCount()) >= 50;
    });
    await page.goto(admin('payments'));
    await until('one page again', async () => (await rowCount()) === 50);
    await page.getByRole('button', { name: 'Load more' }).click();
    await until('the rest', async () => (await rowCount()) === 53);
    const ids = await page.locator('.payments-table tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.id));
    assert.equal(new Set(ids).size, 53, 'no payment twice');
    assert.equal(await page.getByRole('button', { name: 'Load more' }).count(), 0);
  }

  async function onePayment() {
    const paid = await pay(kontor, { amount: '5000', currency: 'eur', description: 'Looked at closely' });
    await page.goto(admin('payments?q=closely'));
    await page.locator('.row-link').first().click();
    await addressHas(`/admin/test/payments/${paid.json.id}`);
    await page.locator('.legs').waitFor();
    assert.match(await text('h1'), /€50\.00/);
    const leg = page.locator('.legs tbody tr').first();
    assert.match(await leg.innerText(), /Channel receivable[\s\S]*Merchant, pending[\s\S]*€50\.00[\s\S]*Posted/);
    await page.locator('.timeline', { hasText: 'Payment succeeded' }).waitFor();
    await until('a delivered webhook', async () => {
      if (await page.locator('[data-testid=webhook]', { hasText: 'Delivered' }).count()) return true;
      await page.waitForTimeout(300);
      await page.reload();
      await page.locator('.legs').waitFor();
      return false;
    });
    assert.match(await text('[data-testid=webhook] .tries'), /HTTP 200/);
    await page.locator('.raw summary').click();
    assert.match(await text('.raw pre'), /"object": "payment_intent"/);
    await checkAccessibility(page, 'payment');

    await page.locator('[data-live=live]').waitFor();
    const legs = await page.locator('.legs tbody tr').count();
    const refund = await callApi(kontor, 'POST', '/v1/refunds', { payment_intent: paid.json.id, amount: '2000' });
    assert.equal(refund.status, 200, JSON.stringify(refund.json));
    await page.locator('.payment-head', { hasText: 'Partly refunded' }).waitFor(); // without a reload
    await until('the refund has entries of its own', async () => (await page.locator('.legs tbody tr').count()) > legs);
    await page.getByRole('heading', { name: /^Refunds/ }).waitFor();

    // A mode is a wall: in live mode this payment is not there, and nothing of test mode shows.
    await page.goto(admin(`live/payments/${paid.json.id}`));
    await page.getByRole('heading', { name: 'Payment not found' }).waitFor();
    assert.equal(await page.locator('.test-strip').count(), 0);
    assert.equal(await page.locator('.legs').count(), 0);
    // An address of before: the mode it named, or the one used last, is put in its place.
    await page.goto(admin(`payments/${paid.json.id}?mode=test`));
    await page.locator('.legs').waitFor();
    assert.equal(page.url(), admin(`test/payments/${paid.json.id}`));
    await page.locator('.test-strip').waitFor();
    await page.goto(admin('payments/pi_00000000000000000000'));
    await page.getByRole('heading', { name: 'Payment not found' }).waitFor();
    await page.goto(admin('nowhere'));
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
  }

  return [
    ['home follows payments without a reload', homeIsLive],
    ['the live state is told, and comes back', liveStateIsTold],
    ['the list is filtered through the address', listAndFilters],
    ['more than a page is loaded by key', paging],
    ['one payment shows entries, events, webhooks, and its refund as it happens', onePayment],
  ];
}
