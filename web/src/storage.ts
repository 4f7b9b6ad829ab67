// What this browser remembers for a person, and the mode they were last in.

import type { Mode } from './routes.ts';

export function read(name: string): string | null {
  try {
    return localStorage.getItem(`kontor.${name}`);
  } catch {
    return null; // storage may be switched off
  }
}
export function write(name: string, value: string): void {
  try {
    localStorage.setItem(`kontor.${name}`, value);
  } catch {
    // then the choice lasts as long as the page
  }
}

export function lastMode(): Mode {
  return read('mode') === 'live' ? 'live' : 'test';
}
export function rememberMode(mode: Mode): void {
  write('mode', mode);
}
