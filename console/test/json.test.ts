import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExactNumber, faultOf, formatJson, parseJson } from '../src/lib/json.ts';

test('numbers that a double rounds come back digit by digit', () => {
  for (const text of [
    '9007199254740993',
    '-9223372036854775808',
    '18446744073709551615',
    '12345678901234567890.123',
    '0.1000000000000000055511151231257827',
    '1e400',
  ]) {
    const value = parseJson(text);
    assert.ok(value instanceof ExactNumber, text);
    assert.equal(formatJson(value), text);
    assert.equal(String(value), text);
  }
});

test('numbers that a double holds are plain numbers, however they are written', () => {
  const texts = [
    '0',
    '-0',
    '1',
    '1.0',
    '1e3',
    '100',
    '0.1',
    '9007199254740991',
    '1.5E-7',
    '1e21',
    '123456789.25',
  ];
  for (const text of texts) assert.equal(parseJson(text), Number(text), text);
});

test('exact numbers live in lists and objects', () => {
  const text = '{"a": [9007199254740993, {"b": 2}]}';
  assert.equal(formatJson(parseJson(text)), text);
});

test('short values stay on a line, long ones are laid out', () => {
  assert.equal(formatJson({ a: [1, 2], b: { c: null } }, 2), '{"a": [1, 2], "b": {"c": null}}');
  assert.equal(formatJson({ a: 'x'.repeat(60), b: 'y'.repeat(60) }, 2).split('\n').length, 4);
});

test('text is never taken for markup or more than a string', () => {
  assert.equal(
    formatJson(parseJson('"<script>\\u0000\\"</script>"')),
    '"<script>\\u0000\\"</script>"',
  );
});

test('a member called __proto__ is a member', () => {
  assert.equal(formatJson(parseJson('{"__proto__": {"a": 1}}')), '{"__proto__": {"a": 1}}');
});

test('faults are found by line and column', () => {
  const places: [string, number, number, RegExp][] = [
    ['{\n  "a": 1,\n  b\n}', 3, 3, /name in quotes, found "b"/],
    ['{"a": 1', 1, 8, /"," or "}", found the end/],
    ['{"filters": }', 1, 13, /a value/],
    ['[1]', 1, 1, /an object/],
    ['', 1, 1, /the end/],
    ['{} x', 1, 4, /nothing more/],
    ['{"a": 01}', 1, 8, /"," or "}"/],
    ['{"a": "\n"}', 1, 8, /in quotes/],
    ['{"a" 1}', 1, 6, /":"/],
    ['{"a": [1,]}', 1, 10, /a value/],
  ];
  for (const [text, line, column, message] of places) {
    const fault = faultOf(text)!;
    assert.deepEqual([fault.line, fault.column], [line, column], text);
    assert.match(fault.message, message);
  }
});

test('what the browser reads as an object has no fault, and the other way round', () => {
  const good = '{"a": [1, -2.5e+3, true, null, {"b": "\\u00e9\\n\\"x"}, [], {}], "": 0}';
  assert.equal(faultOf(good), null);
  for (let i = 0; i < good.length; i += 1) {
    for (const text of [
      good.slice(0, i),
      good.slice(0, i) + good.slice(i + 1),
      good.slice(0, i) + '}' + good.slice(i),
    ]) {
      let reads = true;
      try {
        reads = typeof parseJson(text) === 'object';
      } catch {
        reads = false;
      }
      assert.equal(faultOf(text) === null, reads, text);
    }
  }
});
