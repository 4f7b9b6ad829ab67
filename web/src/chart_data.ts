// Buckets of the server as the columns of the chart: every hour or day there, also where nothing happened. Pure.

import type { Bucket } from './api/schema.ts';

export interface Column {
  start_ms: number;
  volume: number;
  succeeded: number;
  failed: number;
}

export interface ChartOptions {
  series: readonly ('volume' | 'succeeded' | 'failed')[];
  exponent: number;
  timeLabel: (ms: number) => string;
  valueLabel: (value: number) => string;
  onPoint: (index: number | null) => void;
}

export interface ChartHandle {
  update: (columns: readonly Column[]) => void;
  destroy: () => void;
}

const RANGES = {
  hours: { size: 3_600_000, count: 24 },
  days: { size: 86_400_000, count: 30 },
};

// The last column is the hour or day (UTC) of `asOfMs`.
export function fillColumns(
  buckets: readonly Bucket[],
  currency: string,
  range: keyof typeof RANGES,
  asOfMs: number,
): Column[] {
  const { size, count } = RANGES[range];
  const byStart = new Map<number, Bucket>();
  for (const bucket of buckets) {
    if (bucket.currency === currency) byStart.set(Math.floor(bucket.start_ms / size), bucket);
  }
  const last = Math.floor(asOfMs / size);
  return Array.from({ length: count }, (_, index) => {
    const slot = last - count + 1 + index;
    const bucket = byStart.get(slot);
    return {
      start_ms: slot * size,
      volume: bucket?.volume ?? 0,
      succeeded: bucket?.succeeded ?? 0,
      failed: bucket?.failed ?? 0,
    };
  });
}

// What the chart shows before anybody chooses; '' without any payment.
export function busiestCurrency(buckets: readonly Bucket[]): string {
  const counts = new Map<string, number>();
  for (const { currency, succeeded, failed } of buckets) {
    counts.set(currency, (counts.get(currency) ?? 0) + succeeded + failed);
  }
  let best = '';
  for (const [currency, count] of counts) {
    if (best === '' || count > (counts.get(best) ?? 0)) best = currency;
  }
  return best;
}

// Stacked: the second series stands on the first.
export function stack(columns: readonly Column[], series: ChartOptions['series']): number[][] {
  const totals = columns.map(() => 0);
  return series.map((name) =>
    columns.map((column, index) => {
      const top = (totals[index] ?? 0) + column[name];
      totals[index] = top;
      return top;
    }),
  );
}

// Steps of 1, 2 or 5 times a power of ten, so that the top of the axis is a round number; always at least one step.
export function axisTop(largest: number, exponent: number): { top: number; step: number } {
  const unit = 10 ** exponent;
  const value = Math.max(largest, 4 * (exponent > 0 ? unit : 1)) / unit;
  const raw = value / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= raw) ?? 10;
  const step = exponent === 0 ? Math.max(1, factor * power) : factor * power;
  return { top: Math.ceil(value / step) * step * unit, step: step * unit };
}
