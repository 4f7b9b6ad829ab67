// What the browser tests stand on: the server under test, a browser, and a watch over everything that must not happen.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { launchBrowser } from '../../web/mock/browser.mjs';
import { stepOf, totp } from '../../web/mock/totp.mjs';

const AXE = readFileSync(
  createRequire(new URL('../../web/package.json', import.meta.url)).resolve('axe-core/axe.min.js'),
  'utf8',
);
const READY_WITHIN_MS = 60_000;

// Starts KONTOR_BINARY as a developer would, on a port of its own, with nothing left behind.
export async function startKontor() {
  const binary = process.env.KONTOR_BINARY;
  assert.ok(binary, 'KONTOR_BINARY must name the binary (tests/web/run.sh sets it)');
  const child = spawn(binary, ['dev', '--json', '--serve-only', '--ephemeral', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await gone;
  };
  // However the tests end, the server ends too.
  process.once('exit', () => child.kill('SIGKILL'));
  const ready = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('kontor was not ready in time')), READY_WITHIN_MS);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`kontor ended with ${code ?? signal} before it was ready`));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line);
      if (event.event !== 'ready') return;
      clearTimeout(timer);
      resolve(event);
    });
  });
  return { ...ready, ca: readFileSync(ready.ca_file), stop };
}

// One request to the merchant API, form-encoded; the certificate is verified against the dev CA.
export function callApi(kontor, method, path, form = {}, key = kontor.test_key) {
  const body = new URLSearchParams(form).toString();
  const url = new URL(path, kontor.url);
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/x-www-form-urlencoded' };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, ca: kontor.ca, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, json: JSON.parse(text) }));
    });
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : body);
  });
}

export async function pay(kontor, form) {
  const answer = await callApi(kontor, 'POST', '/v1/payment_intents', {
    confirm: 'true',
    payment_method: 'pm_card_visa',
    'payment_method_types[]': 'card',
    ...form,
  });
  return answer;
}

// A merchant's webhook receiver; answers 200.
export async function startReceiver() {
  const received = [];
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => {
      received.push(incoming.url);
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hooks`,
    received,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

// The authenticator app. A code is good once, so the next one may have to be waited for.
export class Authenticator {
  constructor(secret) {
    this.secret = secret;
    this.lastStep = 0;
  }
  async code() {
    while (stepOf(Date.now()) <= this.lastStep) await new Promise((resolve) => setTimeout(resolve, 250));
    this.lastStep = stepOf(Date.now());
    return totp(this.secret, this.lastStep);
  }
  wrongCode() {
    const right = [-1, 0, 1].map((off) => totp(this.secret, stepOf(Date.now()) + off));
    return ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code));
  }
}

// Statuses that the tests provoke on purpose; the browser logs each of them as an error.
const PROVOKED = /Failed to load resource: (the server responded with a status of (401|404|409|422)|net::ERR_FAILED)/;

// A browser window under watch: console errors, exceptions and CSP violations collect in `problems`.
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, // the dev CA is not in the browser's store
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    colorScheme: 'light',
    timezoneId: 'Europe/Berlin',
    ...options,
  });
  const problems = [];
  await context.exposeFunction('reportViolation', (text) => problems.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`);
    });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (!PROVOKED.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`exception: ${error.stack ?? error}`));
  return { context, page, problems };
}

// Everything axe knows to WCAG 2.2 AA, and its best practices.
export async function checkAccessibility(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const told = found.violations.map(
    (violation) =>
      `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`,
  );
  assert.deepEqual(told, [], `accessibility of ${where}`);
  assert.ok(found.passes.length > 5, `axe looked at something on ${where}`);
}

export async function until(what, check, withinMs = 15_000) {
  const end = Date.now() + withinMs;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) assert.fail(`${what}: not within ${withinMs} ms (last: ${last})`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export { launchBrowser };
