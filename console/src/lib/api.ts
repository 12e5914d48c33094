// One request to Monitoring, or through it to the Auth Gateway, and its failures as one kind of
// error. No state: who asks is handed over.
import { formatJson, isObject, parseJson, type Json } from './json.ts';

/** What an RFC 9457 answer says, or what stands in for it when there is no answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly errors: { pointer: string; detail: string }[];
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    code: string,
    detail: string,
    more: Partial<Pick<Problem, 'requestId' | 'errors' | 'retryAfterSeconds'>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.requestId = more.requestId ?? null;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
  }
}

export const GATEWAY = '/console/api';

export interface CallOptions {
  method?: string;
  body?: Json;
  accept?: string;
  requestId?: string;
  signal?: AbortSignal | null;
}

/** 32 hexadecimal digits: a name for a request by which it is found among the running ones. */
export function newRequestId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}

/** A segment of a path: ids come from people and answers. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Throws Problem, or the signal's AbortError. The body of the answer is still to be read. */
export async function send(
  path: string,
  bearer: string | null,
  options: CallOptions = {},
): Promise<Response> {
  const headers: Record<string, string> = { Accept: options.accept ?? 'application/json' };
  if (bearer !== null) headers.Authorization = `Bearer ${bearer}`;
  if (options.requestId) headers['X-Request-Id'] = options.requestId;
  const { body } = options;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? (body === undefined ? 'GET' : 'POST'),
      headers,
      body: body === undefined ? null : formatJson(body),
      signal: options.signal ?? null,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, 'UNREACHABLE', 'Monitoring does not answer: is it running?');
  }
  if (response.ok) return response;
  throw problemOf(response.status, await response.text().catch(() => ''), response.headers);
}

export function problemOf(status: number, text: string, headers: Headers): Problem {
  const retry = Number(headers.get('Retry-After') ?? NaN);
  const more = {
    requestId: headers.get('X-Request-Id'),
    retryAfterSeconds: Number.isFinite(retry) ? retry : null,
  };
  let body: Json = null;
  try {
    body = parseJson(text);
  } catch {
    // Not ours: the status is all there is.
  }
  if (!isObject(body)) return new Problem(status, 'HTTP', `HTTP ${status}`, more);
  const errors = (Array.isArray(body.errors) ? body.errors : [])
    .filter(isObject)
    .map((one) => ({ pointer: String(one.pointer ?? ''), detail: String(one.detail ?? '') }));
  const detail = typeof body.detail === 'string' ? body.detail : `HTTP ${status}`;
  return new Problem(status, String(body.code ?? 'HTTP'), detail, { ...more, errors });
}

/** Answers without a body are null. Throws what `send` throws. */
export async function readJson(response: Response): Promise<Json> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, 'CUT', 'the answer broke off before its end');
  }
  return text === '' ? null : parseJson(text);
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, 'CONSOLE', error instanceof Error ? error.message : String(error));
}
