import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missedBy, shareOf, type PlanStep } from '../src/lib/plan.ts';

const step = (
  estimated: number,
  actual: number | null,
  ms = 1,
  children: PlanStep[] = [],
): PlanStep => ({
  operator: 'scan',
  detail: '',
  estimated: { rows: estimated, ms },
  actual: actual === null ? null : { rows: actual, ms },
  cost: 1,
  children,
});

test('an estimate is off by a factor, either way', () => {
  assert.equal(missedBy(step(10, 10)), 1);
  assert.equal(missedBy(step(10, 100)), 10);
  assert.equal(missedBy(step(100, 10)), 10);
  assert.equal(missedBy(step(0, 0)), 1);
  assert.equal(missedBy(step(10, null)), null);
});

test('shares are of the whole and never more', () => {
  const child = step(1, 1, 3);
  const root = step(1, 1, 4, [child]);
  assert.equal(shareOf(root, root), 1);
  assert.equal(shareOf(child, root), 0.75);
  assert.equal(shareOf(step(1, 1, 0), step(1, 1, 0)), 0);
});
