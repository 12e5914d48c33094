// Tenants and their quotas, between what people type and what the Operation Node reads. Pure.
import type { FleetTenant, NodeHealth, Quota } from './answers.ts';
import { count, counted } from './format.ts';
import type { JsonObject } from './json.ts';

export const QUOTAS: { member: keyof Quota; title: string; unit: string }[] = [
  { member: 'sources', title: 'Sources', unit: 'sources' },
  { member: 'memory_mb', title: 'Memory, MiB', unit: 'MiB' },
  { member: 'workers', title: 'Workers', unit: 'workers' },
  { member: 'searches', title: 'Searches at once', unit: 'searches' },
];
export type LimitTexts = Record<keyof Quota, string>;

/** What is left empty is not limited by a quota; what is no number, the service refuses by its place. */
export function limitsOf(texts: LimitTexts): JsonObject {
  const out: JsonObject = {};
  for (const { member } of QUOTAS) {
    const text = texts[member].trim();
    if (text === '') continue;
    const value = Number(text);
    out[member] = /^\d{1,15}$/.test(text) && Number.isSafeInteger(value) ? value : text;
  }
  return out;
}

/** "512 MiB, 4 workers"; "none" where nothing is limited. */
export function quotaText(quota: Quota | null): string {
  const limits = QUOTAS.flatMap(({ member, unit }) => {
    const value = quota?.[member] ?? null;
    return value === null ? [] : [`${count(Number(value))} ${unit}`];
  });
  return limits.length === 0 ? 'none' : limits.join(', ');
}

/** How a node's status looks. */
export function lookOf(status: NodeHealth['status']): '' | 'good' | 'warn' | 'bad' {
  switch (status) {
    case 'ok':
      return 'good';
    case 'down':
      return 'bad';
    case 'not ready':
      return 'warn';
    default:
      return '';
  }
}

/** "12 nodes: 10 ok, 2 down" */
export function nodesText(nodes: NodeHealth[]): string {
  const counts = new Map<string, number>();
  for (const one of nodes) counts.set(one.status, (counts.get(one.status) ?? 0) + 1);
  const parts = [...counts].map(([status, number]) => `${count(number)} ${status}`);
  return `${counted(nodes.length, 'node')}: ${parts.join(', ')}`;
}

const WORST_FIRST = ['down', 'not ready', 'unknown', 'ok', 'not looked at'];
export function worstFirst(nodes: NodeHealth[]): NodeHealth[] {
  return nodes.toSorted(
    (a, b) =>
      WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status) || (a.node < b.node ? -1 : 1),
  );
}

/** What a tenant is at, in a word, and how that looks. */
export function stateOf(tenant: FleetTenant): { word: string; look: '' | 'good' | 'warn' | 'bad' } {
  if (tenant.state !== 'active') return { word: tenant.state, look: '' };
  if (tenant.serving) return { word: 'serving', look: 'good' };
  if (tenant.placement === null) return { word: 'waits for room', look: 'warn' };
  return tenant.placement.node_state === 'dead'
    ? { word: 'its node is dead', look: 'bad' }
    : { word: 'starting', look: 'warn' };
}
