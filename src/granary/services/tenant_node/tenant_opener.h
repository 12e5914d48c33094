// TenantOpener: how a node opens a tenant: where its data lies, what it may have, who is told of it.
//
// Folders    of one tenant (NODE_CAPACITY 1): DATA_PATH. Of many each has a data folder of its own,
//            locked while it is open: <DATA_PATH>/hosted/<tenant>, which serves as a DATA_PATH of a
//            node for that tenant alone. One that a node for it alone left in DATA_PATH stays there.
//            Of ALLOWED_DATA_PATHS a tenant of many has <path>/<tenant>, where <path> is there.
// Shares     many tenants have the node's workers, merging threads and CPUs in shares, background
//            work on shared threads, and each its own part of the memory, with its quota.
// Threads    fully safe.
// Owns       what tenants share. What it is given outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/tenant_folders.h"
#include "granary/io/clock.h"
#include "granary/io/failpoint.h"
#include "granary/io/file_system.h"
#include "granary/runtime/cpu_shares.h"
#include "granary/runtime/job_threads.h"
#include "granary/runtime/memory_budget.h"
#include "granary/runtime/worker_pool.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/hosted_tenant.h"
#include "granary/services/tenant_node/open_tenant.h"

namespace granary::services {

struct OpenerDeps {
  io::FileSystem& files;
  io::Clock& clock;
  io::Failpoints& failpoints;
  Logger& log;
  runtime::WorkerPool& pool;
  runtime::MemoryBudget& memory;
  std::size_t cpus = 1;  ///< What is shared out where there are many.
};

class TenantOpener {
 public:
  TenantOpener(const Config& config, OpenerDeps deps);
  ~TenantOpener();

  /// Before the first Open: the port by which the node is known to a CBO Engine, and where the key
  /// comes from by which it is known to the Metadata Catalog, once a data folder is there.
  using NodeKeyFn = std::function<Result<std::string>()>;
  void Introduce(std::uint16_t port, NodeKeyFn node_key);
  /// Of many: takes <DATA_PATH>/hosted for this process. kConflict when another one has it.
  Status Claim();

  Result<std::unique_ptr<OpenTenant>> Open(const HostedTenant& hosted);
  /// Takes the data of a tenant that is not open to where nobody looks, for good. It is removed by
  /// Sweep, which may take its time.
  Status Discard(const TenantId& tenant);
  Status Sweep();

  bool has_many() const;
  std::string hosted_file() const;  ///< Where Tenants keeps its list.

 private:
  struct Shared;
  Result<TenantOptions> OptionsOf(const HostedTenant& hosted);
  Result<bool> IsInDataPath(const TenantId& tenant) const;
  Status GiveAllowedPaths(const TenantId& tenant, storage::StoreOptions& store) const;
  Status Link(const HostedTenant& hosted, OpenTenant& open) const;
  LearnerOptions::Timings Measured();

  const Config& config_;
  OpenerDeps deps_;
  std::uint16_t port_ = 0;
  NodeKeyFn node_key_;
  std::string folder_;  ///< <DATA_PATH>/hosted
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<Shared> shared_;  ///< Null where there is one tenant.
  std::mutex measure_mutex_;
  LearnerOptions::Timings timings_;  ///< Of this machine: measured once for all tenants.
};

}  // namespace granary::services
