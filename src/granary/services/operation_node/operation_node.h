// OperationNode: the service on port 8081: tenants, the nodes that serve them, who is where, how
// many there should be.
//
// Life       Listen answers at once -> Open reads its identity and begins to work; whether the
//            metadata store answers does not matter: health says so, and it comes back by itself
//            -> Stop ends the nodes that it launched.
// Threads    Listen, Open and Stop from one thread, or Open beside a thread that waits to Stop.
// Owns       its folder, DATA_PATH/operation_node. The log outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/service.h"
#include "granary/services/operation_node/config.h"

namespace granary::operation {

class OperationNode final : public hosting::Service {
 public:
  /// kConflict when the port is taken, kInvalidArgument for files that TLS cannot use.
  static Result<std::unique_ptr<OperationNode>> Listen(const Config& config, Logger& log);
  /// Stops.
  ~OperationNode() override;

  std::string_view name() const override { return "operation-node"; }
  /// kConflict when another process uses its folder, LoadIdentity's errors.
  Status Open() override;
  Status Stop() override;

  std::uint16_t port() const;
  /// Before Open: the gateway of this process, and what it knows this service by; empty: by
  /// OPERATION_NODE_KEY.
  void SetGateway(const std::string& url, const std::string& process_secret);

 private:
  struct State;
  explicit OperationNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::operation
