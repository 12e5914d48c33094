#include "granary/services/tenant_node/config.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/base/check.h"
#include "granary/services/tenant_node/config_table.h"

namespace granary::services {
namespace {

constexpr std::uint64_t kMemoryLimitPercent = 60;
constexpr std::int64_t kMemoryLimitLeastMb = 64;      // Less and the program itself does not fit.
constexpr std::int64_t kMemoryLimitUnknownMb = 4096;  // Where nobody says what the machine has.
constexpr std::int64_t kQueryShareParts = 8;

const Variable* FindVariable(std::string_view name) {
  const auto table = ConfigTable();
  const auto found = std::ranges::find(table, name, &Variable::name);
  return found == table.end() ? nullptr : &*found;
}

using Settings = std::map<std::string, ConfigSetting, std::less<>>;

void Put(const std::vector<ConfigSetting>& from, Settings& settings,
         std::vector<std::string>& complaints) {
  for (const ConfigSetting& setting : from) {
    if (FindVariable(setting.name) == nullptr) {
      complaints.push_back(
          fmt::format("{} ({}) is no variable of this node", setting.name, setting.origin));
      continue;
    }
    settings[setting.name] = setting;
  }
}

void PutEnvironment(const ConfigSources& sources, Settings& settings) {
  if (!sources.environment) return;
  for (const Variable& variable : ConfigTable()) {
    const std::string name(variable.name);
    if (const auto text = sources.environment(name)) settings[name] = {name, *text, "environment"};
  }
}

void Derive(std::string_view name, std::int64_t value, std::string origin,
            std::int64_t Config::*member, Config& config) {
  if (config.*member != 0) return;
  config.*member = value;
  const auto shown = std::ranges::find(config.values, name, &ConfigValue::name);
  shown->text = fmt::format("{}", value);
  if (shown->origin != "default") origin = fmt::format("{} ({})", origin, shown->origin);
  shown->origin = std::move(origin);
}

void DeriveMemory(const MachineMemory& memory, Config& config) {
  const std::uint64_t machine_mb = memory.bytes >> 20;
  const auto limit = std::max(kMemoryLimitLeastMb,
                              static_cast<std::int64_t>(machine_mb * kMemoryLimitPercent / 100));
  Derive("MEMORY_LIMIT_MB", memory.bytes == 0 ? kMemoryLimitUnknownMb : limit,
         memory.bytes == 0 ? "default"
                           : fmt::format("default: {} % of the {} MiB of {}", kMemoryLimitPercent,
                                         machine_mb, memory.of),
         &Config::memory_limit_mb, config);
  Derive("QUERY_MEMORY_MB", std::max<std::int64_t>(config.memory_limit_mb / kQueryShareParts, 1),
         "default: an eighth of MEMORY_LIMIT_MB", &Config::query_memory_mb, config);
}

// Values that are fine alone but not together.
void CheckTogether(const Config& config, std::vector<std::string>& complaints) {
  const auto ordered = [&](std::string_view less, double a, std::string_view more, double b) {
    if (a > b)
      complaints.push_back(
          fmt::format("{} is {}, allowed: at most {}, which is {}", less, a, more, b));
  };
  ordered("QUERY_MEMORY_MB", static_cast<double>(config.query_memory_mb), "MEMORY_LIMIT_MB",
          static_cast<double>(config.memory_limit_mb));
  if (config.tls_cert_file.empty() != config.tls_key_file.empty())
    complaints.push_back("TLS_CERT_FILE and TLS_KEY_FILE: give both or none");
  if (config.tls_cert_file.empty() && !config.tls_client_ca_file.empty())
    complaints.push_back("TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE");
  ordered("MIN_WORKERS", static_cast<double>(config.min_workers), "MAX_WORKERS",
          static_cast<double>(config.max_workers));
  ordered("SCALE_DOWN_THRESHOLD_CPU", config.scale_down_threshold_cpu, "SCALE_UP_THRESHOLD_CPU",
          config.scale_up_threshold_cpu);
  ordered("SCALE_DOWN_THRESHOLD_MEMORY", config.scale_down_threshold_memory,
          "SCALE_UP_THRESHOLD_MEMORY", config.scale_up_threshold_memory);
  ordered("MIN_FILE_SIZE_MB", config.min_file_size_mb, "TARGET_FILE_SIZE_MB",
          config.target_file_size_mb);
  ordered("TARGET_FILE_SIZE_MB", config.target_file_size_mb, "MAX_FILE_SIZE_MB",
          config.max_file_size_mb);
}

std::string_view Trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string_view Unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

Result<Config> LoadConfig(const ConfigSources& sources) {
  std::vector<std::string> complaints;
  Settings settings;
  Put(sources.file, settings, complaints);
  PutEnvironment(sources, settings);
  Put(sources.flags, settings, complaints);

  Config config;
  for (const Variable& variable : ConfigTable()) {
    const std::string name(variable.name);
    const auto given = settings.find(name);
    const bool is_default = given == settings.end();
    ConfigValue value{
        name, std::string(is_default ? variable.fallback : std::string_view(given->second.text)),
        is_default ? "default" : given->second.origin};
    if (!Assign(variable, value.text, config)) {
      GRANARY_CHECK(!is_default, "default of {}", name);
      complaints.push_back(fmt::format("{} is '{}' ({}), allowed: {}", name,
                                       value.text.substr(0, 200), value.origin,
                                       AllowedText(variable)));
    }
    config.values.push_back(std::move(value));
  }
  if (complaints.empty()) {
    DeriveMemory(sources.memory, config);
    CheckTogether(config, complaints);
  }
  if (!complaints.empty())
    return Status(Code::kInvalidArgument, fmt::format("{}", fmt::join(complaints, "; ")));
  return config;
}

Result<std::vector<ConfigSetting>> ParseConfigFile(std::string_view text, const std::string& file) {
  std::vector<ConfigSetting> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("export ")) line = Trimmed(line.substr(7));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Status(Code::kInvalidArgument,
                    fmt::format("{}:{}: '{}' is not NAME=VALUE", file, number, line.substr(0, 80)));
    }
    const std::string_view value = Unquoted(Trimmed(line.substr(equals + 1)));
    out.push_back({std::string(Trimmed(line.substr(0, equals))), std::string(value),
                   fmt::format("{}:{}", file, number)});
  }
  return out;
}

std::vector<ConfigSetting> WithoutEffect(const Config& config) {
  std::vector<ConfigSetting> out;
  const std::span<const Variable> table = ConfigTable();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const ConfigValue& value = config.values[i];
    if (table[i].offer == Offer::kLater && value.text != table[i].fallback)
      out.push_back({value.name, value.text, value.origin});
  }
  return out;
}

std::string ExampleConfigFile() {
  std::string out =
      "# Copy to config.env and edit. Order: defaults < config.env < environment < flags.\n"
      "# Every variable is here, with its default.\n";
  for (const Variable& variable : ConfigTable()) {
    if (!variable.section.empty()) out.append(fmt::format("\n# ── {} ──\n", variable.section));
    const std::string_view effect =
        variable.offer == Offer::kLater ? " No effect in this version." : "";
    out.append(fmt::format("\n# {} ({}).{}\n{}={}\n", variable.comment, AllowedText(variable),
                           effect, variable.name, variable.fallback));
  }
  return out;
}

}  // namespace granary::services
