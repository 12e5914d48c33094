// The flags that every service takes, and the settings that they, config.env and the environment
// hold.
//
// Threads    a value; ReadSources reads the environment.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/hosting/config.h"

namespace CLI {
class App;
}

namespace granary::hosting {

/// Whether any service has a variable of that name.
using KnowsVariable = std::function<bool(std::string_view name)>;

struct ConfigFlags {
  std::string config_file;
  std::vector<std::string> settings;  ///< NAME=VALUE
  /// Flags of their own: {"REST_PORT", what was given, "--rest-port"}; empty texts were not given.
  std::vector<ConfigSetting> named;
};

/// `flags` must live as long as `app`.
void AddConfigFlags(CLI::App& app, ConfigFlags& flags);

/// kNotFound for a file that was named and is not there, ParseConfigFile's errors.
Result<ConfigSources> ReadSources(const ConfigFlags& flags, KnowsVariable known_elsewhere = {});

}  // namespace granary::hosting
