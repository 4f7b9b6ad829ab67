import { describe, expect, it } from 'vitest';
import { strengthOf } from '../src/password.ts';

describe('strengthOf', () => {
  it.each([
    ['', 'short'],
    ['Ab3$xyz', 'short'],
    ['aaaaaaaaaaaa', 'weak'],
    ['abababababab', 'weak'],
    ['password1234', 'weak'],
    ['Passwort2026!', 'weak'],
    ['123456789012', 'weak'],
    ['qwertyqwerty12', 'weak'],
  ])('%s: %s', (password, strength) => {
    expect(strengthOf(password)).toBe(strength);
  });
  it.each([
    'tortoise lamp violet',
    'correct horse battery staple',
    'gK7#vQ2!mZ9p',
    '小猫在雨中跳舞唱歌真开心',
  ])('%s is at least good', (password) => {
    expect(['good', 'strong']).toContain(strengthOf(password));
  });
  it('counts for little what is only the name again', () => {
    expect(strengthOf('anna.schmidt.anna.schmidt', 'anna.schmidt')).toBe('weak');
  });
});
