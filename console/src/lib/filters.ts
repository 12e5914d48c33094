// Rows of a form <-> the filters of a request body. Pure.
//
// What rows can say is a subset: one condition a row, all of them or any of them. Filters that say
// more are left to the JSON editor, never bent.
import {
  ExactNumber,
  formatJson,
  isObject,
  parseJson,
  type Json,
  type JsonObject,
} from './json.ts';

export const OPERATORS = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'nin',
  'between',
  'like',
  'ilike',
  'starts_with',
  'ends_with',
  'contains',
  'regex',
  'exists',
] as const;
export type Operator = (typeof OPERATORS)[number];

const LISTS: readonly string[] = ['in', 'nin', 'between'];
const TEXTS: readonly string[] = ['like', 'ilike', 'starts_with', 'ends_with', 'regex'];

export interface FilterRow {
  column: string;
  operator: Operator;
  /** As typed: a value, or several with commas. */
  text: string;
}
export type Match = 'all' | 'any';

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/;

/** What a text means for a column of a type; an unknown type takes it for JSON where it is some. */
export function literalOf(text: string, type: string | undefined): Json {
  const trimmed = text.trim();
  if (trimmed === 'null') return null;
  const asNumber = (): Json => {
    const value = parseJson(trimmed);
    return value instanceof ExactNumber || typeof value === 'number' ? value : text;
  };
  if (type === undefined || type === 'json') {
    try {
      return parseJson(trimmed);
    } catch {
      return text;
    }
  }
  if (/^(u?int|float)/.test(type)) return NUMBER.test(trimmed) ? asNumber() : text;
  if (type === 'bool') return trimmed === 'true' ? true : trimmed === 'false' ? false : text;
  return text;
}

/** Parts between commas; quotes keep a comma: a, "b, c". */
export function splitList(text: string): string[] {
  const parts: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(,|$)/gy;
  let match: RegExpExecArray | null;
  while (pattern.lastIndex <= text.length && (match = pattern.exec(text))) {
    parts.push(match[1] !== undefined ? match[1].replace(/\\(.)/g, '$1') : match[2]!.trim());
    if (match[3] === '') break;
  }
  return parts.length === 1 && parts[0] === '' ? [] : parts;
}

function valueOf(row: FilterRow, type: string | undefined): Json {
  if (row.operator === 'exists') return row.text.trim() !== 'false';
  if (LISTS.includes(row.operator)) return splitList(row.text).map((part) => literalOf(part, type));
  return TEXTS.includes(row.operator) ? row.text : literalOf(row.text, type);
}

/** Null for no row that names a column. */
export function toFilters(
  rows: FilterRow[],
  match: Match,
  typeOf: (column: string) => string | undefined,
): JsonObject | null {
  const conditions = rows
    .filter((row) => row.column !== '')
    .map((row): [string, Operator, Json] => [
      row.column,
      row.operator,
      valueOf(row, typeOf(row.column)),
    ]);
  if (conditions.length === 0) return null;
  const alone = ([column, operator, value]: [string, Operator, Json]): JsonObject => ({
    [column]: { [operator]: value },
  });
  if (match === 'any' && conditions.length > 1) return { $or: conditions.map(alone) };
  const out = Object.create(null) as JsonObject; // A column may be called __proto__.
  for (const condition of conditions) {
    const [column, operator, value] = condition;
    const there = out[column];
    if (there === undefined) {
      out[column] = { [operator]: value };
    } else if (isObject(there) && !(operator in there)) {
      there[operator] = value;
    } else {
      return { $and: conditions.map(alone) }; // The same operator twice for a column.
    }
  }
  return out;
}

function textOf(value: Json, type: string | undefined): string {
  if (typeof value !== 'string') return formatJson(value);
  // What would be read back as something else is shown as JSON.
  const back = literalOf(value, type);
  return back === value ? value : JSON.stringify(value);
}

/** A part as splitList reads it. */
export const quoted = (text: string) => (/[",]|^\s|\s$/.test(text) ? JSON.stringify(text) : text);

function rowsOf(column: string, condition: Json, type: string | undefined): FilterRow[] | null {
  if (!isObject(condition)) {
    if (Array.isArray(condition)) return null;
    condition = { eq: condition };
  }
  const rows: FilterRow[] = [];
  for (const [operator, value] of Object.entries(condition)) {
    if (!OPERATORS.includes(operator as Operator)) return null;
    if (LISTS.includes(operator) !== Array.isArray(value)) return null;
    const row: FilterRow = {
      column,
      operator: operator as Operator,
      text: Array.isArray(value)
        ? value.map((part) => quoted(textOf(part, type))).join(', ')
        : textOf(value, TEXTS.includes(operator) ? 'string' : type),
    };
    if (formatJson(valueOf(row, type)) !== formatJson(value)) return null;
    rows.push(row);
  }
  return rows;
}

/** Null when the filters say more than rows can. */
export function fromFilters(
  filters: Json | undefined,
  typeOf: (column: string) => string | undefined,
): { rows: FilterRow[]; match: Match } | null {
  if (filters === undefined || filters === null) return { rows: [], match: 'all' };
  if (!isObject(filters)) return null;
  const group = filters.$or ?? filters.$and;
  const parts = group === undefined ? [filters] : group;
  if (!Array.isArray(parts) || (group !== undefined && Object.keys(filters).length > 1))
    return null;
  const rows: FilterRow[] = [];
  for (const part of parts) {
    if (!isObject(part) || (group !== undefined && Object.keys(part).length !== 1)) return null;
    for (const [column, condition] of Object.entries(part)) {
      const found = column.startsWith('$') ? null : rowsOf(column, condition, typeOf(column));
      if (found === null || (group !== undefined && found.length !== 1)) return null;
      rows.push(...found);
    }
  }
  return { rows, match: filters.$or === undefined ? 'all' : 'any' };
}
