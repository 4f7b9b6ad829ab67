import { describe, expect, it } from 'vitest';
import { SseParser } from '../src/api/sse.ts';

const parse = (...chunks: string[]) => {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

describe('SseParser', () => {
  it('reads events and skips comments', () => {
    expect(parse(': hello\n\nevent: home\ndata: {"a":1}\n\n: beat\n\ndata: x\n\n')).toEqual([
      { type: 'home', data: '{"a":1}' },
      { type: 'message', data: 'x' },
    ]);
  });
  it('does not care where chunks are cut', () => {
    const text =
      'event: payment\r\ndata: one\r\ndata:two\r\nid: 7\r\nretry: 5\r\n\r\nevent: home\ndata: 3\n\n';
    const whole = parse(text);
    expect(whole).toEqual([
      { type: 'payment', data: 'one\ntwo' },
      { type: 'home', data: '3' },
    ]);
    for (let cut = 1; cut < text.length; cut += 1) {
      expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    }
    expect(parse(...text)).toEqual(whole);
  });
  it('forgets an event without data, and its name', () => {
    expect(parse('event: home\n\ndata: x\n\n')).toEqual([{ type: 'message', data: 'x' }]);
  });
  it('refuses an event without end', () => {
    const parser = new SseParser();
    expect(() => {
      for (let i = 0; i < 2000; i += 1) parser.push(`data: ${'x'.repeat(1000)}\n`);
    }).toThrow('too large');
    expect(() => new SseParser().push('x'.repeat(2 << 20))).toThrow('too large');
  });
});
