// The frame of every page behind login: navigation, mode, live state, settings.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import { liveState } from '../api/live.ts';
import { Nothing } from '../api/schema.ts';
import { type Key, t } from '../i18n/index.ts';
import { LANGUAGE_NAMES, LANGUAGES, type Language } from '../i18n/languages.ts';
import { href, mode, navigate, pathname, route } from '../router.ts';
import { addressOf, type Mode, type Route, splitMode } from '../routes.ts';
import { session } from '../session.ts';
import { language, setLanguage, setTheme, theme } from '../settings.ts';
import { Segments } from './basics.tsx';
import { Icon, Logo } from './icons.tsx';

const PAGES: {
  path: string;
  key: Extract<Key, `nav_${string}`>;
  icon: 'home' | 'payments' | 'merchants';
  pages: Route['page'][];
}[] = [
  { path: '', key: 'nav_home', icon: 'home', pages: ['home'] },
  { path: 'payments', key: 'nav_payments', icon: 'payments', pages: ['payments', 'payment'] },
  { path: 'merchants', key: 'nav_merchants', icon: 'merchants', pages: ['merchants', 'merchant'] },
];

export function LanguageSwitch(): JSX.Element {
  return (
    <select
      class="select select-small"
      aria-label={t('language')}
      value={language.value}
      onChange={(event) => setLanguage(event.currentTarget.value as Language)}
    >
      {LANGUAGES.map((known) => (
        <option key={known} value={known} lang={known}>
          {LANGUAGE_NAMES[known]}
        </option>
      ))}
    </select>
  );
}

export function ThemeSwitch(): JSX.Element {
  return (
    <Segments
      class="segments-small"
      label={t('theme')}
      value={theme.value}
      onChange={setTheme}
      options={[
        { value: 'system', text: t('theme_system'), title: t('theme_system'), icon: <Icon name="system" /> },
        { value: 'light', text: t('theme_light'), title: t('theme_light'), icon: <Icon name="sun" /> },
        { value: 'dark', text: t('theme_dark'), title: t('theme_dark'), icon: <Icon name="moon" /> },
      ]}
    />
  );
}

function ModeSwitch(): JSX.Element {
  // A payment of one mode does not exist in the other, so a detail page falls back to its list. The focus stays here:
  // with the arrow keys one may want to go back at once.
  const change = (wanted: Mode) => {
    const at = route.peek();
    const path = at.page === 'payment' ? 'payments' : splitMode(pathname.peek()).below;
    navigate(addressOf(path, wanted), { focus: 'kept' });
  };
  return (
    <Segments
      class="mode-switch"
      label={t('mode')}
      value={mode.value}
      onChange={change}
      options={[
        { value: 'test', text: t('mode_test') },
        { value: 'live', text: t('mode_live') },
      ]}
    />
  );
}

export function LivePill(): JSX.Element {
  const state = liveState.value;
  const text = { live: t('live_on'), connecting: t('live_connecting'), offline: t('live_off') }[state];
  return (
    <span class={`live live-${state}`} role="status" data-live={state}>
      <span class="live-dot" aria-hidden="true" />
      <span class="live-text">{text}</span>
    </span>
  );
}

async function logout(): Promise<void> {
  try {
    await request(Nothing, 'POST', 'logout', { body: {} });
  } finally {
    // Even when the server did not answer: this window shows nothing any more.
    session.value = null;
    navigate(href(''));
  }
}

function Account(): JSX.Element | null {
  const operator = session.value?.operator;
  if (!operator) return null;
  return (
    <div class="account">
      <span class="avatar" aria-hidden="true">
        {[...operator.name].slice(0, 1).join('').toUpperCase()}
      </span>
      <span class="account-text">
        <span class="account-name">{operator.name}</span>
        <span class="account-role">{operator.role}</span>
      </span>
      <button
        type="button"
        class="button button-quiet button-icon"
        onClick={() => void logout().catch(() => {})}
        aria-label={t('logout')}
        title={t('logout')}
      >
        <Icon name="logout" />
      </button>
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLButtonElement>(null);
  const main = useRef<HTMLElement>(null);
  const at = pathname.value;
  // A new page closes the drawer
  useEffect(() => setOpen(false), [at]);
  useEffect(() => {
    if (!open) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      menu.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [open]);

  return (
    <div class={`shell mode-${mode.value}`}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t('skip')}
      </button>
      {open && <div class="scrim" onClick={() => setOpen(false)} aria-hidden="true" />}
      <aside class={`sidebar ${open ? 'sidebar-open' : ''}`} id="sidebar">
        <a class="brand" href={href('')}>
          <Logo />
          <span>Kontor</span>
        </a>
        <nav aria-label={t('nav')}>
          <ul>
            {PAGES.map((page) => (
              <li key={page.path}>
                <a
                  href={href(page.path)}
                  class="nav-link"
                  aria-current={page.pages.includes(route.value.page) ? 'page' : undefined}
                  onClick={() => setOpen(false)}
                >
                  <Icon name={page.icon} />
                  {t(page.key)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="sidebar-foot">
          <div class="settings">
            <LanguageSwitch />
            <ThemeSwitch />
          </div>
          <Account />
          <p class="version">Kontor {session.value?.version}</p>
        </div>
      </aside>
      <div class="content">
        <header class="top">
          <div class="topbar">
            <button
              ref={menu}
              type="button"
              class="button button-quiet button-icon menu-button"
              aria-label={t('menu')}
              aria-expanded={open}
              aria-controls="sidebar"
              onClick={() => setOpen(!open)}
            >
              <Icon name="menu" />
            </button>
            <LivePill />
            <span class="topbar-space" />
            <ModeSwitch />
          </div>
          {mode.value === 'test' && <p class="test-strip">{t('test_strip')}</p>}
        </header>
        <main ref={main} class="page" id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
    </div>
  );
}
