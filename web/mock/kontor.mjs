#!/usr/bin/env node
// `kontor dev` as far as the browser tests need it: serves web/dist and the mock over HTTPS and prints the ready line.
//   mock/kontor.mjs dev --json --serve-only --ephemeral --port 0      empty, with a set-up link
//   mock/kontor.mjs dev --serve-only --port 8443 [--seeded] [--set-up] [--payments-per-minute N]
// --set-up: operator "anna" exists (password "correct horse battery", TOTP secret JBSWY3DPEHPK3PXP).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createMock } from './backend.mjs';

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    'serve-only': { type: 'boolean', default: false },
    ephemeral: { type: 'boolean', default: false },
    seeded: { type: 'boolean', default: false },
    'set-up': { type: 'boolean', default: false },
    port: { type: 'string', default: '8443' },
    'payments-per-minute': { type: 'string', default: '0' },
  },
});

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');
const scratch = mkdtempSync(join(tmpdir(), 'kontor-mock-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));

execFileSync(
  'openssl',
  [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=kontor mock',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-keyout',
    join(scratch, 'key.pem'),
    '-out',
    join(scratch, 'ca.pem'),
  ],
  { stdio: 'ignore' },
);

// Word for word what the server sends with every page.
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

function serveFile(request, response) {
  const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://mock').pathname));
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const below = path.startsWith('/admin/') ? path.slice('/admin/'.length) : '';
  const isFile = below !== '' && statSync(join(dist, below), { throwIfNoEntry: false })?.isFile();
  if (!path.startsWith('/admin') || (below.startsWith('assets/') && !isFile)) {
    response.writeHead(404).end();
    return;
  }
  const name = isFile ? below : 'index.html';
  const brotli =
    /\bbr\b/.test(String(request.headers['accept-encoding'])) &&
    statSync(join(dist, `${name}.br`), { throwIfNoEntry: false });
  if (brotli) response.setHeader('Content-Encoding', 'br');
  response.setHeader('Content-Type', TYPES[name.split('.').at(-1)] ?? 'application/octet-stream');
  response.setHeader(
    'Cache-Control',
    name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  );
  response.end(readFileSync(join(dist, brotli ? `${name}.br` : name)));
}

const mock = createMock({ seeded: values.seeded, setUp: values['set-up'] });
const server = createServer(
  { key: readFileSync(join(scratch, 'key.pem')), cert: readFileSync(join(scratch, 'ca.pem')) },
  (request, response) => {
    if (!mock.handle(request, response)) serveFile(request, response);
  },
);
server.listen(Number(values.port), '127.0.0.1', () => {
  const { port } = server.address();
  const url = `https://127.0.0.1:${port}`;
  const ready = {
    event: 'ready',
    url,
    ca_file: join(scratch, 'ca.pem'),
    test_key: mock.testKey,
    admin_url: `${url}/admin/setup?token=${mock.setupToken()}`,
  };
  console.log(
    values.json ? JSON.stringify(ready) : `${ready.url}/admin/\n${ready.admin_url}\n${ready.test_key}`,
  );
});
const perMinute = Number(values['payments-per-minute']);
if (perMinute > 0) setInterval(() => mock.addPayment(), 60_000 / perMinute);
