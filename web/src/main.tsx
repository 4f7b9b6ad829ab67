import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/layout.css';
import './styles/pages.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { startLive } from './api/live.ts';
import { App } from './app.tsx';
import { LOCALES } from './i18n/languages.ts';
import { mode, navigate, query, startRouter } from './router.ts';
import { addressOf, BASE } from './routes.ts';
import { language, lastMode, rememberMode, startSettings } from './settings.ts';

startSettings();
effect(() => {
  document.documentElement.lang = LOCALES[language.value];
});

// An address that does not say the mode opens in the one used last; from then on, the address decides.
if (!query.peek().has('mode') && lastMode() === 'live' && location.pathname.startsWith(BASE)) {
  navigate(addressOf(location.pathname.slice(BASE.length), 'live', query.peek()), { replace: true });
}
effect(() => rememberMode(mode.value));

startRouter();
startLive();

const root = document.getElementById('app');
if (root) render(<App />, root);
