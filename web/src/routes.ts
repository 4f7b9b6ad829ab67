// Which page an address means. Pure, so that it is tested without a browser.

export const BASE = '/admin/';

export type Route =
  | { page: 'home' }
  | { page: 'setup' }
  | { page: 'payments' }
  | { page: 'payment'; id: string }
  | { page: 'merchants' }
  | { page: 'merchant'; id: string }
  | { page: 'not_found' };

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

export function matchRoute(pathname: string): Route {
  if (`${pathname}/` === BASE) return { page: 'home' };
  if (!pathname.startsWith(BASE)) return { page: 'not_found' };
  const parts = pathname.slice(BASE.length).replace(/\/+$/, '').split('/');
  const [first = '', second, ...rest] = parts;
  if (rest.length > 0) return { page: 'not_found' };
  const id = second === undefined ? undefined : decode(second);
  if (id === null || id === '') return { page: 'not_found' };
  if (id === undefined) {
    if (first === '') return { page: 'home' };
    if (first === 'setup' || first === 'payments' || first === 'merchants') return { page: first };
    return { page: 'not_found' };
  }
  if (first === 'payments') return { page: 'payment', id };
  if (first === 'merchants') return { page: 'merchant', id };
  return { page: 'not_found' };
}

export type Mode = 'test' | 'live';

export function modeOf(query: URLSearchParams): Mode {
  return query.get('mode') === 'live' ? 'live' : 'test';
}

// An address inside the pages. Test mode is the default and is not spelled out.
export function addressOf(path: string, mode: Mode, query?: URLSearchParams): string {
  const all = new URLSearchParams(query);
  all.delete('mode');
  if (mode === 'live') all.set('mode', 'live');
  const text = all.toString();
  return BASE + path + (text ? `?${text}` : '');
}
