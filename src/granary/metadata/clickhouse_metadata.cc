#include "granary/metadata/clickhouse_metadata.h"

#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace granary::metadata {
namespace {

constexpr std::int64_t kClickHousePort = 8123;

ClickHousePlace ClickHousePlaceOf(const Options& options) {
  return {options.host, options.port == 0 ? kClickHousePort : options.port,
          options.user, options.password,
          options.tls,  options.timeout_ms};
}

Result<std::uint64_t> VersionOf(const std::string& text) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error == std::errc() && end == text.data() + text.size()) return version;
  return Status::Corruption(fmt::format("'{}' is no version", text.substr(0, 64)));
}

// "('tenant','acme'),…": kinds and keys are identifiers, so they need no escaping.
std::string NamesOf(const std::vector<Change>& changes) {
  std::string out;
  for (const Change& change : changes)
    out += fmt::format("{}('{}','{}')", out.empty() ? "" : ",", change.kind, change.key);
  return out;
}

}  // namespace

ClickHouseMetadata::ClickHouseMetadata(const Options& options)
    : database_(options.database),
      table_(options.database + ".granary_metadata"),
      query_ids_(fmt::format("granary-metadata-{}-", options.database)),
      owner_(options.owner),
      where_(fmt::format("ClickHouse at {}:{}/{}", options.host,
                         options.port == 0 ? kClickHousePort : options.port, options.database)),
      client_(ClickHousePlaceOf(options)),
      lease_(options.database + ".granary_lease", options.owner) {}

ClickHouseMetadata::~ClickHouseMetadata() {
  // Who cannot be told waits for the lease to end by itself.
  if (had_lease_) (void)lease_.Release(client_).ok();
}

Status ClickHouseMetadata::MakeTables() {
  if (has_tables_) return Status::Ok();
  const auto is_there = [this](std::string_view what) -> Result<bool> {
    GRANARY_ASSIGN(const ClickHouseClient::Rows rows,
                   client_.Ask(fmt::format("SELECT count() FROM system.{}", what), 1));
    return rows.size() == 1 && rows[0][0] != "0";
  };
  GRANARY_ASSIGN(const bool has_database,
                 is_there(fmt::format("databases WHERE name = '{}'", database_)));
  if (!has_database)
    GRANARY_TRY(client_.Do(fmt::format("CREATE DATABASE IF NOT EXISTS {}", database_)));
  const std::string ours = fmt::format("tables WHERE database = '{}' AND name = ", database_);
  GRANARY_ASSIGN(const bool has_rows, is_there(ours + "'granary_metadata'"));
  if (!has_rows) {
    GRANARY_TRY(client_.Do(
        fmt::format("CREATE TABLE IF NOT EXISTS {} (kind String, key String, version UInt64, "
                    "deleted UInt8, body String) ENGINE = ReplacingMergeTree(version) ORDER BY "
                    "(kind, key)",
                    table_)));
  }
  GRANARY_ASSIGN(const bool has_lease, is_there(ours + "'granary_lease'"));
  if (!has_lease) {
    GRANARY_TRY(client_.Do(fmt::format(
        "CREATE TABLE IF NOT EXISTS {}.granary_lease (name String, holder String, until_ms Int64, "
        "turn UInt64) ENGINE = ReplacingMergeTree(turn) ORDER BY name",
        database_)));
  }
  has_tables_ = true;
  return Status::Ok();
}

Status ClickHouseMetadata::Prepare() {
  GRANARY_TRY(MakeTables());
  GRANARY_TRY(lease_.Hold(client_));
  had_lease_ = true;
  return EndGivenUp();
}

Status ClickHouseMetadata::EndGivenUp() {
  if (!may_run_) return Status::Ok();
  const std::string which = fmt::format("position(query_id, '{}') = 1", query_ids_);
  // Whether we may kill does not matter: what counts is that none is left.
  (void)client_.Do(fmt::format("KILL QUERY WHERE {} SYNC", which)).ok();
  GRANARY_ASSIGN(
      const ClickHouseClient::Rows rows,
      client_.Ask(fmt::format("SELECT count() FROM system.processes WHERE {}", which), 1));
  if (rows.size() != 1 || rows[0][0] != "0")
    return {Code::kUnavailable, "an insert that was given up is still being carried out"};
  may_run_ = false;
  return Status::Ok();
}

Status ClickHouseMetadata::Failed(const Status& failure) {
  if (failure.code() == Code::kConflict) return failure;
  has_tables_ = false;
  const bool is_ours = failure.code() == Code::kDiskFull || failure.code() == Code::kCorruption;
  return {is_ours ? failure.code() : Code::kUnavailable,
          fmt::format("{}: {}", where_, failure.message())};
}

Result<std::uint64_t> ClickHouseMetadata::Newest() {
  GRANARY_ASSIGN(const ClickHouseClient::Rows rows,
                 client_.Ask(fmt::format("SELECT max(version) FROM {}", table_), 1));
  return rows.size() == 1 ? VersionOf(rows[0][0]) : Result<std::uint64_t>(std::uint64_t{0});
}

Status ClickHouseMetadata::CheckAll(const std::vector<Change>& changes) {
  GRANARY_ASSIGN(
      const ClickHouseClient::Rows rows,
      client_.Ask(fmt::format("SELECT kind, key, version, deleted FROM {} FINAL WHERE (kind, key) "
                              "IN ({})",
                              table_, NamesOf(changes)),
                  4));
  std::map<std::pair<std::string, std::string>, std::pair<std::uint64_t, bool>> found;
  for (const auto& row : rows) {
    GRANARY_ASSIGN(const std::uint64_t version, VersionOf(row[2]));
    found[{row[0], row[1]}] = {version, row[3] != "0"};
  }
  for (const Change& change : changes) {
    const auto [version, deleted] = found[{change.kind, change.key}];
    GRANARY_TRY(CheckExpected(change, version, deleted));
  }
  return Status::Ok();
}

Status ClickHouseMetadata::Insert(const std::vector<Change>& changes, std::uint64_t newest) {
  const std::string version = std::to_string(newest + 1);
  ClickHouseClient::Insertion insertion{
      .table = table_,
      .structure = "kind String, key String, version UInt64, deleted UInt8, body String",
      .rows = {},
      .condition = fmt::format("(SELECT max(version) FROM {}) = {}", table_, newest),
      .query_id = fmt::format("{}{}-{}", query_ids_, owner_, ++inserts_)};
  for (const Change& change : changes) {
    insertion.rows.push_back(
        {change.kind, change.key, version, change.body ? "0" : "1", change.body.value_or("")});
  }
  may_run_ = true;
  GRANARY_TRY(client_.Insert(insertion));
  may_run_ = false;
  return Status::Ok();
}

// The condition of an insert that arrives late is looked at, too, but that and its adding the rows
// are not one step: in that moment it and the next one do not see each other.
Status ClickHouseMetadata::CheckInserted(const std::vector<Change>& changes,
                                         std::uint64_t version) {
  GRANARY_ASSIGN(const ClickHouseClient::Rows rows,
                 client_.Ask(fmt::format("SELECT count(), countIf((kind, key) IN ({})) FROM {} "
                                         "WHERE version = {}",
                                         NamesOf(changes), table_, version),
                             2));
  const std::string all = std::to_string(changes.size());
  if (rows.size() == 1 && rows[0][0] == all && rows[0][1] == all) return Status::Ok();
  if (rows.size() == 1 && rows[0][1] == "0") {
    return {Code::kConflict,
            "an insert that had been given up was carried out meanwhile, so this one was not"};
  }
  return {Code::kUnavailable, "another insert was carried out in the same moment"};
}

Result<std::uint64_t> ClickHouseMetadata::Commit(const std::vector<Change>& changes,
                                                 std::optional<std::uint64_t> seen) {
  GRANARY_TRY(CheckChanges(changes));
  const std::lock_guard lock(mutex_);
  const auto write = [&]() -> Result<std::uint64_t> {
    GRANARY_TRY(Prepare());
    GRANARY_ASSIGN(const std::uint64_t newest, Newest());
    GRANARY_TRY(CheckNewest(seen, newest));
    GRANARY_TRY(CheckAll(changes));
    Status made = Insert(changes, newest);
    if (made.ok()) made = CheckInserted(changes, newest + 1);
    if (made.ok()) return newest + 1;
    if (made.code() == Code::kConflict) return made;
    return made.At(
        "the insert was not confirmed, so whether the change was made is not known; look again");
  };
  Result<std::uint64_t> version = write();
  return version.ok() ? version : Result<std::uint64_t>(Failed(version.status()));
}

Result<ChangeSet> ClickHouseMetadata::Changes(std::uint64_t after) {
  const std::lock_guard lock(mutex_);
  const auto read = [&]() -> Result<ChangeSet> {
    GRANARY_TRY(Prepare());
    ChangeSet out;
    // Only this process writes, and not now: two statements see the same.
    GRANARY_ASSIGN(out.version, Newest());
    GRANARY_TRY(CheckNotOlder(after, out.version));
    if (out.version == after) return out;
    GRANARY_ASSIGN(const ClickHouseClient::Rows rows,
                   client_.Ask(fmt::format("SELECT kind, key, version, deleted, body FROM {} FINAL "
                                           "WHERE version > {} ORDER BY version, kind, key",
                                           table_, after),
                               5));
    for (const auto& row : rows) {
      GRANARY_ASSIGN(const std::uint64_t version, VersionOf(row[2]));
      out.rows.push_back({row[0], row[1], version, row[3] != "0", row[4]});
    }
    return out;
  };
  Result<ChangeSet> found = read();
  return found.ok() ? found : Result<ChangeSet>(Failed(found.status()));
}

}  // namespace granary::metadata
