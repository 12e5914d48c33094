import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fromFilters,
  literalOf,
  OPERATORS,
  splitList,
  toFilters,
  type FilterRow,
} from '../src/lib/filters.ts';
import { formatJson, parseJson } from '../src/lib/json.ts';

const TYPES: Record<string, string> = {
  i: 'int64',
  f: 'float64',
  s: 'string',
  t: 'timestamp',
  b: 'bool',
  d: 'decimal(18,2)',
};
const typeOf = (column: string) => (Object.hasOwn(TYPES, column) ? TYPES[column] : undefined);
const row = (column: string, operator: FilterRow['operator'], text: string): FilterRow => ({
  column,
  operator,
  text,
});
const said = (rows: FilterRow[], match: 'all' | 'any' = 'all') =>
  formatJson(toFilters(rows, match, typeOf));

test('a text means what its column holds', () => {
  assert.equal(literalOf('5', 'int64'), 5);
  assert.equal(formatJson(literalOf('9007199254740993', 'int64')), '9007199254740993');
  assert.equal(literalOf('5', 'string'), '5');
  assert.equal(literalOf('true', 'bool'), true);
  assert.equal(literalOf('2024-01-15', 'timestamp'), '2024-01-15');
  assert.equal(literalOf('1.50', 'decimal(18,2)'), '1.50');
  assert.equal(literalOf('abc', 'int64'), 'abc', 'the node says what is wrong with it');
  assert.equal(literalOf('null', 'int64'), null);
});

test('where the type is unknown it is JSON, or else a string', () => {
  assert.equal(literalOf('5', undefined), 5);
  assert.equal(literalOf('"5"', undefined), '5');
  assert.equal(literalOf('abc', undefined), 'abc');
});

test('lists are divided at commas outside of quotes', () => {
  assert.deepEqual(splitList('a, b ,c'), ['a', 'b', 'c']);
  assert.deepEqual(splitList('"a, b", "c\\"d"'), ['a, b', 'c"d']);
  assert.deepEqual(splitList(''), []);
  assert.deepEqual(splitList('a,,b'), ['a', '', 'b']);
});

test('rows become filters', () => {
  assert.equal(formatJson(toFilters([], 'all', typeOf)), 'null');
  assert.equal(said([row('', 'eq', 'x')]), 'null', 'a row without a column says nothing');
  assert.equal(
    said([row('i', 'gte', '1'), row('i', 'lt', '5'), row('s', 'eq', '7')]),
    '{"i": {"gte": 1, "lt": 5}, "s": {"eq": "7"}}',
  );
  assert.equal(
    said([row('i', 'ne', '1'), row('i', 'ne', '2')]),
    '{"$and": [{"i": {"ne": 1}}, {"i": {"ne": 2}}]}',
  );
  assert.equal(
    said([row('i', 'eq', '1'), row('s', 'eq', 'x')], 'any'),
    '{"$or": [{"i": {"eq": 1}}, {"s": {"eq": "x"}}]}',
  );
  assert.equal(
    said([row('i', 'in', '1, 2'), row('s', 'exists', 'false'), row('s', 'like', '5%')]),
    '{"i": {"in": [1, 2]}, "s": {"exists": false, "like": "5%"}}',
  );
  assert.equal(said([row('__proto__', 'eq', '1')]), '{"__proto__": {"eq": 1}}');
});

test('what rows say comes back as the same rows or says the same', () => {
  for (const operator of OPERATORS) {
    for (const [column, text] of [
      ['i', '5'],
      ['s', '5'],
      ['u', '5'],
      ['u', '"5"'],
      ['s', 'a "b", c'],
      ['d', '1.50'],
      ['b', 'true'],
    ] as const) {
      for (const match of ['all', 'any'] as const) {
        const rows = [row(column, operator, text), row('t', 'gt', '2024-01-15')];
        const filters = toFilters(rows, match, typeOf);
        const back = fromFilters(parseJson(formatJson(filters)), typeOf);
        assert.ok(back, `${column} ${operator} ${text}`);
        assert.equal(formatJson(toFilters(back.rows, back.match, typeOf)), formatJson(filters));
      }
    }
  }
});

test('filters that say more than rows are left alone', () => {
  for (const text of [
    '{"$not": {"i": 1}}',
    '{"$or": [{"i": 1, "s": "x"}, {"i": 2}]}',
    '{"$or": [{"$and": []}]}',
    '{"i": {"unheard_of": 1}}',
    '{"i": [1, 2]}',
    '{"s": {"eq": 5}}',
    '{"i": 1, "$or": []}',
    '{"i": {"in": 5}}',
    '[]',
  ])
    assert.equal(fromFilters(parseJson(text), typeOf), null, text);
  assert.deepEqual(fromFilters({ i: 5 }, typeOf), { rows: [row('i', 'eq', '5')], match: 'all' });
});
