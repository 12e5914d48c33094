#include "granary/services/up/config.h"

#include <vector>

namespace granary::services {

std::span<const hosting::Variable> UpConfigTable() {
  static const std::vector<hosting::Variable> table = hosting::ServiceTable({
      {"granary up", "DEMO_DATA", "",
       hosting::TextRule{&UpOwnConfig::demo_data, hosting::IsOptionalPath, "a path, or nothing"},
       "A folder of CSV files; the first start of granary up makes a tenant 'demo' with a source "
       "of "
       "each, for trying things out; nothing: none"},
  });
  return table;
}

Result<UpOwnConfig> LoadUpConfig(const hosting::ConfigSources& sources) {
  return hosting::LoadConfig<UpOwnConfig>(sources, UpConfigTable());
}

}  // namespace granary::services
