import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { json, network, storage } from './browser.ts';
import { session } from '../src/lib/session.svelte.ts';

const ME = {
  user_id: 'u',
  username: 'ada',
  tenant_id: 't',
  roles: [],
  grants: [],
  operator: false,
};
let asked: string[] = [];
/** What the answers to /auth/refresh wait for. */
let renewal: Promise<void> = Promise.resolve();
let tokens = 0;
let lasts = 900;

beforeEach(() => {
  asked = [];
  renewal = Promise.resolve();
  tokens = 0;
  lasts = 900;
  storage.blocked = false;
  network.answer = async (path, init) => {
    const bearer = (init.headers as Record<string, string>).Authorization ?? '';
    asked.push(`${path.replace('/console/api', '')} ${bearer.replace('Bearer ', '')}`.trim());
    if (path.endsWith('/auth/me')) return json(ME);
    if (path.endsWith('/auth/logout')) return json(null, 204);
    if (path.endsWith('/auth/refresh')) await renewal;
    tokens += 1;
    return json({ access_token: `a${tokens}`, refresh_token: `r${tokens}`, expires_in: lasts });
  };
});

async function signIn() {
  await session.signInWithPassword('ada', 'secret', '', true);
  asked = [];
}

test('signing out ends the session at the gateway', async () => {
  await signIn();
  await session.signOut();
  assert.deepEqual(asked, ['/auth/logout a1']);
  assert.equal(session.me, null);
});

test('signing out with an access token that has ended takes a new one for it', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  await signIn();
  t.mock.timers.tick(1_000_000);
  await session.signOut();
  assert.deepEqual(asked, ['/auth/refresh', '/auth/logout a2']);
  assert.deepEqual([session.me, storage.text('granary.credential')], [null, null]);
});

test('signing out needs no gateway', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  await signIn();
  t.mock.timers.tick(1_000_000);
  network.answer = () => Promise.reject(new TypeError('gone'));
  await session.signOut();
  assert.equal(session.me, null);
});

test('who signs out during a renewal stays signed out', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  await signIn();
  t.mock.timers.tick(1_000_000);
  let renew = () => {};
  renewal = new Promise((done) => (renew = done));
  const asking = session.json('/alerts');
  const ending = session.signOut();
  assert.equal(session.me, null, 'at once');
  renew();
  await Promise.all([asking, ending]);
  assert.ok(asked.includes('/auth/logout a2'));
  assert.equal(storage.text('granary.credential'), null);
  asked = [];
  await session.json('/alerts');
  assert.deepEqual(asked, ['/alerts'], 'without a credential');
});

test('those who wait for a renewal wait for the same one', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  await signIn();
  t.mock.timers.tick(1_000_000);
  await Promise.all([session.json('/a'), session.json('/b')]);
  assert.deepEqual(asked, ['/auth/refresh', '/a a2', '/b a2']);
  assert.match(storage.text('granary.credential')!, /"r2"/);
  await session.signOut();
});

test('where storage is blocked one signs in all the same', async () => {
  storage.blocked = true;
  await session.resume();
  await session.signInWithKey('gk_x', true);
  assert.deepEqual(session.me, ME);
  await session.signOut();
});
