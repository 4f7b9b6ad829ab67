import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import { Session } from '../api/schema.ts';
import { t } from '../i18n/index.ts';
import { session } from '../session.ts';
import { Alert, errorText, Field, PageTitle } from '../ui/basics.tsx';
import { useSubmission } from '../ui/form.ts';
import { Gate } from './gate.tsx';

export function LoginPage(): JSX.Element {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
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
        <button type="submit" class="button button-primary button-wide" disabled={busy}>
          {busy ? t('login_busy') : t('login')}
        </button>
      </form>
    </Gate>
  );
}
