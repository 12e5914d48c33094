#include "granary/services/auth_gateway/run.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/run_service.h"
#include "granary/services/auth_gateway/gateway.h"

namespace granary::gateway {

int RunAuthGateway(const std::vector<std::string>& args, hosting::KnowsVariable known_elsewhere) {
  Config config;
  hosting::ServiceProgram program;
  program.name = "auth-gateway";
  program.about = "Knows users and keys, and passes their requests on to the tenants' nodes";
  program.load = [&config](const hosting::ConfigSources& sources, hosting::ServerConfig& shared) {
    Result<Config> loaded = LoadConfig(sources);
    if (loaded.ok()) shared = config = loaded.Take();
    return loaded.status();
  };
  program.listen = [&config](Logger& log) -> Result<std::unique_ptr<hosting::Service>> {
    GRANARY_ASSIGN(std::unique_ptr<hosting::Service> service,
                   AuthGateway::Listen(config, log, ShowFirstKey));
    return service;
  };
  return hosting::RunService(program, args, std::move(known_elsewhere));
}

void ShowFirstKey(const std::string& key) {
  fmt::print(
      "The first start made an administrator with this API key. It is shown once:\n\n    {}\n\n",
      key);
  std::fflush(stdout);
}

}  // namespace granary::gateway
