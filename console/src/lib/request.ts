// The form of the query page <-> the body of a request. Pure.
//
// A body that says more than the form can is left to the JSON editor: fromBody gives null then.
import {
  fromFilters,
  quoted,
  splitList,
  toFilters,
  type FilterRow,
  type Match,
} from './filters.ts';
import { ExactNumber, formatJson, isObject, type Json, type JsonObject } from './json.ts';

export type Kind = 'search' | 'aggregate';
export type TypeOf = (column: string) => string | undefined;

export const TRANSFORMS = [
  '',
  'year',
  'quarter',
  'month',
  'week',
  'day',
  'hour',
  'minute',
] as const;
export const AGGREGATIONS = [
  'count',
  'sum',
  'avg',
  'min',
  'max',
  'count_distinct',
  'approx_count_distinct',
  'percentile',
  'approx_percentile',
  'stddev',
  'variance',
  'first',
  'last',
  'any',
] as const;
const PERCENTILES: readonly string[] = ['percentile', 'approx_percentile'];
export const needsPercent = (type: string) => PERCENTILES.includes(type);

export interface OrderRow {
  column: string;
  direction: string;
}
export interface GroupRow {
  column: string;
  transform: string;
}
export interface AggregationRow {
  type: string;
  column: string;
  alias: string;
  /** 0 to 1, as typed; only of percentiles. */
  p: string;
}
export interface Form {
  kind: Kind;
  sources: string[];
  rows: FilterRow[];
  match: Match;
  columns: string;
  groups: GroupRow[];
  aggregations: AggregationRow[];
  order: OrderRow[];
  limit: string;
}

export function emptyForm(kind: Kind = 'search'): Form {
  return {
    kind,
    sources: [],
    rows: [],
    match: 'all',
    columns: '',
    groups: [],
    aggregations: kind === 'aggregate' ? [{ type: 'count', column: '', alias: '', p: '' }] : [],
    order: [],
    limit: kind === 'search' ? '100' : '',
  };
}

/** What is no number stays text, so that the service says what is wrong with it. */
function numberOr(text: string): Json {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function groupOf(row: GroupRow): Json {
  if (row.transform === '') return row.column;
  return { column: row.column, transform: row.transform, alias: `${row.column}_${row.transform}` };
}

function aggregationOf(row: AggregationRow): JsonObject {
  const out: JsonObject = { type: row.type };
  if (row.column !== '') out.column = row.column;
  if (needsPercent(row.type)) out.p = numberOr(row.p);
  if (row.alias !== '') out.alias = row.alias;
  return out;
}

export function toBody(form: Form, typeOf: TypeOf): JsonObject {
  const out: JsonObject = {};
  if (form.sources.length > 0) out.source_ids = [...form.sources];
  const filters = toFilters(form.rows, form.match, typeOf);
  if (filters !== null) out.filters = filters;
  if (form.kind === 'search') {
    const columns = splitList(form.columns);
    if (columns.length > 0) out.columns = columns;
  } else {
    const groups = form.groups.filter((row) => row.column !== '').map(groupOf);
    if (groups.length > 0) out.group_by = groups;
    out.aggregations = form.aggregations.map(aggregationOf);
  }
  const order = form.order.filter((row) => row.column !== '');
  if (order.length > 0)
    out.order_by = order.map(({ column, direction }) => ({ column, direction }));
  if (form.limit.trim() !== '') out.limit = numberOr(form.limit);
  return out;
}

/** What a search and an aggregation say alike. */
const ABOUT_BOTH: readonly string[] = ['source_id', 'source_ids', 'filters'];

const text = (value: Json | undefined) => (typeof value === 'string' ? value : '');
const numberText = (value: Json | undefined) =>
  typeof value === 'number' || value instanceof ExactNumber ? String(value) : '';
const list = (value: Json | undefined) => (Array.isArray(value) ? value : []);
const objects = (value: Json | undefined) => list(value).filter(isObject);

/** Null when the form cannot say what the body says. */
export function fromBody(kind: Kind, body: JsonObject, typeOf: TypeOf): Form | null {
  const filters = fromFilters(body.filters, typeOf);
  if (filters === null) return null;
  const form: Form = {
    kind,
    sources: list(body.source_ids).map(text),
    ...filters,
    columns: list(body.columns).map(text).map(quoted).join(', '),
    groups: list(body.group_by).map((one) =>
      isObject(one)
        ? { column: text(one.column), transform: text(one.transform) }
        : { column: text(one), transform: '' },
    ),
    aggregations: objects(body.aggregations).map((one) => ({
      type: text(one.type),
      column: text(one.column),
      alias: text(one.alias),
      p: numberText(one.p),
    })),
    order: objects(body.order_by).map((one) => ({
      column: text(one.column),
      direction: text(one.direction) || 'asc',
    })),
    limit: numberText(body.limit),
  };
  const { filters: _said, ...rest } = body;
  const { filters: _saidBack, ...back } = toBody(form, typeOf);
  return equal(rest, back) ? form : null;
}

/** Members of objects in any order. */
function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]))
    );
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (a === undefined || b === undefined) return a === b;
  return formatJson(a) === formatJson(b);
}

/** The sources that a body names, one or several. */
export function sourcesOf(body: JsonObject): string[] {
  if (typeof body.source_id === 'string') return [body.source_id];
  return list(body.source_ids).filter((one) => typeof one === 'string');
}

export function withSources(body: JsonObject, sources: string[]): JsonObject {
  const out = { ...body, source_ids: [...sources] };
  delete (out as JsonObject).source_id;
  if (sources.length === 0) delete (out as JsonObject).source_ids;
  return out;
}

/** A new body of a kind, about the same sources and with the same filters, as they were said. */
export function withKind(kind: Kind, body: JsonObject): JsonObject {
  const kept = Object.entries(body).filter(([name]) => ABOUT_BOTH.includes(name));
  return { ...Object.fromEntries(kept), ...toBody(emptyForm(kind), () => undefined) };
}

/** The names of all columns that records have, in the order in which they come up. */
export function columnsOf(records: JsonObject[]): string[] {
  const names = new Set<string>();
  for (const record of records) for (const name of Object.keys(record)) names.add(name);
  return [...names];
}
