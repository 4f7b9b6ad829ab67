// The sections of a payment's page.

import type { ComponentChildren, JSX } from 'preact';
import type { Attempt, Charge, Delivery, Event, Leg, LegSide, Refund } from '../api/schema.ts';
import { formatCount, formatTimeExact } from '../format.ts';
import { locale, plural, t, tKnown } from '../i18n/index.ts';
import type { Look } from '../payments_state.ts';
import { Badge, Card, Money, Time } from '../ui/basics.tsx';
import { Icon } from '../ui/icons.tsx';

function lookOfEvent(type: string): Look {
  if (/failed|gave_up/.test(type)) return 'bad';
  if (/succeeded|captured/.test(type)) return 'good';
  if (/requires_action|amount_capturable/.test(type)) return 'wait';
  return 'calm';
}

export function Timeline({ events }: { events: readonly Event[] }): JSX.Element {
  // Events of one moment stay in the order they were committed in.
  const newestFirst = events.toReversed().sort((a, b) => b.created_ms - a.created_ms);
  return (
    <Card title={t('timeline')} count={events.length}>
      {events.length === 0 && <p class="none">{t('timeline_none')}</p>}
      <ol class="timeline">
        {newestFirst.map((event) => (
          <li key={event.id} class={`timeline-${lookOfEvent(event.type)}`}>
            <p class="timeline-title">
              {tKnown('event_', event.type.replaceAll('.', '_'), event.type)}
              <code class="quiet">{event.type}</code>
            </p>
            <p class="timeline-note">
              <Time ms={event.created_ms} />
              {event.actor && (
                <>
                  {' · '}
                  {tKnown('actor_', event.actor.split(':')[0] ?? '', event.actor)}
                </>
              )}
              {event.request_id && (
                <>
                  {' · '}
                  <code>{event.request_id}</code>
                </>
              )}
            </p>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Side({ side }: { side: LegSide }): JSX.Element {
  return (
    <span class="leg-side">
      <span>{tKnown('account_', side.kind, side.kind)}</span>
      {(side.owner || side.account) && <code class="quiet">{side.owner || side.account}</code>}
    </span>
  );
}

const LEG_LOOKS: Record<string, Look> = { posted: 'good', pending: 'wait', voided: 'calm' };

function Scroll({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    // biome-ignore lint/a11y/useSemanticElements: a section would be one more landmark inside the card
    <div class="scroll" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}

export function Legs({ legs }: { legs: readonly Leg[] }): JSX.Element {
  return (
    <Card title={t('legs')} count={legs.length}>
      {legs.length === 0 ? (
        <p class="none">{t('legs_none')}</p>
      ) : (
        <Scroll label={t('legs')}>
          <table class="table legs">
            <thead>
              <tr>
                <th scope="col">{t('leg_debit')}</th>
                <th scope="col" class="leg-arrow">
                  <span class="visually-hidden">{t('leg_to')}</span>
                </th>
                <th scope="col">{t('leg_credit')}</th>
                <th scope="col" class="number">
                  {t('amount')}
                </th>
                <th scope="col">{t('status')}</th>
                <th scope="col">{t('time')}</th>
              </tr>
            </thead>
            <tbody>
              {legs.map((leg) => (
                <tr key={leg.transfer_id} class={`leg-${leg.state}`} data-transfer={leg.transfer_id}>
                  <td>
                    <Side side={leg.debit} />
                  </td>
                  <td class="leg-arrow">
                    <Icon name="arrow" />
                  </td>
                  <td>
                    <Side side={leg.credit} />
                  </td>
                  <td class="number">
                    <Money minor={leg.amount} currency={leg.currency} />
                  </td>
                  <td>
                    <Badge look={LEG_LOOKS[leg.state] ?? 'calm'}>
                      {tKnown('leg_', leg.state, leg.state)}
                    </Badge>
                  </td>
                  <td class="cell-nowrap cell-time">
                    <Time ms={leg.time_ms} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}

export function Charges({ charges }: { charges: readonly Charge[] }): JSX.Element | null {
  if (charges.length === 0) return null;
  const looks: Record<string, Look> = { succeeded: 'good', pending: 'busy', failed: 'bad' };
  return (
    <Card title={t('charges')} count={charges.length}>
      <ul class="items">
        {charges.map((charge) => (
          <li key={charge.id} class="item">
            <span class="item-main">
              <Money minor={charge.amount} currency={charge.currency} />
              <Badge look={looks[charge.status] ?? 'calm'}>
                {tKnown('charge_', charge.status, charge.status)}
              </Badge>
            </span>
            <span class="item-note">
              {charge.status === 'succeeded' && (
                <>
                  {t('charge_captured')}{' '}
                  <Money minor={charge.amount_captured} currency={charge.currency} code={false} />
                  {' · '}
                </>
              )}
              {charge.failure_code && (
                <span class="bad">
                  {tKnown('decline_', charge.failure_code, charge.failure_message || charge.failure_code)}
                  {' · '}
                </span>
              )}
              <Time ms={charge.created * 1000} />
              {' · '}
              <code>{charge.id}</code>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function Refunds({ refunds }: { refunds: readonly Refund[] }): JSX.Element | null {
  if (refunds.length === 0) return null;
  const looks: Record<string, Look> = { succeeded: 'good', pending: 'busy', failed: 'bad' };
  return (
    <Card title={t('refunds')} count={refunds.length}>
      <ul class="items">
        {refunds.map((refund) => (
          <li key={refund.id} class="item">
            <span class="item-main">
              <Money minor={refund.amount} currency={refund.currency} />
              <Badge look={looks[refund.status] ?? 'calm'}>
                {tKnown('charge_', refund.status, refund.status)}
              </Badge>
            </span>
            <span class="item-note">
              {refund.reason && <>{tKnown('reason_', refund.reason, refund.reason)} · </>}
              <Time ms={refund.created * 1000} />
              {' · '}
              <code>{refund.id}</code>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const DELIVERY_LOOKS: Record<string, Look> = { delivered: 'good', pending: 'busy', gave_up: 'bad' };

function Tries({ delivery }: { delivery: Delivery }): JSX.Element | null {
  if (delivery.attempts.length === 0) return null;
  return (
    <ol class="tries">
      {delivery.attempts.map((attempt) => {
        const good = attempt.http_status >= 200 && attempt.http_status < 300;
        return (
          <li key={attempt.time_ms}>
            <code class={good ? 'good' : 'bad'}>
              {attempt.http_status > 0 ? `HTTP ${attempt.http_status}` : t('webhook_no_answer')}
            </code>
            {attempt.error && <span>{attempt.error}</span>}
            <span class="quiet">
              {t('ms', { n: formatCount(attempt.duration_ms, locale.value) })} ·{' '}
              {formatTimeExact(attempt.time_ms, locale.value)}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

export function Webhooks({ deliveries }: { deliveries: readonly Delivery[] }): JSX.Element {
  return (
    <Card title={t('webhooks')} count={deliveries.length}>
      {deliveries.length === 0 && <p class="none">{t('webhooks_none')}</p>}
      <ul class="items">
        {deliveries.map((delivery) => (
          <li key={delivery.id} class="item" data-testid="webhook">
            <span class="item-main">
              <code>{delivery.event_type || delivery.event}</code>
              <Badge look={DELIVERY_LOOKS[delivery.state] ?? 'calm'}>
                {tKnown('delivery_', delivery.state, delivery.state)}
              </Badge>
            </span>
            <span class="item-note">
              <span class="clip">{delivery.url || delivery.endpoint}</span>
              {' · '}
              {plural('n_tries', delivery.tries, formatCount(delivery.tries, locale.value))}
              {delivery.state === 'pending' && delivery.next_try_ms > 0 && (
                <>
                  {' · '}
                  {t('next_try')} <Time ms={delivery.next_try_ms} relative />
                </>
              )}
            </span>
            <Tries delivery={delivery} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

const ATTEMPT_LOOKS: Record<string, Look> = {
  succeeded: 'good',
  waiting: 'busy',
  unknown: 'wait',
  waiting_for_payer: 'wait',
  failed: 'bad',
};

export function Attempts({ attempts }: { attempts: readonly Attempt[] }): JSX.Element | null {
  if (attempts.length === 0) return null;
  return (
    <Card title={t('attempts')} count={attempts.length}>
      <ul class="items">
        {attempts.map((attempt) => (
          <li key={attempt.id} class="item">
            <span class="item-main">
              <span>
                {tKnown('operation_', attempt.operation, attempt.operation)}{' '}
                <span class="quiet">{attempt.channel}</span>
              </span>
              <Badge look={ATTEMPT_LOOKS[attempt.state] ?? 'calm'}>
                {tKnown('attempt_', attempt.state, attempt.state)}
              </Badge>
            </span>
            <span class="item-note">
              {plural('n_tries', attempt.tries, formatCount(attempt.tries, locale.value))}
              {attempt.next_try_ms !== null &&
                (attempt.state === 'waiting' || attempt.state === 'unknown') && (
                  <>
                    {' · '}
                    {t('next_try')} <Time ms={attempt.next_try_ms} relative />
                  </>
                )}
              {attempt.error && (
                <>
                  {' · '}
                  <span class="bad">{attempt.error}</span>
                </>
              )}
              {' · '}
              <code>{attempt.id}</code>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
