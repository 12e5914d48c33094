// NodeState: what the handlers of one Tenant Node share.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "granary/api/request_json.h"
#include "granary/base/log.h"
#include "granary/hosting/grpc_dispatcher.h"
#include "granary/hosting/metrics.h"
#include "granary/hosting/router.h"
#include "granary/hosting/server_handle.h"
#include "granary/io/clock.h"
#include "granary/runtime/worker_scaler.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/process_memory.h"
#include "granary/services/tenant_node/server_paths.h"
#include "granary/services/tenant_node/tenants.h"
#include "granary/tenant/caller.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

struct NodeState {
  NodeState(const Config& node_config, Logger& logger, const io::Clock& node_clock,
            const ProcessMemory& node_memory, io::FileSystem& files);

  const Config config;
  const api::RequestLimits limits;
  const ServerPaths paths;
  Logger& log;
  const io::Clock& clock;
  const ProcessMemory& memory;
  const std::int64_t started_ns;
  hosting::Metrics metrics;
  hosting::Counter& rows_written;
  hosting::Counter& rows_returned;
  hosting::ServerHandle server;
  std::atomic<std::uint16_t> grpc_port = 0;  ///< 0: gRPC is not served, or not yet.
  /// Set before the first request may come.
  Tenants* tenants = nullptr;
  const runtime::WorkerScaler* scaler = nullptr;
};

/// Who a request is from, and to which tenant: RouteCall::who of one that needed access.
struct Visitor {
  std::string tenant;
  Rights rights;
};

/// The tenant that a request is for, open while the pointer is there. Tenants::Get's failures.
Result<std::shared_ptr<Tenant>> TenantOf(NodeState& state, const hosting::RouteCall& call);
Result<std::shared_ptr<Tenant>> TenantOf(NodeState& state, const hosting::GrpcMethodCall& call);
/// Null when it is not open: nothing runs there, and nobody waits until it is.
Result<std::shared_ptr<Tenant>> OpenTenantOf(NodeState& state, const hosting::RouteCall& call);

/// Records that were acknowledged, or records and groups that were sent: of the process, and the
/// tenant's.
void CountWritten(NodeState& state, Tenant& tenant, std::uint64_t rows);
void CountReturned(NodeState& state, Tenant& tenant, std::uint64_t rows);

inline double MillisSince(const NodeState& state, std::int64_t start_ns) {
  return static_cast<double>(state.clock.MonotonicNanos() - start_ns) / 1e6;
}

/// What a request waits for when it is told to come again.
enum class Awaited : std::uint8_t { kSearchSlots, kMerges };
/// When it is worth asking again after `status`: as soon as the searches that queue will have
/// started, or files will be merged; 1 where nothing of that is in the way, and of a node with many
/// tenants.
std::int64_t RetryAfterSeconds(const NodeState& state, const Status& status, Awaited awaited);

/// "0.1.0"
std::string_view NodeVersion();

}  // namespace granary::services
