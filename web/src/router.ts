// The address bar as a signal. Small enough that a library would not pay: five pages, and filters in the query.

import { computed, signal } from '@preact/signals';
import { addressOf, BASE, type Mode, matchRoute, splitMode, withMode } from './routes.ts';
import { lastMode } from './storage.ts';

interface Place {
  pathname: string;
  search: string;
}

// An address that does not say the mode opens in the one used last; from then on, the address decides.
function completeAddress(): void {
  const complete = withMode(location.pathname, location.search, lastMode());
  if (complete !== null) history.replaceState(history.state, '', complete);
}

completeAddress();
const place = signal<Place>({ pathname: location.pathname, search: location.search });

export const pathname = computed(() => place.value.pathname);
export const query = computed(() => new URLSearchParams(place.value.search));
export const route = computed(() => matchRoute(pathname.value));
export const mode = computed<Mode>(() => splitMode(pathname.value).mode ?? lastMode());

// Set by a change of page and taken by the new page's heading, which then takes the focus: nobody is left on a
// link that is gone, and nothing is stolen on the first load or when only the query changes. Who stays where he is
// (the switch of modes is on every page) keeps the focus.
let headingWanted = false;
export function takeHeadingFocus(): boolean {
  const wanted = headingWanted;
  headingWanted = false;
  return wanted;
}

function follow(focus: 'heading' | 'kept'): void {
  completeAddress();
  if (place.peek().pathname !== location.pathname) headingWanted = focus === 'heading';
  if (place.peek().pathname !== location.pathname || place.peek().search !== location.search) {
    place.value = { pathname: location.pathname, search: location.search };
  }
}

export function navigate(
  address: string,
  options: { replace?: boolean; focus?: 'heading' | 'kept' } = {},
): void {
  const leaves = new URL(address, location.href).pathname !== location.pathname;
  if (options.replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  follow(options.focus ?? 'heading');
  if (leaves) scrollTo(0, 0);
}

// What the API calls a resource of the present mode.
export function inMode(path: string): string {
  return `${mode.peek()}/${path}`;
}

// The address of a page of ours in the present mode.
export function href(path: string, search?: URLSearchParams): string {
  return addressOf(path, mode.value, search);
}

export function startRouter(): void {
  addEventListener('popstate', () => follow('heading'));
  // Ordinary links work as such; only a plain click on one of our pages stays in this document.
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(BASE) || url.hash) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
  });
}
