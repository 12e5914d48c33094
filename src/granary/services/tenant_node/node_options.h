// What the configuration means to the rooms below.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/net/grpc_server.h"
#include "granary/net/http_server.h"
#include "granary/runtime/worker_scaler.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/hosted_tenant.h"
#include "granary/services/tenant_node/tenants.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

/// One for each CPU, between MIN_WORKERS and MAX_WORKERS: what a node begins with, and stays with
/// where AUTO_SCALING_ENABLED is false.
std::size_t WorkerThreads(const Config& config, std::size_t cpus);
runtime::WorkerScaler::Options MakeScalerOptions(const Config& config, std::size_t cpus);
Result<TenantOptions> MakeTenantOptions(const Config& config);
/// The configuration that a tenant of many is opened by: its names, its quota, its part of the
/// memory, and a log that is as small as there are many of them.
Config ConfigOf(const Config& config, const HostedTenant& hosted);
/// What a tenant of many holds at most.
std::uint64_t MemoryOf(const Config& config, const HostedTenant& hosted);
/// Whom a node serves that nobody else tells. kInvalidArgument for more than NODE_CAPACITY.
Result<std::vector<HostedTenant>> ConfiguredTenants(const Config& config);
TenantsOptions MakeTenantsOptions(const Config& config);
net::HttpServerOptions MakeServerOptions(const Config& config);
/// The same limits as REST's.
net::GrpcServerOptions MakeGrpcOptions(const Config& config);
/// What the Metadata Catalog is told of this node's settings: its own policy of merging, and what
/// bounds a source. JSON.
std::string CatalogSettings(const Config& config);
/// ALLOWED_DATA_PATHS, one by one.
std::vector<std::string> AllowedDataPaths(const Config& config);

}  // namespace granary::services
