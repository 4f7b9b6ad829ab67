import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { request } from '../api/client.ts';
import { onLive } from '../api/live.ts';
import { Home, PaymentsPage, type Row } from '../api/schema.ts';
import { currencyName, formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { locale, plural, t, tKnown } from '../i18n/index.ts';
import { useReloadAfterSilence, useResource } from '../resource.ts';
import { href, inMode, mode } from '../router.ts';
import { Card, Empty, Failed, Money, PageTitle, Skeleton, StatusBadge, Time } from '../ui/basics.tsx';
import { VolumeCard } from './home_chart.tsx';
import { overallRate, titleOf } from './words.ts';

const RECENT = 8;
const REFRESH_MS = 15_000;

// The stream tells of payments; uptime, cache and reports change without any.
function useRefresh(reload: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [reload]);
}

function Tiles({ home }: { home: Home }): JSX.Element {
  const payments = home.totals.reduce((sum, total) => sum + total.payments, 0);
  const tag = locale.value;
  return (
    <div class="tiles">
      <div class="tile">
        <h2>{t('home_payments')}</h2>
        <p class="tile-value" data-testid="total-payments">
          {formatCount(payments, tag)}
        </p>
        <p class="tile-note">{t('home_today_utc')}</p>
      </div>
      <div class="tile">
        <h2>{t('home_success')}</h2>
        <p class="tile-value" data-testid="success-rate">
          {formatRate(overallRate(home.totals), tag)}
        </p>
        <p class="tile-note">{t('home_success_note')}</p>
      </div>
      {home.totals.map((total) => (
        <div class="tile" key={total.currency} data-currency={total.currency}>
          <h2>
            {t('home_volume')}{' '}
            <abbr title={currencyName(total.currency, tag)}>{total.currency.toUpperCase()}</abbr>
          </h2>
          <p class="tile-value">
            <Money minor={total.volume} currency={total.currency} code={false} />
          </p>
          <p class="tile-note">
            {plural('n_payments', total.payments, formatCount(total.payments, tag))} ·{' '}
            {t('home_rate_short', { rate: formatRate(total.success_rate_bp, tag) })}
          </p>
        </div>
      ))}
    </div>
  );
}

function Meter({ basisPoints, label }: { basisPoints: number | null; label: string }): JSX.Element {
  const share = Math.min(Math.max((basisPoints ?? 0) / 100, 0), 100);
  return (
    // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be given our colours in every browser
    <span
      class="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share}
    >
      <span style={{ width: `${share}%` }} />
    </span>
  );
}

function Health({ home }: { home: Home }): JSX.Element {
  const { node, webhooks } = home;
  const tag = locale.value;
  const behind = Math.max(0, node.log_index - node.projection_index);
  return (
    <Card title={t('health_title')} class="health">
      <dl class="facts">
        <div>
          <dt>{t('health_role')}</dt>
          <dd>{tKnown('role_', node.role, node.role)}</dd>
        </div>
        <div>
          <dt>{t('health_uptime')}</dt>
          <dd>{formatDuration(node.uptime_ms, tag)}</dd>
        </div>
        <div>
          <dt>{t('health_log')}</dt>
          <dd>{formatCount(node.log_index, tag)}</dd>
        </div>
        <div>
          <dt>{t('health_reports')}</dt>
          <dd>{behind === 0 ? t('health_current') : t('health_behind', { n: formatCount(behind, tag) })}</dd>
        </div>
        <div>
          <dt>{t('health_checkpoint')}</dt>
          <dd>{formatCount(node.checkpoint_index, tag)}</dd>
        </div>
        <div>
          <dt>{t('health_memtable')}</dt>
          <dd>{formatBytes(node.memtable_bytes, tag)}</dd>
        </div>
        <div class="facts-wide">
          <dt>{t('health_cache')}</dt>
          <dd>
            <span data-testid="cache-hit-rate">{formatRate(node.cache.hit_rate_bp, tag)}</span>
            <Meter basisPoints={node.cache.hit_rate_bp} label={t('health_cache')} />
            <span class="facts-note">
              {t('health_cache_note', {
                rows: formatCount(node.cache.rows, tag),
                used: formatBytes(node.cache.bytes, tag),
                limit: formatBytes(node.cache.limit_bytes, tag),
              })}
            </span>
          </dd>
        </div>
        <div>
          <dt>{t('health_webhooks_pending')}</dt>
          <dd>{formatCount(webhooks.pending, tag)}</dd>
        </div>
        <div>
          <dt>{t('health_webhooks_failed')}</dt>
          <dd class={webhooks.failed > 0 ? 'bad' : ''}>{formatCount(webhooks.failed, tag)}</dd>
        </div>
      </dl>
    </Card>
  );
}

function Recent(): JSX.Element {
  const recent = useResource(`recent:${mode.value}`, (signal) =>
    request(PaymentsPage, 'GET', inMode('payments'), { query: { limit: String(RECENT) }, signal }),
  );
  const { set, reload } = recent;
  useReloadAfterSilence(reload);
  useEffect(
    () =>
      onLive('payment', (row) =>
        set((page) => ({
          ...page,
          data: [row, ...page.data.filter((old) => old.id !== row.id)]
            .sort((a, b) => b.created_ms - a.created_ms || (a.id < b.id ? 1 : -1))
            .slice(0, RECENT),
        })),
      ),
    [set],
  );
  const more = (
    <a class="card-link" href={href('payments')}>
      {t('home_all')}
    </a>
  );
  const rows: readonly Row[] | undefined = recent.data?.data;
  return (
    <Card title={t('home_recent')} class="recent" actions={more}>
      {recent.error && <Failed error={recent.error} retry={recent.reload} />}
      {!recent.error && !rows && <Skeleton lines={5} />}
      {rows?.length === 0 && (
        <Empty title={t('payments_none_title')} text={t('payments_none_text')}>
          <a class="button" href={href('merchants')}>
            {t('nav_merchants')}
          </a>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <ul class="rows">
          {rows.map((row) => (
            <li key={row.id} class="rows-item">
              <a class="rows-link" href={href(`payments/${row.id}`)}>
                <Money minor={row.amount} currency={row.currency} />
              </a>
              <span class="rows-text">{titleOf(row)}</span>
              <StatusBadge row={row} />
              <span class="rows-time">
                <Time ms={row.created_ms} relative />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

// Entries of the log: fewer are the work of a moment.
const MANY_ENTRIES = 1000;
const isBehind = (node: Home['node']): boolean => node.projection_index + MANY_ENTRIES < node.log_index;

export function HomePage(): JSX.Element {
  const home = useResource(`home:${mode.value}`, (signal) =>
    request(Home, 'GET', inMode('home'), { signal }),
  );
  const { set, reload } = home;
  useEffect(() => onLive('home', (fresh) => set(() => fresh)), [set]);
  useRefresh(reload);
  useReloadAfterSilence(reload);

  return (
    <>
      <div class="page-head">
        <PageTitle title={t('nav_home')}>{t('home_title')}</PageTitle>
        {home.data && (
          <p class="page-note">
            {t('home_as_of')} <Time ms={home.data.as_of_ms} />
            {isBehind(home.data.node) && ` · ${t('home_behind')}`}
          </p>
        )}
      </div>
      {home.error && !home.data && <Failed error={home.error} retry={home.reload} />}
      {!home.error && !home.data && <Skeleton lines={6} class="skeleton-tall" />}
      {home.data && (
        <>
          <Tiles home={home.data} />
          <VolumeCard home={home.data} />
          <div class="columns">
            <Recent />
            <Health home={home.data} />
          </div>
        </>
      )}
    </>
  );
}
