// What a person chose for this browser: language, theme, and the mode they were last in.

import { effect, signal } from '@preact/signals';
import { LANGUAGES, type Language, pickLanguage } from './i18n/languages.ts';
import type { Mode } from './routes.ts';

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

function read(name: string): string | null {
  try {
    return localStorage.getItem(`kontor.${name}`);
  } catch {
    return null; // storage may be switched off
  }
}
function write(name: string, value: string): void {
  try {
    localStorage.setItem(`kontor.${name}`, value);
  } catch {
    // then the choice lasts as long as the page
  }
}

const storedTheme = read('theme');
export const theme = signal<Theme>(THEMES.find((known) => known === storedTheme) ?? 'system');
const storedLanguage = read('language');
export const language = signal<Language>(
  LANGUAGES.find((known) => known === storedLanguage) ?? pickLanguage(navigator.languages),
);

export function setTheme(value: Theme): void {
  theme.value = value;
  write('theme', value);
}
export function setLanguage(value: Language): void {
  language.value = value;
  write('language', value);
}
export function lastMode(): Mode {
  return read('mode') === 'live' ? 'live' : 'test';
}
export function rememberMode(mode: Mode): void {
  write('mode', mode);
}

export function startSettings(): void {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
