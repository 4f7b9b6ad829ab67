import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { de } from '../src/i18n/de.ts';
import { en, type Key } from '../src/i18n/en.ts';
import { pickLanguage } from '../src/i18n/languages.ts';
import { zh } from '../src/i18n/zh.ts';

const keys = Object.keys(en) as Key[];
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'i18n')
    .map((entry) =>
      entry.isDirectory()
        ? sources(`${folder}/${entry.name}`)
        : readFileSync(`${folder}/${entry.name}`, 'utf8'),
    )
    .join('\n');
}

describe.each([
  ['de', de],
  ['zh', zh],
])('%s', (language, messages) => {
  it('has exactly the keys of English', () => {
    expect(Object.keys(messages).sort()).toEqual([...keys].sort());
  });
  it.each(keys)('%s: same placeholders, not empty', (key) => {
    expect(placeholders(messages[key])).toEqual(placeholders(en[key]));
    expect(messages[key].trim()).toBe(messages[key]);
    expect(messages[key]).not.toBe('');
  });
  it('is translated', () => {
    // Words that are the same in German; Chinese shares none of the longer texts.
    const same = keys.filter((key) => messages[key] === en[key] && /[a-z]{4}/.test(en[key]));
    if (language === 'zh') expect(same).toEqual([]);
    else expect(same.length).toBeLessThan(20);
  });
});

describe('English', () => {
  const code = sources(new URL('../src', import.meta.url).pathname);
  // Keys that are put together from the server's words.
  const families = [...code.matchAll(/tKnown\(\s*'(\w+_)'/g)].map((match) => match[1] ?? '');
  const plurals = [...code.matchAll(/plural\(\s*'(\w+)'/g)].map((match) => match[1] ?? '');

  it('has no text that nothing shows', () => {
    const unused = keys.filter(
      (key) =>
        !code.includes(`'${key}'`) &&
        !families.some((family) => key.startsWith(family)) &&
        !plurals.some((base) => key === `${base}_one` || key === `${base}_other`),
    );
    expect(unused).toEqual([]);
  });
  it('has both forms of each plural', () => {
    for (const base of plurals) {
      expect(keys).toContain(`${base}_one`);
      expect(keys).toContain(`${base}_other`);
    }
  });
});

describe('pickLanguage', () => {
  it.each([
    [['de-CH', 'en'], 'de'],
    [['zh-Hant-TW'], 'zh'],
    [['fr-FR', 'zh-CN', 'en'], 'zh'],
    [['fr'], 'en'],
    [[], 'en'],
  ] as const)('%s: %s', (wanted, language) => {
    expect(pickLanguage(wanted)).toBe(language);
  });
});
