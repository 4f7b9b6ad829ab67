// The small parts every page is made of.

import { signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/client.ts';
import { formatMoney, formatRelative, formatTime, formatTimeExact } from '../format.ts';
import { locale, t, tKnown } from '../i18n/index.ts';
import { displayStatus, type Look } from '../payments_state.ts';
import { takeHeadingFocus } from '../router.ts';
import { Icon } from './icons.tsx';

// An amount with its currency code, which a symbol alone leaves open ($, ¥, kr).
export function Money({
  minor,
  currency,
  code = true,
  class: extra,
}: {
  minor: number;
  currency: string;
  code?: boolean;
  class?: string;
}): JSX.Element {
  return (
    <span class={`money ${extra ?? ''}`}>
      {formatMoney(minor, currency, locale.value)}
      {code && <span class="money-code">{currency.toUpperCase()}</span>}
    </span>
  );
}

// Ticks twice a minute, for "3 minutes ago".
const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 30_000);

export function Time({ ms, relative = false }: { ms: number; relative?: boolean }): JSX.Element {
  const shown = relative
    ? formatRelative(ms, Math.max(now.value, Date.now()), locale.value)
    : formatTime(ms, locale.value);
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatTimeExact(ms, locale.value)}>
      {shown}
    </time>
  );
}

export function Badge({ look, children }: { look: Look; children: ComponentChildren }): JSX.Element {
  return <span class={`badge badge-${look}`}>{children}</span>;
}

export function StatusBadge(props: { row: Parameters<typeof displayStatus>[0] }): JSX.Element {
  const { word, look } = displayStatus(props.row);
  return <Badge look={look}>{tKnown('status_', word, word)}</Badge>;
}

// Set by hand, not by nesting: screen readers announce changes of an element that was there before.
const announcement = signal('');
export function announce(text: string): void {
  announcement.value = '';
  setTimeout(() => {
    announcement.value = text;
  }, 50);
}
export function Announcer(): JSX.Element {
  return (
    <div class="visually-hidden" role="status" aria-live="polite" data-testid="announcer">
      {announcement}
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }): JSX.Element {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      announce(t('copied'));
    } catch {
      announce(t('copy_failed'));
    }
  };
  return (
    <button
      type="button"
      class="button button-quiet button-icon"
      onClick={copy}
      aria-label={label}
      title={label}
    >
      <Icon name={done ? 'check' : 'copy'} class={done ? 'icon-good' : ''} />
    </button>
  );
}

export function Id({ id }: { id: string }): JSX.Element {
  return (
    <span class="id">
      <code>{id}</code>
      <CopyButton text={id} label={t('copy_id', { id })} />
    </span>
  );
}

export function Field({
  label,
  hint,
  error,
  input,
  children,
}: {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  input: JSX.IntrinsicElements['input'];
  children?: ComponentChildren;
}): JSX.Element {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...input}
        id={id}
        aria-invalid={error ? 'true' : undefined}
        aria-describedby={described || undefined}
      />
      {children}
      {hint && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

// A handful of choices side by side; real radio buttons underneath, so arrow keys work.
export function Segments<Value extends string>({
  label,
  value,
  options,
  onChange,
  class: extra,
}: {
  label: string;
  value: Value;
  options: readonly { value: Value; text: string; icon?: JSX.Element; title?: string }[];
  onChange: (value: Value) => void;
  class?: string;
}): JSX.Element {
  const name = useId();
  return (
    <fieldset class={`segments ${extra ?? ''}`}>
      <legend class="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} class="segment" title={option.title}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>
            {option.icon}
            <span class={option.icon ? 'visually-hidden' : ''}>{option.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

export function errorText(error: ApiError): string {
  if (error.code === 'awaiting_approval') return t('waits_for_approval', { request: error.message });
  return tKnown('error_', error.code, error.message || t('error_unknown'));
}

export function Alert({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <div class="alert" role="alert">
      <Icon name="warning" />
      <div>{children}</div>
    </div>
  );
}

export function Failed({ error, retry }: { error: ApiError; retry: () => void }): JSX.Element {
  return (
    <div class="state" role="alert">
      <Icon name="warning" class="state-icon" />
      <p class="state-title">{t('failed_title')}</p>
      <p class="state-text">{errorText(error)}</p>
      <button type="button" class="button" onClick={retry}>
        {t('try_again')}
      </button>
    </div>
  );
}

export function Empty({
  title,
  text,
  children,
}: {
  title: string;
  text: string;
  children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      <p class="state-text">{text}</p>
      {children}
    </div>
  );
}

export function Skeleton({ lines, class: extra }: { lines: number; class?: string }): JSX.Element {
  return (
    <div class={`skeleton ${extra ?? ''}`} aria-busy="true">
      <span class="visually-hidden">{t('loading')}</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton-line" />
      ))}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
  class: extra,
  count,
}: {
  title: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
  count?: number;
}): JSX.Element {
  const id = useId();
  return (
    <section class={`card ${extra ?? ''}`} aria-labelledby={id}>
      <header class="card-header">
        <h2 id={id}>
          {title}
          {count !== undefined && <span class="card-count">{count}</span>}
        </h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

// The heading of a page, and the window's title.
export function PageTitle({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  // Before the first paint: what is done after the page can be seen is not undone by it.
  useLayoutEffect(() => {
    document.title = `${title} · Kontor`;
  }, [title]);
  useLayoutEffect(() => {
    if (takeHeadingFocus()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children ?? title}
    </h1>
  );
}

// The platform's own dialog: it keeps the focus inside, closes on Escape, and makes the rest inert.
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the first paint: a key pressed right after the click already belongs to the dialog.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      <header class="dialog-header">
        <h2 id={id}>{title}</h2>
        <button
          type="button"
          class="button button-quiet button-icon"
          onClick={onClose}
          aria-label={t('close')}
        >
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}
