#include "granary/cli/variables.h"

#include <algorithm>
#include <span>
#include <vector>

#include "granary/hosting/config.h"
#include "granary/services/auth_gateway/config.h"
#include "granary/services/cbo_engine/config.h"
#include "granary/services/metadata_catalog/config.h"
#include "granary/services/monitoring/config.h"
#include "granary/services/operation_node/config.h"
#include "granary/services/tenant_node/config.h"

namespace granary::cli {
namespace {

// One line a service.
std::vector<std::span<const hosting::Variable>> Tables() {
  return {services::ConfigTable(),    gateway::ConfigTable(),   services::MonitoringConfigTable(),
          services::CboConfigTable(), operation::ConfigTable(), catalog::ConfigTable()};
}

}  // namespace

bool KnowsVariable(std::string_view name) {
  return std::ranges::any_of(Tables(), [name](std::span<const hosting::Variable> table) {
    return std::ranges::find(table, name, &hosting::Variable::name) != table.end();
  });
}

std::string ExampleConfig() { return hosting::ExampleConfigFile(Tables()); }

}  // namespace granary::cli
