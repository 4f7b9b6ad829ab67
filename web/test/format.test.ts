import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  currencyName,
  exponentOf,
  formatBytes,
  formatCount,
  formatDay,
  formatDuration,
  formatHour,
  formatMoney,
  formatMoneyCompact,
  formatRate,
  formatRelative,
  formatTime,
  formatTimeExact,
  fromTyped,
  toDecimal,
} from '../src/format.ts';

// Intl puts narrow and no-break spaces between number and unit; which ones is its own affair.
const plain = (text: string) => text.replace(/[\u00a0\u202f\u2009]/g, ' ');

describe('exponents', () => {
  it("are those of the server's currency table", () => {
    const table = readFileSync(new URL('../../modules/money/src/currency_table.h', import.meta.url), 'utf8');
    const rows = [...table.matchAll(/\{"([A-Z]{3})", \d+, (\d)\}/g)];
    expect(rows.length).toBeGreaterThan(140);
    for (const [, code = '', exponent] of rows)
      expect([code, exponentOf(code)]).toEqual([code, Number(exponent)]);
  });
});

describe('toDecimal', () => {
  it.each([
    [0, 2, '0.00'],
    [5, 2, '0.05'],
    [1234, 2, '12.34'],
    [-5, 2, '-0.05'],
    [-123456, 3, '-123.456'],
    [1234, 0, '1234'],
    [999_999_999_999, 2, '9999999999.99'],
    [9007199254740993n, 2, '90071992547409.93'],
  ] as const)('%s with %s digits is %s', (minor, exponent, wanted) => {
    expect(toDecimal(minor, exponent)).toBe(wanted);
  });
});

describe('fromTyped', () => {
  it.each([
    ['12.34', 'eur', 1234],
    ['12,34', 'eur', 1234],
    ['12,3', 'eur', 1230],
    [' 1200 ', 'eur', 120000],
    ['12.', 'eur', 1200],
    ['1200', 'jpy', 1200],
    ['0,5', 'kwd', 500],
    ['0.001', 'kwd', 1],
  ])('%s %s', (text, currency, minor) => {
    expect(fromTyped(text, currency)).toBe(minor);
  });
  it.each([
    ['1.234', 'eur'],
    ['1.234,56', 'eur'],
    ['1 200', 'eur'],
    ['12.5', 'jpy'],
    ['-5', 'eur'],
    ['1e3', 'eur'],
    ['', 'eur'],
    ['.', 'eur'],
    ['1234567890123', 'eur'],
  ])('refuses %s %s', (text, currency) => {
    expect(fromTyped(text, currency)).toBeNull();
  });
  it('reads back what toDecimal wrote', () => {
    for (const [minor, currency] of [
      [1, 'eur'],
      [100, 'jpy'],
      [12345, 'bhd'],
      [999_999_999_999, 'usd'],
    ] as const) {
      expect(fromTyped(toDecimal(minor, exponentOf(currency)), currency)).toBe(minor);
    }
  });
});

describe('money', () => {
  it.each([
    [123456, 'eur', 'en-GB', '€1,234.56'],
    [123456, 'eur', 'de-DE', '1.234,56 €'],
    [123456, 'cny', 'zh-CN', '¥1,234.56'],
    [1234, 'jpy', 'en-GB', '¥1,234'],
    [1234, 'kwd', 'en-GB', 'KWD 1.234'],
    [-50, 'usd', 'en-GB', '-$0.50'],
    [9007199254740993n, 'usd', 'en-GB', '$90,071,992,547,409.93'],
  ] as const)('%s %s in %s', (minor, currency, locale, wanted) => {
    expect(plain(formatMoney(minor, currency, locale))).toBe(wanted);
  });
  it('is shortened for axes only', () => {
    expect(plain(formatMoneyCompact(1_250_000, 'eur', 'en-GB'))).toMatch(/^€12\.5k$/i);
    expect(plain(formatMoneyCompact(0, 'eur', 'en-GB'))).toBe('€0');
  });
});

describe('numbers', () => {
  it('counts', () => {
    expect(formatCount(1234567, 'en-GB')).toBe('1,234,567');
    expect(formatCount(1234567, 'de-DE')).toBe('1.234.567');
  });
  it('never rounds a rate up to all', () => {
    expect(formatRate(10000, 'en-GB')).toBe('100.0%');
    expect(formatRate(9999, 'en-GB')).toBe('99.9%');
    expect(formatRate(9996, 'en-GB')).toBe('99.9%');
    expect(formatRate(0, 'en-GB')).toBe('0.0%');
    expect(formatRate(null, 'en-GB')).toBe('–');
    expect(plain(formatRate(9731, 'de-DE'))).toBe('97,3 %');
  });
  it('sizes', () => {
    expect(formatBytes(0, 'en-GB')).toBe('0 byte');
    expect(formatBytes(4_200_000, 'en-GB')).toBe('4.2 MB');
    expect(formatBytes(268_435_456, 'en-GB')).toBe('268 MB');
  });
  it('names currencies, unknown ones by their code', () => {
    expect(currencyName('eur', 'en-GB')).toBe('Euro');
    expect(currencyName('qqq', 'en-GB')).toBe('QQQ');
  });
});

describe('time', () => {
  const at = Date.UTC(2026, 0, 5, 14, 7, 9, 42);
  it('of a moment', () => {
    expect(formatTime(at, 'en-GB', 'UTC')).toBe('5 Jan 2026, 14:07');
    expect(formatTime(at, 'de-DE', 'Europe/Berlin')).toBe('5. Jan. 2026, 15:07');
    expect(formatTime(at, 'zh-CN', 'Asia/Shanghai')).toBe('2026年1月5日 22:07');
    expect(formatTimeExact(at, 'en-GB', 'UTC')).toContain('14:07:09.042');
    expect(formatHour(at, 'en-GB', 'UTC')).toBe('14:07');
    expect(formatDay(at, 'en-GB', 'UTC')).toBe('5 Jan');
  });
  it('relative to now', () => {
    expect(formatRelative(at - 5_000, at, 'en-GB')).toBe('5 seconds ago');
    expect(formatRelative(at - 61_000, at, 'en-GB')).toBe('1 minute ago');
    expect(formatRelative(at + 7_200_000, at, 'en-GB')).toBe('in 2 hours');
    expect(formatRelative(at - 86_400_000, at, 'en-GB')).toBe('yesterday');
    expect(formatRelative(at - 30 * 86_400_000, at, 'en-GB')).toContain('2025');
  });
  it('as a duration, in its two largest units', () => {
    expect(formatDuration(0, 'en-GB')).toBe('0 secs');
    expect(formatDuration(59_999, 'en-GB')).toBe('59 secs');
    expect(formatDuration(3_600_000, 'en-GB')).toBe('1 hr');
    expect(formatDuration(3 * 86_400_000 + 4 * 3_600_000 + 60_000, 'en-GB')).toBe('3 days 4 hrs');
  });
});
