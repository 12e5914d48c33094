#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "granary/base/daily_window.h"
#include "granary/base/ids.h"
#include "granary/net/http_client.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {
namespace {

using hosting::IsHost;
using hosting::IsName;
using hosting::NumberRule;
using hosting::Offer;
using hosting::Port;
using hosting::SwitchRule;
using hosting::TextRule;
using hosting::WholeRule;

// Colon-separated absolute paths, or nothing.
bool IsPathList(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find(':'), text.size());
    if (!text.substr(0, end).starts_with('/')) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

bool IsKeyPlace(std::string_view text) {
  return hosting::IsOptionalPath(text) && text.find_first_of(" \t\r\n") == std::string_view::npos;
}

// Identifiers with commas between them, or nothing.
bool IsTenantList(std::string_view text) {
  const std::vector<std::string> ids = hosting::SplitList(text);
  return (text.empty() || !ids.empty()) &&
         std::ranges::all_of(ids, [](const std::string& id) { return IsIdentifier(id); });
}

bool IsNodeId(std::string_view text) { return text.empty() || IsIdentifier(text); }
bool IsUrlOrNothing(std::string_view text) {
  return text.empty() || net::HttpClient::Create(text, 1).ok();
}
bool IsKeyOrNothing(std::string_view text) {
  return text.empty() || (text.size() >= 16 && text.size() <= 512 &&
                          std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }));
}

bool IsWindow(std::string_view text) {
  return text.empty() || DailyWindow::Parse(text).has_value();
}

bool IsEngineUrl(std::string_view text) {
  return text.empty() || ((text.starts_with("http://") || text.starts_with("https://")) &&
                          text.find_first_of(" \t\"'") == std::string_view::npos);
}

constexpr NumberRule<Config> Percent(double Config::*member) { return {member, 0, 100}; }
constexpr std::int64_t kMegabytesMax = 1 << 30;

using C = Config;

// clang-format off
const Variable kNodeRows[] = {
    {"Who this node is", "TENANT_ID", "default_tenant",
     TextRule{&C::tenant_id, IsIdentifier, "letters, digits and _ . - (not first), at most 128"}, "Unique tenant identifier"},
    {"", "TENANT_NAME", "Default Tenant", TextRule{&C::tenant_name, IsName, "UTF-8 text of 1 to 255 bytes"}, "Human-readable tenant name"},
    {"", "NODE_CAPACITY", "1", WholeRule{&C::node_capacity, 1, 10'000}, "Tenants that the node can serve; 1: TENANT_ID alone; more: those that the Operation Node places on it, or TENANT_IDS, each in a folder of its own"},
    {"", "TENANT_IDS", "", TextRule{&C::tenant_ids, IsTenantList, "tenants' ids with commas between them, or nothing"}, "With NODE_CAPACITY over 1 and without OPERATION_NODE_URL: whom it serves; nothing: TENANT_ID"},
    {"", "MAX_OPEN_TENANTS", "200", WholeRule{&C::max_open_tenants, 1, 10'000}, "… of them so many are open at once, unless more are in use; others are opened by the first request for them"},
    {"", "TENANT_IDLE_SECONDS", "300", WholeRule{&C::tenant_idle_seconds, 1, 86'400}, "… one that nobody used for so long is flushed and closed"},
    {"", "TENANT_MEMORY_MB", "0", WholeRule{&C::tenant_memory_mb, 0, kMegabytesMax}, "… and what one holds at most, unless its quota says another; 0: half of MEMORY_LIMIT_MB"},
};

const Variable kGatewayRows[] = {
    {"", "GATEWAY_JWKS", "", TextRule{&C::gateway_jwks, IsKeyPlace, "a path, a URL like http://127.0.0.1:8080/auth/jwks.json, several with commas between them, or nothing"},
     "The public keys of the Auth Gateway, and of an Operation Node that queries several tenants (its /jwks.json): files or URLs, with commas between them; with it the node answers only what comes through the gateway, within the rights that it tells"},
    {"", "GATEWAY_REQUIRED", "true", SwitchRule{&C::gateway_required}, "With GATEWAY_JWKS: this machine too is answered only through the gateway; false: as without a gateway, and within their rights those who come through it"},
};

const Variable kPlaceRows[] = {
    {"", "ALLOWED_DATA_PATHS", "", TextRule{&C::allowed_data_paths, IsPathList, "absolute paths separated by ':'"},
     "Further roots that a source's data_path may lie in"},
    {"", "GRPC_HOST", "0.0.0.0", TextRule{&C::grpc_host, IsHost, "an address or a host name"}, "gRPC server host"},
    {"", "GRPC_PORT", "50051", Port(&C::grpc_port), "gRPC server port; 0 picks a free one"},
};

const Variable kFleetRows[] = {
    {"", "NODE_ID", "", TextRule{&C::node_id, IsNodeId, "an identifier, or nothing"}, "What the node is called by the Operation Node and the Metadata Catalog; nothing: a name that follows from its key"},
    {"", "NODE_URL", "", TextRule{&C::node_url, IsUrlOrNothing, "a URL like http://10.0.0.7:8000, or nothing"}, "… where it is found; nothing: its port, on 127.0.0.1 where the Operation Node is on this machine, else by the machine's name"},
    {"", "NODE_KEY", "", TextRule{&C::node_key, IsKeyOrNothing, "16 to 512 bytes without spaces, or nothing"},
     "… the secret by which it is known there again; nothing: one that is made and kept in DATA_PATH/node_key", Offer::kNow, hosting::Shown::kNever},
};

const Variable kCatalogRows[] = {
    {"", "METADATA_CATALOG_URL", "", TextRule{&C::metadata_catalog_url, IsUrlOrNothing, "a URL like http://127.0.0.1:8083, or nothing"},
     "The Metadata Catalog that a Tenant Node tells what its sources are made of, and whose policies of merging it follows; nothing: it does without"},
    {"", "CATALOG_PUBLISH_MS", "500", WholeRule{&C::catalog_publish_ms, 10, 3'600'000}, "How often it is told what is new"},
    {"", "CATALOG_STATISTICS_SECONDS", "30", WholeRule{&C::catalog_statistics_seconds, 1, 86'400}, "… and the statistics of a source that changed"},
};

const Variable kWorkRows[] = {
    {"Searches and workers", "MAX_CONCURRENT_SEARCHES", "10", WholeRule{&C::max_concurrent_searches, 1, 100'000}, "Max parallel searches"},
    {"", "MAX_QUEUED_SEARCHES", "1000", WholeRule{&C::max_queued_searches, 0, 1'000'000}, "Searches that may wait; further ones are refused with 503"},
    {"", "AUTO_SCALING_ENABLED", "true", SwitchRule{&C::auto_scaling_enabled}, "Add and take away worker threads by load; false: one for each CPU, within MIN_WORKERS and MAX_WORKERS"},
    {"", "MIN_WORKERS", "2", WholeRule{&C::min_workers, 1, 1024}, "Fewest worker threads; an idle node keeps one for each CPU unless memory is short"},
    {"", "MAX_WORKERS", "50", WholeRule{&C::max_workers, 1, 1024}, "Most worker threads"},
    {"", "SCALE_UP_THRESHOLD_CPU", "70.0", Percent(&C::scale_up_threshold_cpu), "While tasks wait, a worker is added where workers compute so many percent of their time; where tasks wait for over 40 ms, always, as long as the CPUs are not full"},
    {"", "SCALE_DOWN_THRESHOLD_CPU", "30.0", Percent(&C::scale_down_threshold_cpu), "Workers without work go by a quarter at once where they compute less than that, one by one where they compute more"},
    {"", "SCALE_UP_THRESHOLD_MEMORY", "80.0", Percent(&C::scale_up_threshold_memory), "From so many percent of memory on, caches not counted, no worker is added and some go"},
    {"", "SCALE_DOWN_THRESHOLD_MEMORY", "40.0", Percent(&C::scale_down_threshold_memory), "… and from here on workers are added one by one"},

    {"Memory", "MEMORY_LIMIT_MB", "0", WholeRule{&C::memory_limit_mb, 0, kMegabytesMax},
     "What the process holds at most; over it caches shrink, queries spill and queue, and then 503; 0: 60 % of what the machine or the control group has"},
    {"", "QUERY_MEMORY_MB", "0", WholeRule{&C::query_memory_mb, 0, kMegabytesMax}, "A query's share; what outgrows it goes to temporary files; 0: an eighth of MEMORY_LIMIT_MB"},
    {"", "SPILL_MAX_MB", "0", WholeRule{&C::spill_max_mb, 0, kMegabytesMax}, "Temporary files of all queries at once; past it 507; 0: what is free on the disk, less 512 MB for writes"},
    {"", "QUERY_START_MEMORY_KB", "1024", WholeRule{&C::query_start_memory_kb, 0, 1'048'576}, "What must be free before a query starts"},
    {"", "MEMORY_WAIT_MS", "5000", WholeRule{&C::memory_wait_ms, 0, 3'600'000}, "A query or a write waits so long for memory that others hold, then 503"},

    {"Write-ahead log", "WAL_RETENTION_HOURS", "24", WholeRule{&C::wal_retention_hours, 0, 24 * 365},
     "Flushed log files are kept for so long (unflushed ones always)"},
    {"", "WAL_RETENTION_MAX_MB", "1024", WholeRule{&C::wal_retention_max_mb, 0, kMegabytesMax}, "… or up to so much, whichever comes first"},
    {"", "WAL_LANES", "2", WholeRule{&C::wal_lanes, 1, 64}, "Logs that the sources share"},
    {"", "WAL_FILE_MB", "64", WholeRule{&C::wal_file_mb, 1, 4096}, "Size of one log file"},
    {"", "WAL_BATCH_MAX_MB", "64", WholeRule{&C::wal_batch_max_mb, 1, 256}, "Columns of one write, as the log holds them"},
    {"", "WAL_LANE_MAX_MB", "512", WholeRule{&C::wal_lane_max_mb, 1, kMegabytesMax}, "Past it the sources that hold a log back are flushed"},
    {"", "DURABILITY_INTERVAL_MS", "200", WholeRule{&C::durability_interval_ms, 1, 60'000}, "Writes to a source with durability \"interval\" are on the disk so long after their answer at most; a power cut takes no older ones"},

    {"Flush: fresh records to Parquet files", "FLUSH_ROWS", "1000000", WholeRule{&C::flush_rows, 1, 1'000'000'000}, "A source with so many fresh rows is flushed"},
    {"", "FLUSH_MB", "128", WholeRule{&C::flush_mb, 1, kMegabytesMax}, "… or with so many megabytes of them"},
    {"", "FLUSH_AGE_SECONDS", "300", WholeRule{&C::flush_age_seconds, 1, 31'536'000}, "… or when the oldest is so old"},
    {"", "HOT_MEMORY_MAX_MB", "2048", WholeRule{&C::hot_memory_max_mb, 1, kMegabytesMax}, "Fresh rows of all sources, at most a quarter of MEMORY_LIMIT_MB; past it writes wait for a flush, up to MEMORY_WAIT_MS, then 503"},
    {"", "IDEMPOTENCY_KEY_HOURS", "24", WholeRule{&C::idempotency_key_hours, 1, 24 * 365}, "A repeated write with the same Idempotency-Key is answered, not written again, for so long"},
    {"", "MAX_IDEMPOTENCY_KEYS", "100000", WholeRule{&C::max_idempotency_keys, 1, 10'000'000}, "Idempotency keys that a source keeps; past it the oldest go first"},
    {"", "SNAPSHOT_RETENTION_MINUTES", "15", WholeRule{&C::snapshot_retention_minutes, 0, 525'600}, "Files of older snapshots are kept for so long"},
    {"", "MAX_DELETE_VERSIONS", "1000", WholeRule{&C::max_delete_versions, 2, 1'000'000}, "Commits that deleted rows of a file and are told apart; past it the older half is not, and cursors of before end"},
    {"", "RETENTION_INTERVAL_MINUTES", "10", WholeRule{&C::retention_interval_minutes, 1, 525'600}, "How often records are deleted that are past their source's retention"},

    {"Files", "ROW_GROUP_ROWS", "131072", WholeRule{&C::row_group_rows, 1, 100'000'000}, "Rows in a Parquet row group"},
    {"", "PAGE_ROWS", "20000", WholeRule{&C::page_rows, 1, 100'000'000}, "Rows in a page of a Parquet column at most: what page indexes can leave out is pages"},
    {"", "ROW_GROUP_MB", "128", WholeRule{&C::row_group_mb, 1, 65'536}, "… or as many as fill so much memory, if that is fewer; never more than a 32nd of MEMORY_LIMIT_MB"},
    {"", "SHRED_PATHS_MAX", "64", WholeRule{&C::shred_paths_max, 0, 1'000}, "Paths in the documents of a source of schema_mode json that may be columns of their own in a file; 0: none"},
    {"", "MAX_OPEN_SEGMENTS", "512", WholeRule{&C::max_open_segments, 1, 1'000'000}, "Parquet files that are kept open"},
    {"", "MAX_OPEN_INDEXES", "1024", WholeRule{&C::max_open_indexes, 1, 1'000'000}, "Index files that are kept open"},
    {"", "INDEX_CACHE_MB", "64", WholeRule{&C::index_cache_mb, 1, kMegabytesMax}, "Blocks of indexes that are kept in memory"},
    {"", "COLUMN_CACHE_MB", "512", WholeRule{&C::column_cache_mb, 1, kMegabytesMax}, "Decoded columns that are kept in memory"},
    {"", "PARTIAL_CACHE_MB", "64", WholeRule{&C::partial_cache_mb, 0, kMegabytesMax},
     "What aggregates found in whole segments, kept for the next one that asks the same; 0: nothing is kept"},
    {"", "MAX_SOURCES", "10000", WholeRule{&C::max_sources, 1, 1'000'000}, "Sources of the tenant"},

    {"Compaction: small files into larger ones", "AUTO_COMPACTION_ENABLED", "true", SwitchRule{&C::auto_compaction_enabled}, "Merge small files in the background"},
    {"", "COMPACTION_INTERVAL_MINUTES", "60", WholeRule{&C::compaction_interval_minutes, 1, 525'600}, "How often to look for work"},
    {"", "COMPACTION_FILES_DUE", "200", WholeRule{&C::compaction_files_due, 2, 1'000'000}, "… and at once where a source has so many more files than when it was last looked at"},
    {"", "MIN_FILE_SIZE_MB", "50.0", NumberRule{&C::min_file_size_mb, 0, kMegabytesMax}, "Smaller files are merged"},
    {"", "MAX_FILE_SIZE_MB", "512.0", NumberRule{&C::max_file_size_mb, 1, kMegabytesMax}, "No file that merging makes is larger"},
    {"", "TARGET_FILE_SIZE_MB", "256.0", NumberRule{&C::target_file_size_mb, 1, kMegabytesMax}, "What merging aims at; a source's max_file_size_mb, if that is less"},
    {"", "COMPACTION_WORKERS", "1", WholeRule{&C::compaction_workers, 1, 64}, "Merges at once; they give way to everything else"},
    {"", "COMPACTION_WINDOW", "", TextRule{&C::compaction_window, IsWindow, "hours of the day in UTC, as 22:00-06:00, or nothing"},
     "Hours in which files are merged without being asked; outside of them only where writes would be slowed; nothing: always"},
    {"", "COMPACTION_DEBT_SLOW_FILES", "1000", WholeRule{&C::compaction_debt_slow_files, 1, 10'000'000},
     "From so many files on that a source should have merged by now (small ones, past the first 24 of a partition) each write to it waits a little"},
    {"", "COMPACTION_DEBT_MAX_FILES", "4000", WholeRule{&C::compaction_debt_max_files, 1, 10'000'000}, "… and from so many on writes to it are refused with 503, until files are merged"},
    {"", "COMPACTION_DELAY_MAX_MS", "1000", WholeRule{&C::compaction_delay_max_ms, 0, 60'000}, "Just before that a write waits so long"},
    {"", "COMPACTION_MEMORY_MB", "256", WholeRule{&C::compaction_memory_mb, 1, kMegabytesMax}, "Memory of one merge, at most an eighth of MEMORY_LIMIT_MB"},

    {"Query optimization", "QUERY_OPTIMIZATION_ENABLED", "true", SwitchRule{&C::query_optimization_enabled}, "Choose plans by cost; false: no index is asked, what partitions and statistics leave is read"},
    {"", "STATISTICS_REFRESH_INTERVAL_MINUTES", "30", WholeRule{&C::statistics_refresh_interval_minutes, 1, 525'600}, "How often the statistics of a source that changed are renewed; sooner where it grew by a tenth"},
    {"", "COST_MODEL_LEARNING_ENABLED", "true", SwitchRule{&C::cost_model_learning_enabled}, "Learn costs and corrections of estimates from executed queries"},
    {"", "CBO_ENGINE_URL", "", TextRule{&C::cbo_engine_url, IsEngineUrl, "an http or https URL, or nothing"}, "CBO Engine that is told what queries took and whose model is taken over; nothing: the node learns by itself"},
    {"", "CBO_PUSH_INTERVAL_SECONDS", "5", WholeRule{&C::cbo_push_interval_seconds, 1, 3600}, "How often it is told and asked"},
};

const Variable kBodyRows[] = {
    {"Bodies and records", "MAX_STREAMED_BODIES", "32", WholeRule{&C::max_streamed_bodies, 1, 1'000}, "Streamed bodies (NDJSON, CSV, Arrow, Parquet) at once; past it 503"},
    {"", "BODY_CHUNK_ROWS", "65536", WholeRule{&C::body_chunk_rows, 1, 1'000'000}, "Records of a streamed body that are handled at once"},
    {"", "BODY_CHUNK_MB", "16", WholeRule{&C::body_chunk_mb, 1, 48}, "Bytes of them; also the longest line"},
    {"", "BODY_DECODE_MB", "256", WholeRule{&C::body_decode_mb, 1, kMegabytesMax}, "Memory that decoding one Arrow or Parquet body may take: twice this and FLUSH_MB together, as what came before is written meanwhile; past it 413"},
    {"", "BODY_SPOOL_MAX_MB", "4096", WholeRule{&C::body_spool_max_mb, 1, kMegabytesMax}, "A Parquet body, which waits in a file until it is whole; past it 413"},
    {"", "MAX_JSON_DEPTH", "64", WholeRule{&C::max_json_depth, 2, 1000}, "Nesting of JSON"},
    {"", "MAX_BATCH_RECORDS", "10000", WholeRule{&C::max_batch_records, 1, 10'000'000}, "Records in one JSON write"},
    {"", "MAX_COLUMNS", "1000", WholeRule{&C::max_columns, 1, 100'000}, "Columns of a source"},
    {"", "MAX_PATTERN_BYTES", "8192", WholeRule{&C::max_pattern_bytes, 1, 16 << 20}, "Longest like, ilike or regex pattern of a filter"},
    {"", "MAX_PAGE_RECORDS", "10000", WholeRule{&C::max_page_records, 1, 10'000'000}, "Highest limit of a search (a stream has none)"},
};

// clang-format on

std::vector<Variable> MakeTable() {
  std::vector<Variable> out;
  const auto add = [&out](auto&& rows) { out.insert(out.end(), std::begin(rows), std::end(rows)); };
  add(kNodeRows);
  add(hosting::PlaceVariables());
  add(kPlaceRows);
  add(hosting::PortVariables());
  add(hosting::AccessVariables());
  add(kGatewayRows);
  add(hosting::FleetVariables());
  add(kFleetRows);
  add(kCatalogRows);
  add(kWorkRows);
  add(hosting::RequestVariables());
  add(kBodyRows);
  add(hosting::LogVariables());
  return out;
}

}  // namespace

std::span<const Variable> ConfigTable() {
  static const std::vector<Variable> table = MakeTable();
  return table;
}

}  // namespace granary::services
