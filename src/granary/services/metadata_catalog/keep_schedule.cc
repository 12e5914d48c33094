// KeepSchedule (desk.h): what compaction_schedule.h decides, done.
#include <map>
#include <set>

#include <fmt/format.h>

#include "granary/services/metadata_catalog/compaction_book.h"
#include "granary/services/metadata_catalog/compaction_schedule.h"
#include "granary/services/metadata_catalog/desk.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/services/metadata_catalog/source_book.h"

namespace granary::catalog {
namespace {

using SourceKey = std::pair<std::string, std::string>;

struct Scene {
  std::vector<Publisher> publishers;
  std::vector<ScheduledSource> sources;
  std::set<std::string> running;  ///< Tenants of compactions that run.
  OpenCounts open;
};

Result<std::set<SourceKey>> OpenOnes(SqliteDb& db, std::set<std::string>& running) {
  GRANARY_ASSIGN(SqliteStatement rows, db.Prepare("SELECT tenant, source, state FROM compactions "
                                                  "WHERE ended_us IS NULL"));
  std::set<SourceKey> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    out.emplace(rows.bytes(0), rows.bytes(1));
    if (rows.bytes(2) == "running") running.emplace(rows.bytes(0));
  }
}

Result<std::map<SourceKey, std::int64_t>> LastEnds(SqliteDb& db) {
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT tenant, source, max(ended_us) FROM compactions WHERE ended_us "
                            "IS NOT NULL GROUP BY tenant, source"));
  std::map<SourceKey, std::int64_t> out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    out[{std::string(rows.bytes(0)), std::string(rows.bytes(1))}] = rows.integer(2);
  }
}

// Of sources that merging would help; what else the schedule asks of them is looked up.
Result<Scene> ReadScene(SqliteDb& db) {
  Scene out;
  GRANARY_ASSIGN(out.publishers, ListPublishers(db));
  GRANARY_ASSIGN(const std::set<SourceKey> open, OpenOnes(db, out.running));
  GRANARY_ASSIGN(out.open, CountOpen(db));
  GRANARY_ASSIGN(const auto ends, LastEnds(db));
  GRANARY_ASSIGN(SqliteStatement rows,
                 db.Prepare("SELECT tenant, id, merges, statistics_us, first_seen_us FROM sources "
                            "WHERE merges > 0 ORDER BY tenant, id"));
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    const SourceKey key{std::string(rows.bytes(0)), std::string(rows.bytes(1))};
    const auto ended = ends.find(key);
    out.sources.push_back({.tenant = key.first,
                           .source = key.second,
                           .policy = {},
                           .is_open = open.contains(key),
                           .last_us = ended == ends.end() ? rows.integer(4) : ended->second,
                           .merges = rows.unsigned_integer(2),
                           .told_us = rows.optional_integer(3).value_or(0)});
  }
}

Status GiveUpSilent(Desk& desk, const Scene& scene, std::int64_t now_us) {
  for (const std::string& tenant : scene.running) {
    if (desk.heard.SilentFor(tenant, now_us) < kSilentUs) continue;
    const std::string why =
        fmt::format("its node was not heard for {} seconds", kSilentUs / 1'000'000);
    desk.log.Warn("compactions of a silent node are given up", {{"tenant", tenant}});
    GRANARY_TRY(desk.db.Change([&](SqliteDb& db) { return FailRunning(db, tenant, why, now_us); }));
  }
  return Status::Ok();
}

}  // namespace

Status KeepSchedule(Desk& desk) {
  const std::int64_t now_us = desk.clock.WallMicros();
  GRANARY_ASSIGN(Scene scene, desk.db.Read(ReadScene));
  GRANARY_TRY(GiveUpSilent(desk, scene, now_us));
  const auto most = static_cast<std::uint64_t>(desk.config.merges_max);
  const std::uint64_t open = scene.open.waiting + scene.open.running;
  if (!desk.config.schedule_enabled || scene.sources.empty() || open >= most) return Status::Ok();
  const Policies policies = desk.policies.policies();
  std::map<std::string, const Publisher*> publishers;
  for (const Publisher& one : scene.publishers) publishers[one.tenant] = &one;
  for (ScheduledSource& source : scene.sources) {
    const auto publisher = publishers.find(source.tenant);
    if (publisher == publishers.end()) continue;
    source.node_is_heard = desk.heard.HeardAt(source.tenant).has_value() &&
                           desk.heard.SilentFor(source.tenant, now_us) < kSilentUs;
    source.policy = PolicyFor(policies, source.tenant, source.source, publisher->second->policy);
  }
  const auto due = PickDueCompactions(scene.sources, now_us, most - open);
  if (due.empty()) return Status::Ok();
  return desk.db.Change([&](SqliteDb& db) -> Status {
    for (const DueCompaction& one : due) {
      GRANARY_TRY(AskForCompaction(db, one.tenant, one.source, /*asked=*/false, one.reason, now_us)
                      .status());
    }
    return Status::Ok();
  });
}

}  // namespace granary::catalog
