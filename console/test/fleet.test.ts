import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetTenant, NodeHealth } from '../src/lib/answers.ts';
import { limitsOf, lookOf, nodesText, quotaText, stateOf, worstFirst } from '../src/lib/fleet.ts';

const NONE = { sources: '', memory_mb: '', workers: '', searches: '' };
const TENANT: FleetTenant = {
  tenant_id: 'a',
  name: 'a',
  state: 'active',
  serving: true,
  created: '2026-01-01T00:00:00Z',
  placement: { node_id: 'n', url: null, node_state: 'alive', reason: '' },
  quota: null,
};

test('what is typed is a number where it is one, and is left to the service where it is not', () => {
  assert.deepEqual(limitsOf(NONE), {});
  assert.deepEqual(limitsOf({ ...NONE, memory_mb: ' 512 ', workers: 'many', searches: '1.5' }), {
    memory_mb: 512,
    workers: 'many',
    searches: '1.5',
  });
  assert.deepEqual(limitsOf({ ...NONE, sources: '99999999999999999999' }), {
    sources: '99999999999999999999',
  });
});

test('a quota says what it limits', () => {
  assert.equal(quotaText(null), 'none');
  const none = { sources: null, memory_mb: null, workers: null, searches: null };
  assert.equal(quotaText(none), 'none');
  assert.equal(quotaText({ ...none, memory_mb: 2048, workers: 4 }), '2,048 MiB, 4 workers');
});

test('a tenant that is not served says why', () => {
  assert.equal(stateOf(TENANT).word, 'serving');
  const off = { ...TENANT, serving: false };
  assert.equal(stateOf(off).word, 'starting');
  assert.equal(stateOf({ ...off, placement: null }).word, 'waits for room');
  const dead = { ...off, placement: { ...TENANT.placement!, node_state: 'dead' } };
  assert.deepEqual(stateOf(dead), { word: 'its node is dead', look: 'bad' });
  assert.equal(stateOf({ ...off, state: 'suspended' }).word, 'suspended');
});

const node = (id: string, status: NodeHealth['status']): NodeHealth => ({
  node: id,
  status,
  state: 'alive',
  checked: null,
  ms: null,
});

test('nodes that are not well come first, and are counted', () => {
  const nodes = [node('c', 'ok'), node('a', 'ok'), node('b', 'down'), node('d', 'not ready')];
  assert.deepEqual(
    worstFirst(nodes).map((one) => one.node),
    ['b', 'd', 'a', 'c'],
  );
  assert.equal(nodes[0]?.node, 'c');
  assert.equal(nodesText(nodes), '4 nodes: 2 ok, 1 down, 1 not ready');
  assert.equal(nodesText([node('a', 'ok')]), '1 node: 1 ok');
  assert.equal(lookOf('down'), 'bad');
  assert.equal(lookOf('unknown'), '');
});
