import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, request } from './api/client.ts';
import { Session } from './api/schema.ts';
import { t } from './i18n/index.ts';
import { HomePage } from './pages/home.tsx';
import { LoginPage } from './pages/login.tsx';
import { MerchantPage } from './pages/merchant.tsx';
import { MerchantsPage } from './pages/merchants.tsx';
import { PaymentPage } from './pages/payment.tsx';
import { PaymentsPage } from './pages/payments.tsx';
import { SetupPage } from './pages/setup.tsx';
import { href, mode, route } from './router.ts';
import { session } from './session.ts';
import { Announcer, Empty, Failed, PageTitle, Skeleton } from './ui/basics.tsx';
import { Shell } from './ui/shell.tsx';

function NotFound(): JSX.Element {
  return (
    <>
      <PageTitle title={t('not_found_title')} />
      <Empty title={t('not_found_title')} text={t('not_found_text')}>
        <a class="button" href={href('')}>
          {t('nav_home')}
        </a>
      </Empty>
    </>
  );
}

function Page(): JSX.Element {
  const at = route.value;
  // The mode is part of the key: nothing of test data may linger on a page of live data.
  const key = `${mode.value}:${'id' in at ? at.id : ''}`;
  switch (at.page) {
    case 'home':
      return <HomePage key={key} />;
    case 'payments':
      return <PaymentsPage key={key} />;
    case 'payment':
      return <PaymentPage key={key} id={at.id} />;
    case 'merchants':
      return <MerchantsPage key={key} />;
    case 'merchant':
      return <MerchantPage key={key} id={at.id} />;
    default:
      return <NotFound />;
  }
}

// Who are we? Asked once; afterwards the session signal is kept by login, logout and any answer 401.
function useSession(): { failed: ApiError | null; retry: () => void } {
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  // Round is what retry() changes
  useEffect(() => {
    if (session.peek() !== undefined || route.peek().page === 'setup') return;
    setFailed(null);
    request(Session, 'GET', 'session').then(
      (answer) => {
        session.value = answer;
      },
      (error: unknown) => {
        if (error instanceof ApiError && error.status === 401) session.value = null;
        else setFailed(error instanceof ApiError ? error : new ApiError(0, 'bug', String(error)));
      },
    );
  }, [round, route.value.page]);
  return { failed, retry: () => setRound((old) => old + 1) };
}

export function App(): JSX.Element {
  const { failed, retry } = useSession();
  let content: JSX.Element;
  if (route.value.page === 'setup') content = <SetupPage />;
  else if (session.value === null) content = <LoginPage />;
  else if (session.value === undefined) {
    content = failed ? (
      <main class="gate">
        <Failed error={failed} retry={retry} />
      </main>
    ) : (
      <main class="gate">
        <Skeleton lines={3} />
      </main>
    );
  } else {
    content = (
      <Shell>
        <Page />
      </Shell>
    );
  }
  return (
    <>
      {content}
      <Announcer />
    </>
  );
}
