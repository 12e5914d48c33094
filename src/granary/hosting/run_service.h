// A program of services as a process: `granary <name> [--config FILE] [--set NAME=VALUE …]`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/hosting/config.h"
#include "granary/hosting/config_flags.h"
#include "granary/hosting/service.h"

namespace granary::hosting {

struct ServiceProgram {
  std::string_view name;   ///< "monitoring"
  std::string_view about;  ///< For its help.
  /// Declares the flags; what it puts into `app` besides lives as long as the program.
  std::function<void(CLI::App& app, ConfigFlags& flags)> add_flags = AddConfigFlags;
  /// Checks the settings and keeps them; `shared` gets the part of them that every service has.
  std::function<Status(const ConfigSources& sources, ServerConfig& shared)> load;
  /// Makes of what `load` kept the services, listening.
  std::function<Result<Services>(Logger& log)> listen;
  std::function<void()> opened = {};  ///< Called once all are open.
};

/// The program of one service, whose settings are a Config.
template <typename Config, typename T>
ServiceProgram OneService(std::string_view name, std::string_view about,
                          Result<Config> (*load)(const ConfigSources& sources),
                          Result<std::unique_ptr<T>> (*listen)(const Config& config, Logger& log)) {
  const auto config = std::make_shared<Config>();
  ServiceProgram program{.name = name, .about = about};
  program.load = [config, load](const ConfigSources& sources, ServerConfig& shared) {
    GRANARY_ASSIGN(*config, load(sources));
    shared = *config;
    return Status::Ok();
  };
  program.listen = [config, listen](Logger& log) -> Result<Services> {
    Services services(1);
    GRANARY_ASSIGN(services[0], listen(*config, log));
    return services;
  };
  return program;
}

/// Serves until SIGTERM or SIGINT. 0 after a clean stop; 1 when it cannot start, or could not stop
/// in order; 2 for bad flags or configuration.
int RunService(const ServiceProgram& program, const std::vector<std::string>& args,
               KnowsVariable known_elsewhere = {});

}  // namespace granary::hosting
