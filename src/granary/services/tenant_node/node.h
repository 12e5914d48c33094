// TenantNode: one tenant behind REST, gRPC or both: configuration in, a serving node out.
//
// Life       Listen answers at once (health 503, everything else 503 "recovering") -> Open recovers
//            the data and makes it ready -> Stop finishes running requests, then closes the tenant.
// Threads    Listen, Open and Stop from one thread, or Open beside a thread that waits to Stop.
// Owns       its clock, file system and worker pool. Log and failpoints outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/doors.h"
#include "granary/hosting/service.h"
#include "granary/io/failpoint.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {

class TenantNode final : public hosting::Service {
 public:
  /// kConflict when a port is taken, kInvalidArgument for files that TLS cannot use.
  static Result<std::unique_ptr<TenantNode>> Listen(const Config& config, Logger& log,
                                                    io::Failpoints& failpoints,
                                                    hosting::Doors doors = hosting::Doors::kRest);
  /// Stops.
  ~TenantNode() override;

  std::string_view name() const override { return "tenant-node"; }
  /// Tenant::Open's failures. Afterwards calls get them too.
  Status Open() override;
  Status Stop() override;

  /// REST's port, gRPC's port; 0 for what is not served.
  std::uint16_t port() const;
  std::uint16_t grpc_port() const;

 private:
  struct State;
  explicit TenantNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::services
