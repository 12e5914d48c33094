#include "granary/services/operation_node/node_keeper.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace granary::operation {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;
constexpr std::uint64_t kUsualMinWorkers = 2;

bool IsOurs(const Placement& placement, const KeeperOptions& options) {
  return placement.launched_by == options.operation_node;
}

}  // namespace

NodeSpec SpecOf(const std::string& tenant_id, const Tenant& tenant, const Placement& placement,
                const Quota& quota, const KeeperOptions& options) {
  NodeSpec spec{.node = placement.node,
                .tenant = tenant_id,
                .folder = io::JoinPath(options.folder, tenant_id),
                .settings = options.settings,
                .turn = placement.turn};
  const auto set = [&spec](const std::string& name, std::string value) {
    using Setting = std::pair<std::string, std::string>;
    const auto found = std::ranges::find(spec.settings, name, &Setting::first);
    if (found == spec.settings.end())
      spec.settings.emplace_back(name, std::move(value));
    else
      found->second = std::move(value);
  };
  set("TENANT_ID", tenant_id);
  set("TENANT_NAME", tenant.name.empty() ? tenant_id : tenant.name);
  set("DATA_PATH", spec.folder);
  set("NODE_ID", spec.node);
  set("NODE_KEY", options.key_of(spec.node));
  if (quota.sources) set("MAX_SOURCES", std::to_string(*quota.sources));
  if (quota.memory_mb) set("MEMORY_LIMIT_MB", std::to_string(*quota.memory_mb));
  if (quota.searches) set("MAX_CONCURRENT_SEARCHES", std::to_string(*quota.searches));
  if (quota.workers) {
    set("MAX_WORKERS", std::to_string(*quota.workers));
    set("MIN_WORKERS", std::to_string(std::min(*quota.workers, kUsualMinWorkers)));
  }
  return spec;
}

NodeSpec SharedSpecOf(const std::string& node_id, const Node& node, const KeeperOptions& options) {
  NodeSpec spec{.node = node_id,
                .tenant = {},
                .folder = io::JoinPath(options.shared_folder, node_id),
                .settings = options.settings};
  // As it was started, should fewer be meant by now: it has its tenants.
  const std::uint64_t capacity = std::max(node.capacity, options.capacity);
  spec.settings.emplace_back("NODE_CAPACITY", std::to_string(capacity));
  spec.settings.emplace_back("DATA_PATH", spec.folder);
  spec.settings.emplace_back("NODE_ID", spec.node);
  spec.settings.emplace_back("NODE_KEY", options.key_of(spec.node));
  return spec;
}

NodeKeeper::NodeKeeper(KeeperOptions options, std::unique_ptr<Launcher> launcher, Fleet& fleet,
                       io::FileSystem& files, const io::Clock& clock, Logger& log)
    : options_(std::move(options)),
      fleet_(fleet),
      files_(files),
      clock_(clock),
      log_(log),
      launcher_(std::move(launcher)),
      folders_(options_.folder, files) {}

NodeKeeper::~NodeKeeper() { Stop(); }

void NodeKeeper::Start() {
  sweeper_ =
      std::make_unique<runtime::PeriodicJob>("tenant-sweeper", kSweepEvery, [this] { Sweep(); });
  sweeper_->Poke();
  job_ = std::make_unique<runtime::PeriodicJob>("node-keeper", kLookEvery, [this] { Turn(); });
  job_->Poke();
}

void NodeKeeper::Turn() {
  if (!IsEnding()) return Look();
  launcher_.reset();  // Waits for the nodes.
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

bool NodeKeeper::IsEnding() const {
  const std::lock_guard lock(mutex_);
  return is_ending_;
}

// On the nodes' parent's thread, and before it ends: the kernel takes its end for ours.
void NodeKeeper::Stop() {
  if (job_) {
    std::unique_lock lock(mutex_);
    is_ending_ = true;
    job_->Poke();
    ended_.wait(lock, [this] { return has_ended_; });
  }
  job_.reset();
  sweeper_.reset();
  launcher_.reset();
}

void NodeKeeper::Poke() {
  if (job_) job_->Poke();
}

void NodeKeeper::Look() {
  const std::vector<NodeExit> exits = launcher_->TakeExits();
  Hide(exits);
  for (const NodeExit& exit : exits) TakeNote(exit);
  const Result<Fleet::Seen> seen = fleet_.Look();
  if (!seen.ok()) return;  // Nothing was ever seen: nothing runs.
  if (!options_.may_act()) return Publish();
  const FleetView& view = *seen->view;
  std::map<std::string, NodeSpec> wanted;
  for (const auto& [tenant_id, placement] : view.placements()) {
    const auto* tenant = view.FindTenant(tenant_id);
    if (tenant == nullptr || !IsOurs(placement.value, options_)) continue;
    if (!view.CheckTenant(tenant_id).ok()) continue;
    const auto* node = view.FindNode(placement.value.node);
    if (node != nullptr && node->value.IsShared()) {
      // Of one that is deleted, too: the node takes its data away.
      if (tenant->value.state != TenantState::kSuspended)
        wanted[placement.value.node] = SharedSpecOf(placement.value.node, node->value, options_);
      continue;
    }
    if (tenant->value.state != TenantState::kActive) continue;
    const auto* quota = view.FindQuota(tenant_id);
    wanted[placement.value.node] = SpecOf(tenant_id, tenant->value, placement.value,
                                          quota == nullptr ? Quota() : quota->value, options_);
  }
  StopUnwanted(wanted, view);
  StartWanted(wanted);
  if (seen->stale_ms == 0) FinishDeletions(view);
  Publish();
}

// At once: telling others takes its time, and nobody shall be sent to a process that has ended.
void NodeKeeper::Hide(const std::vector<NodeExit>& exits) {
  const std::lock_guard lock(mutex_);
  for (const NodeExit& exit : exits)
    if (const auto shown = shown_.find(exit.node); shown != shown_.end())
      shown->second.runs = false;
}

void NodeKeeper::TakeNote(const NodeExit& exit) {
  Record& record = records_[exit.node];
  record.last_exit = exit.how;
  TellOthers(exit.node);
  record.start_at_ns = 0;
  if (exit.was_asked) {
    record.restarts = {};
    log_.Info("a launched node has stopped", {{"node", exit.node}, {"how", exit.how}});
    return;
  }
  record.restarts = AfterExit(record.restarts, exit.lived_ms, options_.restarts);
  record.start_at_ns = clock_.MonotonicNanos() + record.restarts.wait_ms * kNanosPerMilli;
  log_.Warn("a launched node ended by itself", {{"node", exit.node},
                                                {"tenant", record.spec.tenant},
                                                {"how", exit.how},
                                                {"lived_ms", exit.lived_ms},
                                                {"failures", record.restarts.failures},
                                                {"again_in_ms", record.restarts.wait_ms}});
}

// Where it was is not where it will be. Who is not told, since the store is away, finds out by its
// silence.
void NodeKeeper::TellOthers(const std::string& node) {
  options_.ended(node);
  const auto decide = [&](const FleetView& now) -> Result<Fleet::Changes> {
    const auto* row = now.FindNode(node);
    if (row == nullptr || row->value.seen_us == 0) return Fleet::Changes();
    Node silent = row->value;
    silent.url.clear();
    silent.tenants.clear();
    silent.seen_us = 0;
    silent.load = {};
    return Fleet::Changes{{std::string(kNodeKind), node, row->version, NodeBody(silent)}};
  };
  // Not for long: other nodes are waited for by this thread.
  constexpr std::int64_t kTellNanos = Fleet::kLookMs * kNanosPerMilli;
  (void)fleet_.Change(decide, io::SystemClock().MonotonicNanos() + kTellNanos).ok();
}

// Whether it is wanted cannot be told: a row that cannot be read may be of one of its tenants.
bool NodeKeeper::IsUnknown(const NodeSpec& spec, const FleetView& view) const {
  return spec.tenant.empty() ? !view.damaged().empty() : !view.CheckTenant(spec.tenant).ok();
}

void NodeKeeper::StopUnwanted(const std::map<std::string, NodeSpec>& wanted,
                              const FleetView& view) {
  for (auto& [node, record] : records_) {
    if (IsUnknown(record.spec, view)) continue;
    const auto found = wanted.find(node);
    if (launcher_->IsRunning(node) && (found == wanted.end() || found->second != record.spec))
      launcher_->Stop(node);
  }
  std::erase_if(records_, [&](const auto& record) {
    return !wanted.contains(record.first) && !launcher_->IsRunning(record.first);
  });
}

void NodeKeeper::StartWanted(const std::map<std::string, NodeSpec>& wanted) {
  for (const auto& [node, spec] : wanted) {
    if (launcher_->IsRunning(node)) continue;
    Record& record = records_[node];
    if (record.spec != spec) record.restarts = {}, record.start_at_ns = 0;
    record.spec = spec;
    if (clock_.MonotonicNanos() >= record.start_at_ns) Begin(spec, record);
  }
}

void NodeKeeper::Begin(const NodeSpec& spec, Record& record) {
  Status started = files_.CreateDirectories(spec.folder);
  if (started.ok()) started = launcher_->Start(spec);
  if (started.ok()) {
    ++record.starts;
    record.started_us = clock_.WallMicros();
    record.started_ns = clock_.MonotonicNanos();
    log_.Info("a node was launched", {{"node", spec.node}, {"tenant", spec.tenant}});
    return;
  }
  record.restarts = AfterExit(record.restarts, 0, options_.restarts);
  record.start_at_ns = clock_.MonotonicNanos() + record.restarts.wait_ms * kNanosPerMilli;
  record.last_exit = started.message();
  log_.Error("a node cannot be launched",
             {{"node", spec.node}, {"tenant", spec.tenant}, {"error", started.ToString()}});
}

void NodeKeeper::FinishDeletions(const FleetView& view) {
  std::map<std::string, std::string> waiting;
  for (const auto& [tenant_id, tenant] : view.tenants()) {
    if (tenant.value.state != TenantState::kDeleting) continue;
    const auto* placed = view.FindPlacement(tenant_id);
    const Placement* placement = placed == nullptr ? nullptr : &placed->value;
    const bool is_launched = placement != nullptr && !placement->launched_by.empty();
    if (is_launched && !IsOurs(*placement, options_)) continue;
    if (!view.CheckTenant(tenant_id).ok()) continue;
    const Status gone = Delete(view, tenant_id, tenant.value, placement);
    if (gone.ok()) continue;
    // Files are for the log alone.
    const std::string why = gone.code() == Code::kUnavailable
                                ? std::string(gone.message())
                                : "its folder cannot be taken away yet: the log says why";
    if (WhyNotDeleted(tenant_id) != why)
      log_.Warn("a tenant cannot be deleted yet",
                {{"tenant", tenant_id}, {"error", gone.ToString()}});
    waiting[tenant_id] = why;
  }
  const std::lock_guard lock(mutex_);
  not_deleted_ = std::move(waiting);
}

Status NodeKeeper::Delete(const FleetView& view, const std::string& tenant, const Tenant& row,
                          const Placement* placement) {
  const auto* node = placement == nullptr ? nullptr : view.FindNode(placement->node);
  if (node != nullptr && node->value.IsShared()) return DeleteShared(tenant, row, *placement);
  if (placement != nullptr && !placement->launched_by.empty())
    return DeleteLaunched(tenant, placement->node, row.keeps_data);
  return DeleteElsewhere(tenant, row.keeps_data);
}

// The node hears of it in the answer to its next heartbeat. Of data that stays it need not say
// anything: it serves nobody who is not placed there.
Status NodeKeeper::DeleteShared(const std::string& tenant, const Tenant& row,
                                const Placement& placement) {
  if (!row.keeps_data && !options_.is_gone(placement.node, {tenant, row.changed_us})) {
    (void)Farewell(tenant, row.keeps_data, /*has_node_ended=*/false).ok();
    return {Code::kUnavailable,
            fmt::format("its node '{}' has not taken its data away yet", placement.node)};
  }
  GRANARY_TRY(Farewell(tenant, row.keeps_data, /*has_node_ended=*/true));
  return Finish(tenant, placement.launched_by.empty() ? "" : placement.node);
}

// What is kept is kept for the tenant's return, and so is who may see it.
Status NodeKeeper::Farewell(const std::string& tenant, bool keeps, bool has_node_ended) {
  return keeps ? Status::Ok() : options_.farewell(tenant, has_node_ended);
}

// No process works in the folder, then it is where nobody looks, then nobody else knows of the tenant,
// then the rows go: whatever a crash leaves is found again by the rows, or by the sweep.
Status NodeKeeper::DeleteLaunched(const std::string& tenant, const std::string& node,
                                  bool keeps_data) {
  if (launcher_->IsRunning(node)) {
    (void)Farewell(tenant, keeps_data, /*has_node_ended=*/false).ok();  // For who is told early.
    return {Code::kUnavailable, "its node is ending"};
  }
  GRANARY_ASSIGN(const auto claim, folders_.Claim(tenant));
  if (!keeps_data) GRANARY_TRY(folders_.PutAside(tenant));
  GRANARY_TRY(Farewell(tenant, keeps_data, /*has_node_ended=*/true));
  GRANARY_TRY(Finish(tenant, node));
  if (sweeper_) sweeper_->Poke();
  return Status::Ok();
}

Status NodeKeeper::DeleteElsewhere(const std::string& tenant, bool keeps) {
  GRANARY_TRY(Farewell(tenant, keeps, /*has_node_ended=*/true));
  return Finish(tenant, /*node=*/"");
}

void NodeKeeper::Sweep() {
  const Status swept = folders_.Sweep();
  const std::string trouble = swept.ok() ? "" : swept.ToString();
  if (!trouble.empty() && trouble != last_sweep_)
    log_.Error("data of deleted tenants cannot be removed yet", {{"error", trouble}});
  last_sweep_ = trouble;
}

Status NodeKeeper::Finish(const std::string& tenant, const std::string& node) {
  const auto decide = [&](const FleetView& now) -> Result<Fleet::Changes> {
    Fleet::Changes changes;
    const auto drop = [&](std::string_view kind, const std::string& key) {
      const std::uint64_t version = now.VersionOf(kind, key);
      if (version > 0) changes.push_back({std::string(kind), key, version, std::nullopt});
    };
    const auto* row = now.FindTenant(tenant);
    if (row == nullptr || row->value.state != TenantState::kDeleting) return changes;
    for (const std::string_view kind : {kTenantKind, kPlacementKind, kQuotaKind})
      drop(kind, tenant);
    const auto count = now.PlacedCounts();
    const auto placed = count.find(node);
    const bool has_others = placed != count.end() && placed->second > 1;
    if (!node.empty() && !has_others) drop(kNodeKind, node);
    return changes;
  };
  GRANARY_TRY(fleet_.Change(decide).status());
  log_.Info("a tenant was deleted", {{"tenant", tenant}});
  return Status::Ok();
}

void NodeKeeper::Publish() {
  std::map<std::string, KeptProcess> shown;
  const std::int64_t now_ns = clock_.MonotonicNanos();
  for (const auto& [node, record] : records_) {
    const bool runs = launcher_->IsRunning(node);
    const std::int64_t wait_ns = runs ? 0 : std::max<std::int64_t>(0, record.start_at_ns - now_ns);
    shown[node] = {runs,
                   record.started_us,
                   record.started_ns,
                   record.starts,
                   record.restarts.failures,
                   record.last_exit,
                   wait_ns / kNanosPerMilli};
  }
  const std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
}

std::optional<KeptProcess> NodeKeeper::Find(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  const auto found = shown_.find(node);
  return found == shown_.end() ? std::nullopt : std::optional(found->second);
}

std::string NodeKeeper::WhyNotDeleted(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = not_deleted_.find(tenant);
  return found == not_deleted_.end() ? "" : found->second;
}

}  // namespace granary::operation
