import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import { Merchant, Merchants } from '../api/schema.ts';
import { fromTyped } from '../format.ts';
import { locale, plural, t } from '../i18n/index.ts';
import { useResource } from '../resource.ts';
import { href, inMode, navigate } from '../router.ts';
import {
  Alert,
  Dialog,
  Empty,
  errorText,
  Failed,
  Field,
  Money,
  PageTitle,
  Skeleton,
  Time,
} from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Icon } from '../ui/icons.tsx';

export function Fee({ merchant }: { merchant: Merchant }): JSX.Element {
  const percent = new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 2 });
  return (
    <span>
      {percent.format(merchant.fee_bps / 10000)}
      {merchant.fee_fixed > 0 && (
        <>
          {' + '}
          {merchant.default_currency ? (
            <Money minor={merchant.fee_fixed} currency={merchant.default_currency} code={false} />
          ) : (
            merchant.fee_fixed
          )}
        </>
      )}
    </span>
  );
}

// "1.45" -> 145 basis points; at most 100 %.
function basisPoints(text: string): number | null {
  const match = /^(\d{1,3})(?:[.,](\d{0,2}))?$/.exec(text.trim());
  if (!match) return null;
  const value = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return value <= 10000 ? value : null;
}

function NewMerchant({ onClose, onDone }: { onClose: () => void; onDone: (merchant: Merchant) => void }) {
  const [name, setName] = useState('');
  const [fee, setFee] = useState('0');
  const [fixed, setFixed] = useState('0');
  const [delay, setDelay] = useState('2');
  const [country, setCountry] = useState('DE');
  const [currency, setCurrency] = useState('EUR');
  const { busy, error, run } = useSubmission();
  const feeBps = basisPoints(fee);
  const feeFixed = fromTyped(fixed, currency);
  const submit = (event: Event) => {
    event.preventDefault();
    if (feeBps === null || feeFixed === null) return;
    void run(async () => {
      onDone(
        await request(Merchant, 'POST', inMode('merchants'), {
          body: {
            name: name.trim(),
            fee_bps: feeBps,
            fee_fixed: feeFixed,
            settlement_delay_days: Number(delay),
            country: country.toUpperCase(),
            default_currency: currency.toLowerCase(),
          },
        }),
      );
    });
  };
  return (
    <Dialog title={t('merchant_new')} onClose={onClose}>
      <form class="dialog-form" onSubmit={submit}>
        {error && <Alert>{errorText(error)}</Alert>}
        <Field
          label={t('name')}
          input={{
            name: 'name',
            required: true,
            maxLength: 100,
            autofocus: true,
            value: name,
            onInput: (event) => setName(event.currentTarget.value),
          }}
        />
        <div class="field-row">
          <Field
            label={t('country')}
            hint={t('country_hint')}
            input={{
              name: 'country',
              required: true,
              pattern: '[A-Za-z]{2}',
              maxLength: 2,
              class: 'upper',
              value: country,
              onInput: (event) => setCountry(event.currentTarget.value),
            }}
          />
          <Field
            label={t('currency')}
            hint={t('currency_hint')}
            input={{
              name: 'currency',
              required: true,
              pattern: '[A-Za-z]{3}',
              maxLength: 3,
              class: 'upper',
              value: currency,
              onInput: (event) => setCurrency(event.currentTarget.value),
            }}
          />
        </div>
        <div class="field-row">
          <Field
            label={t('fee_percent')}
            error={feeBps === null ? t('fee_percent_wrong') : undefined}
            input={{
              name: 'fee',
              inputMode: 'decimal',
              required: true,
              value: fee,
              onInput: (event) => setFee(event.currentTarget.value),
            }}
          />
          <Field
            label={t('fee_fixed')}
            error={feeFixed === null ? t('fee_fixed_wrong') : undefined}
            input={{
              name: 'fee_fixed',
              inputMode: 'decimal',
              required: true,
              value: fixed,
              onInput: (event) => setFixed(event.currentTarget.value),
            }}
          />
        </div>
        <Field
          label={t('settlement_delay')}
          input={{
            name: 'delay',
            type: 'number',
            min: 0,
            max: 90,
            required: true,
            value: delay,
            onInput: (event) => setDelay(event.currentTarget.value),
          }}
        />
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class="button button-primary" disabled={busy || error?.status === 202}>
            {t('create')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function MerchantsPage(): JSX.Element {
  const merchants = useResource('merchants', (signal) =>
    request(Merchants, 'GET', inMode('merchants'), { signal }),
  );
  const [adding, setAdding] = useState(false);
  const rows = merchants.data?.data;
  return (
    <>
      <div class="page-head">
        <PageTitle title={t('nav_merchants')} />
        <button type="button" class="button button-primary" onClick={() => setAdding(true)}>
          <Icon name="plus" />
          {t('merchant_new')}
        </button>
      </div>
      <section class="card card-flush" aria-label={t('nav_merchants')}>
        {merchants.error && !rows && <Failed error={merchants.error} retry={merchants.reload} />}
        {!merchants.error && !rows && <Skeleton lines={4} class="skeleton-rows" />}
        {rows?.length === 0 && <Empty title={t('merchants_none_title')} text={t('merchants_none_text')} />}
        {rows && rows.length > 0 && (
          <table class="table">
            <caption class="visually-hidden">{t('nav_merchants')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('name')}</th>
                <th scope="col" class="hide-narrow">
                  {t('id')}
                </th>
                <th scope="col">{t('fee')}</th>
                <th scope="col" class="hide-narrow">
                  {t('settlement')}
                </th>
                <th scope="col" class="hide-narrow">
                  {t('created')}
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((merchant) => (
                <tr key={merchant.id} class="row">
                  <th scope="row">
                    <a class="row-link" href={href(`merchants/${merchant.id}`)}>
                      {merchant.name}
                    </a>
                  </th>
                  <td class="hide-narrow">
                    <code>{merchant.id}</code>
                  </td>
                  <td class="cell-nowrap">
                    <Fee merchant={merchant} />
                  </td>
                  <td class="hide-narrow cell-nowrap">
                    {plural('n_days', merchant.settlement_delay_days, String(merchant.settlement_delay_days))}
                  </td>
                  <td class="hide-narrow cell-nowrap cell-time">
                    <Time ms={merchant.created_ms} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      {adding && (
        <NewMerchant
          onClose={() => setAdding(false)}
          onDone={(merchant) => {
            setAdding(false);
            navigate(href(`merchants/${merchant.id}`));
          }}
        />
      )}
    </>
  );
}
