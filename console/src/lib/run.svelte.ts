// One query as the page sees it: it runs, can be cancelled, gives pages. And its plan, and its
// export.
import type { AggregateAnswer, QueryStats, RunningQuery, SearchAnswer } from './answers.ts';
import { asProblem, GATEWAY, isAbort, newRequestId, segment, type Problem } from './api.ts';
import { csvLine } from './format.ts';
import { formatJson, type JsonObject } from './json.ts';
import type { Explanation } from './plan.ts';
import { columnsOf, type Kind } from './request.ts';
import { session } from './session.svelte.ts';

export interface Row {
  source: string | null;
  fields: JsonObject;
}

/** Ends a query at its node. True when it was there; without the right to it, false. */
async function endAtNode(requestId: string): Promise<boolean> {
  if (!session.may('admin')) return false;
  const { queries } = await session.gateway<{ queries: RunningQuery[] }>('/queries');
  const found = queries.find((query) => query.request_id === requestId);
  if (!found) return false;
  await session.gateway(`/queries/${segment(found.id)}`, { method: 'DELETE' });
  return true;
}

export class Run {
  state = $state<'idle' | 'running' | 'done' | 'cancelled' | 'failed'>('idle');
  kind = $state<Kind>('search');
  rows = $state.raw<Row[]>([]);
  columns = $state.raw<string[]>([]);
  stats = $state.raw<QueryStats | null>(null);
  cursor = $state<string | null>(null);
  problem = $state.raw<Problem | null>(null);
  elapsedMs = $state(0);
  body: JsonObject = {};
  #controller: AbortController | null = null;
  #requestId = '';

  async start(kind: Kind, body: JsonObject): Promise<void> {
    this.kind = kind;
    this.body = body;
    this.rows = [];
    this.columns = [];
    this.stats = null;
    this.cursor = null;
    await this.#ask(body);
  }

  /** The next page of the same snapshot. */
  async more(): Promise<void> {
    if (this.cursor !== null) await this.#ask({ ...this.body, cursor: this.cursor });
  }

  /** The connection ends, which ends the query; the node is told besides. */
  async cancel(): Promise<void> {
    const requestId = this.#requestId;
    // First the node, which must still list the query to end it by its id.
    const told = endAtNode(requestId).catch(() => false);
    await Promise.race([told, new Promise((done) => setTimeout(done, 1_000))]);
    if (this.#requestId === requestId) this.#controller?.abort();
  }

  async #ask(body: JsonObject): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.#requestId = newRequestId();
    this.state = 'running';
    this.problem = null;
    const begin = performance.now();
    this.elapsedMs = 0;
    const timer = setInterval(() => (this.elapsedMs = performance.now() - begin), 100);
    try {
      const answer = await session.gateway<SearchAnswer & AggregateAnswer>(`/data/${this.kind}`, {
        body,
        requestId: this.#requestId,
        signal: controller.signal,
      });
      if (this.#controller !== controller) return;
      this.#take(answer);
      this.state = 'done';
    } catch (error) {
      if (this.#controller !== controller) return;
      const problem = isAbort(error) ? null : asProblem(error);
      this.state = problem === null || problem.status === 499 ? 'cancelled' : 'failed';
      this.problem = this.state === 'failed' ? problem : null;
    } finally {
      clearInterval(timer);
      if (this.#controller === controller) this.elapsedMs = performance.now() - begin;
    }
  }

  #take(answer: SearchAnswer & AggregateAnswer): void {
    const rows: Row[] =
      this.kind === 'search'
        ? answer.records.map((record) => ({ source: record.source_id, fields: record.fields }))
        : answer.results.map((fields) => ({ source: null, fields }));
    this.rows = [...this.rows, ...rows];
    const columns = columnsOf(rows.map((row) => row.fields));
    this.columns = [...new Set([...this.columns, ...columns])];
    this.stats = answer.stats;
    this.cursor = answer.next_cursor ?? null;
  }

  /** All rows that are here, as CSV. */
  csv(): string {
    const lines = this.rows.map((row) =>
      csvLine(
        this.columns.map((name) =>
          Object.hasOwn(row.fields, name) ? row.fields[name] : undefined,
        ),
      ),
    );
    return [csvLine(this.columns), ...lines].join('\r\n') + '\r\n';
  }
  ndjson(): string {
    return this.rows.map((row) => formatJson(row.fields) + '\n').join('');
  }
}

export class Plan {
  explanation = $state.raw<Explanation | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  analyzed = $state(false);
  #controller: AbortController | null = null;

  async ask(kind: Kind, body: JsonObject, analyze: boolean): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading = true;
    this.problem = null;
    try {
      const { cursor: _cursor, ...request } = body;
      const explanation = await session.gateway<Explanation>(`/data/explain?analyze=${analyze}`, {
        body: { [kind]: request },
        signal: controller.signal,
      });
      if (this.#controller !== controller) return;
      this.explanation = explanation;
      this.analyzed = analyze;
    } catch (error) {
      if (this.#controller !== controller || isAbort(error)) return;
      this.problem = asProblem(error);
    } finally {
      if (this.#controller === controller) this.loading = false;
    }
  }
  stop(): void {
    this.#controller?.abort();
    this.#controller = null;
    this.loading = false;
  }
}

export const FORMATS = {
  csv: { type: 'text/csv', title: 'CSV' },
  ndjson: { type: 'application/x-ndjson', title: 'NDJSON' },
} as const;
export type Format = keyof typeof FORMATS;

/** Hands a file to the browser's downloads. */
export function save(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // By then it is being read, if ever.
}

/** All records that a search finds, whatever its limit: streamed, and saved only when whole. */
export class Export {
  bytes = $state(0);
  running = $state(false);
  problem = $state.raw<Problem | null>(null);
  #controller: AbortController | null = null;

  async start(body: JsonObject, format: Format, name: string): Promise<void> {
    const controller = new AbortController();
    this.#controller = controller;
    this.running = true;
    this.bytes = 0;
    this.problem = null;
    try {
      const { cursor: _cursor, limit: _limit, ...request } = body;
      const response = await session.send(`${GATEWAY}/data/search/stream`, {
        body: request,
        accept: FORMATS[format].type,
        signal: controller.signal,
      });
      const parts: BlobPart[] = [];
      const reader = response.body!.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        this.bytes += value.byteLength;
      }
      save(`${name}.${format}`, parts, FORMATS[format].type);
    } catch (error) {
      if (!isAbort(error)) this.problem = asProblem(error);
    } finally {
      this.running = false;
    }
  }
  cancel(): void {
    this.#controller?.abort();
  }
}
