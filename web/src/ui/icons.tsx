// Line icons, drawn for these pages. Decorative: the text beside them speaks.

import type { JSX } from 'preact';

const PATHS = {
  home: 'M3 9.2 10 3.5l7 5.7V16a1 1 0 0 1-1 1h-3.5v-4.5h-5V17H4a1 1 0 0 1-1-1z',
  payments:
    'M2.5 6a1.5 1.5 0 0 1 1.5-1.5h12A1.5 1.5 0 0 1 17.5 6v8a1.5 1.5 0 0 1-1.5 1.5H4A1.5 1.5 0 0 1 2.5 14zM2.5 8.5h15M5.5 12.5h3',
  merchants:
    'M3.5 8v8.5h13V8M2.5 8l1.4-4.5h12.2L17.5 8a2.5 2.5 0 0 1-5 0 2.5 2.5 0 0 1-5 0 2.5 2.5 0 0 1-5 0zM8 16.5V12h4v4.5',
  menu: 'M3 5.5h14M3 10h14M3 14.5h14',
  close: 'M5 5l10 10M15 5 5 15',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4',
  copy: 'M7.5 7.5h8a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-8a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zM12.5 7.5V4a1 1 0 0 0-1-1h-8a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1h3',
  check: 'M4 10.5 8 14.5 16 5.5',
  arrow: 'M3.5 10h13M12 5.5l4.5 4.5-4.5 4.5',
  back: 'M16.5 10h-13M8 5.5 3.5 10 8 14.5',
  plus: 'M10 4v12M4 10h12',
  logout: 'M8 3.5H4.5a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1H8M12.5 13.5 16.5 10l-4-3.5M16 10H8',
  sun: 'M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  moon: 'M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z',
  system: 'M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3',
  warning: 'M10 3.2 18 16.5H2zM10 8.2v3.8M10 14.3v.1',
  key: 'M12.5 11.5a4 4 0 1 0-3.7-2.5L3 14.8V17h2.2v-1.8H7v-1.8h1.8l2-2a4 4 0 0 0 1.7.1zM13.3 6.8v.1',
  filter: 'M3 5h14M5.5 10h9M8 15h4',
} as const;

export function Icon({ name, class: extra }: { name: keyof typeof PATHS; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${extra ?? ''}`} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M10 7.5v17M22 7.5 12.2 16 22 24.5" />
    </svg>
  );
}
