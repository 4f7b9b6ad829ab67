// The one-time link: name and password, then the second factor. Nothing is stored before the last step.

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import { Session, SetupBegun, SetupState } from '../api/schema.ts';
import { type Key, t } from '../i18n/index.ts';
import { PASSWORD_MAX, PASSWORD_MIN, type Strength, strengthOf } from '../password.ts';
import { useResource } from '../resource.ts';
import { navigate, query } from '../router.ts';
import { addressOf } from '../routes.ts';
import { session } from '../session.ts';
import { Alert, CopyButton, Empty, errorText, Failed, Field, PageTitle, Skeleton } from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Gate } from './gate.tsx';

const STRENGTHS: Record<Strength, { key: Extract<Key, `strength_${string}`>; bars: number }> = {
  short: { key: 'strength_short', bars: 0 },
  weak: { key: 'strength_weak', bars: 1 },
  fair: { key: 'strength_fair', bars: 2 },
  good: { key: 'strength_good', bars: 3 },
  strong: { key: 'strength_strong', bars: 4 },
};

function StrengthMeter({ strength }: { strength: Strength }): JSX.Element {
  const { key, bars } = STRENGTHS[strength];
  return (
    <div class={`strength strength-${bars}`}>
      <span class="strength-bars" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <span key={bar} class={bar <= bars ? 'on' : ''} />
        ))}
      </span>
      <span class="strength-text" aria-live="polite">
        {t(key)}
      </span>
    </div>
  );
}

interface Chosen {
  name: string;
  password: string;
}

function ChooseStep({
  token,
  operator,
  onDone,
}: {
  token: string;
  operator: string | null; // whose password and authenticator the link renews
  onDone: (chosen: Chosen, begun: SetupBegun) => void;
}) {
  const [name, setName] = useState(operator ?? '');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [tried, setTried] = useState(false);
  const { busy, error, run } = useSubmission();
  const strength = strengthOf(password, name);
  const tooShort = strength === 'short';
  const different = password !== again;

  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (tooShort || different) return;
    const chosen = { name: name.trim(), password };
    void run(async () => {
      const begun = await request(SetupBegun, 'POST', 'setup/begin', { body: { token, ...chosen } });
      onDone(chosen, begun);
    });
  };

  const ofPassword = error && (error.param === 'password' || error.code.startsWith('password_'));
  return (
    <form onSubmit={submit}>
      {error && !ofPassword && error.param !== 'name' && <Alert>{errorText(error)}</Alert>}
      <Field
        label={t('name')}
        hint={t('setup_name_hint')}
        error={error?.param === 'name' ? errorText(error) : undefined}
        input={{
          name: 'username',
          autocomplete: 'username',
          autocapitalize: 'none',
          spellcheck: false,
          required: true,
          maxLength: 64,
          autofocus: true,
          readOnly: operator !== null,
          value: name,
          onInput: (event) => setName(event.currentTarget.value.toLowerCase()),
        }}
      />
      <Field
        label={t('password')}
        hint={t('setup_password_hint', { min: PASSWORD_MIN })}
        error={ofPassword ? errorText(error) : tried && tooShort ? t('error_password_too_short') : undefined}
        input={{
          name: 'new-password',
          type: 'password',
          autocomplete: 'new-password',
          required: true,
          maxLength: PASSWORD_MAX,
          value: password,
          onInput: (event) => setPassword(event.currentTarget.value),
        }}
      >
        {password && <StrengthMeter strength={strength} />}
      </Field>
      <Field
        label={t('password_again')}
        error={tried && different ? t('password_different') : undefined}
        input={{
          name: 'new-password-again',
          type: 'password',
          autocomplete: 'new-password',
          required: true,
          maxLength: PASSWORD_MAX,
          value: again,
          onInput: (event) => setAgain(event.currentTarget.value),
        }}
      />
      <button type="submit" class="button button-primary button-wide" disabled={busy}>
        {t('next')}
      </button>
    </form>
  );
}

function CodeStep({
  token,
  chosen,
  begun,
  onBack,
}: {
  token: string;
  chosen: Chosen;
  begun: SetupBegun;
  onBack: () => void;
}) {
  const [code, setCode] = useState('');
  const { busy, error, run } = useSubmission();
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      const opened = await request(Session, 'POST', 'setup/finish', {
        body: { token, ...chosen, totp_secret: begun.totp_secret, code },
      });
      session.value = opened;
      // The link is used up; it has no place in the history.
      navigate(addressOf('', 'test'), { replace: true });
    });
  };
  return (
    <form onSubmit={submit}>
      <p class="gate-text">{t('setup_totp_text')}</p>
      <div class="qr">
        <img src={`data:image/svg+xml,${encodeURIComponent(begun.qr_svg)}`} alt={t('setup_qr_alt')} />
      </div>
      <details class="manual">
        <summary>{t('setup_manual')}</summary>
        <p class="secret-line">
          <code data-testid="totp-secret">{begun.totp_secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
          <CopyButton text={begun.totp_secret} label={t('copy')} />
        </p>
      </details>
      <Field
        label={t('code')}
        hint={t('code_hint')}
        error={error ? errorText(error) : undefined}
        input={{
          name: 'code',
          class: 'input-code',
          inputMode: 'numeric',
          autocomplete: 'one-time-code',
          pattern: '[0-9]{6}',
          maxLength: 6,
          required: true,
          autofocus: true,
          value: code,
          onInput: (event) => setCode(event.currentTarget.value.replace(/\D/g, '')),
        }}
      />
      <div class="buttons">
        <button type="button" class="button" onClick={onBack}>
          {t('back')}
        </button>
        <button type="submit" class="button button-primary" disabled={busy || code.length !== 6}>
          {t('setup_finish')}
        </button>
      </div>
    </form>
  );
}

export function SetupPage(): JSX.Element {
  const token = query.value.get('token') ?? '';
  const state = useResource(`setup:${token}`, (signal) =>
    request(SetupState, 'GET', 'setup', { query: { token }, signal }),
  );
  const [step, setStep] = useState<{ chosen: Chosen; begun: SetupBegun } | null>(null);

  let content: JSX.Element;
  if (state.error && state.error.status >= 400 && state.error.status < 500) {
    content = (
      <Empty title={t('setup_invalid_title')} text={t('setup_invalid_text')}>
        <a class="button" href={addressOf('', 'test')}>
          {t('login')}
        </a>
      </Empty>
    );
  } else if (state.error) content = <Failed error={state.error} retry={state.reload} />;
  else if (!state.data) content = <Skeleton lines={4} />;
  else if (!step) {
    content = (
      <>
        <p class="gate-step">{t('setup_step', { step: 1, of: 2 })}</p>
        <PageTitle title={t('setup_title')} />
        <p class="gate-text">{t('setup_text')}</p>
        <ChooseStep
          token={token}
          operator={state.data.operator}
          onDone={(chosen, begun) => setStep({ chosen, begun })}
        />
      </>
    );
  } else {
    content = (
      <>
        <p class="gate-step">{t('setup_step', { step: 2, of: 2 })}</p>
        <PageTitle title={t('setup_totp_title')} />
        <CodeStep token={token} chosen={step.chosen} begun={step.begun} onBack={() => setStep(null)} />
      </>
    );
  }
  return <Gate>{content}</Gate>;
}
