import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scrollFor, widthsOf, windowOf } from '../src/lib/windowing.ts';

test('what is in sight is drawn, whatever the length', () => {
  for (const rows of [0, 1, 19, 20, 21, 100_000]) {
    for (const scrollTop of [0, 1, 299, 300, 1e6, 3e6]) {
      const { first, end } = windowOf(scrollTop, 600, 30, rows);
      assert.ok(first >= 0 && end <= rows && first <= Math.max(first, end));
      const firstSeen = Math.floor(scrollTop / 30);
      const lastSeen = Math.min(rows, Math.ceil((scrollTop + 600) / 30));
      if (firstSeen < rows) assert.ok(first <= firstSeen && end >= lastSeen);
      assert.ok(end - first <= 20 + 2 * 8 + 1);
    }
  }
});

test('scrolling goes no further than it must', () => {
  assert.equal(scrollFor(5, 0, 600, 30), 0);
  assert.equal(scrollFor(20, 0, 600, 30), 30);
  assert.equal(scrollFor(2, 90, 600, 30), 60);
});

test('columns are as wide as what is in them, within bounds', () => {
  assert.deepEqual(
    widthsOf(['id', 'a long heading', 'text'], [['12345678', 'x', 'y'.repeat(500)], ['1']]),
    [8, 14, 40],
  );
  assert.deepEqual(widthsOf(['a'], []), [6]);
});
