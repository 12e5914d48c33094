import assert from 'node:assert/strict';
import { test } from 'node:test';
import './browser.ts';
import { Action } from '../src/lib/action.svelte.ts';

test('an action is busy until it has ended, and tells how it failed', async () => {
  const action = new Action();
  const failing = action.run(() => Promise.reject(new Error('no')));
  assert.equal(action.busy, true);
  assert.equal(await failing, false);
  assert.deepEqual([action.busy, action.problem?.message], [false, 'no']);
  const working = action.run(async () => {});
  assert.equal(action.problem, null, 'what failed before is over');
  assert.equal(await working, true);
});
