// The filter bar. It holds no state of its own beyond what is being typed: the address bar is the truth.

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { countFilters, type Filters, NO_FILTERS, STATUSES, type Status } from '../filters.ts';
import { exponentOf, fromTyped, toDecimal } from '../format.ts';
import { type Key, t, tKnown } from '../i18n/index.ts';
import { Icon } from '../ui/icons.tsx';

const TYPING_PAUSE_MS = 350;
// The usual ones; any other that an address names joins them.
const CURRENCIES = ['eur', 'usd', 'cny', 'gbp', 'chf', 'jpy', 'hkd', 'sgd', 'krw', 'thb'];

function Search({ value, onChange }: { value: string; onChange: (value: string) => void }): JSX.Element {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  const send = (wanted: string) => {
    if (wanted.trim() === sent.current) return;
    sent.current = wanted.trim();
    onChange(wanted.trim());
  };
  const latest = useRef(send);
  latest.current = send;
  useEffect(() => {
    const timer = setTimeout(() => latest.current(text), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send(text);
        }}
      >
        <Icon name="search" />
        <input
          type="search"
          aria-label={t('filter_search')}
          placeholder={t('filter_search_hint')}
          maxLength={200}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </form>
    </search>
  );
}

function AmountInput({
  label,
  value,
  currency,
  onChange,
}: {
  label: string;
  value: number | null;
  currency: string;
  onChange: (minor: number | null) => void;
}): JSX.Element {
  const shown = value === null || !currency ? '' : toDecimal(value, exponentOf(currency));
  const [text, setText] = useState(shown);
  const [wrong, setWrong] = useState(false);
  useEffect(() => {
    setText(shown);
    setWrong(false);
  }, [shown]);
  const commit = () => {
    if (text.trim() === '') {
      setWrong(false);
      if (value !== null) onChange(null);
      return;
    }
    const minor = fromTyped(text, currency);
    setWrong(minor === null);
    if (minor !== null && minor !== value) onChange(minor);
  };
  return (
    <input
      class="input-amount"
      inputMode="decimal"
      aria-label={label}
      aria-invalid={wrong ? 'true' : undefined}
      placeholder={label}
      title={currency ? undefined : t('filter_amount_needs_currency')}
      disabled={!currency}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
      }}
    />
  );
}

export function PaymentFilters({
  filters,
  onChange,
}: {
  filters: Filters;
  onChange: (filters: Filters) => void;
}): JSX.Element {
  const set = (change: Partial<Filters>) => onChange({ ...filters, ...change });
  const toggle = (status: Status) =>
    set({
      status: filters.status.includes(status)
        ? filters.status.filter((other) => other !== status)
        : [...filters.status, status],
    });
  // Only narrow windows fold the filters away.
  const [open, setOpen] = useState(false);
  const count = countFilters(filters);
  const currencies =
    filters.currency && !CURRENCIES.includes(filters.currency)
      ? [...CURRENCIES, filters.currency]
      : CURRENCIES;
  const pinned: { key: Key; id: string; off: Partial<Filters> }[] = [
    { key: 'merchant', id: filters.merchant, off: { merchant: '' } },
    { key: 'customer', id: filters.customer, off: { customer: '' } },
  ];

  return (
    <section class={`filters ${open ? 'filters-open' : ''}`} aria-label={t('filters')}>
      <div class="filters-line">
        <Search value={filters.q} onChange={(q) => set({ q })} />
        <button
          type="button"
          class="button filters-toggle"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon name="filter" />
          {t('filters')}
          {count > 0 && ` (${count})`}
        </button>
        <div class="filters-rest">
          <select
            class="select"
            aria-label={t('currency')}
            value={filters.currency}
            onChange={(event) =>
              set({ currency: event.currentTarget.value, amountMin: null, amountMax: null })
            }
          >
            <option value="">{t('filter_any_currency')}</option>
            {currencies.map((code) => (
              <option key={code} value={code}>
                {code.toUpperCase()}
              </option>
            ))}
          </select>
          <span class="range">
            <AmountInput
              label={t('filter_amount_min')}
              value={filters.amountMin}
              currency={filters.currency}
              onChange={(amountMin) => set({ amountMin })}
            />
            <span aria-hidden="true">–</span>
            <AmountInput
              label={t('filter_amount_max')}
              value={filters.amountMax}
              currency={filters.currency}
              onChange={(amountMax) => set({ amountMax })}
            />
          </span>
          <span class="range">
            <input
              type="date"
              aria-label={t('filter_from')}
              value={filters.from}
              max={filters.to || undefined}
              onChange={(event) => set({ from: event.currentTarget.value })}
            />
            <span aria-hidden="true">–</span>
            <input
              type="date"
              aria-label={t('filter_to')}
              value={filters.to}
              min={filters.from || undefined}
              onChange={(event) => set({ to: event.currentTarget.value })}
            />
          </span>
        </div>
      </div>
      <div class="filters-line filters-rest">
        <fieldset class="chips">
          <legend class="visually-hidden">{t('status')}</legend>
          {STATUSES.map((status) => (
            <button
              key={status}
              type="button"
              class="chip"
              aria-pressed={filters.status.includes(status)}
              data-status={status}
              onClick={() => toggle(status)}
            >
              {tKnown('filter_status_', status, status)}
            </button>
          ))}
        </fieldset>
        {pinned.map(
          ({ key, id, off }) =>
            id && (
              <button key={key} type="button" class="chip chip-on" onClick={() => set(off)}>
                {t(key as 'merchant')}: <code>{id}</code>
                <Icon name="close" />
                <span class="visually-hidden">{t('filter_remove')}</span>
              </button>
            ),
        )}
        {count > 0 && (
          <button type="button" class="button button-quiet" onClick={() => onChange(NO_FILTERS)}>
            {t('filter_clear')}
          </button>
        )}
      </div>
    </section>
  );
}
