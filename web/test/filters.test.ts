import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countFilters, filtersToQuery, filtersToRequest, NO_FILTERS, parseFilters } from '../src/filters.ts';

const parse = (text: string) => parseFilters(new URLSearchParams(text));

describe('filters in the address', () => {
  it('are read', () => {
    expect(
      parse(
        'status=canceled,succeeded&currency=EUR&q=%20anna%20&from=2026-01-02&to=2026-01-31' +
          '&amount_gte=500&amount_lte=1000&merchant=acct_1&customer=cus_9',
      ),
    ).toEqual({
      status: ['succeeded', 'canceled'],
      currency: 'eur',
      merchant: 'acct_1',
      customer: 'cus_9',
      q: 'anna',
      from: '2026-01-02',
      to: '2026-01-31',
      amountMin: 500,
      amountMax: 1000,
    });
  });
  it.each([
    'status=nonsense,',
    'currency=euro',
    'currency=e1r',
    'from=2026-02-30',
    'from=yesterday',
    'to=20260101',
    'amount_gte=5', // without a currency it means nothing
    'merchant=pi_1',
    'merchant=acct_<script>',
    'q=%20%20',
    'utm_source=mail',
  ])('that make no sense are left out: %s', (text) => {
    expect(parse(text)).toEqual(NO_FILTERS);
    expect(countFilters(parse(text))).toBe(0);
  });
  it('refuse amounts that are not whole numbers', () => {
    for (const bad of ['-1', '1.5', '1e9', '99999999999999999999', '']) {
      expect(parse(`currency=eur&amount_gte=${bad}`).amountMin).toBeNull();
    }
  });
  it('cut a search that is too long', () => {
    expect(parse(`q=${'x'.repeat(500)}`).q).toHaveLength(200);
  });
  it('come back as they went', () => {
    for (const text of [
      '',
      'status=succeeded',
      'status=succeeded%2Ccanceled&currency=jpy&q=%E7%8E%8B%E8%8A%B3&amount_gte=0',
      'from=2026-01-02&to=2026-01-31',
    ]) {
      expect(filtersToQuery(parse(text)).toString()).toBe(text);
    }
  });
  it('drop the amount with the currency', () => {
    const filters = { ...parse('currency=eur&amount_gte=5'), currency: '' };
    expect(filtersToQuery(filters).toString()).toBe('');
  });
});

describe('filters for the server', () => {
  let zone: string | undefined;
  beforeEach(() => {
    zone = process.env.TZ;
    process.env.TZ = 'Europe/Berlin';
  });
  afterEach(() => {
    process.env.TZ = zone;
  });
  it('turn days into moments of the viewer, the last day included', () => {
    expect(filtersToRequest(parse('from=2026-03-29&to=2026-03-29'))).toEqual({
      created_gte: String(Date.UTC(2026, 2, 28, 23)),
      // The clocks go forward that day: it has 23 hours.
      created_lt: String(Date.UTC(2026, 2, 29, 22)),
    });
  });
  it('pass the rest on', () => {
    expect(filtersToRequest(parse('status=succeeded&q=a&currency=eur&amount_lte=7'))).toEqual({
      status: 'succeeded',
      q: 'a',
      currency: 'eur',
      amount_lte: '7',
    });
  });
});
