// Config: everything about a Tenant Node that its operator chooses, by the names of config.env.
//
// Shape      one table (config_table.cc) names each variable, its default, what is allowed and what
//            it is for; reading, checking, showing and config.env.example all follow from it.
// Threads    a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/server_config.h"

namespace granary::services {

using hosting::ConfigSetting;
using hosting::ConfigValue;
using hosting::Variable;

struct Config : hosting::ServerConfig {
  // Who and where.
  std::string tenant_id, tenant_name, allowed_data_paths, grpc_host,
      gateway_jwks;               ///< A file or URL; empty: no gateway.
  bool gateway_required = false;  ///< Then also of what comes from this machine.
  // Whom it serves: 1: tenant_id alone.
  std::int64_t node_capacity = 1, max_open_tenants = 0, tenant_idle_seconds = 0,
               tenant_memory_mb = 0;
  std::string tenant_ids;  ///< Of many, where no Operation Node says whom. Empty: tenant_id.
  std::int64_t grpc_port = 0;
  // What it is called by the Operation Node. Empty: it finds out by itself.
  std::string node_id, node_url, node_key;
  // Work.
  std::int64_t max_concurrent_searches = 0, max_queued_searches = 0;
  bool auto_scaling_enabled = false;
  std::int64_t min_workers = 0, max_workers = 0;
  double scale_up_threshold_cpu = 0, scale_down_threshold_cpu = 0;
  double scale_up_threshold_memory = 0, scale_down_threshold_memory = 0;
  // Memory; megabytes of 0 are replaced by what the machine has room for.
  std::int64_t memory_limit_mb = 0, query_memory_mb = 0, query_start_memory_kb = 0,
               memory_wait_ms = 0;
  std::int64_t spill_max_mb = 0;  ///< 0: up to what is free on the disk, less a reserve.
  // Log and hot tier.
  std::int64_t wal_retention_hours = 0, wal_retention_max_mb = 0, wal_lanes = 0, wal_file_mb = 0,
               wal_batch_max_mb = 0, wal_lane_max_mb = 0, durability_interval_ms = 0;
  std::int64_t flush_rows = 0, flush_mb = 0, flush_age_seconds = 0, hot_memory_max_mb = 0,
               snapshot_retention_minutes = 0, idempotency_key_hours = 0, max_idempotency_keys = 0,
               max_delete_versions = 0, retention_interval_minutes = 0;
  // Files.
  std::int64_t row_group_rows = 0, row_group_mb = 0, page_rows = 0, shred_paths_max = 0,
               max_open_segments = 0, max_open_indexes = 0, index_cache_mb = 0, column_cache_mb = 0,
               partial_cache_mb = 0, max_sources = 0;
  bool auto_compaction_enabled = false;
  std::string compaction_window;
  std::int64_t compaction_debt_slow_files = 0, compaction_debt_max_files = 0,
               compaction_delay_max_ms = 0;
  std::int64_t compaction_interval_minutes = 0, compaction_files_due = 0, compaction_workers = 0,
               compaction_memory_mb = 0;
  double min_file_size_mb = 0, max_file_size_mb = 0, target_file_size_mb = 0;
  // Queries.
  bool query_optimization_enabled = false, cost_model_learning_enabled = false;
  std::string metadata_catalog_url;  ///< Empty: none.
  std::int64_t catalog_publish_ms = 0, catalog_statistics_seconds = 0;
  std::string cbo_engine_url;  ///< Empty: none.
  std::int64_t cbo_push_interval_seconds = 0;
  std::int64_t statistics_refresh_interval_minutes = 0;
  // Bodies and records.
  std::int64_t body_chunk_rows = 0, body_chunk_mb = 0, body_decode_mb = 0, body_spool_max_mb = 0;
  std::int64_t max_streamed_bodies = 0, max_json_depth = 0, max_batch_records = 0, max_columns = 0,
               max_page_records = 0, max_pattern_bytes = 0;
};

/// What the process may use at most, and who says so ("the control group", "the machine").
struct MachineMemory {
  std::uint64_t bytes = 0;
  std::string of;
};

struct ConfigSources : hosting::ConfigSources {
  /// MEMORY_LIMIT_MB follows from it where nobody sets it.
  MachineMemory memory = {};
};

/// The rows of a Tenant Node, those of every service among them.
std::span<const Variable> ConfigTable();

/// kInvalidArgument, listing every bad value: its name, what it was, where it came from, what is
/// allowed. A name in the file or a flag that is none is refused too.
Result<Config> LoadConfig(const ConfigSources& sources);

}  // namespace granary::services
