#include "granary/services/tenant_node/run_flags.h"

#include <CLI/CLI.hpp>

#include "granary/hosting/doors.h"
#include "granary/services/tenant_node/machine_memory.h"

namespace granary::services {

void AddNodeFlags(CLI::App& app, hosting::ConfigFlags& flags) {
  hosting::AddConfigFlags(app, flags);
  flags.named = {{"REST_PORT", "", "--rest-port"},
                 {"GRPC_PORT", "", "--grpc-port"},
                 {"DATA_PATH", "", "--data-path"}};
  for (hosting::ConfigSetting& setting : flags.named)
    app.add_option(setting.origin, setting.text, setting.name);
}

void AddRunFlags(CLI::App& app, hosting::ConfigFlags& flags, RunFlags& run) {
  hosting::AddDoorsWord(app, run.mode);
  AddNodeFlags(app, flags);
  app.add_option("--failpoints", run.failpoints, "For tests: name=kill|error|full@n[+],…");
}

Result<Config> ReadConfig(const hosting::ConfigSources& sources) {
  return LoadConfig({sources, ReadMachineMemory()});
}

}  // namespace granary::services
