// t('key', {name: value}): the text in the chosen language. A component that calls it follows the language.
// A missing key or placeholder argument does not compile.

import { computed } from '@preact/signals';
import { language } from '../settings.ts';
import { de } from './de.ts';
import { en, type Key, type Messages } from './en.ts';
import { type Language, LOCALES } from './languages.ts';
import { zh } from './zh.ts';

export type { Key } from './en.ts';

const all: Record<Language, Messages> = { en, zh, de };

export const locale = computed(() => LOCALES[language.value]);

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type Values<K extends Key> = { [Name in Names<(typeof en)[K]>]: string | number };
type Arguments<K extends Key> = [Names<(typeof en)[K]>] extends [never] ? [] : [Values<K>];

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t<K extends Key>(key: K, ...values: Arguments<K>): string {
  const text = all[language.value][key];
  return values[0] ? fill(text, values[0] as Record<string, string | number>) : text;
}

// Keys that come in the forms `x_one` and `x_other`, both with {n}.
type PluralBase = Extract<Key, `${string}_one`> extends `${infer Base}_one` ? Base : never;

export function plural(base: PluralBase, n: number, shown: string): string {
  const form = new Intl.PluralRules(locale.value).select(n) === 'one' ? 'one' : 'other';
  return fill(all[language.value][`${base}_${form}` as Key], { n: shown });
}

// A key put together from the server's word, if there is one; else what is given.
export function tKnown(prefix: string, word: string, otherwise: string): string {
  const key = `${prefix}${word}`;
  return Object.hasOwn(en, key) ? all[language.value][key as Key] : otherwise;
}
