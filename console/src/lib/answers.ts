// What the services answer, as far as the console reads it.
import type { Json, JsonObject } from './json.ts';

export interface ServiceHealth {
  service: string;
  url: string;
  status: 'ok' | 'not ready' | 'down';
  checked: string;
  ms: number | null;
  error: string | null;
  health: { version?: string; uptime_seconds?: number } | null;
}
/** Of the fleet; neither where it is nor whom it serves. */
export interface NodeHealth {
  node: string;
  status: 'ok' | 'not ready' | 'down' | 'unknown' | 'not looked at';
  state: string;
  checked: string | null;
  ms: number | null;
}
export interface HealthAll {
  status: string;
  services: ServiceHealth[];
  nodes: NodeHealth[];
}

export interface Alert {
  rule: string;
  service: string;
  node: string | null;
  labels: string;
  state: 'firing' | 'pending';
  severity: string;
  summary: string;
  value: number | null;
  since: string;
  silenced: boolean;
}
export interface AlertRule {
  name: string;
  service: string | null;
  metric: string;
  labels: Record<string, string>;
  of: string;
  op: string;
  value: number;
  for_seconds: number;
  severity: string;
  summary: string;
}
export interface Silence {
  id: string;
  rule: string | null;
  service: string | null;
  node: string | null;
  comment: string | null;
  until: string;
}
export interface Alerts {
  alerts: Alert[];
  rules: AlertRule[];
  silences: Silence[];
}

export interface LogLine extends JsonObject {
  ts: string;
  level: string;
  msg: string;
}
export interface Quota {
  sources: number | null;
  memory_mb: number | null;
  workers: number | null;
  searches: number | null;
}
export interface FleetTenant {
  tenant_id: string;
  name: string;
  state: 'active' | 'suspended' | 'deleting';
  serving: boolean;
  created: string;
  placement: {
    node_id: string;
    url: string | null;
    node_state: string;
    reason: string;
  } | null;
  quota: Quota | null;
}
export interface TenantSize {
  tenant_id: string;
  rows: number | null;
  bytes: number | null;
  sources: number | null;
}

/** `first` and `next` are positions: for `before` and `after`. */
export interface LogPage {
  service: string;
  lines: LogLine[];
  first: number | null;
  next: number;
  more: boolean;
}

export interface Source extends JsonObject {
  source_id: string;
  name: string;
  schema_definition: { [column: string]: string };
  schema_mode: string;
  schema_version: number;
  created_at: string;
}
export interface ColumnStats {
  type: string;
  nulls: number;
  min: Json;
  max: Json;
  distinct: number | null;
  values: Json[] | null;
  indexes: string[];
}
export interface SourceStats {
  source_id: string;
  rows: number;
  bytes: number;
  hot_rows: number;
  deleted_rows: number;
  segments: number;
  partitions: number;
  schema_version: number;
  wal_bytes: number;
  index_bytes: number;
  last_write: string | null;
  last_compaction: string | null;
  columns: Record<string, ColumnStats>;
}
export interface TenantStats {
  tenant_id: string;
  tenant_name: string;
  sources: number;
  rows: number;
  bytes: number;
  segments: number;
  source_stats: Record<string, SourceStats>;
}
export interface CompactionPlan {
  merges: { partition: string; files: number; bytes: number; reason: string }[];
  left: { partition: string; files: number; bytes: number; reason: string }[];
  debt: { files: number; bytes: number; partitions: number };
  writes: number;
  hours: string;
}
export interface Job {
  job_id: string;
  state: string;
  reason: string;
  bytes_total: number;
  bytes_done: number;
  files_before: number;
  files_after: number;
  error: { code: string; detail: string } | null;
}
export interface Paths {
  documents: number;
  complete: boolean;
  paths: {
    path: string;
    types: Record<string, number>;
    files: number;
    shredded: boolean;
    conflict: boolean;
  }[];
}

export interface QueryStats {
  elapsed_ms: number;
  rows_scanned: number;
  segments_total: number;
  segments_pruned: number;
  bytes_read: number;
  spilled_bytes?: number;
  access_paths: string[];
}
export interface SearchAnswer {
  records: { source_id: string; fields: JsonObject }[];
  count: number;
  next_cursor: string | null;
  stats: QueryStats;
}
export interface AggregateAnswer {
  results: JsonObject[];
  stats: QueryStats;
}
export interface RunningQuery {
  id: string;
  kind: string;
  source_ids: string[];
  started: string;
  elapsed_ms: number;
  state: string;
  rows_scanned: number;
  request_id: string;
}

export interface User {
  user_id: string;
  username: string;
  roles: string[];
  has_password: boolean;
  disabled: boolean;
  created_at: string | null;
}
export interface Key {
  key_id: string;
  user_id: string;
  name: string;
  scope: { verbs: string[]; source: string }[] | null;
  created_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
}
export interface Role {
  role: string;
  grants: { verbs: string[]; source: string }[];
}
