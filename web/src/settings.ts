// What a person chose for this browser: language and theme.

import { effect, signal } from '@preact/signals';
import { LANGUAGES, type Language, pickLanguage } from './i18n/languages.ts';
import { read, write } from './storage.ts';

export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

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
export function startSettings(): void {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
