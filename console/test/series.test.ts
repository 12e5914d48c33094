import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  lastOf,
  meanBy,
  stepFor,
  sumBy,
  together,
  type Series,
  type SeriesAnswer,
} from '../src/lib/series.ts';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const series = (service: string, points: [number, number][], labels = {}): Series => ({
  service,
  labels,
  points: points.map(([seconds, value]) => [at(seconds), value]),
});
const answer = (...all: Series[]): SeriesAnswer => ({
  name: 'n',
  of: 'rate',
  step_seconds: 10,
  series: all,
});

test('series of a service add up', () => {
  const data = sumBy(
    answer(
      series('b', [[10, 1]]),
      series(
        'a',
        [
          [10, 2],
          [20, 3],
        ],
        { route: 'x' },
      ),
      series('a', [[10, 5]], { route: 'y' }),
    ),
  );
  assert.deepEqual(data, {
    x: [10, 20],
    lines: [
      { label: 'a', values: [7, 3] },
      { label: 'b', values: [1, null] },
    ],
  });
});

test('a gap breaks the line', () => {
  const data = sumBy(
    answer(
      series('a', [
        [10, 1],
        [30, 2],
        [60, 3],
      ]),
    ),
  );
  assert.deepEqual(data.x, [10, 30, 40, 60]);
  assert.deepEqual(data.lines[0]!.values, [1, 2, null, 3]);
});

test('the mean is of what there was', () => {
  const data = meanBy(
    answer(
      series('a', [
        [10, 6],
        [20, 0],
      ]),
    ),
    answer(
      series('a', [
        [10, 2],
        [20, 0],
      ]),
    ),
  );
  assert.deepEqual(data, { x: [10], lines: [{ label: 'a', values: [3] }] });
});

test('several names in one chart; none measured is none drawn', () => {
  assert.deepEqual(
    together([
      { label: 'w', answer: answer(series('a', [[10, 4]])) },
      { label: 'b', answer: answer() },
    ]),
    { x: [10], lines: [{ label: 'w', values: [4] }] },
  );
  assert.deepEqual(sumBy(answer()), { x: [], lines: [] });
});

test('the last value passes over what is missing', () => {
  assert.equal(lastOf({ label: 'a', values: [1, 0, null] }), 0);
  assert.equal(lastOf({ label: 'a', values: [null] }), null);
});

test('no more points than a screen has use for', () => {
  assert.deepEqual([900, 3600, 86_400, 604_800].map(stepFor), [15, 30, 900, 10_800 / 3]);
});
