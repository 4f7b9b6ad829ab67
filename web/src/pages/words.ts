// What several pages say in the same way.

import type { Home, Row } from '../api/schema.ts';
import { t } from '../i18n/index.ts';

// The line that tells a payment from its neighbours.
export function titleOf(row: Row): string {
  return row.description || row.customer_name || row.customer || row.id;
}

export function methodOf(row: Row): string {
  if (row.method === 'wallet') return t('method_wallet');
  // "visa •••• 4242" is the server's.
  const detail = row.method_detail.charAt(0).toUpperCase() + row.method_detail.slice(1);
  if (row.method === 'card') return detail || t('method_card');
  return detail || row.method || '–';
}

export function overallRate(totals: Home['totals']): number | null {
  const succeeded = totals.reduce((sum, total) => sum + total.succeeded, 0);
  const decided = totals.reduce((sum, total) => sum + total.failed, succeeded);
  return decided === 0 ? null : Math.floor((succeeded * 10000) / decided);
}
