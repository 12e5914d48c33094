#include "granary/services/tenant_node/config_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/base/utf8.h"

namespace granary::services {
namespace {

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= 255 && IsValidUtf8(text);
}
bool IsPath(std::string_view text) {
  return !text.empty() && text.find('\0') == std::string_view::npos;
}
bool IsOptionalPath(std::string_view text) { return text.find('\0') == std::string_view::npos; }
bool IsHost(std::string_view text) {
  return !text.empty() && text.find_first_of(" /\t") == std::string_view::npos;
}

// Colon-separated absolute paths, or nothing.
bool IsPathList(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find(':'), text.size());
    if (!text.substr(0, end).starts_with('/')) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool IsLevel(std::string_view given) {
  const std::string text = Lower(given);
  return text == "debug" || text == "info" || text == "warn" || text == "error";
}
bool IsFormat(std::string_view given) {
  const std::string text = Lower(given);
  return text == "auto" || text == "json" || text == "text";
}

constexpr WholeRule Port(std::int64_t Config::*member) { return {member, 0, 65535}; }
constexpr NumberRule Percent(double Config::*member) { return {member, 0, 100}; }
constexpr std::int64_t kMegabytesMax = 1 << 30;

using C = Config;

// clang-format off
const Variable kTable[] = {
    {"Who this node is, and where it keeps and serves data", "TENANT_ID", "default_tenant",
     TextRule{&C::tenant_id, IsIdentifier, "letters, digits and _ . - (not first), at most 128"}, "Unique tenant identifier"},
    {"", "TENANT_NAME", "Default Tenant", TextRule{&C::tenant_name, IsName, "UTF-8 text of 1 to 255 bytes"}, "Human-readable tenant name"},
    {"", "DATA_PATH", "./data", TextRule{&C::data_path, IsPath, "a path"}, "Base path for data storage"},
    {"", "ALLOWED_DATA_PATHS", "", TextRule{&C::allowed_data_paths, IsPathList, "absolute paths separated by ':'"},
     "Further roots that a source's data_path may lie in"},
    {"", "REST_HOST", "0.0.0.0", TextRule{&C::rest_host, IsHost, "an address or a host name"}, "REST API server host"},
    {"", "REST_PORT", "8000", Port(&C::rest_port), "REST API server port; 0 picks a free one"},
    {"", "GRPC_HOST", "0.0.0.0", TextRule{&C::grpc_host, IsHost, "an address or a host name"}, "gRPC server host"},
    {"", "GRPC_PORT", "50051", Port(&C::grpc_port), "gRPC server port; 0 picks a free one"},
    {"", "TLS_CERT_FILE", "", TextRule{&C::tls_cert_file, IsOptionalPath, "a path, or nothing"},
     "PEM file: the certificate of this node and those that lead to its root; with TLS_KEY_FILE both APIs speak TLS only"},
    {"", "TLS_KEY_FILE", "", TextRule{&C::tls_key_file, IsOptionalPath, "a path, or nothing"}, "PEM file: the certificate's key, without a passphrase"},
    {"", "TLS_CLIENT_CA_FILE", "", TextRule{&C::tls_client_ca_file, IsOptionalPath, "a path, or nothing"},
     "PEM file: clients must show a certificate signed by one of these, and those that do are answered from any machine"},
    {"", "ALLOW_ANONYMOUS", "false", SwitchRule{&C::allow_anonymous},
     "Without authentication configured only this machine is answered, unless this is true"},

    {"Searches and workers", "MAX_CONCURRENT_SEARCHES", "10", WholeRule{&C::max_concurrent_searches, 1, 100'000}, "Max parallel searches"},
    {"", "MAX_QUEUED_SEARCHES", "1000", WholeRule{&C::max_queued_searches, 0, 1'000'000}, "Searches that may wait; further ones are refused with 503"},
    {"", "AUTO_SCALING_ENABLED", "true", SwitchRule{&C::auto_scaling_enabled}, "Resize the worker pool by load", Offer::kLater},
    {"", "MIN_WORKERS", "2", WholeRule{&C::min_workers, 1, 1024}, "Fewest worker threads"},
    {"", "MAX_WORKERS", "50", WholeRule{&C::max_workers, 1, 1024}, "Most worker threads"},
    {"", "SCALE_UP_THRESHOLD_CPU", "70.0", Percent(&C::scale_up_threshold_cpu), "CPU use in percent above which workers are added", Offer::kLater},
    {"", "SCALE_DOWN_THRESHOLD_CPU", "30.0", Percent(&C::scale_down_threshold_cpu), "CPU use in percent below which workers are taken away", Offer::kLater},
    {"", "SCALE_UP_THRESHOLD_MEMORY", "80.0", Percent(&C::scale_up_threshold_memory), "The same for memory", Offer::kLater},
    {"", "SCALE_DOWN_THRESHOLD_MEMORY", "40.0", Percent(&C::scale_down_threshold_memory), "The same for memory", Offer::kLater},

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
    {"", "COMPACTION_MEMORY_MB", "256", WholeRule{&C::compaction_memory_mb, 1, kMegabytesMax}, "Memory of one merge, at most an eighth of MEMORY_LIMIT_MB"},

    {"Query optimization", "QUERY_OPTIMIZATION_ENABLED", "true", SwitchRule{&C::query_optimization_enabled}, "Choose plans by cost; false: no index is asked, what partitions and statistics leave is read"},
    {"", "STATISTICS_REFRESH_INTERVAL_MINUTES", "30", WholeRule{&C::statistics_refresh_interval_minutes, 1, 525'600}, "How often the statistics of a source that changed are renewed; sooner where it grew by a tenth"},
    {"", "COST_MODEL_LEARNING_ENABLED", "true", SwitchRule{&C::cost_model_learning_enabled}, "Learn costs from executed queries", Offer::kLater},

    {"Limits of requests", "MAX_BODY_MB", "16", WholeRule{&C::max_body_mb, 1, 65'536}, "Request body"},
    {"", "MAX_BODIES_MB", "1024", WholeRule{&C::max_bodies_mb, 1, kMegabytesMax}, "Bodies of all requests at once; past it 503"},
    {"", "MAX_BODY_RATIO", "500", WholeRule{&C::max_body_ratio, 1, 1'000'000}, "How many times its size a compressed body may grow to, past 1 MiB; and records per byte of Arrow and Parquet, past 2^20"},
    {"", "COMPRESS_MIN_BYTES", "1024", WholeRule{&C::compress_min_bytes, 0, kMegabytesMax}, "Smaller answers are not compressed (streams always are, for clients that take it)"},
    {"", "MAX_STREAMED_BODIES", "32", WholeRule{&C::max_streamed_bodies, 1, 1'000}, "Streamed bodies (NDJSON, CSV, Arrow, Parquet) at once; past it 503"},
    {"", "BODY_CHUNK_ROWS", "65536", WholeRule{&C::body_chunk_rows, 1, 1'000'000}, "Records of a streamed body that are handled at once"},
    {"", "BODY_CHUNK_MB", "16", WholeRule{&C::body_chunk_mb, 1, 48}, "Bytes of them; also the longest line"},
    {"", "BODY_DECODE_MB", "256", WholeRule{&C::body_decode_mb, 1, kMegabytesMax}, "Memory that decoding one Arrow or Parquet body may take; past it 413"},
    {"", "BODY_SPOOL_MAX_MB", "4096", WholeRule{&C::body_spool_max_mb, 1, kMegabytesMax}, "A Parquet body, which waits in a file until it is whole; past it 413"},
    {"", "MAX_HEADER_KB", "16", WholeRule{&C::max_header_kb, 1, 1024}, "Request line and headers"},
    {"", "MAX_JSON_DEPTH", "64", WholeRule{&C::max_json_depth, 2, 1000}, "Nesting of JSON"},
    {"", "MAX_BATCH_RECORDS", "10000", WholeRule{&C::max_batch_records, 1, 10'000'000}, "Records in one JSON write"},
    {"", "MAX_COLUMNS", "1000", WholeRule{&C::max_columns, 1, 100'000}, "Columns of a source"},
    {"", "MAX_PAGE_RECORDS", "10000", WholeRule{&C::max_page_records, 1, 10'000'000}, "Highest limit of a search (a stream has none)"},
    {"", "MAX_CONNECTIONS", "4096", WholeRule{&C::max_connections, 1, 1'000'000}, "Open connections"},
    {"", "HANDLER_THREADS", "64", WholeRule{&C::handler_threads, 1, 4096}, "Short requests that run at once; those that may wait have threads of their own"},
    {"", "IO_THREADS", "1", WholeRule{&C::io_threads, 1, 64}, "Threads that read requests"},
    {"", "HEADER_TIMEOUT_SECONDS", "10", WholeRule{&C::header_timeout_seconds, 1, 3600}, "For the whole head of a request"},
    {"", "BODY_TIMEOUT_SECONDS", "60", WholeRule{&C::body_timeout_seconds, 1, 3600}, "A body without progress"},
    {"", "BODY_PROGRESS_KB", "64", WholeRule{&C::body_progress_kb, 0, 1024}, "What a body must come on by in that time, or to its end, to be in progress; 0, and streamed bodies: anything"},
    {"", "IDLE_TIMEOUT_SECONDS", "75", WholeRule{&C::idle_timeout_seconds, 1, 86'400}, "A connection between requests"},
    {"", "WRITE_TIMEOUT_SECONDS", "60", WholeRule{&C::write_timeout_seconds, 1, 3600}, "A client that does not take its answer"},
    {"", "STOP_TIMEOUT_SECONDS", "15", WholeRule{&C::stop_timeout_seconds, 0, 3600}, "Running requests may finish for so long when the node stops"},

    {"Log lines", "LOG_LEVEL", "info", TextRule{&C::log_level, IsLevel, "debug, info, warn or error"}, "The least that is logged"},
    {"", "LOG_FORMAT", "auto", TextRule{&C::log_format, IsFormat, "auto, json or text"}, "auto: text on a terminal, JSON lines elsewhere"},

    {"The other services", "AUTH_GATEWAY_PORT", "8080", Port(&C::auth_gateway_port), "Auth Gateway", Offer::kLater},
    {"", "OPERATION_NODE_PORT", "8081", Port(&C::operation_node_port), "Operation Node", Offer::kLater},
    {"", "CBO_ENGINE_PORT", "8082", Port(&C::cbo_engine_port), "CBO Engine", Offer::kLater},
    {"", "METADATA_CATALOG_PORT", "8083", Port(&C::metadata_catalog_port), "Metadata Catalog", Offer::kLater},
    {"", "MONITORING_PORT", "8084", Port(&C::monitoring_port), "Monitoring", Offer::kLater},
};
// clang-format on

template <typename Number>
bool ParseAll(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

struct Assigner {
  std::string_view text;
  Config& config;

  bool operator()(const WholeRule& rule) const {
    std::int64_t value = 0;
    if (!ParseAll(text, value) || value < rule.min || value > rule.max) return false;
    config.*rule.member = value;
    return true;
  }
  bool operator()(const NumberRule& rule) const {
    double value = 0;
    if (!ParseAll(text, value) || !std::isfinite(value) || value < rule.min || value > rule.max)
      return false;
    config.*rule.member = value;
    return true;
  }
  bool operator()(const SwitchRule& rule) const {
    const std::string given = Lower(text);
    const bool on = given == "true" || given == "1";
    if (!on && given != "false" && given != "0") return false;
    config.*rule.member = on;
    return true;
  }
  bool operator()(const TextRule& rule) const {
    if (!rule.accepts(text)) return false;
    config.*rule.member = text;
    return true;
  }
};

struct Describer {
  std::string operator()(const WholeRule& rule) const {
    return fmt::format("a whole number from {} to {}", rule.min, rule.max);
  }
  std::string operator()(const NumberRule& rule) const {
    return fmt::format("a number from {} to {}", rule.min, rule.max);
  }
  std::string operator()(const SwitchRule&) const { return "true or false"; }
  std::string operator()(const TextRule& rule) const { return std::string(rule.allowed); }
};

}  // namespace

std::span<const Variable> ConfigTable() { return kTable; }

std::string AllowedText(const Variable& variable) { return std::visit(Describer(), variable.rule); }

bool Assign(const Variable& variable, std::string_view text, Config& config) {
  return std::visit(Assigner{text, config}, variable.rule);
}

}  // namespace granary::services
