import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/parts.css';
import './styles/layout.css';
import './styles/pages.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { startLive } from './api/live.ts';
import { App } from './app.tsx';
import { LOCALES } from './i18n/languages.ts';
import { mode, startRouter } from './router.ts';
import { language, startSettings } from './settings.ts';
import { rememberMode } from './storage.ts';

startSettings();
effect(() => {
  document.documentElement.lang = LOCALES[language.value];
});

effect(() => rememberMode(mode.value));

startRouter();
startLive();

const root = document.getElementById('app');
if (root) render(<App />, root);
