// Config: everything about a Tenant Node that its operator chooses, by the names of config.env.
//
// Order      defaults < config.env < environment < flags; each value remembers where it came from.
// Shape      one table (config_table.cc) names each variable, its default, what is allowed and what
//            it is for; reading, checking, showing and config.env.example all follow from it.
// Threads    a value.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::services {

struct ConfigValue {
  std::string name;
  std::string text;    ///< As given, or the default.
  std::string origin;  ///< "default", "config.env:12", "environment", "--rest-port".
};

struct Config {
  // Who and where.
  std::string tenant_id, tenant_name, data_path, allowed_data_paths, rest_host, grpc_host;
  std::string tls_cert_file, tls_key_file, tls_client_ca_file;  ///< Empty: none.
  std::int64_t rest_port = 0, grpc_port = 0;
  bool allow_anonymous = false;
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
  std::int64_t row_group_rows = 0, row_group_mb = 0, shred_paths_max = 0, max_open_segments = 0,
               max_open_indexes = 0, index_cache_mb = 0, column_cache_mb = 0, partial_cache_mb = 0,
               max_sources = 0;
  bool auto_compaction_enabled = false;
  std::int64_t compaction_interval_minutes = 0, compaction_files_due = 0, compaction_workers = 0,
               compaction_memory_mb = 0;
  double min_file_size_mb = 0, max_file_size_mb = 0, target_file_size_mb = 0;
  // Queries.
  bool query_optimization_enabled = false, cost_model_learning_enabled = false;
  std::int64_t statistics_refresh_interval_minutes = 0;
  // Limits of requests.
  std::int64_t body_chunk_rows = 0, body_chunk_mb = 0, body_decode_mb = 0, body_spool_max_mb = 0;
  std::int64_t max_body_ratio = 0, compress_min_bytes = 0, max_streamed_bodies = 0;
  std::int64_t max_body_mb = 0, max_bodies_mb = 0, max_header_kb = 0, max_json_depth = 0,
               max_batch_records = 0, max_columns = 0;
  std::int64_t max_page_records = 0, max_connections = 0, handler_threads = 0, io_threads = 0;
  std::int64_t header_timeout_seconds = 0, body_timeout_seconds = 0, body_progress_kb = 0,
               idle_timeout_seconds = 0, write_timeout_seconds = 0;
  std::int64_t stop_timeout_seconds = 0;
  // Log lines.
  std::string log_level, log_format;
  // The other services.
  std::int64_t auth_gateway_port = 0, operation_node_port = 0, cbo_engine_port = 0,
               metadata_catalog_port = 0;
  std::int64_t monitoring_port = 0;

  std::vector<ConfigValue> values;  ///< Every variable, in the order of the table.
};

/// One NAME=VALUE that somebody gave.
struct ConfigSetting {
  std::string name;
  std::string text;
  std::string origin;
};

/// What the process may use at most, and who says so ("the control group", "the machine").
struct MachineMemory {
  std::uint64_t bytes = 0;
  std::string of;
};

/// What somebody changed though this version does not look at it, for a warning.
std::vector<ConfigSetting> WithoutEffect(const Config& config);

struct ConfigSources {
  std::vector<ConfigSetting> file;  ///< ParseConfigFile's.
  /// The environment; asked only for names of the table.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::vector<ConfigSetting> flags;
  /// MEMORY_LIMIT_MB follows from it where nobody sets it.
  MachineMemory memory = {};
};

/// kInvalidArgument, listing every bad value: its name, what it was, where it came from, what is
/// allowed. A name in the file or a flag that is none is refused too.
Result<Config> LoadConfig(const ConfigSources& sources);

/// Lines NAME=VALUE; '#' starts a comment line, "export " and quotes around a value are taken off.
/// `file` names it in origins and errors.
Result<std::vector<ConfigSetting>> ParseConfigFile(std::string_view text, const std::string& file);

/// What config.env.example holds: every variable with its default, its meaning and what is allowed.
std::string ExampleConfigFile();

}  // namespace granary::services
