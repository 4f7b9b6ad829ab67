// Made-up payments: the same every time for the same seed and moment. For developing the pages only.

export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export function makeId(prefix, random) {
  let text = '';
  for (let i = 0; i < 20; i += 1) text += ALPHABET[Math.floor(random() * 32)];
  return `${prefix}_${text}`;
}

const CUSTOMERS = [
  'Anna Schmidt',
  'Li Wei 李伟',
  'Jonas Müller',
  'Chen Jing 陈静',
  'Maria Rossi',
  'Emeka Okafor',
  'Sofia Lindström',
  '王芳',
  'Thomas Brandt',
  'Priya Raman',
  'Bibliothek der Technischen Universität Süd',
  'Kim Min-jun',
];
const THINGS = [
  'Order 10482',
  'Mensa lunch',
  'Monthly ticket, zone AB',
  '图书馆打印',
  'Semesterbeitrag Wintersemester',
  'Invoice 2026-0193',
  'Parking P3',
  'Coffee and cake',
  '校园卡充值',
  'Concert, row 12 seat 7 and 8',
  'Lab deposit',
];
const CURRENCIES = [
  ['eur', 0.62, 100, 18_000],
  ['cny', 0.26, 300, 60_000],
  ['usd', 0.09, 100, 25_000],
  ['jpy', 0.03, 100, 20_000],
];

function pick(random, list) {
  return list[Math.floor(random() * list.length)];
}

function pickCurrency(random) {
  let at = random();
  for (const row of CURRENCIES) {
    at -= row[1];
    if (at <= 0) return row;
  }
  return CURRENCIES[0];
}

// The words a payment's status may be, as the server knows them.
export const STATUSES = [
  'succeeded',
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'requires_capture',
  'processing',
  'canceled',
];

function pickOutcome(random) {
  const at = random();
  if (at < 0.84) return { status: 'succeeded', failure_code: '' };
  if (at < 0.89) return { status: 'requires_payment_method', failure_code: 'card_declined' };
  if (at < 0.93) return { status: 'requires_payment_method', failure_code: 'insufficient_funds' };
  if (at < 0.95) return { status: 'requires_capture', failure_code: '' };
  if (at < 0.965) return { status: 'canceled', failure_code: '' };
  if (at < 0.98) return { status: 'processing', failure_code: '' };
  if (at < 0.99) return { status: 'requires_action', failure_code: '' };
  return { status: 'requires_confirmation', failure_code: '' };
}

export function makeRow(random, createdMs, merchants) {
  const [currency, , low, high] = pickCurrency(random);
  const amount = Math.floor(low + random() * random() * (high - low));
  const outcome = pickOutcome(random);
  const wallet = random() < 0.45;
  const name = random() < 0.8 ? pick(random, CUSTOMERS) : '';
  const merchant = pick(random, merchants);
  let refunded = 0;
  if (outcome.status === 'succeeded' && random() < 0.06) {
    refunded = random() < 0.5 ? amount : Math.floor(amount / 3);
  }
  return {
    id: makeId('pi', random),
    created_ms: createdMs,
    amount,
    amount_refunded: refunded,
    currency,
    status: outcome.status,
    method: wallet ? 'wallet' : 'card',
    method_detail: wallet
      ? ''
      : pick(random, ['visa •••• 4242', 'mastercard •••• 4444', 'unionpay •••• 0005']),
    customer: name ? makeId('cus', random) : '',
    customer_name: name,
    description: random() < 0.85 ? pick(random, THINGS) : '',
    merchant: merchant.id,
    merchant_name: merchant.name,
    failure_code: outcome.failure_code,
  };
}

// 30 days, busier by day than by night; newest last.
export function makeHistory(random, nowMs, merchants) {
  const rows = [];
  for (let ms = nowMs - 30 * 86_400_000; ms < nowMs; ms += 3_600_000) {
    const hour = new Date(ms).getUTCHours();
    const recent = nowMs - ms <= 86_400_000;
    const busy = (hour >= 6 && hour <= 19 ? 1 : 0.25) * (recent ? 14 : 2);
    const count = Math.floor(busy * (0.5 + random()));
    for (let i = 0; i < count; i += 1) {
      const at = ms + Math.floor(random() * 3_600_000);
      if (at < nowMs) rows.push(makeRow(random, at, merchants));
    }
  }
  return rows.sort((a, b) => a.created_ms - b.created_ms);
}

// The ledger's side of a payment, by the chart of accounts.
export function legsOf(row, random) {
  const merchant = (kind) => ({ account: `${kind}:${row.merchant}`, kind, owner: row.merchant });
  const payer =
    row.method === 'wallet'
      ? { account: `customer_wallet:${row.customer}`, kind: 'customer_wallet', owner: row.customer }
      : { account: 'channel_receivable:sandbox', kind: 'channel_receivable', owner: 'sandbox' };
  const fees = { account: 'platform_fees', kind: 'platform_fees', owner: '' };
  const leg = (debit, credit, amount, state, audit_record, delay) => ({
    transfer_id: makeId('tr', random).slice(3).toLowerCase(),
    time_ms: row.created_ms + delay,
    debit,
    credit,
    amount,
    currency: row.currency,
    state,
    audit_record,
  });
  const pending = merchant('merchant_pending');
  if (row.status === 'requires_capture') {
    return [leg(payer, pending, row.amount, 'pending', 'confirm_payment_intent', 40)];
  }
  if (row.status !== 'succeeded') return [];
  const legs = [leg(payer, pending, row.amount, 'posted', 'confirm_payment_intent', 40)];
  const fee = Math.floor((row.amount * 145) / 10000) + 25;
  if (fee < row.amount) legs.push(leg(pending, fees, fee, 'posted', 'confirm_payment_intent', 40));
  if (row.amount_refunded > 0) {
    legs.push(leg(pending, payer, row.amount_refunded, 'posted', 'create_refund', 90_000));
  }
  return legs;
}

function eventTypes(row) {
  const first = [['payment_intent.created', 0]];
  switch (row.status) {
    case 'succeeded':
      return [
        ...first,
        ['charge.succeeded', 40],
        ['payment_intent.succeeded', 40],
        ...(row.amount_refunded > 0
          ? [
              ['refund.created', 90_000],
              ['charge.refunded', 90_000],
            ]
          : []),
      ];
    case 'requires_capture':
      return [...first, ['charge.succeeded', 40], ['payment_intent.amount_capturable_updated', 40]];
    case 'requires_payment_method':
      return row.failure_code
        ? [...first, ['charge.failed', 40], ['payment_intent.payment_failed', 40]]
        : first;
    case 'canceled':
      return [...first, ['payment_intent.canceled', 60_000]];
    default:
      return first;
  }
}

export function detailOf(row, nowMs) {
  const random = makeRandom([...row.id].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7));
  const request = makeId('req', random);
  const events = eventTypes(row).map(([type, delay]) => ({
    id: makeId('evt', random),
    type,
    created_ms: row.created_ms + delay,
    request_id: request,
    actor: type.startsWith('charge') ? 'channel:sandbox' : `api_key:${makeId('key', random)}`,
  }));
  const tried = row.status === 'succeeded' || row.failure_code !== '' || row.status === 'requires_capture';
  const charge = {
    id: makeId('ch', random),
    object: 'charge',
    amount: row.amount,
    amount_captured: row.status === 'succeeded' ? row.amount : 0,
    amount_refunded: row.amount_refunded,
    currency: row.currency,
    status: row.failure_code ? 'failed' : 'succeeded',
    created: Math.floor(row.created_ms / 1000),
    failure_code: row.failure_code || null,
    failure_message: row.failure_code ? 'The card was declined.' : null,
  };
  const webhooks = events.map((event, index) => {
    const late = index === events.length - 1 && random() < 0.5;
    const time = event.created_ms + 120;
    return {
      id: makeId('whd', random),
      endpoint: 'we_1',
      url: 'https://shop.example/hooks/kontor',
      event: event.id,
      event_type: event.type,
      state: late ? 'pending' : 'delivered',
      tries: late ? 2 : 1,
      next_try_ms: late ? nowMs + 240_000 : 0,
      attempts: late
        ? [
            { time_ms: time, http_status: 503, error: 'Service Unavailable', duration_ms: 210 },
            { time_ms: time + 60_000, http_status: 0, error: 'connection refused', duration_ms: 4 },
          ]
        : [{ time_ms: time, http_status: 200, error: '', duration_ms: 38 }],
    };
  });
  const attempts =
    row.method === 'card' && (tried || row.status === 'processing')
      ? [
          {
            id: makeId('att', random),
            channel: 'sandbox',
            operation: row.status === 'requires_capture' ? 'authorize' : 'sale',
            state: row.status === 'processing' ? 'unknown' : row.failure_code ? 'failed' : 'succeeded',
            tries: row.status === 'processing' ? 3 : 1,
            next_try_ms: row.status === 'processing' ? nowMs + 45_000 : 0,
            error: row.status === 'processing' ? 'time-out after 10 s' : row.failure_code,
          },
        ]
      : [];
  return {
    payment: {
      id: row.id,
      object: 'payment_intent',
      amount: row.amount,
      amount_received: row.status === 'succeeded' ? row.amount : 0,
      currency: row.currency,
      status: row.status,
      customer: row.customer || null,
      description: row.description || null,
      latest_charge: tried ? charge.id : null,
      livemode: false,
      metadata: { order: '6735', channel: 'web <script>alert(1)</script>' },
      created: Math.floor(row.created_ms / 1000),
    },
    row,
    charges: tried ? [charge] : [],
    refunds:
      row.amount_refunded > 0
        ? [
            {
              id: makeId('re', random),
              object: 'refund',
              amount: row.amount_refunded,
              currency: row.currency,
              status: 'succeeded',
              created: Math.floor(row.created_ms / 1000) + 90,
              reason: 'requested_by_customer',
            },
          ]
        : [],
    legs: legsOf(row, random),
    events,
    webhooks,
    attempts,
    next_audit_record: null,
  };
}
