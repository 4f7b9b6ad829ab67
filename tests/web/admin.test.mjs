// The admin pages, driven in a real browser from the one-time link to the second login.
// The steps stand on each other, so they are subtests of one test, in order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  Authenticator,
  callApi,
  checkAccessibility,
  launchBrowser,
  openWindow,
  pay,
  startKontor,
  startReceiver,
  until,
} from './harness.mjs';

const NAME = 'anna';
const PASSWORD = 'tortoise lamp violet 9';

let kontor;
let receiver;
let browser;
let window_;
let page;
let authenticator;

before(async () => {
  kontor = await startKontor();
  receiver = await startReceiver();
  browser = await launchBrowser();
  window_ = await openWindow(browser);
  page = window_.page;
});
after(async () => {
  await browser?.close();
  await receiver?.stop();
  await kontor?.stop();
});

const text = (selector) => page.locator(selector).first().innerText();
const admin = (path) => `${kontor.url}/admin/${path}`;
const addressHas = (part) => until(`the address has ${part}`, () => page.url().includes(part));

async function setUp() {
  await page.goto(kontor.admin_url);
  await page.fill('[name=username]', NAME);
  await page.fill('[name=new-password]', 'short');
  assert.match(await text('.strength-text'), /Too short/);
  await page.fill('[name=new-password-again]', 'short');
  await page.click('[type=submit]');
  assert.match(await text('.field-error'), /too short/i);

  await page.fill('[name=new-password]', 'password1234');
  assert.match(await text('.strength-text'), /Weak/);
  await page.fill('[name=new-password-again]', 'password1235');
  await page.click('[type=submit]');
  assert.match(await text('.field-error'), /differ/);
  await page.fill('[name=new-password-again]', 'password1234');
  await page.click('[type=submit]');
  await page.locator('.field-error', { hasText: 'too common' }).waitFor(); // the server's word
  await checkAccessibility(page, 'set-up');

  await page.fill('[name=new-password]', PASSWORD);
  await page.fill('[name=new-password-again]', PASSWORD);
  assert.match(await text('.strength-text'), /Good|Strong/);
  await page.click('[type=submit]');
  await page.locator('.qr img').waitFor();
  const drawn = await page.locator('.qr img').evaluate((image) => image.complete && image.naturalWidth > 0);
  assert.ok(drawn, 'the QR code is a picture that loads under the CSP');
  await page.click('.manual summary');
  authenticator = new Authenticator((await text('[data-testid=totp-secret]')).replace(/\s/g, ''));
  assert.match(authenticator.secret, /^[A-Z2-7]{32}$/);
  await checkAccessibility(page, 'second factor');

  await page.fill('[name=code]', authenticator.wrongCode());
  await page.click('[type=submit]');
  await page.locator('.field-error', { hasText: 'code is wrong' }).waitFor();
  await page.fill('[name=code]', await authenticator.code());
  await page.click('[type=submit]');
  await page.locator('.tiles').waitFor();
  assert.equal(page.url(), admin('test/'), 'the token is gone from the address');
  assert.equal(await text('.account-name'), NAME);
}

async function linkWorksOnce() {
  const other = await openWindow(browser);
  await other.page.goto(kontor.admin_url);
  await other.page.getByText('This link does not work').waitFor();
  const token = new URL(kontor.admin_url).searchParams.get('token');
  const status = await other.page.evaluate(
    async (body) => {
      const answer = await fetch('/admin/api/setup/begin', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      return answer.status;
    },
    { token, name: 'mallory', password: PASSWORD },
  );
  assert.equal(status, 404);
  assert.deepEqual(other.problems, []);
  await other.context.close();
}

async function headers() {
  const answer = await page.request.get(admin(''));
  const policy = answer.headers()['content-security-policy'];
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self'(;|$)/);
  assert.match(policy, /style-src 'self'(;|$)/);
  assert.match(policy, /require-trusted-types-for 'script'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(answer.headers()['x-content-type-options'], 'nosniff');
  const script = /src="(\/admin\/assets\/[^"]+\.js)"/.exec(await answer.text())?.[1];
  const asset = await page.request.get(kontor.url + script, { headers: { 'Accept-Encoding': 'br' } });
  assert.equal(asset.status(), 200);
  assert.match(asset.headers()['cache-control'], /immutable/);
  assert.equal(asset.headers()['content-encoding'], 'br');
  assert.match(asset.headers()['content-type'], /^text\/javascript/);
  assert.equal((await page.request.get(admin('assets/nothing.js'))).status(), 404);
  const cookie = (await window_.context.cookies()).find((known) => known.name === 'kontor_session');
  assert.deepEqual(
    { httpOnly: cookie.httpOnly, secure: cookie.secure, sameSite: cookie.sameSite, path: cookie.path },
    { httpOnly: true, secure: true, sameSite: 'Strict', path: '/admin' },
  );
}

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

async function merchantsAndKeys() {
  await page.goto(admin('merchants'));
  await page.locator('.table tbody tr').first().waitFor();
  await checkAccessibility(page, 'merchants');
  await page.getByRole('button', { name: 'New merchant' }).click();
  await page.fill('[name=name]', 'Mensa Süd 南食堂');
  await page.fill('[name=fee]', '1,45');
  await page.fill('[name=fee_fixed]', '0.25');
  await checkAccessibility(page, 'new merchant');
  await page.locator('.dialog [type=submit]').click();
  await page.getByRole('heading', { level: 1, name: 'Mensa Süd 南食堂' }).waitFor();
  assert.match(await text('.facts'), /1\.45% \+ €0\.25/);
  await page.getByText('No keys here yet').waitFor();

  await page.getByRole('button', { name: 'New key' }).click();
  await page.fill('[name=key-name]', 'till');
  await page.locator('.dialog [type=submit]').click();
  const secret = await text('[data-testid=secret]');
  assert.match(secret, /^sk_test_\w{16,}$/);
  await checkAccessibility(page, 'new key');
  await page.getByRole('button', { name: 'I have saved it' }).click();
  await page.locator('.card-table tbody tr', { hasText: 'till' }).waitFor();
  assert.equal((await callApi(kontor, 'GET', '/v1/balance', {}, secret)).status, 200);
  await page.reload();
  await page.locator('.card-table tbody tr', { hasText: 'till' }).waitFor();
  assert.ok(!(await page.content()).includes(secret), 'the secret is shown once');

  await page.locator('.card-table').getByRole('button', { name: 'Revoke' }).click();
  await page.locator('.dialog[open]').waitFor();
  await page.keyboard.press('Escape'); // thought better of it
  await page.locator('.dialog').waitFor({ state: 'detached' });
  assert.equal((await callApi(kontor, 'GET', '/v1/balance', {}, secret)).status, 200);
  await page.locator('.card-table').getByRole('button', { name: 'Revoke' }).click();
  await page.locator('.dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.locator('.card-table td:not(.cell-action) .badge', { hasText: 'Revoked' }).waitFor();
  await until('the key is refused', async () => {
    return (await callApi(kontor, 'GET', '/v1/balance', {}, secret)).status === 401;
  });
}

const WORDS = {
  en: { nav: 'Payments', lang: 'en-GB', succeeded: 'Succeeded' },
  zh: { nav: '支付', lang: 'zh-CN', succeeded: '成功' },
  de: { nav: 'Zahlungen', lang: 'de-DE', succeeded: 'Erfolgreich' },
};
const fitsIn = async (where) => {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${where} is ${over} px wider than the window`);
};

async function themesAndLanguages() {
  await page.goto(admin('payments?q=closely'));
  await page.locator('.row-link').first().waitFor();
  const one = new URL(await page.locator('.row-link').first().evaluate((link) => link.href)).pathname.slice('/admin/'.length);
  for (const theme of ['dark', 'light']) {
    await page.goto(admin(''));
    await page.locator(`.settings input[value=${theme}]`).check({ force: true });
    const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const dark = ground.match(/\d+/g).slice(0, 3).every((part) => Number(part) < 60);
    assert.equal(dark, theme === 'dark', `${theme}: ${ground}`);
    for (const [language, words] of Object.entries(WORDS)) {
      await page.locator('.sidebar select').selectOption(language);
      await page.locator('.nav-link', { hasText: words.nav }).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), words.lang);
      for (const path of ['', 'payments', one, 'merchants', 'merchants/none']) {
        await page.goto(admin(path)); // the choice survives
        await page.locator('.card, .state').first().waitFor();
        await page.locator('.skeleton').first().waitFor({ state: 'detached' });
        // Contrast does not depend on the language; names and labels do, and Home has most of them.
        if (language === 'en' || path === '') await checkAccessibility(page, `${path} in ${theme}, ${language}`);
        await fitsIn(`${path || 'home'} in ${language}`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      for (const path of ['', 'payments', one, 'merchants']) {
        await page.goto(admin(path));
        await page.locator('.card, .state').first().waitFor();
        await page.locator('.skeleton').first().waitFor({ state: 'detached' });
        await fitsIn(`narrow ${path || 'home'} in ${language}`);
      }
      await checkAccessibility(page, `narrow merchants in ${theme} and ${language}`);
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(admin(''));
      await page.locator('.recent .badge', { hasText: words.succeeded }).first().waitFor();
    }
  }
  await page.locator('.sidebar select').selectOption('en');
  // Without a choice of one's own the system decides.
  await page.locator('.settings input[value=system]').check({ force: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  await until('the system is followed', async () => {
    const ground = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    return ground.match(/\d+/g).slice(0, 3).every((part) => Number(part) < 60);
  });
  await page.emulateMedia({ colorScheme: 'light' });
}

async function keyboardOnly() {
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      const style = getComputedStyle(element);
      const after = getComputedStyle(element, '::after');
      const sibling = element.nextElementSibling ? getComputedStyle(element.nextElementSibling) : style;
      const ring = [style, after, sibling].some((s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0);
      return { id: element.id, type: element.type ?? '', tag: element.tagName, class: element.className, text: element.innerText ?? '', ring };
    });
  const tabTo = async (wanted) => {
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      const at = await focused();
      assert.ok(at.ring || at.tag === 'BODY', `focus can be seen on ${JSON.stringify(at)}`);
      if (at.tag !== 'BODY' && wanted(at)) return at;
    }
    assert.fail('never reached by Tab');
  };

  await page.goto(admin(''));
  await page.locator('.recent .rows-item').first().waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('Tab');
  assert.match((await focused()).text, /Skip to content/);
  await page.keyboard.press('Enter');
  assert.equal((await focused()).id, 'main');
  await page.keyboard.press('Shift+Tab');
  await page.evaluate(() => document.activeElement.blur());
  await page.goto(admin('')); // from the top again
  await page.locator('.recent .rows-item').first().waitFor();
  await tabTo((at) => at.text.trim() === 'Payments');
  await page.keyboard.press('Enter');
  await addressHas('/admin/test/payments');
  await page.locator('.row-link').first().waitFor();
  await tabTo((at) => at.class.includes('row-link'));
  const first = (await focused()).text;
  await page.keyboard.press('ArrowDown');
  const second = await focused();
  assert.ok(second.class.includes('row-link') && second.ring);
  await page.keyboard.press('ArrowUp');
  assert.equal((await focused()).text, first);
  await page.keyboard.press('Enter');
  await page.locator('.payment-head').waitFor();
  assert.ok(await page.title().then((title) => title.startsWith('Payment')));
  await page.goBack();
  await page.locator('.row-link').first().waitFor();
  // A group of radio buttons is one stop; arrows choose.
  await page.locator('.mode-switch input:checked').focus();
  await page.keyboard.press('ArrowRight');
  await addressHas('/admin/live/payments');
  await page.locator('.test-strip').waitFor({ state: 'detached' });
  await page.locator('.state', { hasText: 'No payments yet' }).waitFor(); // all of the new page is there
  assert.match((await focused()).type, /radio/, 'and the focus is where it was');
  await page.keyboard.press('ArrowLeft');
  await until('test mode', () => page.url().includes('/admin/test/payments'));
  // A dialog keeps the focus, and gives it back.
  await page.goto(admin('merchants'));
  await page.locator('.table tbody tr').first().waitFor();
  await tabTo((at) => at.text.includes('New merchant'));
  await page.keyboard.press('Enter');
  await page.locator('.dialog[open]').waitFor();
  for (let i = 0; i < 12; i += 1) {
    await page.keyboard.press('Tab');
    const inside = await page.evaluate(
      () => document.activeElement === document.body || document.activeElement.closest('dialog') !== null,
    );
    assert.ok(inside, 'focus stays in the dialog');
  }
  await page.keyboard.press('Escape');
  await page.locator('.dialog').waitFor({ state: 'detached' });
  assert.match((await focused()).text, /New merchant/);
}

async function logoutAndLogin() {
  await page.goto(admin('payments?status=succeeded'));
  await page.locator('.row-link').first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('[name=code]').waitFor();
  await checkAccessibility(page, 'login');
  assert.equal((await page.request.get(admin('api/test/home'))).status(), 401);
  await page.goto(admin('payments'));
  await page.locator('[name=code]').waitFor();
  assert.equal(await page.locator('.payments-table').count(), 0);

  await page.fill('[name=username]', NAME);
  await page.fill('[name=password]', 'not the password');
  await page.fill('[name=code]', authenticator.wrongCode());
  await page.click('[type=submit]');
  await page.locator('.alert', { hasText: 'Name, password or code is wrong' }).waitFor();

  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=code]', await authenticator.code());
  await page.click('[type=submit]');
  await page.locator('.payments-table').waitFor();
  assert.equal(page.url(), admin('test/payments'), 'login leads to where one wanted to go');

  // A session that ends elsewhere ends here with the next request.
  await window_.context.clearCookies();
  await page.getByRole('link', { name: 'Home', exact: true }).click();
  await page.locator('[name=code]').waitFor();
}

test('admin pages', { timeout: 480_000 }, async (t) => {
  const steps = [
    ['the one-time link sets name, password and second factor', setUp],
    ['the link works once', linkWorksOnce],
    ['policy, caching and cookie are strict', headers],
    ['home follows payments without a reload', homeIsLive],
    ['the live state is told, and comes back', liveStateIsTold],
    ['the list is filtered through the address', listAndFilters],
    ['more than a page is loaded by key', paging],
    ['one payment shows entries, events, webhooks, and its refund as it happens', onePayment],
    ['merchants and keys: created, shown once, revoked', merchantsAndKeys],
    ['light and dark, three languages, wide and narrow', themesAndLanguages],
    ['everything by keyboard', keyboardOnly],
    ['logout and login', logoutAndLogin],
  ];
  let broken = false;
  for (const [name, step] of steps) {
    await t.test(name, { skip: broken && 'a step before it failed' }, async () => {
      try {
        await step();
        assert.deepEqual(window_.problems, [], 'console errors and policy violations');
      } catch (error) {
        broken = true;
        const picture = process.env.KONTOR_TEST_PICTURE;
        if (picture) await page.screenshot({ path: picture, fullPage: true }).catch(() => {});
        throw error;
      }
    });
  }
});
