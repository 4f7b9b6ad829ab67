// The payments list as a reducer: pages that were loaded, and what the live stream says meanwhile. Pure.

import type { PaymentsPage, Row } from './api/schema.ts';
import { type Filters, STATUSES, type Status } from './filters.ts';

export interface ListState {
  rows: readonly Row[];
  nextCursor: string | null;
  // Payments that arrived after the list was loaded and would stand above it.
  fresh: readonly string[];
}

export const EMPTY_LIST: ListState = { rows: [], nextCursor: null, fresh: [] };
const MAX_FRESH = 1000;

export function loaded(page: PaymentsPage): ListState {
  return { rows: page.data, nextCursor: page.next_cursor, fresh: [] };
}

export function more(state: ListState, page: PaymentsPage): ListState {
  const have = new Set(state.rows.map((row) => row.id));
  return {
    ...state,
    rows: [...state.rows, ...page.data.filter((row) => !have.has(row.id))],
    nextCursor: page.next_cursor,
  };
}

// Free text is searched by the server only (it knows metadata), so with `q` a new payment is never announced.
export function matches(row: Row, filters: Filters, bounds: { gte: number; lt: number }): boolean {
  if (filters.q) return false;
  if (filters.status.length > 0) {
    const known = STATUSES.find((status) => status === row.status);
    if (!known || !filters.status.includes(known as Status)) return false;
  }
  if (filters.currency && row.currency !== filters.currency) return false;
  if (filters.merchant && row.merchant !== filters.merchant) return false;
  if (filters.customer && row.customer !== filters.customer) return false;
  if (filters.amountMin !== null && row.amount < filters.amountMin) return false;
  if (filters.amountMax !== null && row.amount > filters.amountMax) return false;
  return row.created_ms >= bounds.gte && row.created_ms < bounds.lt;
}

// A row from the stream: shown ones change in place, new ones are only counted. Nothing jumps under the pointer.
export function live(state: ListState, row: Row, fits: (row: Row) => boolean): ListState {
  const index = state.rows.findIndex((old) => old.id === row.id);
  if (index >= 0) return { ...state, rows: state.rows.with(index, row) };
  const newest = state.rows[0]?.created_ms ?? Number.NEGATIVE_INFINITY;
  if (!fits(row) || row.created_ms < newest || state.fresh.includes(row.id)) return state;
  if (state.fresh.length >= MAX_FRESH) return state;
  return { ...state, fresh: [...state.fresh, row.id] };
}

// What a status means to a reader, beyond the API's word.
export type Look = 'good' | 'bad' | 'busy' | 'wait' | 'calm';
export function displayStatus(row: Pick<Row, 'status' | 'amount' | 'amount_refunded' | 'failure_code'>): {
  word: string;
  look: Look;
} {
  switch (row.status) {
    case 'succeeded':
      if (row.amount_refunded >= row.amount && row.amount > 0) return { word: 'refunded', look: 'calm' };
      if (row.amount_refunded > 0) return { word: 'partially_refunded', look: 'calm' };
      return { word: 'succeeded', look: 'good' };
    case 'requires_capture':
      return { word: 'requires_capture', look: 'wait' };
    case 'processing':
      return { word: 'processing', look: 'busy' };
    case 'requires_action':
      return { word: 'requires_action', look: 'wait' };
    case 'requires_confirmation':
      return { word: 'requires_confirmation', look: 'calm' };
    case 'requires_payment_method':
      return row.failure_code
        ? { word: 'failed', look: 'bad' }
        : { word: 'requires_payment_method', look: 'calm' };
    case 'canceled':
      return { word: 'canceled', look: 'calm' };
    default:
      return { word: row.status, look: 'calm' };
  }
}
