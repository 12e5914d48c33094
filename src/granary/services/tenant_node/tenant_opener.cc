#include "granary/services/tenant_node/tenant_opener.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "granary/security/digest.h"
#include "granary/services/tenant_node/heartbeats.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/node_state.h"
#include "granary/tenant/calibration.h"

namespace granary::services {
namespace {

// Flushes, retention, learning; syncs of logs, which have their time; what waits for other services,
// also for one that is hung.
constexpr std::size_t kJobThreadsMax = 16, kPromptThreadsMax = 8, kLinkThreadsMax = 4;
constexpr std::chrono::milliseconds kMeasureMax{30};
constexpr std::string_view kHostedFolder = "hosted";
constexpr std::string_view kTenantsFolder = "tenants";  // docs/formats/data_folder.md

}  // namespace

/// What the tenants of a node have in shares.
struct TenantOpener::Shared {
  Shared(const Config& config, std::size_t cpu_count)
      : cpus([cpu_count] { return cpu_count; }),
        merges({.threads = static_cast<std::size_t>(config.compaction_workers)}),
        jobs(kJobThreadsMax),
        prompt_jobs(kPromptThreadsMax),
        links(kLinkThreadsMax) {}

  runtime::CpuShares cpus;
  runtime::WorkerPool merges;
  runtime::JobThreads jobs, prompt_jobs, links;
};

TenantOpener::TenantOpener(const Config& config, OpenerDeps deps)
    : config_(config), deps_(deps), folder_(io::JoinPath(config.data_path, kHostedFolder)) {
  if (has_many()) shared_ = std::make_unique<Shared>(config, deps_.cpus);
}

TenantOpener::~TenantOpener() = default;

bool TenantOpener::has_many() const { return config_.node_capacity > 1; }

std::string TenantOpener::hosted_file() const { return io::JoinPath(folder_, "tenants.json"); }

void TenantOpener::Introduce(std::uint16_t port, NodeKeyFn node_key) {
  port_ = port;
  node_key_ = std::move(node_key);
}

Status TenantOpener::Claim() {
  GRANARY_TRY(deps_.files.CreateDirectories(folder_));
  GRANARY_ASSIGN(folder_, deps_.files.Resolve(folder_));
  Result<std::unique_ptr<io::FileLock>> lock = deps_.files.Lock(io::JoinPath(folder_, "node.lock"));
  if (!lock.ok()) return lock.status().At(fmt::format("DATA_PATH {}", config_.data_path));
  lock_ = lock.Take();
  return Status::Ok();
}

Result<bool> TenantOpener::IsInDataPath(const TenantId& tenant) const {
  return deps_.files.Exists(
      io::JoinPath(io::JoinPath(config_.data_path, kTenantsFolder), tenant.str()));
}

Status TenantOpener::GiveAllowedPaths(const TenantId& tenant, storage::StoreOptions& store) const {
  store.allowed_data_paths.clear();
  for (const std::string& path : AllowedDataPaths(config_)) {
    // One that is not there may be a disk that is not mounted.
    GRANARY_ASSIGN(const bool is_there, deps_.files.Exists(path));
    if (!is_there) continue;
    store.allowed_data_paths.push_back(io::JoinPath(path, tenant.str()));
    GRANARY_TRY(deps_.files.CreateDirectories(store.allowed_data_paths.back()));
  }
  return Status::Ok();
}

Result<TenantOptions> TenantOpener::OptionsOf(const HostedTenant& hosted) {
  if (!has_many()) return MakeTenantOptions(config_);
  GRANARY_ASSIGN(TenantOptions out, MakeTenantOptions(ConfigOf(config_, hosted)));
  out.memory.limit_bytes = MemoryOf(config_, hosted);
  GRANARY_ASSIGN(const bool is_in_data_path, IsInDataPath(hosted.id));
  if (!is_in_data_path) {
    out.store.root = io::JoinPath(folder_, hosted.id.str());
    GRANARY_TRY(GiveAllowedPaths(hosted.id, out.store));
  }
  out.learner.measure = [this] { return Measured(); };
  return out;
}

LearnerOptions::Timings TenantOpener::Measured() {
  const std::lock_guard lock(measure_mutex_);
  if (timings_.empty()) timings_ = MeasureWork(deps_.pool, kMeasureMax);
  return timings_;
}

Result<std::unique_ptr<OpenTenant>> TenantOpener::Open(const HostedTenant& hosted) {
  GRANARY_ASSIGN(TenantOptions options, OptionsOf(hosted));
  auto open = std::make_unique<OpenTenant>();
  storage::StoreDeps deps{deps_.files, deps_.clock, deps_.failpoints,
                          deps_.log,   deps_.pool,  &deps_.memory};
  if (shared_ != nullptr) {
    open->pool = std::make_unique<runtime::WorkerPool>(
        deps_.pool, static_cast<std::size_t>(hosted.quota.workers.value_or(0)));
    open->pacer = shared_->cpus.NewShare();
    storage::StoreDeps many{deps_.files, deps_.clock, deps_.failpoints,
                            deps_.log,   *open->pool, &deps_.memory};
    many.jobs = &shared_->jobs;
    many.prompt_jobs = &shared_->prompt_jobs;
    many.merges = &shared_->merges;
    many.pacer = open->pacer.get();
    GRANARY_ASSIGN(open->tenant, Tenant::Open(many, std::move(options)));
  } else {
    GRANARY_ASSIGN(open->tenant, Tenant::Open(deps, std::move(options)));
  }
  GRANARY_TRY(Link(hosted, *open));
  return open;
}

// Where no engine is named the node learns by itself.
Status TenantOpener::Link(const HostedTenant& hosted, OpenTenant& open) const {
  const std::string& id = hosted.id.str();
  runtime::JobThreads* const shared = shared_ == nullptr ? nullptr : &shared_->links;
  if (!config_.cbo_engine_url.empty() && open.tenant->learner().enabled()) {
    GRANARY_ASSIGN(
        open.engine,
        EngineLink::Start({.url = config_.cbo_engine_url,
                           .node = fmt::format("{}-{}", id.substr(0, 120), port_),
                           .tenant = id,
                           .interval = std::chrono::seconds(config_.cbo_push_interval_seconds)},
                          open.tenant->learner(), deps_.log, shared));
  }
  if (config_.metadata_catalog_url.empty()) return Status::Ok();
  // For the catalog a node has one tenant: each of many is told of under a name that follows from
  // the node's key and the tenant's id, by a key that does, too.
  const bool is_one = shared_ == nullptr;
  GRANARY_ASSIGN(std::string key, node_key_());
  if (!is_one) key = security::Hex(security::Sha256(key + "/" + id));
  CatalogLinkOptions options{
      .url = config_.metadata_catalog_url,
      .fleet_key = config_.operation_node_key,
      .node_id = is_one && !config_.node_id.empty() ? config_.node_id : NodeIdOf(key),
      .node_key = key,
      .version = std::string(NodeVersion()),
      .settings = CatalogSettings(config_),
      .interval = std::chrono::milliseconds(config_.catalog_publish_ms),
      .statistics_interval_us = config_.catalog_statistics_seconds * 1'000'000};
  GRANARY_ASSIGN(open.catalog, CatalogLink::Start(std::move(options), *open.tenant, deps_.clock,
                                                  deps_.log, shared));
  return Status::Ok();
}

// The log of a tenant in DATA_PATH first: while its folder is there, a crash in between is made
// good by the next call.
Status TenantOpener::Discard(const TenantId& tenant) {
  hosting::TenantFolders folders(folder_, deps_.files);
  const std::string& id = tenant.str();
  for (const std::string& path : AllowedDataPaths(config_)) {
    GRANARY_ASSIGN(const bool is_there, deps_.files.Exists(io::JoinPath(path, id)));
    if (is_there) GRANARY_TRY(hosting::TenantFolders(path, deps_.files).PutAside(id));
  }
  GRANARY_ASSIGN(const bool is_in_data_path, IsInDataPath(tenant));
  if (is_in_data_path) {
    const std::string all = io::JoinPath(config_.data_path, kTenantsFolder);
    GRANARY_ASSIGN(const auto entries, deps_.files.List(all));
    if (entries.size() == 1)  // Else the log is others', too.
      GRANARY_TRY(folders.PutAside(id, io::JoinPath(config_.data_path, "wal")));
    GRANARY_TRY(folders.PutAside(id, io::JoinPath(all, id)));
  }
  GRANARY_ASSIGN(const auto claim, folders.Claim(id));
  return folders.PutAside(id);
}

Status TenantOpener::Sweep() {
  Status swept = hosting::TenantFolders(folder_, deps_.files).Sweep();
  for (const std::string& path : AllowedDataPaths(config_)) {
    const Status there = hosting::TenantFolders(path, deps_.files).Sweep();
    if (swept.ok()) swept = there;
  }
  return swept;
}

}  // namespace granary::services
