#include "granary/services/tenant_node/node_options.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "granary/api/compaction_policy_json.h"
#include "granary/api/json_object.h"
#include "granary/base/daily_window.h"
#include "granary/hosting/server_options.h"
#include "granary/hosting/variable.h"

namespace granary::services {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

// A streamed body takes some chunks' worth of memory while it is read, and as much again while its
// rows are written out: so many of MEMORY_LIMIT_MB are read at once that each gets to its end.
constexpr std::int64_t kChunksOfAStreamedBody = 6;
// Of MEMORY_LIMIT_MB at most: a hot tier is written out by a flush that holds it once more, and
// what only saves time leaves room for what must be.
constexpr std::uint64_t kHotParts = 4;
constexpr std::uint64_t kCacheParts = 4;
constexpr std::uint64_t kFooterParts = 8;
constexpr std::uint64_t kRowGroupParts = 32;
constexpr std::uint64_t kIncomingParts = 8;
// A query works on one row group at a time where such a part of MEMORY_LIMIT_MB does not hold two of
// the widest source's, which have so many rows at least.
constexpr std::uint64_t kDecodingParts = 8, kRowsOfWideGroup = 1024, kBytesOfValue = 8;
// Where nobody says how much temporary files may take: log files of some lanes and a flush still
// fit.
constexpr std::uint64_t kSpillKeepsFreeBytes = 512ull << 20;
constexpr std::uint64_t kMergeParts = 8;
// Of MEMORY_LIMIT_MB a tenant of many, of that a query; a log file, of which each open tenant has
// one at least; and of the files that may be open, since all tenants have those of the process.
constexpr std::int64_t kTenantParts = 2, kQueryParts = 8, kWalFileOfManyMb = 4, kOpenFileParts = 8;

std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint64_t Megabytes(std::int64_t value) { return Unsigned(value) << 20; }
std::uint64_t Fraction(double megabytes) {
  return static_cast<std::uint64_t>(megabytes * static_cast<double>(1u << 20));
}

std::vector<std::string> SplitPaths(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(':'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::size_t StreamedBodiesMax(const Config& config) {
  const std::int64_t fit =
      config.memory_limit_mb /
      (kChunksOfAStreamedBody * std::max<std::int64_t>(config.body_chunk_mb, 1));
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(fit, 1, std::max<std::int64_t>(config.max_streamed_bodies, 1)));
}

storage::StoreOptions MakeStoreOptions(const Config& config, const TenantId& tenant) {
  const std::uint64_t memory_limit = Megabytes(config.memory_limit_mb);
  storage::StoreOptions out;
  out.root = config.data_path;
  out.tenant = tenant;
  out.allowed_data_paths = AllowedDataPaths(config);
  out.wal_lanes = static_cast<std::uint32_t>(config.wal_lanes);
  out.wal_file_bytes = Megabytes(config.wal_file_mb);
  out.wal_batch_bytes_max = Megabytes(config.wal_batch_max_mb);
  out.wal_retention_us = config.wal_retention_hours * 3600 * kMicrosPerSecond;
  out.wal_retention_bytes = Megabytes(config.wal_retention_max_mb);
  out.wal_lane_bytes_max = Megabytes(config.wal_lane_max_mb);
  out.flush_rows = Unsigned(config.flush_rows);
  out.flush_bytes = Megabytes(config.flush_mb);
  out.flush_age_us = config.flush_age_seconds * kMicrosPerSecond;
  out.durability_interval_us = config.durability_interval_ms * 1000;
  out.statistics_interval_us = config.statistics_refresh_interval_minutes * 60 * kMicrosPerSecond;
  out.hot_wait_max = std::chrono::milliseconds(config.memory_wait_ms);
  out.hot_bytes_max = std::min(Megabytes(config.hot_memory_max_mb), memory_limit / kHotParts);
  out.segment_files.open_segments_max = static_cast<std::size_t>(config.max_open_segments);
  out.segment_files.open_indexes_max = static_cast<std::size_t>(config.max_open_indexes);
  out.segment_files.index_cache_bytes = Megabytes(config.index_cache_mb);
  out.segment_files.column_cache_bytes =
      std::min(Megabytes(config.column_cache_mb), memory_limit / kCacheParts);
  out.segment_files.open_bytes_max = memory_limit / kFooterParts;
  out.row_group_rows = config.row_group_rows;
  out.page_rows = config.page_rows;
  out.shred_paths_max = static_cast<std::size_t>(config.shred_paths_max);
  out.row_group_bytes = std::min(Megabytes(config.row_group_mb), memory_limit / kRowGroupParts);
  out.compaction = {
      .automatic = config.auto_compaction_enabled,
      .interval_us = config.compaction_interval_minutes * 60 * kMicrosPerSecond,
      .files_due = static_cast<std::size_t>(config.compaction_files_due),
      .min_bytes = Fraction(config.min_file_size_mb),
      .target_bytes = Fraction(config.target_file_size_mb),
      .max_bytes = Fraction(config.max_file_size_mb),
      .workers = static_cast<std::size_t>(config.compaction_workers),
      .memory_bytes = std::min(Megabytes(config.compaction_memory_mb), memory_limit / kMergeParts),
      .hours = DailyWindow::Parse(config.compaction_window).value_or(DailyWindow()),
      .debt = {.slow_files = Unsigned(config.compaction_debt_slow_files),
               .stop_files = Unsigned(config.compaction_debt_max_files),
               .delay_max = std::chrono::milliseconds(config.compaction_delay_max_ms)}};
  out.snapshot_retention_us = config.snapshot_retention_minutes * 60 * kMicrosPerSecond;
  out.idempotency_retention_us = config.idempotency_key_hours * 3600 * kMicrosPerSecond;
  out.idempotency_keys_max = static_cast<std::size_t>(config.max_idempotency_keys);
  out.deletion_versions_max = static_cast<std::size_t>(config.max_delete_versions);
  out.sources_max = static_cast<std::size_t>(config.max_sources);
  out.columns_max = static_cast<std::size_t>(config.max_columns);
  return out;
}

runtime::SpillOptions MakeSpillOptions(const Config& config) {
  if (config.spill_max_mb == 0) return {.keep_free_bytes = kSpillKeepsFreeBytes};
  return {.max_bytes = Megabytes(config.spill_max_mb)};
}

}  // namespace

std::size_t WorkerThreads(const Config& config, std::size_t cpus) {
  return std::clamp<std::size_t>(cpus, static_cast<std::size_t>(config.min_workers),
                                 static_cast<std::size_t>(config.max_workers));
}

runtime::WorkerScaler::Options MakeScalerOptions(const Config& config, std::size_t cpus) {
  runtime::WorkerScaler::Options out;
  out.enabled = config.auto_scaling_enabled;
  out.limits = {.workers_min = static_cast<std::size_t>(config.min_workers),
                .workers_max = static_cast<std::size_t>(config.max_workers),
                .workers_idle = WorkerThreads(config, cpus),
                .cpu_up_percent = config.scale_up_threshold_cpu,
                .cpu_down_percent = config.scale_down_threshold_cpu,
                .memory_up_percent = config.scale_up_threshold_memory,
                .memory_down_percent = config.scale_down_threshold_memory};
  return out;
}

Result<TenantOptions> MakeTenantOptions(const Config& config) {
  TenantOptions out;
  GRANARY_ASSIGN(out.id, TenantId::Parse(config.tenant_id));
  out.name = config.tenant_name;
  out.store = MakeStoreOptions(config, out.id);
  out.admission = {.concurrent_max = static_cast<std::size_t>(config.max_concurrent_searches),
                   .queued_max = static_cast<std::size_t>(config.max_queued_searches)};
  out.records = {.records_max = static_cast<std::size_t>(config.max_batch_records),
                 .columns_max = static_cast<std::size_t>(config.max_columns),
                 .depth_max = static_cast<std::size_t>(config.max_json_depth)};
  out.memory = {.query_bytes = Megabytes(config.query_memory_mb),
                .query_start_bytes = Unsigned(config.query_start_memory_kb) << 10,
                .wait_max = std::chrono::milliseconds(config.memory_wait_ms),
                .spill = MakeSpillOptions(config),
                .kept_bytes = std::min(Megabytes(config.partial_cache_mb),
                                       Megabytes(config.memory_limit_mb) / kCacheParts)};
  const std::uint64_t wide_group = Unsigned(config.max_columns) * kRowsOfWideGroup * kBytesOfValue;
  if (Megabytes(config.memory_limit_mb) / kDecodingParts < 2 * wide_group)
    out.query_parallelism = 1;
  out.snapshot_retention_us = config.snapshot_retention_minutes * 60 * kMicrosPerSecond;
  out.retention_interval = std::chrono::minutes(config.retention_interval_minutes);
  out.bodies = {.chunk_rows = static_cast<std::size_t>(config.body_chunk_rows),
                .chunk_bytes = Megabytes(config.body_chunk_mb),
                .decode_bytes_max = config.body_decode_mb << 20,
                .records_per_byte_max = Unsigned(config.max_body_ratio),
                .spool_bytes_max = Megabytes(config.body_spool_max_mb)};
  out.pattern_bytes_max = static_cast<std::size_t>(config.max_pattern_bytes);
  out.optimizer.enabled = config.query_optimization_enabled;
  out.optimizer.page_rows = config.page_rows;
  out.learner.enabled = config.cost_model_learning_enabled && config.query_optimization_enabled;
  out.learner.hands_on = out.learner.enabled && !config.cbo_engine_url.empty();
  return out;
}

std::uint64_t MemoryOf(const Config& config, const HostedTenant& hosted) {
  const std::uint64_t own =
      Unsigned(config.tenant_memory_mb == 0 ? config.memory_limit_mb / kTenantParts
                                            : config.tenant_memory_mb);
  return std::min(hosted.quota.memory_mb.value_or(own), Unsigned(config.memory_limit_mb)) << 20;
}

Config ConfigOf(const Config& config, const HostedTenant& hosted) {
  Config out = config;
  out.tenant_id = hosted.id.str();
  out.tenant_name = hosted.name.empty() ? hosted.id.str() : hosted.name;
  out.memory_limit_mb = static_cast<std::int64_t>(MemoryOf(config, hosted) >> 20);
  out.query_memory_mb = std::min(config.query_memory_mb,
                                 std::max<std::int64_t>(out.memory_limit_mb / kQueryParts, 1));
  const auto set = [](const std::optional<std::uint64_t>& quota, std::int64_t& setting) {
    if (quota) setting = static_cast<std::int64_t>(*quota);
  };
  set(hosted.quota.sources, out.max_sources);
  set(hosted.quota.searches, out.max_concurrent_searches);
  out.wal_lanes = 1;
  out.wal_file_mb = std::min(config.wal_file_mb, kWalFileOfManyMb);
  out.max_open_segments = std::max<std::int64_t>(config.max_open_segments / kOpenFileParts, 1);
  out.max_open_indexes = std::max<std::int64_t>(config.max_open_indexes / kOpenFileParts, 1);
  return out;
}

Result<std::vector<HostedTenant>> ConfiguredTenants(const Config& config) {
  std::vector<std::string> ids = hosting::SplitList(config.tenant_ids);
  if (ids.empty()) ids.push_back(config.tenant_id);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.size() > static_cast<std::size_t>(config.node_capacity)) {
    return Status(Code::kInvalidArgument,
                  fmt::format("TENANT_IDS names {} tenants, NODE_CAPACITY is {}", ids.size(),
                              config.node_capacity));
  }
  std::vector<HostedTenant> out;
  for (const std::string& id : ids) {
    HostedTenant& hosted = out.emplace_back();
    GRANARY_ASSIGN(hosted.id, TenantId::Parse(id));
    if (id == config.tenant_id) hosted.name = config.tenant_name;
  }
  return out;
}

TenantsOptions MakeTenantsOptions(const Config& config) {
  TenantsOptions out;
  out.open_max = static_cast<std::size_t>(config.max_open_tenants);
  out.idle = std::chrono::seconds(config.tenant_idle_seconds);
  out.retention_interval = std::chrono::minutes(config.retention_interval_minutes);
  out.hot_bytes_max =
      std::min(Megabytes(config.hot_memory_max_mb), Megabytes(config.memory_limit_mb) / kHotParts);
  // Half of the requests that the node takes at once: the other half is for the others.
  if (config.node_capacity > 1)
    out.in_use_max = std::max<std::size_t>(static_cast<std::size_t>(config.max_connections) / 2, 1);
  return out;
}

net::HttpServerOptions MakeServerOptions(const Config& config) {
  net::HttpServerOptions out = hosting::MakeServerOptions(config, config.rest_port);
  out.streamed_bodies_max = StreamedBodiesMax(config);
  return out;
}

net::GrpcServerOptions MakeGrpcOptions(const Config& config) {
  net::GrpcServerOptions out = hosting::MakeGrpcOptions(config, config.grpc_host, config.grpc_port);
  out.incoming_bytes_max = std::max(
      out.message_bytes_max,
      std::min(out.messages_bytes_max, Megabytes(config.memory_limit_mb) / kIncomingParts));
  return out;
}

std::string CatalogSettings(const Config& config) {
  const api::CompactionPolicy own{
      .enabled = config.auto_compaction_enabled,
      .interval_minutes = static_cast<double>(config.compaction_interval_minutes),
      .min_file_size_mb = config.min_file_size_mb,
      .target_file_size_mb = config.target_file_size_mb,
      .max_file_size_mb = config.max_file_size_mb,
      .window = config.compaction_window};
  std::string out;
  api::JsonObject object(out);
  api::AppendCompactionPolicy(own, object.Key("policy"));
  object.Add("columns_max", config.max_columns);
  object.Close();
  return out;
}

std::vector<std::string> AllowedDataPaths(const Config& config) {
  return SplitPaths(config.allowed_data_paths);
}

}  // namespace granary::services
