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
  startKontor,
  startReceiver,
  until,
} from './harness.mjs';
import { paymentSteps } from './payment_steps.mjs';

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
    ...paymentSteps({ kontor, receiver, window_, page, text, admin, addressHas }),
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
