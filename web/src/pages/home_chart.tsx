// The chart card: volume or number of payments, 24 hours or 30 days, in one currency.

import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Home } from '../api/schema.ts';
import { busiestCurrency, type ChartHandle, type Column, fillColumns } from '../chart_data.ts';
import {
  exponentOf,
  formatCount,
  formatCountCompact,
  formatDay,
  formatHour,
  formatMoney,
  formatMoneyCompact,
} from '../format.ts';
import { locale, t } from '../i18n/index.ts';
import { theme } from '../settings.ts';
import { Card, Segments } from '../ui/basics.tsx';

type Metric = 'volume' | 'payments';
type Range = 'hours' | 'days';

function useDark(): boolean {
  const media = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), []);
  const [dark, setDark] = useState(media.matches);
  useEffect(() => {
    const follow = () => setDark(media.matches);
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }, [media]);
  return theme.value === 'system' ? dark : theme.value === 'dark';
}

function Plot({
  columns,
  metric,
  range,
  currency,
}: {
  columns: readonly Column[];
  metric: Metric;
  range: Range;
  currency: string;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ChartHandle | null>(null);
  const latest = useRef(columns);
  latest.current = columns;
  const [pointed, setPointed] = useState<number | null>(null);
  const dark = useDark();
  const tag = locale.value;
  const label = (ms: number) => (range === 'hours' ? formatHour(ms, tag) : formatDay(ms, tag, 'UTC'));

  // Colours and words are baked into the chart
  useEffect(() => {
    let gone = false;
    void import('../chart.ts').then(({ makeChart }) => {
      if (gone || !box.current) return;
      chart.current = makeChart(box.current, {
        series: metric === 'volume' ? ['volume'] : ['succeeded', 'failed'],
        exponent: metric === 'volume' ? exponentOf(currency) : 0,
        timeLabel: label,
        valueLabel: (value) =>
          metric === 'volume' ? formatMoneyCompact(value, currency, tag) : formatCountCompact(value, tag),
        onPoint: setPointed,
      });
      chart.current.update(latest.current);
    });
    return () => {
      gone = true;
      chart.current?.destroy();
      chart.current = null;
      setPointed(null);
    };
  }, [metric, range, currency, dark, tag]);
  useEffect(() => chart.current?.update(columns), [columns]);

  const column = pointed === null ? undefined : columns[pointed];
  return (
    <>
      <p class="chart-readout">
        {column ? (
          <>
            <span>{label(column.start_ms)}</span>
            <strong>{formatMoney(column.volume, currency, tag)}</strong>
            <span class="key key-good">
              {t('chart_succeeded', { n: formatCount(column.succeeded, tag) })}
            </span>
            <span class="key key-bad">{t('chart_failed', { n: formatCount(column.failed, tag) })}</span>
          </>
        ) : (
          <span>{t('chart_hint')}</span>
        )}
      </p>
      <div class="chart" ref={box} aria-hidden="true" />
      <details class="chart-table">
        <summary>{t('chart_table')}</summary>
        <section
          class="scroll"
          aria-label={t('chart_table')}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
          tabIndex={0}
        >
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col" class="number">
                  {t('home_volume')}
                </th>
                <th scope="col" class="number">
                  {t('status_succeeded')}
                </th>
                <th scope="col" class="number">
                  {t('status_failed')}
                </th>
              </tr>
            </thead>
            <tbody>
              {columns.map((entry) => (
                <tr key={entry.start_ms}>
                  <th scope="row">{label(entry.start_ms)}</th>
                  <td class="number">{formatMoney(entry.volume, currency, tag)}</td>
                  <td class="number">{formatCount(entry.succeeded, tag)}</td>
                  <td class="number">{formatCount(entry.failed, tag)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </>
  );
}

export function VolumeCard({ home }: { home: Home }): JSX.Element {
  const [metric, setMetric] = useState<Metric>('volume');
  const [range, setRange] = useState<Range>('hours');
  const [wanted, setWanted] = useState(() => busiestCurrency(home.days));
  const buckets = home[range];
  const currencies = useMemo(() => {
    const all = [...home.totals, ...home.hours, ...home.days].map((entry) => entry.currency);
    return [...new Set(all)];
  }, [home]);
  const currency = currencies.includes(wanted) ? wanted : (currencies[0] ?? 'eur');
  const columns = useMemo(
    () => fillColumns(buckets, currency, range, home.as_of_ms),
    [buckets, currency, range, home.as_of_ms],
  );

  const actions = (
    <div class="card-actions">
      {currencies.length > 1 && (
        <select
          class="select select-small"
          aria-label={t('currency')}
          value={currency}
          onChange={(event) => setWanted(event.currentTarget.value)}
        >
          {currencies.map((code) => (
            <option key={code} value={code}>
              {code.toUpperCase()}
            </option>
          ))}
        </select>
      )}
      <Segments
        class="segments-small"
        label={t('chart_metric')}
        value={metric}
        onChange={setMetric}
        options={[
          { value: 'volume', text: t('home_volume') },
          { value: 'payments', text: t('home_payments') },
        ]}
      />
      <Segments
        class="segments-small"
        label={t('chart_range')}
        value={range}
        onChange={setRange}
        options={[
          { value: 'hours', text: t('chart_hours') },
          { value: 'days', text: t('chart_days') },
        ]}
      />
    </div>
  );
  return (
    <Card title={range === 'hours' ? t('chart_title_hours') : t('chart_title_days')} actions={actions}>
      <Plot columns={columns} metric={metric} range={range} currency={currency} />
    </Card>
  );
}
