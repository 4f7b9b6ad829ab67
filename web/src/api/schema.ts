// What the server answers, checked at the boundary: behind it, types can be trusted. docs/admin-api.md has the words.

import * as v from 'valibot';

// Absent, null and '' all mean "none" to a reader.
const text = v.pipe(
  v.nullish(v.string(), ''),
  v.transform((value) => value ?? ''),
);
const amount = v.pipe(v.number(), v.integer());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = v.pipe(v.number(), v.integer());
const maybeTime = v.nullish(time, null);
// 0 where there is none.
const nextTry = v.pipe(
  v.nullish(time, 0),
  v.transform((value) => value ?? 0),
);
const rate = v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(10000)), null);
const record = v.record(v.string(), v.unknown());
const list = <Item extends v.GenericSchema>(item: Item) => v.nullish(v.array(item), []);

export const Session = v.object({
  operator: v.object({ id: v.string(), name: v.string(), role: v.string() }),
  csrf: v.string(),
  version: text,
});
export type Session = v.InferOutput<typeof Session>;

export const SetupState = v.object({
  valid: v.boolean(),
  operators: count,
  operator: v.nullable(v.string()),
});
export const SetupBegun = v.object({ totp_secret: v.string(), totp_uri: v.string(), qr_svg: v.string() });
export type SetupBegun = v.InferOutput<typeof SetupBegun>;

const Bucket = v.object({
  start_ms: time,
  currency: v.string(),
  volume: amount,
  succeeded: count,
  failed: count,
});
export type Bucket = v.InferOutput<typeof Bucket>;

export const Home = v.object({
  as_of_ms: time,
  log_index: count,
  totals: v.array(
    v.object({
      currency: v.string(),
      volume: amount,
      payments: count,
      succeeded: count,
      failed: count,
      success_rate_bp: rate,
    }),
  ),
  hours: v.array(Bucket),
  days: list(Bucket),
  node: v.object({
    role: v.string(),
    log_index: count,
    projection_index: count,
    cache: v.object({
      hits: count,
      misses: count,
      hit_rate_bp: rate,
      bytes: count,
      limit_bytes: count,
      rows: count,
    }),
    memtable_bytes: count,
    checkpoint_index: count,
    uptime_ms: count,
  }),
  webhooks: v.object({ pending: count, failed: count }),
});
export type Home = v.InferOutput<typeof Home>;

export const Row = v.object({
  id: v.string(),
  created_ms: time,
  amount,
  amount_refunded: v.nullish(amount, 0),
  currency: v.string(),
  status: v.string(),
  method: text,
  method_detail: text,
  customer: text,
  customer_name: text,
  description: text,
  merchant: text,
  merchant_name: text,
  failure_code: text,
});
export type Row = v.InferOutput<typeof Row>;

export const PaymentsPage = v.object({
  data: v.array(Row),
  next_cursor: v.nullish(v.string(), null),
  as_of_ms: v.nullish(time, 0),
});
export type PaymentsPage = v.InferOutput<typeof PaymentsPage>;

const LegSide = v.object({ account: text, kind: v.string(), owner: text });
export type LegSide = v.InferOutput<typeof LegSide>;
const Leg = v.object({
  transfer_id: v.string(),
  time_ms: time,
  debit: LegSide,
  credit: LegSide,
  amount,
  currency: v.string(),
  state: v.string(),
  audit_record: text,
});
export type Leg = v.InferOutput<typeof Leg>;

const Event = v.object({
  id: v.string(),
  type: v.string(),
  created_ms: time,
  request_id: text,
  actor: text,
});
export type Event = v.InferOutput<typeof Event>;

const Delivery = v.object({
  id: v.string(),
  endpoint: text,
  url: text,
  event: text,
  event_type: text,
  state: v.string(),
  tries: count,
  next_try_ms: nextTry,
  attempts: list(
    v.object({
      time_ms: time,
      http_status: v.nullish(count, 0),
      error: text,
      duration_ms: v.nullish(count, 0),
    }),
  ),
});
export type Delivery = v.InferOutput<typeof Delivery>;

const Attempt = v.object({
  id: v.string(),
  channel: text,
  operation: text,
  state: v.string(),
  tries: count,
  next_try_ms: nextTry,
  error: text,
});
export type Attempt = v.InferOutput<typeof Attempt>;

// The merchant API's objects, as far as the page reads them; the rest stays for the raw view.
const Charge = v.looseObject({
  id: v.string(),
  amount,
  amount_captured: v.nullish(amount, 0),
  amount_refunded: v.nullish(amount, 0),
  currency: v.string(),
  status: v.string(),
  created: time,
  failure_code: text,
  failure_message: text,
});
export type Charge = v.InferOutput<typeof Charge>;
const Refund = v.looseObject({
  id: v.string(),
  amount,
  currency: v.string(),
  status: v.string(),
  created: time,
  reason: text,
});
export type Refund = v.InferOutput<typeof Refund>;

export const PaymentDetail = v.object({
  payment: record,
  row: Row,
  charges: list(Charge),
  refunds: list(Refund),
  legs: list(Leg),
  events: list(Event),
  webhooks: list(Delivery),
  attempts: list(Attempt),
  next_audit_record: v.nullish(v.string(), null),
});
export type PaymentDetail = v.InferOutput<typeof PaymentDetail>;

export const Merchant = v.object({
  id: v.string(),
  name: v.string(),
  fee_bps: count,
  fee_fixed: amount,
  settlement_delay_days: count,
  created_ms: time,
  country: text,
  default_currency: text,
});
export type Merchant = v.InferOutput<typeof Merchant>;
export const Merchants = v.object({ data: v.array(Merchant), next_cursor: v.nullish(v.string(), null) });

export const ApiKey = v.object({
  id: v.string(),
  name: text,
  hint: text,
  mode: v.picklist(['test', 'live']),
  created_ms: time,
  revoked_ms: maybeTime,
});
export type ApiKey = v.InferOutput<typeof ApiKey>;
export const ApiKeys = v.object({ data: v.array(ApiKey) });
export const NewApiKey = v.object({ ...ApiKey.entries, secret: v.string() });
export type NewApiKey = v.InferOutput<typeof NewApiKey>;

export const Nothing = v.unknown();

// Somebody else has to approve it first.
export const Waiting = v.object({
  approval: text,
  status: v.literal('awaiting_approval'),
  secret: text,
});

export const Failure = v.object({ error: v.object({ code: text, message: text, param: text }) });
