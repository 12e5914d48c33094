import assert from 'node:assert/strict';
import { test } from 'node:test';
import { network } from './browser.ts';
import { newRequestId, problemOf, segment, send } from '../src/lib/api.ts';
import { parseJson } from '../src/lib/json.ts';

test('a problem says what, where, and under which id', () => {
  const problem = problemOf(
    400,
    '{"code": "INVALID_LITERAL", "detail": "no number", "errors": [{"pointer": "/filters/a", "detail": "x"}]}',
    new Headers({ 'X-Request-Id': 'r1', 'Retry-After': '3' }),
  );
  assert.deepEqual(
    [
      problem.status,
      problem.code,
      problem.message,
      problem.errors,
      problem.requestId,
      problem.retryAfterSeconds,
    ],
    [400, 'INVALID_LITERAL', 'no number', [{ pointer: '/filters/a', detail: 'x' }], 'r1', 3],
  );
});

test('what is no problem of ours is its status', () => {
  for (const text of ['', '<html>', '[]', '"x"', '{}']) {
    const problem = problemOf(502, text, new Headers());
    assert.equal(problem.message, 'HTTP 502', text);
    assert.deepEqual(
      [problem.errors, problem.requestId, problem.retryAfterSeconds],
      [[], null, null],
    );
  }
});

test('ids stay one segment of a path', () => {
  assert.equal(segment('../a/b?c#d'), '..%2Fa%2Fb%3Fc%23d');
  assert.match(newRequestId(), /^[0-9a-f]{32}$/);
  assert.notEqual(newRequestId(), newRequestId());
});

test('numbers are sent as they were read', async () => {
  const text = '{"limit": 1, "filters": {"id": 9007199254740993, "price": 0.10000000000000000001}}';
  let sent: BodyInit | null | undefined;
  network.answer = async (_path, init) => {
    sent = init.body;
    return new Response('{}');
  };
  await send('/x', null, { body: parseJson(text) });
  assert.equal(sent, text);
});
