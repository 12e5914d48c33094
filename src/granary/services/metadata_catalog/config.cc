#include "granary/services/metadata_catalog/config.h"

#include <iterator>
#include <vector>

#include "granary/io/file_system.h"

namespace granary::catalog {
namespace {

using C = Config;
using hosting::SwitchRule;
using hosting::Variable;
using hosting::WholeRule;

// clang-format off
std::vector<Variable> CatalogRows() {
  return {
    {"Metadata Catalog", "CATALOG_SNAPSHOTS_KEPT", "1000", WholeRule{&C::snapshots_kept, 1, 1'000'000}, "Snapshots of a source that are kept, and the files that went since the oldest of them"},
    {"", "CATALOG_COMPACTIONS_KEPT", "10000", WholeRule{&C::compactions_kept, 1, 1'000'000}, "Ended compactions that are kept"},
    {"", "CATALOG_MAX_SOURCES", "100000", WholeRule{&C::max_sources, 1, 10'000'000}, "Sources of all tenants; a node that tells of more is refused"},
    {"", "CATALOG_MAX_FILES", "1000000", WholeRule{&C::max_files, 1, 100'000'000}, "Live files of a source; likewise"},
    {"", "CATALOG_MAX_POLICIES", "10000", WholeRule{&C::max_policies, 1, 1'000'000}, "Compaction policies"},
    {"", "CATALOG_SCHEDULE_ENABLED", "true", SwitchRule{&C::schedule_enabled}, "Say when the interval of a source's compaction is over, so that nodes do not all merge at once; false: each node says it for itself"},
    {"", "CATALOG_MERGES_MAX", "2", WholeRule{&C::merges_max, 1, 10'000}, "Compactions that it has nodes make at once, over all nodes, those that somebody asked for first"},
  };
}
// clang-format on

std::vector<Variable> MakeTable() {
  std::vector<Variable> out;
  for (std::vector<Variable> rows :
       {CatalogRows(), hosting::FleetVariables(), hosting::PlaceVariables(),
        hosting::PortVariables(), hosting::AccessVariables(), hosting::RequestVariables(),
        hosting::LogVariables()}) {
    out.insert(out.end(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
  }
  return out;
}

}  // namespace

std::span<const Variable> ConfigTable() {
  static const std::vector<Variable> table = MakeTable();
  return table;
}

Result<Config> LoadConfig(const hosting::ConfigSources& sources) {
  return hosting::LoadConfig<Config>(sources, ConfigTable());
}

std::string FolderOf(const Config& config) { return io::JoinPath(config.data_path, "catalog"); }

}  // namespace granary::catalog
