#include "granary/hosting/config_flags.h"

#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "granary/io/posix_file_system.h"

namespace granary::hosting {
namespace {

constexpr const char* kDefaultFile = "config.env";

Result<std::vector<ConfigSetting>> ReadSettingsFile(const ConfigFlags& flags) {
  io::PosixFileSystem files;
  const std::string path = flags.config_file.empty() ? kDefaultFile : flags.config_file;
  GRANARY_ASSIGN(const bool exists, files.Exists(path));
  if (!exists && flags.config_file.empty()) return std::vector<ConfigSetting>();
  GRANARY_ASSIGN(const std::string text, files.ReadFile(path));
  return ParseConfigFile(text, path);
}

Result<std::vector<ConfigSetting>> SettingsOf(const ConfigFlags& flags) {
  std::vector<ConfigSetting> out;
  for (const std::string& setting : flags.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      return Status(Code::kInvalidArgument, fmt::format("--set '{}' is not NAME=VALUE", setting));
    out.push_back({setting.substr(0, equals), setting.substr(equals + 1), "--set"});
  }
  for (const ConfigSetting& setting : flags.named)
    if (!setting.text.empty()) out.push_back(setting);
  return out;
}

}  // namespace

void AddConfigFlags(CLI::App& app, ConfigFlags& flags) {
  app.add_option("--config", flags.config_file,
                 "File of NAME=VALUE lines; config.env when it is there");
  app.add_option("--set", flags.settings,
                 "NAME=VALUE for any variable of config.env.example; repeatable")
      ->allow_extra_args(false);
}

Result<ConfigSources> ReadSources(const ConfigFlags& flags, KnowsVariable known_elsewhere) {
  ConfigSources sources;
  GRANARY_ASSIGN(sources.file, ReadSettingsFile(flags));
  GRANARY_ASSIGN(sources.flags, SettingsOf(flags));
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* text = std::getenv(name.c_str());
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  };
  sources.known_elsewhere = std::move(known_elsewhere);
  return sources;
}

}  // namespace granary::hosting
