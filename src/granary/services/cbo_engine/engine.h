// CboEngine: the service that learns the cost model of all nodes, behind REST, gRPC or both:
// configuration in, a serving engine out.
//
// Life       Listen answers at once (health 503, everything else 503) -> Open takes up what it
//            remembers -> Stop finishes running requests, then closes its store.
// Promise    no query of a node waits for it: nodes push what they did and pull models beside
//            serving, and go on with the model that they have when nobody answers here.
// Threads    Listen, Open and Stop from one thread, or Open beside a thread that waits to Stop.
// Owns       its clock and store. The log outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/doors.h"
#include "granary/hosting/service.h"
#include "granary/services/cbo_engine/config.h"

namespace granary::services {

class CboEngine final : public hosting::Service {
 public:
  /// kConflict when a port is taken, kInvalidArgument for files that TLS cannot use.
  static Result<std::unique_ptr<CboEngine>> Listen(const CboConfig& config, Logger& log,
                                                   hosting::Doors doors = hosting::Doors::kRest);
  ~CboEngine() override;

  std::string_view name() const override { return "cbo-engine"; }
  Status Open() override;
  Status Stop() override;

  /// REST's port, gRPC's port; 0 for what is not served.
  std::uint16_t port() const;
  std::uint16_t grpc_port() const;

 private:
  struct State;
  explicit CboEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::services
