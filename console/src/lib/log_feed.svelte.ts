// The log lines of a service as a page shows them: the last ones, those that come, and, on demand,
// those before.
import type { LogLine, LogPage } from './answers.ts';
import { segment } from './api.ts';
import { cell } from './format.ts';
import { Poll } from './poll.svelte.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export interface LogFilter {
  service: string;
  level: string;
  text: string;
  requestId: string;
}

/** So many lines are asked for at once, and so many stay in the page. */
export const PAGE_LINES = 200;
export const LINES_MAX = 5_000;

export function logTarget(filter: LogFilter, place: { after?: number; before?: number }): string {
  const query = new URLSearchParams({ limit: String(PAGE_LINES), level: filter.level });
  if (filter.text !== '') query.set('text', filter.text);
  if (filter.requestId !== '') query.set('request_id', filter.requestId);
  if (place.after !== undefined) query.set('after', String(place.after));
  if (place.before !== undefined) query.set('before', String(place.before));
  return `/logs/${segment(filter.service)}?${query}`;
}

const SHOWN_APART = new Set(['ts', 'level', 'msg', 'service']);

/** What a line says besides: rows=12 source=sales. */
export function restOf(line: LogLine): string {
  return Object.entries(line)
    .filter(([name, value]) => !SHOWN_APART.has(name) && value !== '')
    .map(([name, value]) => `${name}=${cell(value)}`)
    .join(' ');
}

export class LogFeed {
  /** The oldest first. */
  readonly poll: Poll<LogLine[]>;
  /** There are lines before those that are shown. */
  hasOlder = $state(false);
  #ask: (target: string, signal: AbortSignal | null) => Promise<LogPage>;
  #filter: LogFilter;
  #lines: LogLine[] = [];
  #first: number | null = null;
  #next: number | null = null;

  constructor(
    ask: (target: string, signal: AbortSignal | null) => Promise<LogPage>,
    filter: LogFilter,
    everyMs: number,
  ) {
    this.#ask = ask;
    this.#filter = filter;
    this.poll = new Poll((signal) => this.#step(signal), everyMs);
  }

  async #step(signal: AbortSignal): Promise<LogLine[]> {
    const next = this.#next;
    if (next === null) {
      const page = await this.#ask(logTarget(this.#filter, {}), signal);
      this.#lines = page.lines;
      this.#first = page.first;
      this.#next = page.next;
      this.hasOlder = page.more;
      return this.#lines;
    }
    const page = await this.#ask(logTarget(this.#filter, { after: next }), signal);
    this.#next = page.next;
    this.#first ??= page.first;
    this.#lines = [...this.#lines, ...page.lines].slice(-LINES_MAX);
    return this.#lines;
  }

  /** The page before what is shown. Throws what asking throws. */
  async older(): Promise<void> {
    if (this.#first === null) return;
    const page = await this.#ask(logTarget(this.#filter, { before: this.#first }), null);
    this.#first = page.first ?? this.#first;
    this.hasOlder = page.more;
    this.#lines = [...page.lines, ...this.#lines];
    this.poll.value = this.#lines;
  }
}
