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

export type Mode = 'test' | 'live';

// The mode that an address names, and what is below it: pages of money lie below test/ or live/, the others do not.
export function splitMode(pathname: string): { mode: Mode | null; below: string } {
  const below = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : '';
  const match = /^(test|live)(?:\/(.*))?$/.exec(below);
  return match ? { mode: match[1] as Mode, below: match[2] ?? '' } : { mode: null, below };
}

export function matchRoute(pathname: string): Route {
  const { mode, below } = splitMode(pathname);
  const parts = below.replace(/\/+$/, '').split('/');
  const [first = '', second, ...rest] = parts;
  if (mode === null) return below === 'setup' ? { page: 'setup' } : { page: 'not_found' };
  if (rest.length > 0) return { page: 'not_found' };
  const id = second === undefined ? undefined : decode(second);
  if (id === null || id === '') return { page: 'not_found' };
  if (id === undefined) {
    if (first === '') return { page: 'home' };
    if (first === 'payments' || first === 'merchants') return { page: first };
    return { page: 'not_found' };
  }
  if (first === 'payments') return { page: 'payment', id };
  if (first === 'merchants') return { page: 'merchant', id };
  return { page: 'not_found' };
}

// The address of a page in a mode.
export function addressOf(path: string, mode: Mode, query?: URLSearchParams): string {
  const text = query?.toString() ?? '';
  return `${BASE}${mode}/${path}${text ? `?${text}` : ''}`;
}

// An address of ours that names no mode, with the mode it means: what its query said (as addresses once did), else
// the one used last. null: nothing to add.
export function withMode(pathname: string, search: string, last: Mode): string | null {
  const { mode, below } = splitMode(pathname);
  if (mode !== null || !`${pathname}/`.startsWith(BASE) || below === 'setup') return null;
  const query = new URLSearchParams(search);
  const said = query.get('mode');
  query.delete('mode');
  return addressOf(below, said === 'live' || said === 'test' ? said : last, query);
}
