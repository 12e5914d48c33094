// Where settings come from, and how a service's configuration is made of them and its table.
//
// Order      defaults < config.env < environment < flags; each value remembers where it came from.
// Shared     one config.env serves all services: what another service's table names is passed over
//            here, what none names is refused.
// Threads    values.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/hosting/server_config.h"
#include "granary/hosting/variable.h"

namespace granary::hosting {

/// One NAME=VALUE that somebody gave.
struct ConfigSetting {
  std::string name;
  std::string text;
  std::string origin;
};

struct ConfigSources {
  std::vector<ConfigSetting> file;  ///< ParseConfigFile's.
  /// The environment; asked only for names of the table.
  std::function<std::optional<std::string>(const std::string& name)> environment = {};
  std::vector<ConfigSetting> flags = {};
  /// Names of other services' tables; none when not set.
  std::function<bool(std::string_view name)> known_elsewhere = {};
};

/// Fills `config`, which is of the type that the rules of `table` name members of.
/// kInvalidArgument, listing every bad value: its name, what it was, where it came from, what is
/// allowed. A name in the file or a flag that is none is refused too.
Status LoadVariables(const ConfigSources& sources, std::span<const Variable> table,
                     ServerConfig& config);

/// Those of ServerConfig that are wrong together, as sentences.
void CheckServer(const ServerConfig& config, std::vector<std::string>& complaints);
/// kInvalidArgument with all of them; OK when there are none.
Status ToStatus(const std::vector<std::string>& complaints);

/// A service's settings from its table, in which they are within their bounds together as well.
template <typename C>
Result<C> LoadConfig(const ConfigSources& sources, std::span<const Variable> table) {
  C config;
  GRANARY_TRY(LoadVariables(sources, table, config));
  std::vector<std::string> complaints;
  CheckServer(config, complaints);
  GRANARY_TRY(ToStatus(complaints));
  return config;
}

/// What somebody changed though this version does not look at it, for a warning.
std::vector<ConfigSetting> WithoutEffect(const ServerConfig& config);

/// Lines NAME=VALUE; '#' starts a comment line, "export " and quotes around a value are taken off.
/// `file` names it in origins and errors.
Result<std::vector<ConfigSetting>> ParseConfigFile(std::string_view text, const std::string& file);

/// What config.env.example holds: every variable with its default, its meaning and what is allowed.
/// A variable that several tables have stands where it comes first.
std::string ExampleConfigFile(std::span<const std::span<const Variable>> tables);

/// The rows of every service's table: its folder and address; all services' ports; TLS and who is
/// answered; the limits of requests; log lines.
std::vector<Variable> PlaceVariables();
std::vector<Variable> PortVariables();
std::vector<Variable> AccessVariables();
std::vector<Variable> RequestVariables();
/// Of the services that talk to the Operation Node, and its own.
std::vector<Variable> FleetVariables();
std::vector<Variable> LogVariables();

/// The table of a service: its own rows among those that every service has.
std::vector<Variable> ServiceTable(std::vector<Variable> own);

}  // namespace granary::hosting
