// AuthGateway: users, keys and tokens, and the way to the tenants' nodes, behind one port.
//
// Life       Listen answers at once (health 503, the rest 503) -> Open opens the file of users and
//            keys -> Stop finishes running requests.
// Threads    as hosting::Service.
// Owns       its clock, randomness and files. The log outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/service.h"
#include "granary/services/auth_gateway/config.h"

namespace granary::gateway {

class AuthGateway final : public hosting::Service {
 public:
  /// Called once in the life of a data folder, with a key that nobody sees again.
  using FirstKeyFn = std::function<void(const std::string& key)>;

  /// kConflict when the port is taken, kInvalidArgument for files that TLS cannot use.
  static Result<std::unique_ptr<AuthGateway>> Listen(const Config& config, Logger& log,
                                                     FirstKeyFn on_first_key);
  ~AuthGateway() override;

  std::string_view name() const override { return "auth-gateway"; }
  /// Authority::Open's failures; kConflict when another gateway has the folder.
  Status Open() override;
  Status Stop() override;
  std::uint16_t port() const;

 private:
  struct State;
  explicit AuthGateway(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::gateway
