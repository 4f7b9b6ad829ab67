// How good a password looks while it is typed. The server has the last word (docs/admin-api.md). Pure.

export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 128;

export type Strength = 'short' | 'weak' | 'fair' | 'good' | 'strong';

const COMMON =
  /passwor[dt]|passwort|mima|kennwort|qwert[yz]|asdf|zxcv|yxcv|abc123|letmein|welcome|willkommen|admin|kontor|iloveyou|monkey|dragon|secret|geheim|changeme/gi;

// Bits per character by what is used, with what is easy to guess counted as one character.
export function strengthOf(password: string, name = ''): Strength {
  if ([...password].length < PASSWORD_MIN) return 'short';
  let rest = password.replace(COMMON, 'x');
  if (name.length >= 3) rest = rest.split(name).join('x');
  rest = rest
    .replace(/(.)\1{2,}/gu, '$1') // aaaa
    .replace(/(.{2,})\1+/gu, '$1') // abab
    .replace(/(?:0123|1234|2345|3456|4567|5678|6789|7890|4321|9876|8765|abcd|bcde|cdef)+\w?/gi, 'x')
    .replace(/(?:19|20)\d{2}/g, 'x');
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(rest)).length;
  // One Chinese character is chosen among thousands.
  const wide = /[^\x20-\x7e]/.test(rest) ? 2 : 0;
  const different = new Set(rest).size;
  const bits =
    [...rest].length * Math.min(Math.log2(Math.max(different, 1)) + wide, 2.2 + kinds * 0.45 + wide);
  if (bits < 28) return 'weak';
  if (bits < 42) return 'fair';
  if (bits < 60) return 'good';
  return 'strong';
}
