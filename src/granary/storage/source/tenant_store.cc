#include "granary/storage/source/tenant_store.h"

#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/base/hash.h"
#include "granary/storage/source/replay.h"
#include "granary/storage/source/source_folder.h"

namespace granary::storage {
namespace {

constexpr std::chrono::milliseconds kBackgroundInterval{250};
constexpr std::int64_t kCollectEveryUs = 10'000'000;
constexpr std::int64_t kRetryFirstUs = 500'000, kRetryMaxUs = 5'000'000;
constexpr std::uint32_t kLanesMax = 64;

Status NotFound(const SourceId& id) {
  return {Code::kSourceNotFound, fmt::format("source \"{}\" does not exist", id.str())};
}
Status ShuttingDown() { return {Code::kUnavailable, "the store is shutting down"}; }

Status CheckOptions(const StoreOptions& options) {
  if (options.tenant.empty()) return {Code::kInvalidArgument, "the store has no tenant"};
  if (options.wal_lanes >= 1 && options.wal_lanes <= kLanesMax) return Status::Ok();
  return {Code::kInvalidArgument,
          fmt::format("WAL_LANES is {}, allowed are 1 to {}", options.wal_lanes, kLanesMax)};
}

// A manifest that is gone while sources are there would look like an empty store, and their files
// like garbage.
Status CheckManifestIsThere(io::FileSystem& files, const std::string& tenant,
                            const std::string& manifest) {
  GRANARY_ASSIGN(const auto entries, files.List(tenant));
  const auto is_manifest = [&](const io::DirectoryEntry& entry) {
    return io::JoinPath(tenant, entry.name) == manifest && entry.bytes > 0;
  };
  if (std::any_of(entries.begin(), entries.end(), is_manifest)) return Status::Ok();
  const std::string folder = io::JoinPath(tenant, kSourcesFolderName);
  GRANARY_ASSIGN(const bool has_sources, files.Exists(folder));
  if (!has_sources) return Status::Ok();
  GRANARY_ASSIGN(const auto sources, files.List(folder));
  if (sources.empty()) return Status::Ok();
  return Status::Corruption(
      fmt::format("{} is missing, but {} holds \"{}\"", manifest, folder, sources.front().name));
}

WalLaneOptions LaneOptions(const StoreContext& context, std::uint32_t lane) {
  WalLaneOptions options;
  options.directory = context.folder.LanePath(lane);
  options.lane = lane;
  options.file_bytes = context.options.wal_file_bytes;
  return options;
}

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

Result<std::unique_ptr<Store>> Store::Open(StoreDeps deps, StoreOptions options) {
  return TenantStore::Open(deps, std::move(options));
}

// ---- opening

Result<std::unique_ptr<Store>> TenantStore::Open(StoreDeps deps, StoreOptions options) {
  GRANARY_TRY(CheckOptions(options));
  if (const arrow::Status s = arrow::compute::Initialize(); !s.ok())
    return Status::Internal(s.ToString());
  GRANARY_ASSIGN(DataFolder folder, DataFolder::Open(deps.files, options.root));
  GRANARY_ASSIGN(DataRoots roots, ResolveRoots(deps.files, folder.root(),
                                               options.allowed_data_paths, options.tenant));
  auto context =
      std::make_shared<StoreContext>(deps, std::move(options), std::move(folder), std::move(roots));

  const std::string tenant = context->folder.TenantPath(context->options.tenant);
  const std::string manifest = context->folder.ManifestPath(context->options.tenant);
  GRANARY_TRY(deps.files.CreateDirectories(tenant));
  GRANARY_TRY(CheckManifestIsThere(deps.files, tenant, manifest));
  GRANARY_ASSIGN(context->manifest, Manifest::Open(manifest, deps.failpoints));
  GRANARY_TRY(deps.files.SyncDirectory(tenant));

  std::unique_ptr<TenantStore> store(new TenantStore(std::move(context)));
  GRANARY_TRY(store->LoadSources());
  GRANARY_TRY(store->FinishDrops());
  store->PrepareFolders();
  GRANARY_TRY(store->OpenLanes());
  store->StartBackground();
  return std::unique_ptr<Store>(std::move(store));
}

TenantStore::~TenantStore() {
  if (const Status s = Close(); !s.ok())
    context_->deps.log.Error("closing the store", {{"cause", s.ToString()}});
}

Status TenantStore::LoadSources() {
  GRANARY_ASSIGN(std::vector<SourceRecord> records, context_->manifest->Load());
  for (SourceRecord& record : records) {
    GRANARY_ASSIGN(std::shared_ptr<LiveSource> source,
                   LiveSource::Make(context_, std::move(record)));
    by_uid_[source->uid()] = source;
    sources_[source->id()] = std::move(source);
  }
  return Status::Ok();
}

// A drop that a crash cut off after the manifest had forgotten the source.
Status TenantStore::FinishDrops() {
  for (const DroppedFolder& dropped : context_->manifest->dropped()) {
    const std::string folder = OpenedFolder(context_->folder.root(), dropped.folder);
    GRANARY_ASSIGN(SourceId id, SourceId::Parse(dropped.id));
    const SourceMarker marker{context_->folder.store_id(), context_->options.tenant, std::move(id)};
    const auto lives_there = [&](const auto& source) { return Overlap(source->folder(), folder); };
    const auto live = LiveSources();
    if (std::none_of(live.begin(), live.end(), lives_there)) {
      if (const Status s = RemoveFolder(context_->deps.files, folder, marker); !s.ok()) {
        context_->deps.log.Warn("files of a dropped source stay",
                                {{"folder", folder}, {"cause", s.ToString()}});
        continue;
      }
    }
    GRANARY_TRY(context_->manifest->ForgetDropped(dropped.uid));
  }
  return Status::Ok();
}

// A folder that is not there may lie on a disk that is not mounted: making it anew would hide the
// files, and flushes would go beside them.
Status TenantStore::PrepareFolder(LiveSource& source) {
  io::FileSystem& files = context_->deps.files;
  const std::set<std::string> live = source.segment_paths();
  const auto claim = live.empty() ? ReclaimFolder : HasMarker;
  GRANARY_ASSIGN(const bool ours, claim(files, source.folder(), source.marker()));
  if (!ours) {
    return Status::Corruption(fmt::format(
        "source \"{}\": its folder {} is not there, or has no {} of this store: bring it back and "
        "start again",
        source.id().str(), source.folder(), kMarkerName));
  }
  GRANARY_ASSIGN(const std::uint64_t swept, SweepFolder(files, source.folder(), live));
  if (swept > 0) {
    context_->deps.log.Info("removed unfinished files",
                            {{"source", source.id().str()}, {"files", swept}});
  }
  return Status::Ok();
}

void TenantStore::PrepareFolders() {
  for (const auto& source : LiveSources()) {
    const Status prepared = PrepareFolder(*source);
    if (prepared.ok()) continue;
    context_->deps.log.Error("source refused",
                             {{"source", source->id().str()}, {"cause", prepared.ToString()}});
    source->Refuse(prepared);
  }
}

Status TenantStore::OpenLanes() {
  const StoreDeps& deps = context_->deps;
  const auto sources = LiveSources();
  GRANARY_ASSIGN(const std::set<std::uint32_t> lanes, LanesToOpen(*context_, sources));
  Replay replay(*context_, sources);
  for (const std::uint32_t lane : lanes) {
    LaneSlot& slot = *(context_->lanes[lane] = std::make_unique<LaneSlot>());
    const WalLaneOptions options = LaneOptions(*context_, lane);
    GRANARY_ASSIGN(std::shared_ptr<WalLane> log,
                   WalLane::Open(deps.files, deps.clock, deps.failpoints, deps.log, options,
                                 [&](const WalFrame& frame) { return replay.Apply(frame, lane); }));
    GRANARY_TRY(replay.Judge(lane, options.directory, log->damage()));
    slot.Set(std::move(log));
  }
  strangers_ = replay.strangers();
  if (!strangers_.empty()) {
    deps.log.Warn("the log holds records of other tenants: kept", {{"sources", strangers_.size()}});
  }
  if (replay.frames() > 0) {
    deps.log.Info("replayed the log", {{"frames", replay.frames()}, {"records", replay.records()}});
  }
  return Status::Ok();
}

void TenantStore::StartBackground() {
  context_->job = std::make_unique<runtime::PeriodicJob>("flush", kBackgroundInterval,
                                                         [this] { RunBackground(); });
}

// ---- sources

std::shared_ptr<LiveSource> TenantStore::FindLive(const SourceId& id) const {
  const std::shared_lock lock(sources_mutex_);
  const auto found = sources_.find(id);
  return found == sources_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<LiveSource>> TenantStore::LiveSources() const {
  const std::shared_lock lock(sources_mutex_);
  std::vector<std::shared_ptr<LiveSource>> sources;
  for (const auto& [id, source] : sources_) sources.push_back(source);
  return sources;
}

Result<std::shared_ptr<Source>> TenantStore::Find(const SourceId& id) const {
  const std::shared_ptr<LiveSource> source = FindLive(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->refused());
  return std::shared_ptr<Source>(source);
}

std::vector<std::shared_ptr<Source>> TenantStore::List() const {
  std::vector<std::shared_ptr<Source>> sources;
  for (auto& source : LiveSources()) {
    if (source->refused().ok()) sources.push_back(std::move(source));
  }
  return sources;
}

Result<Store::Added> TenantStore::AddSource(const SourceDefinition& definition) {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return ShuttingDown();
  SourceDefinition completed = definition;
  if (completed.name.empty()) completed.name = completed.id.str();
  if (const auto existing = FindLive(completed.id)) {
    GRANARY_TRY(existing->refused());
    if (existing->definition() == completed) return Added{existing, false};
    return Status(
        Code::kSourceConflict,
        fmt::format("source \"{}\" is there already with another definition", completed.id.str()));
  }
  GRANARY_ASSIGN(std::shared_ptr<LiveSource> source, Create(completed));
  const std::unique_lock lock(sources_mutex_);
  by_uid_[source->uid()] = source;
  sources_[source->id()] = source;
  return Added{std::move(source), true};
}

Result<std::string> TenantStore::ChooseFolder(const SourceDefinition& definition) const {
  GRANARY_ASSIGN(std::string folder, ResolveDataPath(context_->deps.files, context_->roots,
                                                     definition.id, definition.data_path));
  const auto taken = [&](std::string_view by) {
    return Status::Invalid(Code::kSourceConflict, "/data_path",
                           fmt::format("{} overlaps {}", folder, by));
  };
  for (const auto& source : LiveSources()) {
    if (Overlap(folder, source->folder()))
      return taken(fmt::format("the folder of source \"{}\"", source->id().str()));
  }
  for (const DroppedFolder& dropped : context_->manifest->dropped()) {
    if (Overlap(folder, OpenedFolder(context_->folder.root(), dropped.folder))) {
      return taken("the folder of a removed source whose files could not be removed yet");
    }
  }
  return folder;
}

// Folder and marker first, then the commit that makes the source exist. A crash in between leaves
// an empty folder with our marker, which the next claim takes over.
Result<std::shared_ptr<LiveSource>> TenantStore::Create(const SourceDefinition& definition) {
  if (LiveSources().size() >= context_->options.sources_max) {
    return Status(Code::kQuotaExceeded,
                  fmt::format("there are {} sources already", context_->options.sources_max));
  }
  GRANARY_ASSIGN(const Schema schema, InitialSchema(definition));
  GRANARY_TRY(FinishDrops());
  GRANARY_ASSIGN(const std::string folder, ChooseFolder(definition));
  io::FileSystem& files = context_->deps.files;
  const SourceMarker marker{context_->folder.store_id(), context_->options.tenant, definition.id};
  GRANARY_TRY(ClaimFolder(files, folder, context_->roots.BoundaryOf(folder), marker));

  const std::string stored = StoredFolder(context_->folder.root(), folder);
  const auto lane =
      static_cast<std::uint32_t>(Hash64(definition.id.str()) % context_->options.wal_lanes);
  const std::int64_t now = context_->deps.clock.WallMicros();
  Result<SourceUid> uid = context_->manifest->AddSource(definition, stored, schema, now, lane);
  if (!uid.ok()) {
    if (context_->manifest->closed_by().ok()) (void)ReleaseFolder(files, folder, marker);
    return uid.status();
  }
  SourceRecord record;
  record.uid = *uid;
  record.definition = definition;
  record.folder = stored;
  record.wal_lane = lane;
  record.schemas = {std::make_shared<const Schema>(schema)};
  record.created_us = now;
  return LiveSource::Make(context_, std::move(record));
}

Status TenantStore::DropSource(const SourceId& id, bool keep_data) {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return ShuttingDown();
  const std::shared_ptr<LiveSource> source = FindLive(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->Drop(keep_data ? DropFiles::kKeep : DropFiles::kRemove));
  {
    const std::unique_lock lock(sources_mutex_);
    sources_.erase(id);
    by_uid_.erase(source->uid());
  }
  // It is gone from here on; what fails now is made up for at the next start.
  io::FileSystem& files = context_->deps.files;
  if (keep_data) return ReleaseFolder(files, source->folder(), source->marker());
  GRANARY_TRY(RemoveFolder(files, source->folder(), source->marker()));
  return context_->manifest->ForgetDropped(source->uid());
}

std::vector<WalLaneStats> TenantStore::wal_stats() const {
  std::vector<WalLaneStats> stats;
  for (const auto& [lane, slot] : context_->lanes) stats.push_back(slot->log()->stats());
  return stats;
}

// ---- background

void TenantStore::RunBackground() {
  ReopenFullLanes();
  FlushWhatIsDue();
  CollectLogs();
}

void TenantStore::FlushWhatIsDue() {
  const std::int64_t now = context_->NowMicros();
  std::vector<HotTierInfo> tiers;
  {
    const std::shared_lock lock(sources_mutex_);
    std::erase_if(retries_, [&](const auto& retry) { return !by_uid_.contains(retry.first); });
    for (const auto& [uid, source] : by_uid_) {
      const auto retry = retries_.find(uid);
      if ((retry != retries_.end() && retry->second.at_us > now) || !source->refused().ok())
        continue;
      if (const HotTierInfo info = source->hot_tier(); info.rows > 0) tiers.push_back(info);
    }
  }
  const FlushChoice choice = PickFlush(tiers, context_->options);
  if (choice.sources.empty()) return;
  context_->deps.log.Debug("flushing",
                           {{"sources", choice.sources.size()}, {"reason", choice.reason}});

  std::vector<Status> outcomes(choice.sources.size());
  runtime::WorkerPool& pool = context_->deps.pool;
  const Status done =
      pool.ParallelFor(choice.sources.size(), pool.threads(), [&](std::size_t i) -> Status {
        if (const auto source = FindLive(choice.sources[i])) outcomes[i] = source->Flush();
        return Status::Ok();
      });
  if (!done.ok()) return;
  for (std::size_t i = 0; i < outcomes.size(); ++i) RememberOutcome(choice.sources[i], outcomes[i]);
  next_collect_us_ = 0;
}

std::shared_ptr<LiveSource> TenantStore::FindLive(SourceUid uid) const {
  const std::shared_lock lock(sources_mutex_);
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : found->second;
}

void TenantStore::RememberOutcome(SourceUid uid, const Status& outcome) {
  if (outcome.ok() || outcome.code() == Code::kSourceNotFound ||
      outcome.code() == Code::kUnavailable) {
    retries_.erase(uid);
    return;
  }
  Retry& retry = retries_[uid];
  retry.wait_us = retry.wait_us == 0 ? kRetryFirstUs : std::min(retry.wait_us * 2, kRetryMaxUs);
  retry.at_us = context_->NowMicros() + retry.wait_us;
  context_->deps.log.Error("flush failed, tried again later",
                           {{"cause", outcome.ToString()}, {"after_us", retry.wait_us}});
}

// Called by the log about frames of any source that ever wrote to it.
std::optional<std::uint64_t> TenantStore::FlushedSequence(SourceUid uid) const {
  if (const auto source = FindLive(uid))
    return source->refused().ok() ? source->flushed_sequence() : 0;
  // Dropped sources need their frames no more; what this manifest never issued is not ours to
  // judge.
  if (strangers_.contains(uid) || !context_->manifest->Issued(uid)) return 0;
  return std::nullopt;
}

void TenantStore::CollectLogs() {
  const std::int64_t now = context_->NowMicros();
  if (now < next_collect_us_) return;
  next_collect_us_ = now + kCollectEveryUs;
  const StoreOptions& options = context_->options;
  for (const auto& [lane, slot] : context_->lanes) {
    const std::shared_ptr<WalLane> log = slot->log();
    if (!log->closed_by().ok()) continue;
    const Status collected = log->Collect([this](SourceUid uid) { return FlushedSequence(uid); },
                                          options.wal_retention_us, options.wal_retention_bytes);
    if (!collected.ok()) {
      context_->deps.log.Warn("log files were not collected",
                              {{"lane", lane}, {"cause", collected.ToString()}});
    }
  }
}

// A lane that a full disk closed is opened anew once there is room. Its last group may be in the
// file although its writers were told that it failed; such frames become visible now, as they would
// after a restart, and so both agree. Other failures stay until a restart.
void TenantStore::ReopenFullLanes() {
  const StoreDeps& deps = context_->deps;
  for (const auto& [lane, slot] : context_->lanes) {
    if (slot->log()->closed_by().code() != Code::kDiskFull) continue;
    Result<std::unique_ptr<WalLane>> log = WalLane::Open(
        deps.files, deps.clock, deps.failpoints, deps.log, LaneOptions(*context_, lane),
        [this](const WalFrame& frame) -> Status {
          const auto source = FindLive(frame.source_uid);
          if (frame.kind != FrameKind::kRecords || frame.records == 0 || source == nullptr ||
              !source->refused().ok() || frame.first_sequence <= source->visible_sequence()) {
            return Status::Ok();
          }
          return source->Replay(frame);
        });
    if (!log.ok()) {
      deps.log.Warn("the log stays closed", {{"lane", lane}, {"cause", log.status().ToString()}});
      continue;
    }
    slot->Set(log.Take());
    deps.log.Info("the log takes writes again", {{"lane", lane}});
  }
}

// ---- closing

Status TenantStore::Close() {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return Status::Ok();
  if (context_->job != nullptr) context_->job->Stop();
  const auto sources = LiveSources();
  // Whoever has no log would lose rows that were searchable.
  Status first;
  const auto keep = [&first](const Status& s) {
    if (first.ok()) first = s;
  };
  for (const auto& source : sources) {
    if (!source->definition().wal_enabled && source->refused().ok()) keep(source->Flush());
  }
  context_->closed = true;
  for (const auto& source : sources) source->Quiesce();
  for (const auto& [lane, slot] : context_->lanes) {
    if (const auto log = slot->log(); log != nullptr && log->closed_by().ok()) keep(log->Close());
  }
  keep(context_->manifest->Close());
  context_->folder.Unlock();
  return first;
}

}  // namespace granary::storage
