import assert from 'node:assert/strict';
import { test } from 'node:test';
import './browser.ts';
import type { LogLine, LogPage } from '../src/lib/answers.ts';
import {
  LINES_MAX,
  LogFeed,
  logTarget,
  restOf,
  type LogFilter,
} from '../src/lib/log_feed.svelte.ts';

const FILTER: LogFilter = { service: 'auth-gateway', level: 'warn', text: '', requestId: '' };
const line = (n: number): LogLine => ({
  ts: '2026-01-01T00:00:00.000Z',
  level: 'warn',
  msg: `line ${n}`,
});
const settled = () => new Promise(setImmediate);

/** A service whose lines have their number as position. */
class Told {
  lines: LogLine[] = [];
  asked: string[] = [];
  ask = async (target: string): Promise<LogPage> => {
    this.asked.push(target);
    const query = new URL(target, 'http://x').searchParams;
    const after = query.get('after');
    const end = Number(query.get('before') ?? this.lines.length + 1) - 1;
    const start = after === null ? Math.max(0, end - 200) : Number(after);
    const stop = after === null ? end : Math.min(end, start + 200);
    return {
      service: 'auth-gateway',
      lines: this.lines.slice(start, stop),
      first: start < stop ? start + 1 : null,
      next: stop,
      more: after === null ? start > 0 : stop < end,
    };
  };
}

test('asks for what the filter says, each part escaped', () => {
  assert.equal(logTarget(FILTER, {}), '/logs/auth-gateway?limit=200&level=warn');
  const all = { service: 'a/b', level: 'info', text: 'a&b=c', requestId: 'r 1' };
  assert.equal(
    logTarget(all, { after: 12 }),
    '/logs/a%2Fb?limit=200&level=info&text=a%26b%3Dc&request_id=r+1&after=12',
  );
});

test('what a line says besides stands behind it', () => {
  assert.equal(
    restOf({ ...line(1), rows: 12, empty: '', source: 's', service: 'x' }),
    'rows=12 source=s',
  );
});

test('shows the last lines, follows, and pages back, each line once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told = new Told();
  told.lines = Array.from({ length: 450 }, (_, n) => line(n));
  const feed = new LogFeed(told.ask, FILTER, 1_000);
  const end = feed.poll.start();
  await settled();
  assert.equal(feed.poll.value?.length, 200);
  assert.equal(feed.hasOlder, true);
  told.lines.push(line(450));
  t.mock.timers.tick(1_000);
  await settled();
  assert.equal(feed.poll.value?.at(-1)?.msg, 'line 450');
  await feed.older();
  await feed.older();
  assert.equal(feed.hasOlder, false);
  assert.deepEqual(
    feed.poll.value?.map((one) => one.msg),
    told.lines.map((one) => one.msg),
  );
  end();
});

test('a page that follows for long lets go of the oldest', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told = new Told();
  const feed = new LogFeed(told.ask, FILTER, 1_000);
  const end = feed.poll.start();
  await settled();
  for (let n = 0; n < LINES_MAX + 400; n += 200) {
    told.lines.push(...Array.from({ length: 200 }, (_, i) => line(n + i)));
    t.mock.timers.tick(1_000);
    await settled();
  }
  assert.equal(feed.poll.value?.length, LINES_MAX);
  assert.equal(feed.poll.value?.at(-1)?.msg, `line ${LINES_MAX + 399}`);
  end();
});
