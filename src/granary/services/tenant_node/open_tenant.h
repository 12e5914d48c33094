// OpenTenant: a tenant that is open on this node, with what is its own of the node: its share of the
// workers and CPUs, what tells others of it.
//
// Threads    Close once, when nobody uses the tenant; the rest as Tenant.
#pragma once

#include <memory>
#include <utility>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/worker_pool.h"
#include "granary/services/tenant_node/catalog_link.h"
#include "granary/services/tenant_node/engine_link.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

struct OpenTenant {
  /// Those who are told first: they look at the tenant.
  Status Close() {
    engine.reset();
    catalog.reset();
    return tenant == nullptr ? Status::Ok() : tenant->Close();
  }

  std::unique_ptr<runtime::WorkerPool> pool;  ///< Null where the node has one tenant.
  std::unique_ptr<runtime::Pacer> pacer;
  std::unique_ptr<Tenant> tenant;
  std::unique_ptr<EngineLink> engine;
  std::unique_ptr<CatalogLink> catalog;
};

}  // namespace granary::services
