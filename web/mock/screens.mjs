#!/usr/bin/env node
// Pictures of every screen, for looking at: both themes, three languages, wide and narrow.
//   mock/screens.mjs OUT_DIR [FILTER]      needs `npm run build` before; FILTER: a part of the picture's name

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from './browser.mjs';
import { stepOf, totp } from './totp.mjs';

const [out = 'screens', filter = ''] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const here = dirname(fileURLToPath(import.meta.url));

async function startMock(...args) {
  const child = spawn(join(here, 'kontor.mjs'), ['dev', '--json', '--serve-only', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await new Promise((resolve) =>
    child.stdout.once('data', (data) => resolve(String(data).split('\n'))),
  );
  return { child, ...JSON.parse(line) };
}

const full = await startMock('--seeded', '--set-up');
const empty = await startMock();
const browser = await launchBrowser();
// However this ends, nothing is left running.
process.on('exit', () => {
  full.child.kill();
  empty.child.kill();
});
let lastStep = 0;

async function freshCode() {
  while (stepOf(Date.now()) + 1 <= lastStep) await new Promise((resolve) => setTimeout(resolve, 500));
  lastStep = Math.max(lastStep + 1, stepOf(Date.now()) - 1);
  return totp('JBSWY3DPEHPK3PXP', lastStep);
}

// One login for all contexts.
const door = await browser.newContext({ ignoreHTTPSErrors: true });
const doorPage = await door.newPage();
await doorPage.goto(`${full.url}/admin/`);
await doorPage.fill('[name=username]', 'anna');
await doorPage.fill('[name=password]', 'correct horse battery');
await doorPage.fill('[name=code]', await freshCode());
await doorPage.click('[type=submit]');
await doorPage.waitForSelector('.tiles');
const cookies = await door.cookies();
const list = await doorPage.evaluate(() =>
  fetch('/admin/api/test/payments?limit=100').then((answer) => answer.json()),
);
const refunded = list.data.find((row) => row.amount_refunded > 0) ?? list.data[0];
const waiting = list.data.find((row) => row.status === 'processing') ?? list.data[0];
const failed = list.data.find((row) => row.failure_code) ?? list.data[0];

const screens = {
  home: { path: '', ready: '.u-over' },
  'home-live-mode': { path: 'live/', ready: '.columns' },
  payments: { path: 'payments', ready: '.payments-table' },
  'payments-filtered': {
    path: 'payments?status=succeeded,requires_capture&currency=eur&amount_gte=5000&merchant=acct_1',
    ready: '.list-foot',
  },
  'payments-none': { path: 'payments?q=zzzz', ready: '.state' },
  'payments-empty': { path: 'live/payments', ready: '.state' },
  'payment-refunded': { path: `payments/${refunded.id}`, ready: '.legs' },
  'payment-waiting': { path: `payments/${waiting.id}`, ready: '.timeline' },
  'payment-failed': {
    path: `payments/${failed.id}`,
    ready: '.timeline',
    act: (page) => page.click('.raw summary'),
  },
  'payment-missing': { path: 'payments/pi_nothing', ready: '.state' },
  merchants: { path: 'merchants', ready: '.table' },
  'merchants-new': {
    path: 'merchants',
    ready: '.table',
    act: (page) => page.click('.page-head .button-primary'),
  },
  merchant: { path: 'merchants/acct_1', ready: '.card-table .table' },
  'merchant-revoke': {
    path: 'merchants/acct_1',
    ready: '.card-table .table',
    act: (page) => page.click('.button-small:not(.button-primary)'),
  },
  'merchant-key': {
    path: 'merchants/acct_2',
    ready: '.card-table .card-header',
    act: async (page) => {
      await page.click('.card-table .button-primary');
      await page.fill('[name=key-name]', 'web shop');
      await page.click('.dialog [type=submit]');
      await page.waitForSelector('[data-testid=secret]');
    },
  },
  menu: { path: '', ready: '.u-over', narrowOnly: true, act: (page) => page.click('.menu-button') },
  login: { path: '', ready: '[name=code]', signedOut: true },
  'login-wrong': {
    path: '',
    ready: '[name=code]',
    signedOut: true,
    act: async (page) => {
      await page.fill('[name=username]', 'nobody');
      await page.fill('[name=password]', 'x');
      await page.fill('[name=code]', '000000');
      await page.click('[type=submit]');
      await page.waitForSelector('.alert');
    },
  },
  setup: {
    url: empty.admin_url,
    ready: '[name=username]',
    signedOut: true,
    act: (page) => page.fill('[name=new-password]', 'tortoise lamp 9'),
  },
  'setup-totp': {
    url: empty.admin_url,
    ready: '[name=username]',
    signedOut: true,
    act: async (page) => {
      await page.fill('[name=username]', 'anna');
      await page.fill('[name=new-password]', 'tortoise lamp violet 9');
      await page.fill('[name=new-password-again]', 'tortoise lamp violet 9');
      await page.click('[type=submit]');
      await page.click('.manual summary');
    },
  },
  'setup-invalid': { path: 'setup?token=wrong', ready: '.state', signedOut: true },
};

const problems = [];
for (const language of ['en', 'zh', 'de']) {
  for (const theme of ['light', 'dark']) {
    for (const [size, width, height] of [
      ['wide', 1440, 900],
      ['narrow', 390, 844],
    ]) {
      for (const [name, screen] of Object.entries(screens)) {
        const picture = `${name}-${size}-${language}-${theme}`;
        if (!picture.includes(filter) || (screen.narrowOnly && size === 'wide')) continue;
        const context = await browser.newContext({
          ignoreHTTPSErrors: true,
          viewport: { width, height },
          colorScheme: theme,
          locale: { en: 'en-GB', zh: 'zh-CN', de: 'de-DE' }[language],
          timezoneId: 'Europe/Berlin',
        });
        if (!screen.signedOut) await context.addCookies(cookies);
        const page = await context.newPage();
        page.on('console', (message) => {
          if (message.type() === 'error' && !/status of (401|404)/.test(message.text()))
            problems.push(`${picture}: ${message.text()}`);
        });
        page.on('pageerror', (error) => problems.push(`${picture}: ${error}`));
        await page.goto(screen.url ?? `${full.url}/admin/${screen.path}`);
        await page.waitForSelector(screen.ready);
        await screen.act?.(page);
        await page.waitForTimeout(250);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) problems.push(`${picture}: ${overflow} px too wide`);
        await page.screenshot({ path: join(out, `${picture}.png`), fullPage: true });
        await context.close();
      }
    }
  }
}
await browser.close();
full.child.kill();
empty.child.kill();
console.log(problems.length > 0 ? problems.join('\n') : 'no problems');
process.exit(problems.length > 0 ? 1 : 0);
