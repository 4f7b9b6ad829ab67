import { describe, expect, it } from 'vitest';
import { axisTop, busiestCurrency, fillColumns, stack } from '../src/chart_data.ts';

const HOUR = 3_600_000;

describe('fillColumns', () => {
  const now = Date.UTC(2026, 0, 5, 14, 30);
  const bucket = (start_ms: number, currency = 'eur') => ({
    start_ms,
    currency,
    volume: 5,
    succeeded: 2,
    failed: 1,
  });

  it('has every hour, the empty ones too, the present one last', () => {
    const columns = fillColumns(
      [bucket(Date.UTC(2026, 0, 5, 13)), bucket(Date.UTC(2026, 0, 5, 14))],
      'eur',
      'hours',
      now,
    );
    expect(columns).toHaveLength(24);
    expect(columns[23]).toEqual({ start_ms: Date.UTC(2026, 0, 5, 14), volume: 5, succeeded: 2, failed: 1 });
    expect(columns[22]?.volume).toBe(5);
    expect(columns[21]).toEqual({ start_ms: Date.UTC(2026, 0, 5, 12), volume: 0, succeeded: 0, failed: 0 });
    expect(columns[0]?.start_ms).toBe(Date.UTC(2026, 0, 4, 15));
  });
  it('shows one currency, and nothing that is too old', () => {
    const columns = fillColumns([bucket(now, 'usd'), bucket(now - 30 * HOUR)], 'eur', 'hours', now);
    expect(columns.every((column) => column.volume === 0)).toBe(true);
  });
  it('has 30 days', () => {
    const columns = fillColumns([], 'eur', 'days', now);
    expect(columns).toHaveLength(30);
    expect(columns[29]?.start_ms).toBe(Date.UTC(2026, 0, 5));
  });
});

describe('stack', () => {
  it('puts the second series on the first', () => {
    const columns = [
      { start_ms: 0, volume: 9, succeeded: 3, failed: 1 },
      { start_ms: 1, volume: 8, succeeded: 0, failed: 2 },
    ];
    expect(stack(columns, ['succeeded', 'failed'])).toEqual([
      [3, 0],
      [4, 2],
    ]);
  });
});

describe('axisTop', () => {
  it.each([
    [0, 0, 4, 1],
    [1, 0, 4, 1],
    [7, 0, 8, 2],
    [100, 0, 100, 50],
    [0, 2, 400, 100],
    [67_300, 2, 80_000, 20_000],
  ])('%i (exponent %i): %i by %i', (largest, exponent, top, step) => {
    expect(axisTop(largest, exponent)).toEqual({ top, step });
  });
  it('always covers the value with few round steps', () => {
    for (const exponent of [0, 2, 3]) {
      for (let value = 1; value < 1e12; value = Math.ceil(value * 1.37)) {
        const { top, step } = axisTop(value, exponent);
        expect(top).toBeGreaterThanOrEqual(value);
        expect(top / step).toBeLessThanOrEqual(5);
      }
    }
  });
});

describe('busiestCurrency', () => {
  const bucket = (currency: string, succeeded: number, failed: number) => ({
    start_ms: 0,
    currency,
    volume: 1,
    succeeded,
    failed,
  });
  it('is the one with the most payments, of all buckets together', () => {
    expect(busiestCurrency([])).toBe('');
    expect(busiestCurrency([bucket('cny', 3, 0), bucket('eur', 1, 1), bucket('eur', 1, 1)])).toBe('eur');
    expect(busiestCurrency([bucket('cny', 2, 0), bucket('eur', 1, 1)])).toBe('cny'); // the first of equals
  });
});
