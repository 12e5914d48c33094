#include "granary/storage/source/open_lanes.h"

#include "granary/storage/source/replay.h"

namespace granary::storage {
namespace {

// The lanes to open: as many as configured, and those that older sources are in.
Result<std::set<std::uint32_t>> LanesToOpen(
    StoreContext& context, const std::vector<std::shared_ptr<LiveSource>>& sources) {
  std::set<std::uint32_t> lanes;
  for (std::uint32_t lane = 0; lane < context.options.wal_lanes; ++lane) lanes.insert(lane);
  for (const auto& source : sources) lanes.insert(source->wal_lane());
  io::FileSystem& files = context.deps.files;
  GRANARY_TRY(files.CreateDirectories(context.folder.WalPath()));
  GRANARY_ASSIGN(const auto entries, files.List(context.folder.WalPath()));
  for (const io::DirectoryEntry& entry : entries) {
    if (const auto lane = ParseLaneName(entry.name); lane.has_value() && entry.is_directory)
      lanes.insert(*lane);
  }
  return lanes;
}

}  // namespace

WalLaneOptions LaneOptions(StoreContext& context, std::uint32_t lane) {
  WalLaneOptions options;
  options.directory = context.folder.LanePath(lane);
  options.lane = lane;
  options.file_bytes = context.options.wal_file_bytes;
  options.payload_bytes_max = context.options.wal_batch_bytes_max;
  options.on_unsynced = [&context] { context.sync_job->Ask(); };
  return options;
}

Result<std::set<SourceUid>> OpenLanes(StoreContext& context,
                                      const std::vector<std::shared_ptr<LiveSource>>& sources) {
  const StoreDeps& deps = context.deps;
  GRANARY_ASSIGN(const std::set<std::uint32_t> lanes, LanesToOpen(context, sources));
  Replay replay(context, sources);
  for (const std::uint32_t lane : lanes) {
    LaneSlot& slot = *(context.lanes[lane] = std::make_unique<LaneSlot>());
    const WalLaneOptions options = LaneOptions(context, lane);
    GRANARY_ASSIGN(std::shared_ptr<WalLane> log,
                   WalLane::Open(deps.files, deps.clock, deps.failpoints, deps.log, options,
                                 [&](const WalFrame& frame) { return replay.Apply(frame, lane); }));
    GRANARY_TRY(replay.Judge(lane, options.directory, log->damage()));
    slot.Set(std::move(log));
  }
  if (!replay.strangers().empty()) {
    deps.log.Warn("the log holds records of other tenants: kept",
                  {{"sources", replay.strangers().size()}});
  }
  if (replay.frames() > 0) {
    deps.log.Info("replayed the log", {{"frames", replay.frames()}, {"records", replay.records()}});
  }
  return replay.strangers();
}

void SyncLanes(const StoreContext& context) {
  for (const auto& [lane, slot] : context.lanes) {
    const std::shared_ptr<WalLane> log = slot->log();
    if (log->stats().unsynced_bytes == 0) continue;
    if (const Status synced = log->Sync(); !synced.ok()) {
      context.deps.log.Error("the log takes no more writes",
                             {{"lane", lane}, {"cause", synced.ToString()}});
    }
  }
}

}  // namespace granary::storage
