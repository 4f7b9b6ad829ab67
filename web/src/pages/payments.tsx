import type { JSX } from 'preact';
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { ApiError, isAbort, request } from '../api/client.ts';
import { onLive } from '../api/live.ts';
import { PaymentsPage as Page, type Row } from '../api/schema.ts';
import { type Filters, filtersToQuery, filtersToRequest, NO_FILTERS, parseFilters } from '../filters.ts';
import { formatCount } from '../format.ts';
import { locale, plural, t } from '../i18n/index.ts';
import { EMPTY_LIST, type ListState, live, loaded, matches, more } from '../payments_state.ts';
import { useReloadAfterSilence } from '../resource.ts';
import { href, inMode, navigate, query } from '../router.ts';
import { Empty, errorText, Failed, Money, PageTitle, Skeleton, StatusBadge, Time } from '../ui/basics.tsx';
import { PaymentFilters } from './payments_filters.tsx';
import { methodOf, titleOf } from './words.ts';

const PAGE_SIZE = 50;

type Action =
  | { type: 'start' }
  | { type: 'loaded'; page: Page }
  | { type: 'more'; page: Page }
  | { type: 'live'; row: Row; fits: (row: Row) => boolean }
  | { type: 'failed'; error: ApiError };

interface View {
  list: ListState;
  loading: boolean;
  have: boolean;
  error: ApiError | null;
}

function reduce(view: View, action: Action): View {
  switch (action.type) {
    case 'start':
      return { ...view, loading: true, error: null };
    case 'loaded':
      return { list: loaded(action.page), loading: false, have: true, error: null };
    case 'more':
      return { list: more(view.list, action.page), loading: false, have: true, error: null };
    case 'live':
      return { ...view, list: live(view.list, action.row, action.fits) };
    case 'failed':
      return { ...view, loading: false, error: action.error };
  }
}

function usePayments(filters: Filters) {
  const [view, dispatch] = useReducer(reduce, { list: EMPTY_LIST, loading: true, have: false, error: null });
  const [generation, setGeneration] = useState(0);
  const running = useRef<AbortController | null>(null);
  const key = filtersToQuery(filters).toString();

  const load = (cursor: string | null) => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    dispatch({ type: 'start' });
    const asked = { limit: String(PAGE_SIZE), ...filtersToRequest(filters) };
    request(Page, 'GET', inMode('payments'), {
      query: cursor === null ? asked : { ...asked, cursor },
      signal: stop.signal,
    }).then(
      (page) => {
        if (!stop.signal.aborted) dispatch({ type: cursor === null ? 'loaded' : 'more', page });
      },
      (failure: unknown) => {
        if (stop.signal.aborted || isAbort(failure)) return;
        const error = failure instanceof ApiError ? failure : new ApiError(0, 'bug', String(failure));
        dispatch({ type: 'failed', error });
      },
    );
  };

  // `key` stands for the filters
  useEffect(() => {
    load(null);
    return () => running.current?.abort();
  }, [key, generation]);

  // `key` stands for the filters
  useEffect(() => {
    const asked = filtersToRequest(filters);
    const bounds = {
      gte: Number(asked.created_gte ?? Number.NEGATIVE_INFINITY),
      lt: Number(asked.created_lt ?? Number.POSITIVE_INFINITY),
    };
    const fits = (row: Row) => matches(row, filters, bounds);
    return onLive('payment', (row) => dispatch({ type: 'live', row, fits }));
  }, [key]);

  const reload = useMemo(() => () => setGeneration((old) => old + 1), []);
  useReloadAfterSilence(reload);
  return { ...view, reload, loadMore: () => load(view.list.nextCursor) };
}

// Up and down move between rows, as in a list; Tab and Enter work anyway, since each row holds a link.
function onRowKeys(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('a.row-link')];
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  links[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
}

function Table({ rows }: { rows: readonly Row[] }): JSX.Element {
  return (
    <table class="table payments-table">
      <caption class="visually-hidden">{t('nav_payments')}</caption>
      <thead>
        <tr>
          <th scope="col" class="number">
            {t('amount')}
          </th>
          <th scope="col">{t('status')}</th>
          <th scope="col">{t('description')}</th>
          <th scope="col" class="hide-narrow">
            {t('customer')}
          </th>
          <th scope="col" class="hide-middle">
            {t('method')}
          </th>
          <th scope="col" class="hide-middle">
            {t('merchant')}
          </th>
          <th scope="col">{t('date')}</th>
        </tr>
      </thead>
      <tbody onKeyDown={onRowKeys}>
        {rows.map((row) => (
          <tr key={row.id} class="row" data-id={row.id}>
            <td class="number cell-amount">
              <a class="row-link" href={href(`payments/${row.id}`)}>
                <Money minor={row.amount} currency={row.currency} />
              </a>
            </td>
            <td class="cell-status">
              <StatusBadge row={row} />
            </td>
            <td class="cell-title">{titleOf(row)}</td>
            <td class="hide-narrow cell-clip">{row.customer_name || row.customer || '–'}</td>
            <td class="hide-middle cell-nowrap">{methodOf(row)}</td>
            <td class="hide-middle cell-clip">{row.merchant_name || row.merchant || '–'}</td>
            <td class="cell-nowrap cell-time">
              <Time ms={row.created_ms} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function PaymentsPage(): JSX.Element {
  const search = query.value.toString();
  const filters = useMemo(() => parseFilters(new URLSearchParams(search)), [search]);
  const { list, loading, have, error, reload, loadMore } = usePayments(filters);
  const filtered = filtersToQuery(filters).size > 0;
  const change = (wanted: Filters) => navigate(href('payments', filtersToQuery(wanted)));
  const rows = list.rows;

  return (
    <>
      <div class="page-head">
        <PageTitle title={t('nav_payments')} />
      </div>
      <PaymentFilters filters={filters} onChange={change} />
      <div class="list-status" aria-live="polite">
        {list.fresh.length > 0 && (
          <button type="button" class="button button-soft fresh" onClick={reload} data-testid="fresh">
            {plural('n_new', list.fresh.length, formatCount(list.fresh.length, locale.value))}
          </button>
        )}
      </div>
      <section
        class={`card card-flush ${loading && have ? 'is-loading' : ''}`}
        aria-label={t('nav_payments')}
        aria-busy={loading}
      >
        {!have && loading && <Skeleton lines={8} class="skeleton-rows" />}
        {!have && error && <Failed error={error} retry={reload} />}
        {have && rows.length === 0 && !filtered && (
          <Empty title={t('payments_none_title')} text={t('payments_none_text')}>
            <a class="button" href={href('merchants')}>
              {t('nav_merchants')}
            </a>
          </Empty>
        )}
        {have && rows.length === 0 && filtered && (
          <Empty title={t('payments_no_match_title')} text={t('payments_no_match_text')}>
            <button type="button" class="button" onClick={() => change(NO_FILTERS)}>
              {t('filter_clear')}
            </button>
          </Empty>
        )}
        {rows.length > 0 && <Table rows={rows} />}
      </section>
      {have && error && (
        <p class="field-error" role="alert">
          {errorText(error)}{' '}
          <button type="button" class="button" onClick={reload}>
            {t('try_again')}
          </button>
        </p>
      )}
      {rows.length > 0 && (
        <div class="list-foot">
          <span>{plural('n_shown', rows.length, formatCount(rows.length, locale.value))}</span>
          {list.nextCursor !== null && (
            <button type="button" class="button" onClick={loadMore} disabled={loading}>
              {loading ? t('loading') : t('load_more')}
            </button>
          )}
        </div>
      )}
    </>
  );
}
