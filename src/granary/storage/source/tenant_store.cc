#include "granary/storage/source/tenant_store.h"

#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include <algorithm>

#include "granary/base/hash.h"
#include "granary/storage/source/open_lanes.h"
#include "granary/storage/source/source_folder.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

constexpr std::chrono::milliseconds kBackgroundInterval{250};
// Of many stores on shared threads: what is urgent pokes.
constexpr std::chrono::milliseconds kSharedInterval{1000};
constexpr std::uint32_t kLanesMax = 64;

Status NotFound(const SourceId& id) {
  return {Code::kSourceNotFound, fmt::format("source \"{}\" does not exist", id.str())};
}
Status ShuttingDown() { return {Code::kUnavailable, "the store is shutting down"}; }

Status CheckOptions(const StoreOptions& options) {
  if (options.tenant.empty()) return {Code::kInvalidArgument, "the store has no tenant"};
  if (options.compaction.workers == 0)
    return {Code::kInvalidArgument, "COMPACTION_WORKERS is 0, at least 1 is needed"};
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

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(StoreDeps deps, StoreOptions options) {
  return TenantStore::Open(deps, std::move(options));
}

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
  GRANARY_TRY(deps.files.RemoveTree(context->folder.SpoolPath(context->options.tenant)));
  GRANARY_TRY(CheckManifestIsThere(deps.files, tenant, manifest));
  GRANARY_ASSIGN(context->manifest, Manifest::Open(manifest, deps.failpoints));
  GRANARY_TRY(deps.files.SyncDirectory(tenant));

  std::unique_ptr<TenantStore> store(new TenantStore(std::move(context)));
  store->compactions_ = std::make_unique<CompactionJobs>(*store->context_);
  GRANARY_TRY(store->LoadSources());
  GRANARY_TRY(store->FinishDrops());
  store->PrepareFolders();
  GRANARY_ASSIGN(std::set<SourceUid> strangers, OpenLanes(*store->context_, store->sources_.All()));
  store->StartBackground(std::move(strangers));
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
    sources_.Insert(std::move(source));
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
    const auto live = sources_.All();
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
  for (const auto& source : sources_.All()) {
    const Status prepared = PrepareFolder(*source);
    if (prepared.ok()) continue;
    context_->deps.log.Error("source refused",
                             {{"source", source->id().str()}, {"cause", prepared.ToString()}});
    source->Refuse(prepared);
  }
}

void TenantStore::StartBackground(std::set<SourceUid> strangers) {
  context_->sync_job = std::make_unique<runtime::DelayedJob>(
      "log-sync", context_->deps.clock,
      std::chrono::microseconds(context_->options.durability_interval_us),
      [context = context_.get()] { SyncLanes(*context); }, context_->deps.prompt_jobs);
  maintenance_ =
      std::make_unique<Maintenance>(*context_, sources_, *compactions_, std::move(strangers));
  runtime::JobThreads* const shared = context_->deps.jobs;
  context_->job = std::make_unique<runtime::PeriodicJob>(
      "flush", shared == nullptr ? kBackgroundInterval : kSharedInterval,
      [this] { maintenance_->Run(); }, shared);
  if (context_->deps.memory == nullptr) return;
  HotBudget& hot = context_->budget;
  context_->presser = std::make_unique<runtime::MemoryBudget::Presser>(
      *context_->deps.memory, [&hot] { return hot.bytes(); },
      [&hot](std::uint64_t bytes) { hot.Ask(bytes); });
}

Result<std::shared_ptr<Source>> TenantStore::Find(const SourceId& id) const {
  const std::shared_ptr<LiveSource> source = sources_.Find(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->refused());
  return std::shared_ptr<Source>(source);
}

std::vector<std::shared_ptr<Source>> TenantStore::List() const {
  std::vector<std::shared_ptr<Source>> sources;
  for (auto& source : sources_.All()) {
    if (source->refused().ok()) sources.push_back(std::move(source));
  }
  return sources;
}

std::vector<Store::Refused> TenantStore::ListRefused() const {
  std::vector<Refused> refused;
  for (const auto& source : sources_.All()) {
    if (Status why = source->refused(); !why.ok())
      refused.push_back({source->id(), std::move(why)});
  }
  return refused;
}

/// Whatever defaults are written out, and however its folder is.
bool TenantStore::IsTheSame(const LiveSource& there, const SourceDefinition& definition) const {
  SourceDefinition known = there.definition()->WithDefaults(), asked = definition.WithDefaults();
  if (known.data_path != asked.data_path) {
    const auto folder =
        ResolveDataPath(context_->deps.files, context_->roots, asked.id, asked.data_path);
    if (!folder.ok() || *folder != there.folder()) return false;
    known.data_path = asked.data_path;
  }
  return known == asked;
}

Result<Store::Added> TenantStore::AddSource(const SourceDefinition& definition) {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return ShuttingDown();
  SourceDefinition completed = definition;
  if (completed.name.empty()) completed.name = completed.id.str();
  if (const auto existing = sources_.Find(completed.id)) {
    GRANARY_TRY(existing->refused());
    if (IsTheSame(*existing, completed)) return Added{existing, false};
    return Status(
        Code::kSourceConflict,
        fmt::format("source \"{}\" is there already with another definition", completed.id.str()));
  }
  GRANARY_ASSIGN(std::shared_ptr<LiveSource> source, Create(completed));
  sources_.Insert(source);
  return Added{std::move(source), true};
}

Result<std::string> TenantStore::ChooseFolder(const SourceDefinition& definition) const {
  GRANARY_ASSIGN(std::string folder, ResolveDataPath(context_->deps.files, context_->roots,
                                                     definition.id, definition.data_path));
  const auto taken = [&](std::string_view by) {
    return Status::Invalid(Code::kSourceConflict, "/data_path",
                           fmt::format("{} overlaps {}", folder, by));
  };
  for (const auto& source : sources_.All()) {
    if (Overlap(folder, source->folder()))
      // Not which one: whoever asks may not see it.
      return taken("the folder of another source");
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
  if (sources_.size() >= context_->options.sources_max) {
    return Status(Code::kQuotaExceeded,
                  fmt::format("there are {} sources already", context_->options.sources_max));
  }
  GRANARY_ASSIGN(const Schema schema, InitialSchema(definition));
  const std::size_t declared = DeclaredColumns(schema);
  if (const std::size_t most = context_->options.columns_max; declared > most) {
    return Status::Invalid(
        Code::kInvalidDefinition, "/schema_definition",
        fmt::format("a source has at most {} columns, these are {}", most, declared));
  }
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
  record.schemas = {{std::make_shared<const Schema>(schema), now}};
  record.created_us = now;
  return LiveSource::Make(context_, std::move(record));
}

Status TenantStore::DropSource(const SourceId& id, bool keep_data) {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return ShuttingDown();
  const std::shared_ptr<LiveSource> source = sources_.Find(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->Drop(keep_data ? DropFiles::kKeep : DropFiles::kRemove));
  sources_.Erase(*source);
  // It is gone from here on; what fails now is made up for at the next start.
  io::FileSystem& files = context_->deps.files;
  if (keep_data) return ReleaseFolder(files, source->folder(), source->marker());
  GRANARY_TRY(RemoveFolder(files, source->folder(), source->marker()));
  return context_->manifest->ForgetDropped(source->uid());
}

Result<CompactionJob> TenantStore::Compact(const SourceId& id, CompactionWish wish) {
  const std::shared_ptr<LiveSource> source = sources_.Find(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->refused());
  return compactions_->Start(source, wish);
}

Result<CompactionPlan> TenantStore::PlanCompaction(const SourceId& id, CompactionWish wish) const {
  const std::shared_ptr<LiveSource> source = sources_.Find(id);
  if (source == nullptr) return NotFound(id);
  GRANARY_TRY(source->refused());
  return source->PlanCompaction(wish);
}

CompactionTotals TenantStore::compaction_totals() const {
  CompactionTotals totals = compactions_->totals();
  const std::int64_t now_ns = context_->deps.clock.MonotonicNanos();
  for (const auto& source : sources_.All()) {
    const DebtCounts counts = source->debt().counts(now_ns);
    totals.debt_files += counts.debt.files;
    totals.debt_bytes += counts.debt.bytes;
    totals.writes_slowed += counts.slowed;
    totals.writes_refused += counts.refused;
    totals.write_delay_us_max =
        std::max<std::int64_t>(totals.write_delay_us_max, counts.delay.count());
    totals.retry_after_seconds = std::max(totals.retry_after_seconds, counts.retry_after_seconds);
  }
  return totals;
}

Result<std::string> TenantStore::Secret(const std::string& name) {
  io::SystemRandom random;
  return context_->manifest->Secret(name, random);
}

std::vector<WalLaneStats> TenantStore::wal_stats() const {
  std::vector<WalLaneStats> stats;
  for (const auto& [lane, slot] : context_->lanes) stats.push_back(slot->log()->stats());
  return stats;
}

Status TenantStore::Close() {
  const std::lock_guard ddl(ddl_mutex_);
  if (context_->closed) return Status::Ok();
  context_->presser.reset();
  if (context_->job != nullptr) context_->job->Stop();
  compactions_->Stop();
  const auto sources = sources_.All();
  // Whoever has no log would lose rows that were searchable.
  Status first;
  const auto keep = [&first](const Status& s) {
    if (first.ok()) first = s;
  };
  for (const auto& source : sources) {
    if (!source->wal_enabled() && source->refused().ok()) keep(source->Flush());
  }
  context_->closed = true;
  for (const auto& source : sources) source->Quiesce();
  for (const auto& [lane, slot] : context_->lanes) {
    if (const auto log = slot->log(); log != nullptr && log->closed_by().ok()) keep(log->Close());
  }
  if (context_->sync_job != nullptr) context_->sync_job->Stop();  // Closing the lanes synced them.
  keep(context_->manifest->Close());
  context_->folder.Unlock();
  return first;
}

}  // namespace granary::storage
