// The contract of the admin API, run against the pages' mock. tests/contract/admin.json says what it is;
// tests/integration/admin_contract_test.py runs the same against the server.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMock } from '../mock/backend.mjs';
import { STATUSES } from '../mock/data.mjs';
import { stepOf, totp } from '../mock/totp.mjs';
import {
  ApiKey,
  ApiKeys,
  Home,
  Merchant,
  Merchants,
  NewApiKey,
  Nothing,
  PaymentDetail,
  PaymentsPage,
  Session,
  SetupBegun,
  SetupState,
} from '../src/api/schema.ts';
import { STATUSES as FILTERED } from '../src/filters.ts';

const schemas = {
  ApiKey,
  ApiKeys,
  Home,
  Merchant,
  Merchants,
  NewApiKey,
  Nothing,
  PaymentDetail,
  PaymentsPage,
  Session,
  SetupBegun,
  SetupState,
};
const contract = JSON.parse(
  readFileSync(new URL('../../tests/contract/admin.json', import.meta.url), 'utf8'),
);
const kept = { name: 'ada', password: 'tortoise lamp violet 9' };
const bodies = new Map();
let server;
let address;
let cookie = '';

beforeAll(async () => {
  const mock = createMock({ seeded: false });
  kept.token = mock.setupToken();
  server = createServer((request, response) => {
    if (!mock.handle(request, response)) response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function codes() {
  const near = [-1, 0, 1].map((off) => totp(kept.totp_secret, stepOf(Date.now()) + off));
  kept.code = near[1];
  kept.wrong_code = ['000000', '111111', '222222', '333333'].find((code) => !near.includes(code));
}
const fill = (text) => text.replace(/\{(\w+)\}/g, (_, name) => kept[name] ?? `{${name}}`);

// The first thing that does not fit, or ''.
function misfit(value, shape, where) {
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return `${where} is no list`;
    if (shape.length === 0 && value.length > 0) return `${where} is not empty`;
    return value.map((item, i) => misfit(item, shape[0], `${where}[${i}]`)).find(Boolean) ?? '';
  }
  if (typeof shape === 'object') {
    if (typeof value !== 'object' || value === null) return `${where} is no object`;
    const names = Object.keys(shape).map((name) => name.replace(/\?$/, ''));
    const more = Object.keys(value).find((name) => !names.includes(name));
    if (more !== undefined) return `${where}.${more} is not in the contract`;
    for (const [name, inner] of Object.entries(shape)) {
      const key = name.replace(/\?$/, '');
      if (!(key in value)) {
        if (name === key) return `${where}.${key} is missing`;
        continue;
      }
      const wrong = misfit(value[key], inner, `${where}.${key}`);
      if (wrong) return wrong;
    }
    return '';
  }
  if (shape.startsWith('@')) return misfit(value, contract.shapes[shape.slice(1)], where);
  const fits = shape.split('|').some((kind) => {
    if (kind.startsWith('=')) return value === fill(kind.slice(1));
    if (kind === 'any') return true;
    if (kind === 'null') return value === null;
    if (kind === 'integer') return Number.isInteger(value);
    if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
    return typeof value === { text: 'string', boolean: 'boolean' }[kind];
  });
  return fits ? '' : `${where} is ${JSON.stringify(value)}, not ${shape}`;
}

async function send(step) {
  const [method, target] = fill(step.request).split(' ');
  const headers = {};
  if (step.as === 'operator' || step.as === 'no_csrf') headers.Cookie = cookie;
  if (step.as === 'operator' && method !== 'GET') headers['X-CSRF-Token'] = kept.csrf;
  let body;
  if (target.startsWith('/v1/')) {
    headers.Authorization = `Bearer ${kept[step.as]}`;
    if (step.body) body = new URLSearchParams(JSON.parse(fill(JSON.stringify(step.body)))).toString();
  } else if (step.body) {
    headers['Content-Type'] = 'application/json';
    body = fill(JSON.stringify(step.body));
  }
  const path = target.startsWith('/') ? target : `/admin/api/${target}`;
  const answer = await fetch(address + path, { method, headers, body });
  return { answer, text: await answer.text() };
}

test('the mock and the filters know the same words of a status', () => {
  expect([...STATUSES].sort()).toEqual([...FILTERED].sort());
});

for (const step of contract.steps) {
  test(step.name, async () => {
    if (kept.totp_secret) codes();
    const { answer, text } = await send(step);
    expect(answer.status, text).toBe(step.status);
    bodies.set(step.name, text);
    if (step.same_as) expect(text).toBe(bodies.get(step.same_as));
    const value = JSON.parse(text);
    if (step.shape) expect(misfit(value, step.shape, 'answer')).toBe('');
    if (step.code) expect(value.error.code).toBe(step.code);
    if (step.count !== undefined) expect(value.data.length).toBe(step.count);
    if (step.schema) expect(v.safeParse(schemas[step.schema], value).issues ?? []).toEqual([]);
    for (const [name, from] of Object.entries(step.keep ?? {})) kept[name] = value[from];
    if (step.opens)
      cookie = answer.headers
        .getSetCookie()
        .map((one) => one.split(';')[0])
        .join('; ');
  });
}
