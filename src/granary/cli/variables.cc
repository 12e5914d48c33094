#include "granary/cli/variables.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "granary/hosting/config.h"
#include "granary/services/auth_gateway/config.h"
#include "granary/services/cbo_engine/config.h"
#include "granary/services/metadata_catalog/config.h"
#include "granary/services/monitoring/config.h"
#include "granary/services/operation_node/config.h"
#include "granary/services/tenant_node/config.h"
#include "granary/services/tenant_node/run_flags.h"
#include "granary/services/up/config.h"

namespace granary::cli {
namespace {

using Values = std::vector<hosting::ConfigValue>;

struct ServiceSettings {
  std::string_view service;
  std::span<const hosting::Variable> table;
  std::function<Result<Values>(const hosting::ConfigSources& sources)> load;
};

template <typename C>
ServiceSettings Of(std::string_view service, std::span<const hosting::Variable> table,
                   Result<C> (*load)(const hosting::ConfigSources& sources)) {
  return {service, table, [load](const hosting::ConfigSources& sources) -> Result<Values> {
            GRANARY_ASSIGN(C config, load(sources));
            return std::move(config.values);
          }};
}

// One line a service, in the order of config.env.example.
std::vector<ServiceSettings> AllServices() {
  return {
      Of("tenant-node", services::ConfigTable(), services::ReadConfig),
      Of("auth-gateway", gateway::ConfigTable(), gateway::LoadConfig),
      Of("monitoring", services::MonitoringConfigTable(), services::LoadMonitoringConfig),
      Of("cbo-engine", services::CboConfigTable(), services::LoadCboConfig),
      Of("operation-node", operation::ConfigTable(), operation::LoadConfig),
      Of("metadata-catalog", catalog::ConfigTable(), catalog::LoadConfig),
      Of("up", services::UpConfigTable(), services::LoadUpConfig),
  };
}

std::vector<std::span<const hosting::Variable>> Tables() {
  std::vector<std::span<const hosting::Variable>> out;
  for (const ServiceSettings& one : AllServices()) out.push_back(one.table);
  return out;
}

void AddMissing(Values from, Values& to) {
  for (hosting::ConfigValue& value : from)
    if (std::ranges::find(to, value.name, &hosting::ConfigValue::name) == to.end())
      to.push_back(std::move(value));
}

}  // namespace

bool KnowsVariable(std::string_view name) {
  return std::ranges::any_of(Tables(), [name](std::span<const hosting::Variable> table) {
    return std::ranges::find(table, name, &hosting::Variable::name) != table.end();
  });
}

Result<Values> SettingsOf(std::string_view service, const hosting::ConfigSources& sources) {
  Values all;
  std::string names;
  for (const ServiceSettings& one : AllServices()) {
    names.append(names.empty() ? "" : ", ").append(one.service);
    if (service != "up" && service != one.service) continue;
    GRANARY_ASSIGN(Values values, one.load(sources));
    AddMissing(std::move(values), all);
  }
  if (!all.empty()) return all;
  return Status(Code::kNotFound,
                fmt::format("there is no service '{}': one of {}", service, names));
}

std::string ExampleConfig() { return hosting::ExampleConfigFile(Tables()); }

}  // namespace granary::cli
