// The live stream: one connection for the whole UI, opened again with growing pauses when it breaks.

import { effect, signal } from '@preact/signals';
import * as v from 'valibot';
import { mode } from '../router.ts';
import type { Mode } from '../routes.ts';
import { session } from '../session.ts';
import { Home, Row } from './schema.ts';
import { SseParser } from './sse.ts';

export type LiveState = 'connecting' | 'live' | 'offline';
export const liveState = signal<LiveState>('connecting');
// Counts connections: whoever shows data asks again when it changes, for what was missed in between.
export const liveGeneration = signal(0);

type Handlers = { home: (home: Home) => void; payment: (row: Row) => void };
const handlers: { [Kind in keyof Handlers]: Set<Handlers[Kind]> } = { home: new Set(), payment: new Set() };

export function onLive<Kind extends keyof Handlers>(kind: Kind, handler: Handlers[Kind]): () => void {
  handlers[kind].add(handler);
  return () => handlers[kind].delete(handler);
}

// The server sends a comment every 15 s, so this long a silence means that the line is dead.
export const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

// Doubles up to half a minute; the random part keeps many windows from coming back at the same moment.
export function pauseBefore(attempt: number, random: number): number {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random);
}

function dispatch(type: string, data: string): void {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return;
  }
  if (type === 'home') {
    const home = v.safeParse(Home, value);
    if (home.success) for (const handler of handlers.home) handler(home.output);
  } else if (type === 'payment') {
    const row = v.safeParse(Row, value);
    if (row.success) for (const handler of handlers.payment) handler(row.output);
  }
}

// Reads until the stream ends or is silent for too long. True: it had been open.
async function readOnce(streamMode: Mode, stop: AbortSignal): Promise<boolean> {
  const giveUp = new AbortController();
  let alarm = setTimeout(() => giveUp.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(alarm);
    alarm = setTimeout(() => giveUp.abort(), SILENCE_MS);
  };
  let opened = false;
  try {
    const response = await fetch(`/admin/api/${streamMode}/stream`, {
      headers: { Accept: 'text/event-stream' },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.any([stop, giveUp.signal]),
    });
    if (response.status === 401) session.value = null;
    if (!response.ok || !response.body) return false;
    opened = true;
    heard();
    liveState.value = 'live';
    liveGeneration.value += 1;
    const parser = new SseParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      heard();
      for (const event of parser.push(value)) dispatch(event.type, event.data);
    }
  } catch {
    return opened;
  } finally {
    clearTimeout(alarm);
    giveUp.abort();
  }
}

function sleep(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      stop.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    // The network came back: no reason to wait.
    addEventListener('online', done);
    stop.addEventListener('abort', done);
  });
}

async function run(streamMode: Mode, stop: AbortSignal): Promise<void> {
  let attempt = 0;
  while (!stop.aborted) {
    const opened = await readOnce(streamMode, stop);
    if (stop.aborted) return;
    attempt = opened ? 0 : attempt + 1;
    liveState.value = 'offline';
    await sleep(pauseBefore(attempt, Math.random()), stop);
  }
}

// Follows session and mode: no session, no stream.
export function startLive(): void {
  effect(() => {
    const signedIn = Boolean(session.value);
    const streamMode = mode.value;
    if (!signedIn) return;
    const stop = new AbortController();
    liveState.value = 'connecting';
    void run(streamMode, stop.signal);
    return () => stop.abort();
  });
}
