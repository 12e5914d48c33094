import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJson, parseJson, type JsonObject } from '../src/lib/json.ts';
import {
  columnsOf,
  emptyForm,
  fromBody,
  sourcesOf,
  toBody,
  withKind,
  withSources,
  type Kind,
} from '../src/lib/request.ts';

const typeOf = (column: string) => (column === 'amount' ? 'float64' : 'string');

test('an empty form asks for all', () => {
  assert.equal(formatJson(toBody(emptyForm(), typeOf)), '{"limit": 100}');
  assert.equal(
    formatJson(toBody(emptyForm('aggregate'), typeOf)),
    '{"aggregations": [{"type": "count"}]}',
  );
});

test('bodies that a form can say go there and back', () => {
  const bodies: [Kind, string][] = [
    [
      'search',
      '{"source_ids": ["a"], "filters": {"amount": {"gt": 1.5}}, "columns": ["a b", "c,d"], "order_by": [{"column": "x", "direction": "desc"}], "limit": 10}',
    ],
    ['search', '{}'],
    [
      'aggregate',
      '{"group_by": ["x", {"column": "at", "transform": "month", "alias": "at_month"}], "aggregations": [{"type": "percentile", "column": "amount", "p": 0.9, "alias": "p90"}]}',
    ],
  ];
  for (const [kind, text] of bodies) {
    const form = fromBody(kind, parseJson(text) as JsonObject, typeOf);
    assert.ok(form, text);
    assert.equal(formatJson(toBody(form, typeOf)), text);
  }
});

test('members may come in any order', () => {
  assert.ok(fromBody('search', { limit: 1, source_ids: ['a'] }, typeOf));
});

test('bodies that say more stay JSON', () => {
  const bodies: [Kind, string][] = [
    ['search', '{"cursor": "x"}'],
    ['search', '{"source_id": "a"}'],
    ['search', '{"limit": "ten"}'],
    ['search', '{"columns": [5]}'],
    ['aggregate', '{"aggregations": [{"type": "count"}], "having": {}}'],
    [
      'aggregate',
      '{"group_by": [{"column": "x", "transform": {"bucket": 10}}], "aggregations": []}',
    ],
    [
      'aggregate',
      '{"group_by": [{"column": "x", "transform": "day", "alias": "other"}], "aggregations": []}',
    ],
  ];
  for (const [kind, text] of bodies)
    assert.equal(fromBody(kind, parseJson(text) as JsonObject, typeOf), null, text);
});

test('a limit that is no number is left to the node', () => {
  assert.equal(toBody({ ...emptyForm(), limit: 'ten' }, typeOf).limit, 'ten');
});

test('columns in the order in which they come up', () => {
  assert.deepEqual(columnsOf([{ b: 1 }, { a: 1, b: 2 }, JSON.parse('{"__proto__": 1}')]), [
    'b',
    'a',
    '__proto__',
  ]);
});

test('another kind keeps sources and filters as they were said', () => {
  const body = parseJson(
    '{"source_id": "a", "filters": {"$not": {"x": 9007199254740993}}, "columns": ["x"], "limit": 7}',
  ) as JsonObject;
  assert.equal(
    formatJson(withKind('aggregate', body)),
    '{"source_id": "a", "filters": {"$not": {"x": 9007199254740993}}, "aggregations": [{"type": "count"}]}',
  );
  assert.equal(formatJson(withKind('search', {})), '{"limit": 100}');
});

test('sources of a body are read and replaced by either member', () => {
  assert.deepEqual(sourcesOf({ source_id: 'a' }), ['a']);
  assert.deepEqual(sourcesOf({ source_ids: ['a', 5, 'b'] }), ['a', 'b']);
  assert.deepEqual(sourcesOf({ source_ids: 'a' }), []);
  assert.deepEqual(withSources({ source_id: 'a', limit: 1 }, ['b', 'c']), {
    limit: 1,
    source_ids: ['b', 'c'],
  });
  assert.deepEqual(withSources({ source_ids: ['a'] }, []), {});
});
