// The filters of the payments list, and their place in the address bar. Pure.

export const STATUSES = [
  'succeeded',
  'requires_capture',
  'processing',
  'requires_action',
  'requires_confirmation',
  'requires_payment_method',
  'canceled',
] as const;
export type Status = (typeof STATUSES)[number];

export interface Filters {
  status: readonly Status[];
  currency: string; // lower case, '' any
  merchant: string; // acct_…, '' any
  customer: string; // cus_…, '' any
  q: string;
  from: string; // yyyy-mm-dd in the viewer's time zone, inclusive, '' open
  to: string; // inclusive too
  amountMin: number | null; // minor units; only together with a currency
  amountMax: number | null;
}

export const NO_FILTERS: Filters = {
  status: [],
  currency: '',
  merchant: '',
  customer: '',
  q: '',
  from: '',
  to: '',
  amountMin: null,
  amountMax: null,
};

const MAX_QUERY_CHARACTERS = 200;

function isDay(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function minor(text: string | null): number | null {
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}

// Whatever an address says that makes no sense is left out, never an error: addresses get mangled on their way.
export function parseFilters(query: URLSearchParams): Filters {
  const wanted = new Set((query.get('status') ?? '').split(','));
  const currency = (query.get('currency') ?? '').toLowerCase();
  const known = /^[a-z]{3}$/.test(currency);
  const from = query.get('from') ?? '';
  const to = query.get('to') ?? '';
  const id = (name: string, prefix: string) => {
    const text = query.get(name) ?? '';
    return text.startsWith(prefix) && /^\w{1,64}$/.test(text) ? text : '';
  };
  return {
    status: STATUSES.filter((status) => wanted.has(status)),
    currency: known ? currency : '',
    merchant: id('merchant', 'acct_'),
    customer: id('customer', 'cus_'),
    q: (query.get('q') ?? '').trim().slice(0, MAX_QUERY_CHARACTERS),
    from: isDay(from) ? from : '',
    to: isDay(to) ? to : '',
    amountMin: known ? minor(query.get('amount_gte')) : null,
    amountMax: known ? minor(query.get('amount_lte')) : null,
  };
}

// The canonical query of these filters: same filters, same text.
export function filtersToQuery(filters: Filters): URLSearchParams {
  const query = new URLSearchParams();
  if (filters.status.length > 0) {
    query.set('status', STATUSES.filter((status) => filters.status.includes(status)).join(','));
  }
  if (filters.currency) query.set('currency', filters.currency);
  if (filters.merchant) query.set('merchant', filters.merchant);
  if (filters.customer) query.set('customer', filters.customer);
  if (filters.q) query.set('q', filters.q);
  if (filters.from) query.set('from', filters.from);
  if (filters.to) query.set('to', filters.to);
  if (filters.currency && filters.amountMin !== null) query.set('amount_gte', String(filters.amountMin));
  if (filters.currency && filters.amountMax !== null) query.set('amount_lte', String(filters.amountMax));
  return query;
}

// Midnight of the viewer's time zone; `plusDays` counts calendar days, which are not always 24 hours.
function midnight(day: string, plusDays: number): number {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + plusDays).getTime();
}

// As `GET payments` wants them.
export function filtersToRequest(filters: Filters): Record<string, string> {
  const request = Object.fromEntries(filtersToQuery(filters));
  delete request.from;
  delete request.to;
  if (filters.from) request.created_gte = String(midnight(filters.from, 0));
  if (filters.to) request.created_lt = String(midnight(filters.to, 1));
  return request;
}

export function countFilters(filters: Filters): number {
  return [...filtersToQuery(filters).keys()].length;
}
