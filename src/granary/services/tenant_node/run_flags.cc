#include "granary/services/tenant_node/run_flags.h"

#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/io/posix_file_system.h"
#include "granary/services/tenant_node/machine_memory.h"

namespace granary::services {
namespace {

constexpr const char* kDefaultFile = "config.env";

Result<std::vector<ConfigSetting>> ReadFile(const RunFlags& flags) {
  io::PosixFileSystem files;
  const std::string path = flags.config_file.empty() ? kDefaultFile : flags.config_file;
  GRANARY_ASSIGN(const bool exists, files.Exists(path));
  if (!exists && flags.config_file.empty()) return std::vector<ConfigSetting>();
  GRANARY_ASSIGN(const std::string text, files.ReadFile(path));
  return ParseConfigFile(text, path);
}

Result<std::vector<ConfigSetting>> ToSettings(const RunFlags& flags) {
  std::vector<ConfigSetting> out;
  for (const std::string& setting : flags.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      return Status(Code::kInvalidArgument, fmt::format("--set '{}' is not NAME=VALUE", setting));
    out.push_back({setting.substr(0, equals), setting.substr(equals + 1), "--set"});
  }
  if (!flags.rest_port.empty()) out.push_back({"REST_PORT", flags.rest_port, "--rest-port"});
  if (!flags.grpc_port.empty()) out.push_back({"GRPC_PORT", flags.grpc_port, "--grpc-port"});
  if (!flags.data_path.empty()) out.push_back({"DATA_PATH", flags.data_path, "--data-path"});
  return out;
}

}  // namespace

void AddConfigFlags(CLI::App& app, RunFlags& flags) {
  app.add_option("--config", flags.config_file,
                 "File of NAME=VALUE lines; config.env when it is there");
  app.add_option("--set", flags.settings,
                 "NAME=VALUE for any variable of config.env.example; repeatable")
      ->allow_extra_args(false);
  app.add_option("--rest-port", flags.rest_port, "REST_PORT");
  app.add_option("--grpc-port", flags.grpc_port, "GRPC_PORT");
  app.add_option("--data-path", flags.data_path, "DATA_PATH");
}

void AddRunFlags(CLI::App& app, RunFlags& flags) {
  app.add_option("mode", flags.mode, "What to serve: rest (default), grpc or both");
  AddConfigFlags(app, flags);
  app.add_option("--failpoints", flags.failpoints, "For tests: name=kill|error|full@n[+],…");
}

Result<Config> ReadConfig(const RunFlags& flags) {
  ConfigSources sources;
  GRANARY_ASSIGN(sources.file, ReadFile(flags));
  GRANARY_ASSIGN(sources.flags, ToSettings(flags));
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  };
  sources.memory = ReadMachineMemory();
  return LoadConfig(sources);
}

}  // namespace granary::services
