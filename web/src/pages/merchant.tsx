// One merchant and its API keys.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import { ApiKey, ApiKeys, Merchant, NewApiKey } from '../api/schema.ts';
import { plural, t } from '../i18n/index.ts';
import { useResource } from '../resource.ts';
import { href, inMode, mode } from '../router.ts';
import {
  Alert,
  announce,
  Badge,
  Card,
  CopyButton,
  Dialog,
  Empty,
  errorText,
  Failed,
  Field,
  Id,
  PageTitle,
  Skeleton,
  Time,
} from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Icon } from '../ui/icons.tsx';
import { Fee } from './merchants.tsx';

function NewKey({
  merchant,
  onClose,
  onDone,
}: {
  merchant: string;
  onClose: () => void;
  onDone: (key: NewApiKey) => void;
}): JSX.Element {
  const [name, setName] = useState('');
  const { busy, error, run } = useSubmission();
  const keyMode = mode.value;
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const path = inMode(`merchants/${encodeURIComponent(merchant)}/keys`);
      onDone(await request(NewApiKey, 'POST', path, { body: { name: name.trim() } }));
    });
  };
  return (
    <Dialog title={keyMode === 'live' ? t('key_new_live') : t('key_new_test')} onClose={onClose}>
      <form class="dialog-form" onSubmit={submit}>
        {error && <Alert>{errorText(error)}</Alert>}
        {error?.secret && (
          <>
            <p class="dialog-text">{t('key_made_text')}</p>
            <p class="secret-line">
              <code data-testid="secret">{error.secret}</code>
              <CopyButton text={error.secret} label={t('copy')} />
            </p>
          </>
        )}
        <Field
          label={t('key_name')}
          hint={t('key_name_hint')}
          input={{
            name: 'key-name',
            required: true,
            maxLength: 100,
            autofocus: true,
            value: name,
            onInput: (event) => setName(event.currentTarget.value),
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

function ShowSecret({ made, onClose }: { made: NewApiKey; onClose: () => void }): JSX.Element {
  return (
    <Dialog title={t('key_made')} onClose={onClose}>
      <p class="dialog-text">{t('key_made_text')}</p>
      <p class="secret-line">
        <code data-testid="secret">{made.secret}</code>
        <CopyButton text={made.secret} label={t('copy')} />
      </p>
      <div class="buttons">
        <button type="button" class="button button-primary" onClick={onClose}>
          {t('key_saved')}
        </button>
      </div>
    </Dialog>
  );
}

function Revoke({
  apiKey,
  onClose,
  onDone,
}: {
  apiKey: ApiKey;
  onClose: () => void;
  onDone: (key: ApiKey) => void;
}): JSX.Element {
  const { busy, error, run } = useSubmission();
  const revoke = () =>
    void run(async () => {
      onDone(
        await request(ApiKey, 'POST', inMode(`keys/${encodeURIComponent(apiKey.id)}/revoke`), { body: {} }),
      );
    });
  return (
    <Dialog title={t('key_revoke_title')} onClose={onClose}>
      {error && <Alert>{errorText(error)}</Alert>}
      <p class="dialog-text">{t('key_revoke_text', { name: apiKey.name || apiKey.hint })}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={onClose}>
          {t('cancel')}
        </button>
        <button type="button" class="button button-danger" onClick={revoke} disabled={busy}>
          {t('key_revoke')}
        </button>
      </div>
    </Dialog>
  );
}

function Keys({ keys, onRevoke }: { keys: readonly ApiKey[]; onRevoke: (key: ApiKey) => void }): JSX.Element {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">{t('key_name')}</th>
          <th scope="col" class="hide-narrow">
            {t('key')}
          </th>
          <th scope="col" class="hide-narrow">
            {t('created')}
          </th>
          <th scope="col" class="hide-narrow">
            {t('status')}
          </th>
          <th scope="col">
            <span class="visually-hidden">{t('key_revoke')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id} data-key={key.id}>
            <th scope="row">
              {key.name || '–'}
              <code class="only-narrow quiet">{key.hint}</code>
            </th>
            <td class="hide-narrow">
              <code>{key.hint}</code>
            </td>
            <td class="hide-narrow cell-nowrap cell-time">
              <Time ms={key.created_ms} />
            </td>
            <td class="hide-narrow">
              {key.revoked_ms === null ? (
                <Badge look="good">{t('key_active')}</Badge>
              ) : (
                <Badge look="calm">{t('key_revoked')}</Badge>
              )}
            </td>
            <td class="cell-action">
              {key.revoked_ms !== null && (
                <span class="only-narrow">
                  <Badge look="calm">{t('key_revoked')}</Badge>
                </span>
              )}
              {key.revoked_ms === null && (
                <button type="button" class="button button-small" onClick={() => onRevoke(key)}>
                  {t('key_revoke')}
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function KeysCard({ merchant }: { merchant: string }): JSX.Element {
  const keys = useResource(`keys:${mode.value}:${merchant}`, (signal) =>
    request(ApiKeys, 'GET', inMode(`merchants/${encodeURIComponent(merchant)}/keys`), { signal }),
  );
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const shown = keys.data?.data;
  const add = (
    <button type="button" class="button button-primary button-small" onClick={() => setAdding(true)}>
      <Icon name="plus" />
      {t('key_new')}
    </button>
  );
  return (
    <Card title={mode.value === 'live' ? t('keys_live') : t('keys_test')} actions={add} class="card-table">
      {keys.error && !shown && <Failed error={keys.error} retry={keys.reload} />}
      {!keys.error && !shown && <Skeleton lines={3} />}
      {shown?.length === 0 && <Empty title={t('keys_none_title')} text={t('keys_none_text')} />}
      {shown && shown.length > 0 && <Keys keys={shown} onRevoke={setRevoking} />}
      {adding && (
        <NewKey
          merchant={merchant}
          onClose={() => setAdding(false)}
          onDone={(key) => {
            setAdding(false);
            setMade(key);
            keys.reload();
          }}
        />
      )}
      {made && <ShowSecret made={made} onClose={() => setMade(null)} />}
      {revoking && (
        <Revoke
          apiKey={revoking}
          onClose={() => setRevoking(null)}
          onDone={(key) => {
            setRevoking(null);
            keys.set((old) => ({ data: old.data.map((known) => (known.id === key.id ? key : known)) }));
            announce(t('key_revoked'));
          }}
        />
      )}
    </Card>
  );
}

export function MerchantPage({ id }: { id: string }): JSX.Element {
  const found = useResource(`merchant:${id}`, (signal) =>
    request(Merchant, 'GET', inMode(`merchants/${encodeURIComponent(id)}`), { signal }),
  );
  const merchant = found.data;
  const missing = !merchant && found.error?.status === 404;
  return (
    <>
      <a class="back" href={href('merchants')}>
        <Icon name="back" />
        {t('nav_merchants')}
      </a>
      {found.error && !merchant && !missing && <Failed error={found.error} retry={found.reload} />}
      {!found.error && !merchant && <Skeleton lines={4} />}
      {missing && (
        <>
          <PageTitle title={t('merchant_missing_title')} />
          <Empty title={t('merchant_missing_title')} text={t('merchant_missing_text', { id })} />
        </>
      )}
      {merchant && (
        <>
          <div class="page-head">
            <PageTitle title={merchant.name} />
            <a class="button" href={href('payments', new URLSearchParams({ merchant: merchant.id }))}>
              {t('merchant_payments')}
            </a>
          </div>
          <section class="card" aria-label={t('details')}>
            <dl class="facts facts-wide-row">
              <div>
                <dt>{t('id')}</dt>
                <dd>
                  <Id id={merchant.id} />
                </dd>
              </div>
              <div>
                <dt>{t('fee')}</dt>
                <dd>
                  <Fee merchant={merchant} />
                </dd>
              </div>
              <div>
                <dt>{t('settlement')}</dt>
                <dd>
                  {plural('n_days', merchant.settlement_delay_days, String(merchant.settlement_delay_days))}
                </dd>
              </div>
              <div>
                <dt>{t('created')}</dt>
                <dd>
                  <Time ms={merchant.created_ms} />
                </dd>
              </div>
            </dl>
          </section>
          <KeysCard merchant={merchant.id} />
        </>
      )}
    </>
  );
}
