import { describe, expect, it } from 'vitest';
import type { Row } from '../src/api/schema.ts';
import { NO_FILTERS } from '../src/filters.ts';
import { displayStatus, EMPTY_LIST, live, loaded, matches, more } from '../src/payments_state.ts';

const row = (id: string, created_ms: number, change: Partial<Row> = {}): Row => ({
  id,
  created_ms,
  amount: 1000,
  amount_refunded: 0,
  currency: 'eur',
  status: 'succeeded',
  method: 'card',
  method_detail: '',
  customer: '',
  customer_name: '',
  description: '',
  merchant: 'acct_1',
  merchant_name: '',
  failure_code: '',
  ...change,
});
const page = (data: Row[], next_cursor: string | null = null) => ({ data, next_cursor, as_of_ms: 0 });
const all = () => true;

describe('the list', () => {
  const start = loaded(page([row('pi_2', 20), row('pi_1', 10)], 'c'));

  it('grows by pages, without doubles', () => {
    const grown = more(start, page([row('pi_1', 10), row('pi_0', 5)]));
    expect(grown.rows.map((known) => known.id)).toEqual(['pi_2', 'pi_1', 'pi_0']);
    expect(grown.nextCursor).toBeNull();
  });
  it('changes a shown row in place', () => {
    const changed = live(start, row('pi_1', 10, { status: 'canceled' }), all);
    expect(changed.rows.map((known) => known.status)).toEqual(['succeeded', 'canceled']);
    expect(changed.fresh).toEqual([]);
    expect(start.rows[1]?.status).toBe('succeeded');
  });
  it('counts a new row once, and does not let it jump in', () => {
    const once = live(start, row('pi_3', 30), all);
    const twice = live(once, row('pi_3', 30, { amount: 5 }), all);
    expect(twice.fresh).toEqual(['pi_3']);
    expect(twice.rows).toHaveLength(2);
  });
  it('ignores rows that do not fit, and rows that belong to a later page', () => {
    expect(live(start, row('pi_3', 30), () => false)).toBe(start);
    expect(live(start, row('pi_0', 5), all)).toBe(start);
  });
  it('counts the very first payment too', () => {
    expect(live(EMPTY_LIST, row('pi_1', 1), all).fresh).toEqual(['pi_1']);
  });
  it('is bounded', () => {
    let state = EMPTY_LIST;
    for (let i = 0; i < 1100; i += 1) state = live(state, row(`pi_${i}`, i), all);
    expect(state.fresh).toHaveLength(1000);
  });
});

describe('matches', () => {
  const open = { gte: Number.NEGATIVE_INFINITY, lt: Number.POSITIVE_INFINITY };
  it.each([
    [{}, true],
    [{ status: ['succeeded'] as const }, true],
    [{ status: ['canceled'] as const }, false],
    [{ currency: 'eur', amountMin: 1000 }, true],
    [{ currency: 'eur', amountMin: 1001 }, false],
    [{ currency: 'eur', amountMax: 999 }, false],
    [{ currency: 'usd' }, false],
    [{ merchant: 'acct_1' }, true],
    [{ merchant: 'acct_2' }, false],
    [{ customer: 'cus_1' }, false],
    [{ q: 'x' }, false],
  ])('%j: %s', (change, wanted) => {
    expect(matches(row('pi_1', 10), { ...NO_FILTERS, ...change }, open)).toBe(wanted);
  });
  it('takes the first moment of a range and not the last', () => {
    expect(matches(row('pi_1', 10), NO_FILTERS, { gte: 10, lt: 20 })).toBe(true);
    expect(matches(row('pi_1', 20), NO_FILTERS, { gte: 10, lt: 20 })).toBe(false);
  });
});

describe('displayStatus', () => {
  it.each([
    [{}, 'succeeded', 'good'],
    [{ amount_refunded: 1 }, 'partially_refunded', 'calm'],
    [{ amount_refunded: 1000 }, 'refunded', 'calm'],
    [{ status: 'requires_payment_method' }, 'requires_payment_method', 'calm'],
    [{ status: 'requires_payment_method', failure_code: 'card_declined' }, 'failed', 'bad'],
    [{ status: 'processing' }, 'processing', 'busy'],
    [{ status: 'brand_new' }, 'brand_new', 'calm'],
  ])('%j', (change, word, look) => {
    expect(displayStatus(row('pi_1', 1, change))).toEqual({ word, look });
  });
});
