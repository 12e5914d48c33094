#include "granary/services/auth_gateway/run.h"

#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "granary/services/auth_gateway/gateway.h"

namespace granary::gateway {
namespace {

Result<std::unique_ptr<AuthGateway>> ListenAndShowKey(const Config& config, Logger& log) {
  return AuthGateway::Listen(config, log, ShowFirstKey);
}

}  // namespace

hosting::ServiceProgram AuthGatewayProgram() {
  return hosting::OneService("auth-gateway", "Know users and keys, and pass requests on to nodes",
                             LoadConfig, ListenAndShowKey);
}

void ShowFirstKey(const std::string& key) {
  fmt::print(
      "The first start made an administrator with this API key. It is shown once:\n\n    {}\n\n",
      key);
  std::fflush(stdout);
}

}  // namespace granary::gateway
