import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seen } from './browser.ts';
import { Poll } from '../src/lib/poll.svelte.ts';

const settled = () => new Promise(setImmediate);

test('asks at once, after each pause, and no more once it has ended', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  const poll = new Poll(async () => ++asked, 1_000);
  const end = poll.start();
  await settled();
  t.mock.timers.tick(1_000);
  await settled();
  assert.deepEqual([poll.value, poll.loading], [2, false]);
  end();
  await poll.now(); // As by an action that ended late.
  seen.dispatchEvent(new Event('visibilitychange'));
  t.mock.timers.tick(10_000);
  await settled();
  assert.equal(asked, 2);
  const again = poll.start();
  await settled();
  assert.equal(asked, 3);
  again();
});

test('the last answer stays when the next one fails', async () => {
  let fails = false;
  const poll = new Poll(async () => {
    if (fails) throw new Error('no');
    return 1;
  }, 0);
  const end = poll.start();
  await settled();
  fails = true;
  await poll.now();
  assert.deepEqual([poll.value, poll.problem?.message], [1, 'no']);
  end();
});
