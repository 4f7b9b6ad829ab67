import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { request } from '../api/client.ts';
import { onLive } from '../api/live.ts';
import { PaymentDetail, type Row } from '../api/schema.ts';
import { t, tKnown } from '../i18n/index.ts';
import { useReloadAfterSilence, useResource } from '../resource.ts';
import { href, inMode, mode } from '../router.ts';
import {
  Alert,
  Card,
  Empty,
  errorText,
  Failed,
  Id,
  Money,
  PageTitle,
  Skeleton,
  StatusBadge,
  Time,
} from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Icon } from '../ui/icons.tsx';
import { Json } from '../ui/json.tsx';
import { Attempts, Charges, Legs, Refunds, Timeline, Webhooks } from './payment_parts.tsx';
import { methodOf } from './words.ts';

const SETTLE_MS = 250;

function Fact({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Facts({ row }: { row: Row }): JSX.Element {
  const by = (name: string, id: string) => href('payments', new URLSearchParams({ [name]: id }));
  return (
    <Card title={t('details')}>
      <dl class="facts facts-column">
        <Fact label={t('amount')}>
          <Money minor={row.amount} currency={row.currency} />
        </Fact>
        {row.amount_refunded > 0 && (
          <Fact label={t('refunded')}>
            <Money minor={row.amount_refunded} currency={row.currency} />
          </Fact>
        )}
        <Fact label={t('created')}>
          <Time ms={row.created_ms} />
        </Fact>
        <Fact label={t('method')}>{methodOf(row)}</Fact>
        {row.customer && (
          <Fact label={t('customer')}>
            <a href={by('customer', row.customer)} title={row.customer}>
              {row.customer_name || row.customer}
            </a>
          </Fact>
        )}
        {row.merchant && (
          <Fact label={t('merchant')}>
            <a href={by('merchant', row.merchant)} title={row.merchant}>
              {row.merchant_name || row.merchant}
            </a>
          </Fact>
        )}
        {row.failure_code && (
          <Fact label={t('failure')}>
            <span class="bad">{tKnown('decline_', row.failure_code, row.failure_code)}</span>
          </Fact>
        )}
        <Fact label={t('id')}>
          <Id id={row.id} />
        </Fact>
      </dl>
    </Card>
  );
}

// A payment that collected very much is read in parts.
function More({ after, onMore }: { after: string; onMore: (after: string) => Promise<void> }): JSX.Element {
  const { busy, error, run } = useSubmission();
  return (
    <p class="list-foot">
      {error && <Alert>{errorText(error)}</Alert>}
      <button type="button" class="button" disabled={busy} onClick={() => void run(() => onMore(after))}>
        {t('load_more')}
      </button>
    </p>
  );
}

function Detail({
  detail,
  onMore,
}: {
  detail: PaymentDetail;
  onMore: (after: string) => Promise<void>;
}): JSX.Element {
  const { row } = detail;
  return (
    <>
      <div class="payment-head">
        <p class="eyebrow">{t('payment')}</p>
        <div class="payment-amount">
          <PageTitle title={t('payment')}>
            <Money minor={row.amount} currency={row.currency} />
          </PageTitle>
          <StatusBadge row={row} />
        </div>
        {row.description && <p class="payment-text">{row.description}</p>}
      </div>
      <div class="columns columns-detail">
        <div class="column">
          <Timeline events={detail.events} />
          <Legs legs={detail.legs} />
          <Charges charges={detail.charges} />
          <Refunds refunds={detail.refunds} />
          <Webhooks deliveries={detail.webhooks} />
          <Attempts attempts={detail.attempts} />
          {detail.next_audit_record !== null && <More after={detail.next_audit_record} onMore={onMore} />}
        </div>
        <div class="column">
          <Facts row={row} />
        </div>
      </div>
      <details class="card raw">
        <summary>{t('raw')}</summary>
        <Json value={detail.payment} label={t('raw')} />
      </details>
    </>
  );
}

export function PaymentPage({ id }: { id: string }): JSX.Element {
  const detail = useResource(`payment:${mode.value}:${id}`, (signal) =>
    request(PaymentDetail, 'GET', inMode(`payments/${encodeURIComponent(id)}`), { signal }),
  );
  const { reload } = detail;
  const loadMore = async (after: string) => {
    const path = inMode(`payments/${encodeURIComponent(id)}`);
    const next = await request(PaymentDetail, 'GET', path, { query: { after_audit_record: after } });
    detail.set((old) => ({
      ...old,
      legs: [...old.legs, ...next.legs],
      events: [...old.events, ...next.events],
      webhooks: [...old.webhooks, ...next.webhooks],
      next_audit_record: next.next_audit_record,
    }));
  };
  useReloadAfterSilence(reload);
  // Several changes in a row (paid, delivered) are asked for once.
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => {
    const off = onLive('payment', (row) => {
      if (row.id !== id) return;
      clearTimeout(timer.current);
      timer.current = setTimeout(reload, SETTLE_MS);
    });
    return () => {
      clearTimeout(timer.current);
      off();
    };
  }, [id, reload]);

  return (
    <>
      <a class="back" href={href('payments')}>
        <Icon name="back" />
        {t('nav_payments')}
      </a>
      {detail.data ? (
        <Detail detail={detail.data} onMore={loadMore} />
      ) : detail.error?.status === 404 ? (
        <>
          <PageTitle title={t('payment_missing_title')} />
          <Empty title={t('payment_missing_title')} text={t('payment_missing_text', { id })} />
        </>
      ) : detail.error ? (
        <Failed error={detail.error} retry={detail.reload} />
      ) : (
        <Skeleton lines={8} class="skeleton-tall" />
      )}
    </>
  );
}
