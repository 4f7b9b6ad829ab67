import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, request } from '../api/client.ts';
import { Session } from '../api/schema.ts';
import { t } from '../i18n/index.ts';
import { session } from '../session.ts';
import { Alert, errorText, Field, PageTitle } from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Gate } from './gate.tsx';

// Seconds until the server listens again. It says so with every failed login; one second is nothing to show.
function useWait(): [number, (seconds: number) => void] {
  const [wait, setWait] = useState(0);
  useEffect(() => {
    if (wait <= 0) return;
    const timer = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait]);
  return [wait, (seconds) => setWait(seconds > 1 ? seconds : 0)];
}

export function LoginPage(): JSX.Element {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [wait, setWait] = useWait();
  const { busy, error, run } = useSubmission();

  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      try {
        session.value = await request(Session, 'POST', 'login', {
          body: { name: name.trim().toLowerCase(), password, code },
          keepSession: true,
        });
      } catch (failure) {
        setCode('');
        if (failure instanceof ApiError) setWait(failure.retryAfterS);
        throw failure;
      }
    });
  };

  return (
    <Gate>
      <PageTitle title={t('login_title')} />
      <form onSubmit={submit}>
        {error && <Alert>{errorText(error)}</Alert>}
        <Field
          label={t('name')}
          input={{
            name: 'username',
            autocomplete: 'username',
            autocapitalize: 'none',
            spellcheck: false,
            required: true,
            autofocus: true,
            value: name,
            onInput: (event) => setName(event.currentTarget.value),
          }}
        />
        <Field
          label={t('password')}
          input={{
            name: 'password',
            type: 'password',
            autocomplete: 'current-password',
            required: true,
            value: password,
            onInput: (event) => setPassword(event.currentTarget.value),
          }}
        />
        <Field
          label={t('code')}
          hint={t('code_hint')}
          input={{
            name: 'code',
            class: 'input-code',
            inputMode: 'numeric',
            autocomplete: 'one-time-code',
            pattern: '[0-9]{6}',
            maxLength: 6,
            required: true,
            value: code,
            onInput: (event) => setCode(event.currentTarget.value.replace(/\D/g, '')),
          }}
        />
        <button type="submit" class="button button-primary button-wide" disabled={busy || wait > 0}>
          {busy ? t('login_busy') : wait > 0 ? t('login_wait', { seconds: String(wait) }) : t('login')}
        </button>
      </form>
    </Gate>
  );
}
