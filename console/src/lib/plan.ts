// The answer of POST /data/explain, and what is worth pointing at in it. Pure.

export interface Figures {
  rows: number;
  ms: number;
}
export interface PlanStep {
  operator: string;
  detail: string;
  estimated: Figures;
  actual: Figures | null;
  cost: number;
  children: PlanStep[];
}
export interface Explanation {
  plan: PlanStep;
  rejected: { plan: string; cost: number; reason: string }[];
  pruning: {
    segments_total: number;
    segments_pruned: number;
    by_partition: number;
    by_statistics: number;
    by_deletions: number;
    by_index: number | null;
    pages_total: number;
    pages_pruned: number;
    segments: { source_id: string; segment: number; by: string; reason: string }[];
  };
  model_version: string;
  /** What was not believed of the model and of statistics, and why. */
  distrusted: string[];
}

/** How many times more, or less, there were than estimated: 1 is exact. Null without both. */
export function missedBy(step: PlanStep): number | null {
  if (!step.actual) return null;
  const estimated = Math.max(step.estimated.rows, 1);
  const actual = Math.max(step.actual.rows, 1);
  return Math.max(estimated, actual) / Math.min(estimated, actual);
}

/** An estimate that is off by more than this is worth a mark. */
export const MISSED_FACTOR = 4;

/** The part of the whole plan's time that a step took, 0 to 1; its children's are within it. */
export function shareOf(step: PlanStep, root: PlanStep): number {
  const of = (one: PlanStep) => (one.actual ?? one.estimated).ms;
  const whole = Math.max(of(root), ...root.children.map(of));
  return whole > 0 ? Math.min(1, of(step) / whole) : 0;
}
