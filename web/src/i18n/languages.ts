export const LANGUAGES = ['en', 'zh', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

// For Intl. English is British: dates are day first and unambiguous.
export const LOCALES: Record<Language, string> = { en: 'en-GB', zh: 'zh-CN', de: 'de-DE' };
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', zh: '中文', de: 'Deutsch' };

// The first of the browser's languages that we speak.
export function pickLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    const known = LANGUAGES.find((language) => language === base);
    if (known) return known;
  }
  return 'en';
}
