import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytes,
  cell,
  compact,
  count,
  csvLine,
  milliseconds,
  relative,
  uptime,
} from '../src/lib/format.ts';
import { parseJson } from '../src/lib/json.ts';

test('sizes', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 10 * 1024 ** 2, 1024 ** 6 * 5].map(bytes), [
    '0 B',
    '1023 B',
    '1.00 KiB',
    '1.50 KiB',
    '10.0 MiB',
    '5120 PiB',
  ]);
  assert.equal(bytes(NaN), '–');
});

test('counts and what fits an axis', () => {
  assert.equal(count(1234567), '1,234,567');
  assert.deepEqual([0, 5, 0.5, 0.001, 999, 1000, 45_600_000, 2e9].map(compact), [
    '0',
    '5',
    '0.50',
    '1.0e-3',
    '999',
    '1.00 k',
    '45.6 M',
    '2.00 G',
  ]);
});

test('spans', () => {
  assert.deepEqual([0.0125, 12.3, 999, 1500, 61_000].map(milliseconds), [
    '12.5 µs',
    '12.3 ms',
    '999 ms',
    '1.50 s',
    '1 min 1 s',
  ]);
  assert.deepEqual([5, 90, 3700, 90_000].map(uptime), ['5 s', '1 min', '1 h 1 min', '1 d 1 h']);
  const now = Date.parse('2024-01-15T00:00:00Z');
  assert.equal(relative('2024-01-14T23:00:00Z', now), '1 h 0 min ago');
  assert.equal(relative('2024-01-15T00:30:00Z', now), 'in 30 min');
  assert.equal(relative(null, now), 'never');
});

test('cells show what is stored, whole', () => {
  assert.equal(cell(parseJson('9007199254740993')), '9007199254740993');
  assert.equal(cell({ a: [1] }), '{"a": [1]}');
  assert.equal(cell('<b>'), '<b>');
  assert.equal(cell(null), 'null');
  assert.equal(cell(undefined), '');
});

test('CSV quotes what must be quoted and nothing else', () => {
  assert.equal(
    csvLine(['a', 'b,c', 'd"e', 'f\ng', null, undefined, 1, true, { x: 1 }]),
    'a,"b,c","d""e","f\ng",,,1,true,"{""x"": 1}"',
  );
});
