// A stand-in for the server: the admin API of docs/admin-api.md, and as much of the merchant API as the browser
// tests use. For developing and for debugging tests; nothing of it is in a build.

import { randomBytes } from 'node:crypto';
import { detailOf, makeHistory, makeId, makeRandom, makeRow, STATUSES } from './data.mjs';
import { stepOf, toBase32, totp } from './totp.mjs';

const SESSION_MS = 12 * 3600_000;
const COMMON = new Set(['password1234', 'passwordpassword', '123456789012', 'qwertyuiop12']);

class Refusal extends Error {
  constructor(status, code, message, param = '') {
    super(message);
    Object.assign(this, { status, code, param });
  }
}

function fakeQr(random) {
  let cells = '';
  const finder = (x, y) => `M${x} ${y}h7v7h-7zM${x + 1} ${y + 1}v5h5v-5zM${x + 2} ${y + 2}h3v3h-3z`;
  for (let y = 0; y < 33; y += 1) {
    for (let x = 0; x < 33; x += 1) {
      const corner = (x < 8 && y < 8) || (x > 24 && y < 8) || (x < 8 && y > 24);
      if (!corner && random() < 0.48) cells += `M${x} ${y}h1v1h-1z`;
    }
  }
  const path = cells + finder(0, 0) + finder(26, 0) + finder(0, 26);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 37 37" shape-rendering="crispEdges"><path fill="#fff" d="M-2-2h37v37h-37z"/><path fill-rule="evenodd" d="${path}"/></svg>`;
}

export function createMock({ seeded = true, setUp = false } = {}) {
  const startedMs = Date.now();
  const random = makeRandom(20261121);
  const merchants = [
    {
      id: 'acct_1',
      name: seeded ? 'Campus Services' : 'Kontor Dev Shop',
      fee_bps: 145,
      fee_fixed: 25,
      settlement_delay_days: 2,
      country: 'DE',
      default_currency: 'eur',
      created_ms: startedMs - 40 * 86_400_000,
    },
  ];
  if (seeded) {
    merchants.push(
      {
        id: 'acct_2',
        name: '城市一卡通',
        fee_bps: 60,
        fee_fixed: 0,
        settlement_delay_days: 1,
        country: 'CN',
        default_currency: 'cny',
        created_ms: startedMs - 38 * 86_400_000,
      },
      {
        id: 'acct_3',
        name: 'Stadtwerke Verkehrsbetriebe Niederrhein GmbH',
        fee_bps: 95,
        fee_fixed: 10,
        settlement_delay_days: 7,
        country: 'DE',
        default_currency: 'eur',
        created_ms: startedMs - 12 * 86_400_000,
      },
    );
  }
  const testKey = `sk_test_${randomBytes(18).toString('base64url').replace(/[-_]/g, 'x')}`;
  const keys = [
    {
      id: 'key_1',
      merchant: 'acct_1',
      name: 'dev',
      hint: `sk_test_…${testKey.slice(-4)}`,
      mode: 'test',
      created_ms: startedMs,
      revoked_ms: null,
      secret: testKey,
    },
  ];
  if (seeded) {
    keys.push({
      id: 'key_2',
      merchant: 'acct_1',
      name: 'old web shop',
      hint: 'sk_test_…9fQ2',
      mode: 'test',
      created_ms: startedMs - 30 * 86_400_000,
      revoked_ms: startedMs - 86_400_000,
      secret: '',
    });
  }
  // Oldest first, per mode.
  const rows = { test: seeded ? makeHistory(random, startedMs, merchants) : [], live: [] };
  let logIndex = 4000 + rows.test.length * 3;
  const operators = [];
  const sessions = new Map();
  let oneTimeToken = randomBytes(24).toString('base64url');
  const streams = new Set();
  let cacheHits = seeded ? 41_200 : 0;
  let cacheMisses = seeded ? 1_310 : 0;

  if (setUp) {
    operators.push({
      id: 'op_1',
      name: 'anna',
      password: 'correct horse battery',
      secret: 'JBSWY3DPEHPK3PXP',
      role: 'owner',
      lastStep: 0,
    });
    oneTimeToken = '';
  }

  const buckets = (mode, size, count) => {
    const first = (Math.floor(Date.now() / size) - count + 1) * size;
    const found = new Map();
    for (const row of rows[mode]) {
      if (row.created_ms < first) continue;
      const start = Math.floor(row.created_ms / size) * size;
      const key = `${start}:${row.currency}`;
      const bucket = found.get(key) ?? {
        start_ms: start,
        currency: row.currency,
        volume: 0,
        payments: 0,
        succeeded: 0,
        failed: 0,
      };
      bucket.payments += 1;
      if (row.status === 'succeeded') {
        bucket.succeeded += 1;
        bucket.volume += row.amount;
      } else if (row.failure_code) bucket.failed += 1;
      found.set(key, bucket);
    }
    return [...found.values()].sort((a, b) => a.start_ms - b.start_ms);
  };
  const line = ({ payments: _payments, ...bucket }) => bucket;
  const home = (mode) => {
    const totals = buckets(mode, 86_400_000, 1)
      .map(({ start_ms: _start, ...total }) => {
        const decided = total.succeeded + total.failed;
        return {
          ...total,
          success_rate_bp: decided ? Math.floor((total.succeeded * 10000) / decided) : null,
        };
      })
      .sort((a, b) => b.payments - a.payments);
    cacheHits += 7;
    return {
      as_of_ms: Date.now(),
      log_index: logIndex,
      totals,
      hours: buckets(mode, 3_600_000, 24).map(line),
      days: buckets(mode, 86_400_000, 30).map(line),
      node: {
        role: 'leader',
        log_index: logIndex,
        projection_index: logIndex,
        cache: {
          hits: cacheHits,
          misses: cacheMisses,
          hit_rate_bp: cacheHits ? Math.floor((cacheHits * 10000) / (cacheHits + cacheMisses)) : null,
          bytes: 18_300_000,
          limit_bytes: 268_435_456,
          rows: 61_204,
        },
        memtable_bytes: 4_200_000,
        checkpoint_index: logIndex - 212,
        uptime_ms: Date.now() - startedMs + 273_000_000,
      },
      webhooks: { pending: seeded ? 3 : 0, failed: seeded ? 1 : 0 },
    };
  };

  const tell = (mode, row) => {
    for (const stream of streams) {
      if (stream.mode !== mode) continue;
      stream.response.write(`event: payment\ndata: ${JSON.stringify(row)}\n\n`);
      stream.response.write(`event: home\ndata: ${JSON.stringify(home(mode))}\n\n`);
    }
  };
  const add = (mode, row) => {
    rows[mode].push(row);
    logIndex += 3;
    cacheMisses += 1;
    tell(mode, row);
  };

  const listPayments = (mode, query) => {
    const number = (name) => (query.get(name) === null ? null : Number(query.get(name)));
    const statuses = query.get('status')?.split(',') ?? [];
    if (!statuses.every((status) => STATUSES.includes(status))) {
      throw new Refusal(400, 'invalid', 'This value cannot be used.', 'status');
    }
    const q = (query.get('q') ?? '').toLowerCase();
    const limit = number('limit') ?? 25;
    if (!(limit >= 1 && limit <= 100)) {
      throw new Refusal(400, 'invalid', 'This value cannot be used.', 'limit');
    }
    const cursor = query.get('cursor');
    const fits = (row) =>
      (statuses.length === 0 || statuses.includes(row.status)) &&
      (!query.get('currency') || row.currency === query.get('currency')) &&
      (!query.get('merchant') || row.merchant === query.get('merchant')) &&
      (!query.get('customer') || row.customer === query.get('customer')) &&
      (number('created_gte') === null || row.created_ms >= number('created_gte')) &&
      (number('created_lt') === null || row.created_ms < number('created_lt')) &&
      (number('amount_gte') === null || row.amount >= number('amount_gte')) &&
      (number('amount_lte') === null || row.amount <= number('amount_lte')) &&
      (q === '' ||
        [row.id, row.description, row.customer_name].some((text) => text.toLowerCase().includes(q)));
    const all = rows[mode].filter(fits).reverse();
    const start = cursor ? all.findIndex((row) => row.id === cursor) + 1 : 0;
    const data = all.slice(start, start + limit);
    return {
      data,
      next_cursor: start + limit < all.length ? (data.at(-1)?.id ?? null) : null,
      as_of_ms: Date.now(),
    };
  };

  const openSession = (response, operator) => {
    const id = randomBytes(24).toString('base64url');
    const session = {
      operator,
      csrf: randomBytes(18).toString('base64url'),
      expires: Date.now() + SESSION_MS,
    };
    sessions.set(id, session);
    response.setHeader('Set-Cookie', `kontor_session=${id}; HttpOnly; Secure; SameSite=Strict; Path=/admin`);
    return sessionAnswer(session);
  };
  const sessionAnswer = ({ operator, csrf }) => ({
    operator: { id: operator.id, name: operator.name, role: operator.role },
    csrf,
    version: '0.1.0',
    modes: ['test', 'live'],
  });
  const sessionIdOf = (request) =>
    /(?:^|;\s*)kontor_session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
  const sessionOf = (request) => {
    const session = sessions.get(sessionIdOf(request));
    return session && session.expires > Date.now() ? session : null;
  };
  const checkToken = (token) => {
    if (!oneTimeToken || token !== oneTimeToken)
      throw new Refusal(404, 'token_invalid', 'This link was used already or is too old.');
  };
  const checkPassword = (password) => {
    if (typeof password !== 'string' || password.length < 12) {
      throw new Refusal(422, 'password_too_short', 'At least 12 characters.', 'password');
    }
    if (COMMON.has(password.toLowerCase())) {
      throw new Refusal(422, 'password_too_common', 'Too common.', 'password');
    }
  };
  const checkMerchant = (id) => {
    if (!merchants.some((merchant) => merchant.id === id)) {
      throw new Refusal(404, 'not_found', 'There is no such merchant.');
    }
  };
  const shownKey = ({ secret: _secret, merchant: _merchant, ...key }) => key;
  const codeFits = (secret, code, lastStep) => {
    const now = stepOf(Date.now());
    return [now, now - 1, now + 1].find((step) => step > lastStep && totp(secret, step) === code) ?? null;
  };

  const open = {
    'GET setup': ({ query }) => {
      checkToken(query.get('token'));
      return { valid: true, operators: operators.length, operator: null };
    },
    'POST setup/begin': ({ body }) => {
      checkToken(body.token);
      checkPassword(body.password);
      const secret = toBase32(randomBytes(20));
      return {
        totp_secret: secret,
        totp_uri: `otpauth://totp/Kontor:${body.name}?secret=${secret}&issuer=Kontor`,
        qr_svg: fakeQr(random),
      };
    },
    'POST setup/finish': ({ body, response }) => {
      checkToken(body.token);
      checkPassword(body.password);
      const step = codeFits(body.totp_secret, body.code, 0);
      if (step === null) throw new Refusal(422, 'code_wrong', 'The code is wrong.', 'code');
      oneTimeToken = '';
      const operator = {
        id: `op_${operators.length + 1}`,
        name: body.name,
        password: body.password,
        secret: body.totp_secret,
        role: 'owner',
        lastStep: step,
      };
      operators.push(operator);
      return openSession(response, operator);
    },
    'POST login': ({ body, response }) => {
      const operator = operators.find((known) => known.name === body.name);
      const step =
        operator && operator.password === body.password
          ? codeFits(operator.secret, body.code, operator.lastStep)
          : null;
      if (!operator || step === null) {
        throw new Refusal(
          401,
          'login_failed',
          'Name, password or code is wrong, or it is too soon for another try.',
        );
      }
      operator.lastStep = step;
      return openSession(response, operator);
    },
  };
  const closed = {
    'POST logout': ({ request, response }) => {
      sessions.delete(sessionIdOf(request));
      response.setHeader(
        'Set-Cookie',
        'kontor_session=; Max-Age=0; HttpOnly; Secure; SameSite=Strict; Path=/admin',
      );
      return {};
    },
    'GET session': ({ session }) => sessionAnswer(session),
    'GET {mode}/home': ({ mode }) => home(mode),
    'GET {mode}/payments': ({ mode, query }) => listPayments(mode, query),
    'GET {mode}/payments/:id': ({ mode, id }) => {
      const row = rows[mode].find((known) => known.id === id);
      if (!row) throw new Refusal(404, 'not_found', 'There is no such payment.');
      return detailOf(row, Date.now());
    },
    'GET {mode}/merchants': () => ({ data: merchants, next_cursor: null }),
    'POST {mode}/merchants': ({ body }) => {
      if (!body.name) throw new Refusal(422, 'name_invalid', 'A name has 1 to 256 bytes.', 'name');
      const merchant = { ...body, id: `acct_${merchants.length + 1}`, created_ms: Date.now() };
      merchants.push(merchant);
      return merchant;
    },
    'GET {mode}/merchants/:id': ({ id }) => {
      checkMerchant(id);
      return merchants.find((merchant) => merchant.id === id);
    },
    'GET {mode}/merchants/:id/keys': ({ mode, id }) => {
      checkMerchant(id);
      const found = keys.filter((key) => key.merchant === id && key.mode === mode);
      return { data: found.map(shownKey) };
    },
    'POST {mode}/merchants/:id/keys': ({ mode, id, body }) => {
      checkMerchant(id);
      const secret = `sk_${mode}_${randomBytes(24).toString('base64url').replace(/[-_]/g, 'z')}`;
      const key = {
        id: `key_${keys.length + 1}`,
        merchant: id,
        name: body.name,
        hint: `sk_${mode}_…${secret.slice(-4)}`,
        mode,
        created_ms: Date.now(),
        revoked_ms: null,
        secret,
      };
      keys.push(key);
      return { ...shownKey(key), secret };
    },
    'POST {mode}/keys/:id/revoke': ({ mode, id }) => {
      const key = keys.find((known) => known.id === id && known.mode === mode);
      if (!key) throw new Refusal(404, 'not_found', 'There is no such key.');
      key.revoked_ms ??= Date.now();
      return shownKey(key);
    },
  };

  // payment_intents with one of the sandbox's tokens, and refunds.
  const merchantApi = (path, form, key) => {
    const { mode, merchant } = key;
    const now = Date.now();
    if (path === '/v1/payment_intents') {
      const unpaid = form.get('confirm') !== 'true';
      const declined = form.get('payment_method')?.startsWith('pm_card_chargeDeclined');
      const broke = form.get('payment_method')?.endsWith('InsufficientFunds');
      const manual = form.get('capture_method') === 'manual';
      const row = {
        ...makeRow(random, now, merchants),
        amount: Number(form.get('amount')),
        amount_refunded: 0,
        currency: form.get('currency'),
        status: declined || unpaid ? 'requires_payment_method' : manual ? 'requires_capture' : 'succeeded',
        failure_code: declined ? (broke ? 'insufficient_funds' : 'card_declined') : '',
        method: 'card',
        method_detail: 'visa •••• 4242',
        description: form.get('description') ?? '',
        customer: '',
        customer_name: '',
        merchant,
        merchant_name: merchants.find((known) => known.id === merchant)?.name ?? '',
      };
      add(mode, row);
      const object = detailOf(row, now).payment;
      if (!declined) return [200, object];
      return [
        402,
        {
          error: { type: 'card_error', code: row.failure_code, message: 'Declined.', payment_intent: object },
        },
      ];
    }
    if (path === '/v1/balance') return [200, { object: 'balance' }];
    if (path === '/v1/webhook_endpoints') return [200, { object: 'webhook_endpoint', id: 'we_1' }];
    if (path === '/v1/refunds') {
      const row = rows[mode].find((known) => known.id === form.get('payment_intent'));
      if (!row) return [404, { error: { type: 'invalid_request_error', code: 'resource_missing' } }];
      row.amount_refunded = Number(form.get('amount') ?? row.amount);
      logIndex += 1;
      tell(mode, row);
      return [
        200,
        { id: makeId('re', random), object: 'refund', amount: row.amount_refunded, status: 'succeeded' },
      ];
    }
    return [404, { error: { type: 'invalid_request_error', message: 'Unrecognized request URL' } }];
  };

  const send = (response, status, value) => {
    response.statusCode = status;
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Cache-Control', 'no-store');
    response.end(JSON.stringify(value));
  };
  const readBody = async (request) => {
    let text = '';
    for await (const chunk of request) {
      text += chunk;
      if (text.length > 65_536) throw new Refusal(413, 'too_large', 'Too large.');
    }
    return text;
  };
  const stream = (request, response, mode) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': hello\n\n');
    const entry = { mode, response };
    streams.add(entry);
    const beat = setInterval(() => response.write(': beat\n\n'), 15_000);
    request.on('close', () => {
      clearInterval(beat);
      streams.delete(entry);
    });
  };

  const unknown = (method, key) => {
    const place = key.slice(method.length);
    const known = ['GET', 'POST'].some((other) => closed[other + place] || open[other + place]);
    return known
      ? new Refusal(405, 'method_not_allowed', 'Not with this method.')
      : new Refusal(404, 'not_found', 'There is nothing at this address.');
  };

  async function answer(request, response, url) {
    const path = url.pathname.slice('/admin/api/'.length);
    const query = url.searchParams;
    const [, mode = null, below] = /^(?:(test|live)\/)?(.*)$/.exec(path);
    const parts = below.split('/');
    const pattern = parts
      .map((part, index) => (index === 1 && !open[`POST ${below}`] ? ':id' : part))
      .join('/');
    const key = `${request.method} ${mode === null ? '' : '{mode}/'}${pattern}`;
    const body = request.method === 'POST' ? JSON.parse((await readBody(request)) || '{}') : {};
    const session = sessionOf(request);
    const given = { request, response, query, mode, body, session, id: parts[1] };
    if (open[key]) return send(response, 200, open[key](given));
    if (!session) throw new Refusal(401, 'no_session', 'Log in first.');
    if (!closed[key] && key !== 'GET {mode}/stream') throw unknown(request.method, key);
    if (request.method !== 'GET' && request.headers['x-csrf-token'] !== session.csrf) {
      throw new Refusal(403, 'csrf', 'Wrong token.');
    }
    if (query.has('mode') || 'mode' in body) {
      throw new Refusal(400, 'invalid', 'The mode is part of the address.', 'mode');
    }
    if (key === 'GET {mode}/stream') return stream(request, response, mode);
    return send(response, 200, closed[key](given));
  }

  return {
    testKey,
    setupToken: () => oneTimeToken,
    addPayment: () => add('test', makeRow(random, Date.now(), merchants)),
    dropStreams: () => {
      for (const entry of streams) entry.response.destroy();
    },
    // True: it was ours and is (or will be) answered.
    handle(request, response) {
      const url = new URL(request.url ?? '/', 'http://mock');
      if (url.pathname.startsWith('/v1/')) {
        const secret = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
        const key = keys.find(
          (known) => known.secret !== '' && known.secret === secret && known.revoked_ms === null,
        );
        if (!key) {
          send(response, 401, { error: { type: 'invalid_request_error', message: 'Invalid API Key' } });
          return true;
        }
        void readBody(request).then((text) =>
          send(response, ...merchantApi(url.pathname, new URLSearchParams(text), key)),
        );
        return true;
      }
      if (!url.pathname.startsWith('/admin/api/')) return false;
      answer(request, response, url).catch((error) => {
        if (error instanceof Refusal) {
          send(response, error.status, {
            error: {
              code: error.code,
              message: error.message,
              ...(error.param && { param: error.param }),
            },
          });
        } else {
          console.error(error);
          send(response, 500, { error: { code: 'bug', message: String(error), param: '' } });
        }
      });
      return true;
    },
  };
}
