// One way to ask the server. Every answer passes a schema; every failure is an ApiError.

import * as v from 'valibot';
import { session } from '../session.ts';
import { Failure, Waiting } from './schema.ts';

const TIMEOUT_MS = 20_000;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number; // 0: no answer
  readonly code: string;
  readonly param: string;
  readonly retryAfterS: number; // 0: the server did not say
  readonly secret: string; // shown once, of what waits for approval
  constructor(status: number, code: string, message: string, param = '', retryAfterS = 0, secret = '') {
    super(message);
    this.secret = secret;
    this.retryAfterS = retryAfterS;
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

interface Options {
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  signal?: AbortSignal;
  // The answer 401 belongs to the caller (login), and does not mean that the session is over.
  keepSession?: boolean;
}

export async function request<Schema extends v.GenericSchema>(
  schema: Schema,
  method: 'GET' | 'POST',
  path: string,
  options: Options = {},
): Promise<v.InferOutput<Schema>> {
  const query = new URLSearchParams(options.query).toString();
  const headers: Record<string, string> = { Accept: 'application/json' };
  const csrf = session.peek()?.csrf;
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
  if (options.body) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  init.signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;

  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`/admin/api/${path}${query ? `?${query}` : ''}`, init);
    answer = await response.json().catch(() => undefined);
  } catch (error) {
    if (isAbort(error) && options.signal?.aborted) throw error;
    throw new ApiError(0, 'no_answer', 'The server did not answer.');
  }
  if (!response.ok) {
    if (response.status === 401 && !options.keepSession) session.value = null;
    const failure = v.safeParse(Failure, answer);
    const { code, message, param } = failure.success
      ? failure.output.error
      : { code: 'bad_answer', message: `HTTP ${response.status}`, param: '' };
    const retryAfterS = Number(response.headers.get('Retry-After')) || 0;
    throw new ApiError(response.status, code, message, param, retryAfterS);
  }
  const waiting = response.status === 202 ? v.safeParse(Waiting, answer) : undefined;
  if (waiting?.success) {
    const { approval, status, secret } = waiting.output;
    throw new ApiError(response.status, status, approval, '', 0, secret);
  }
  const parsed = v.safeParse(schema, answer);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new ApiError(response.status, 'bad_answer', `${v.getDotPath(issue) ?? ''}: ${issue.message}`);
  }
  return parsed.output;
}
