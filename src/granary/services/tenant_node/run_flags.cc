#include "granary/services/tenant_node/run_flags.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "granary/services/tenant_node/machine_memory.h"

namespace granary::services {

void AddConfigFlags(CLI::App& app, RunFlags& flags) {
  hosting::AddConfigFlags(app, flags.config);
  app.add_option("--rest-port", flags.rest_port, "REST_PORT");
  app.add_option("--grpc-port", flags.grpc_port, "GRPC_PORT");
  app.add_option("--data-path", flags.data_path, "DATA_PATH");
}

void AddRunFlags(CLI::App& app, RunFlags& flags) {
  app.add_option("mode", flags.mode, "What to serve: rest (default), grpc or both");
  AddConfigFlags(app, flags);
  app.add_option("--failpoints", flags.failpoints, "For tests: name=kill|error|full@n[+],…");
}

Result<Config> ReadConfig(const RunFlags& flags, hosting::KnowsVariable known_elsewhere) {
  hosting::ConfigFlags given = flags.config;
  given.named = {{"REST_PORT", flags.rest_port, "--rest-port"},
                 {"GRPC_PORT", flags.grpc_port, "--grpc-port"},
                 {"DATA_PATH", flags.data_path, "--data-path"}};
  GRANARY_ASSIGN(const hosting::ConfigSources sources,
                 hosting::ReadSources(given, std::move(known_elsewhere)));
  return ReadConfig(sources);
}

Result<Config> ReadConfig(const hosting::ConfigSources& sources) {
  ConfigSources all;
  static_cast<hosting::ConfigSources&>(all) = sources;
  all.memory = ReadMachineMemory();
  return LoadConfig(all);
}

}  // namespace granary::services
