#include "granary/hosting/config.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "granary/base/check.h"

namespace granary::hosting {
namespace {

constexpr std::string_view kNotShown = "(not shown)";

using Settings = std::map<std::string, ConfigSetting, std::less<>>;

bool Names(std::span<const Variable> table, std::string_view name) {
  return std::ranges::find(table, name, &Variable::name) != table.end();
}

void Put(const std::vector<ConfigSetting>& from, const ConfigSources& sources,
         std::span<const Variable> table, Settings& settings,
         std::vector<std::string>& complaints) {
  for (const ConfigSetting& setting : from) {
    if (Names(table, setting.name)) {
      settings[setting.name] = setting;
    } else if (!sources.known_elsewhere || !sources.known_elsewhere(setting.name)) {
      complaints.push_back(fmt::format("{} ({}) is no variable: config.env.example lists all",
                                       setting.name, setting.origin));
    }
  }
}

void PutEnvironment(const ConfigSources& sources, std::span<const Variable> table,
                    Settings& settings) {
  if (!sources.environment) return;
  for (const Variable& variable : table) {
    const std::string name(variable.name);
    if (const auto text = sources.environment(name)) settings[name] = {name, *text, "environment"};
  }
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

Status ToStatus(const std::vector<std::string>& complaints) {
  if (complaints.empty()) return Status::Ok();
  return {Code::kInvalidArgument, fmt::format("{}", fmt::join(complaints, "; "))};
}

Status LoadVariables(const ConfigSources& sources, std::span<const Variable> table,
                     ServerConfig& config) {
  std::vector<std::string> complaints;
  Settings settings;
  Put(sources.file, sources, table, settings, complaints);
  PutEnvironment(sources, table, settings);
  Put(sources.flags, sources, table, settings, complaints);
  for (const Variable& variable : table) {
    const std::string name(variable.name);
    const auto given = settings.find(name);
    const bool is_default = given == settings.end();
    ConfigValue value{
        name, std::string(is_default ? variable.fallback : std::string_view(given->second.text)),
        is_default ? "default" : given->second.origin};
    value.in_vain = variable.offer == Offer::kLater && value.text != variable.fallback;
    const bool is_accepted = variable.rule.Assign(value.text, config);
    if (variable.shown == Shown::kNever && !value.text.empty()) value.text = kNotShown;
    if (!is_accepted) {
      GRANARY_CHECK(!is_default, "default of {}", name);
      complaints.push_back(fmt::format("{} is '{}' ({}), allowed: {}", name,
                                       value.text.substr(0, 200), value.origin,
                                       variable.rule.allowed()));
    }
    config.values.push_back(std::move(value));
  }
  return ToStatus(complaints);
}

void CheckServer(const ServerConfig& config, std::vector<std::string>& complaints) {
  if (config.tls_cert_file.empty() != config.tls_key_file.empty())
    complaints.push_back("TLS_CERT_FILE and TLS_KEY_FILE: give both or none");
  if (config.tls_cert_file.empty() && !config.tls_client_ca_file.empty())
    complaints.push_back("TLS_CLIENT_CA_FILE needs TLS_CERT_FILE and TLS_KEY_FILE");
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

std::vector<ConfigSetting> WithoutEffect(const ServerConfig& config) {
  std::vector<ConfigSetting> out;
  for (const ConfigValue& value : config.values)
    if (value.in_vain) out.push_back({value.name, value.text, value.origin});
  return out;
}

std::string ExampleConfigFile(std::span<const std::span<const Variable>> tables) {
  std::string out =
      "# Copy to config.env and edit. Order: defaults < config.env < environment < flags.\n"
      "# Every variable is here, with its default.\n";
  std::set<std::string_view> written;
  for (const std::span<const Variable> table : tables) {
    for (const Variable& variable : table) {
      if (!written.insert(variable.name).second) continue;
      if (!variable.section.empty()) out.append(fmt::format("\n# ── {} ──\n", variable.section));
      const std::string_view effect =
          variable.offer == Offer::kLater ? " No effect in this version." : "";
      out.append(fmt::format("\n# {} ({}).{}\n{}={}\n", variable.comment, variable.rule.allowed(),
                             effect, variable.name, variable.fallback));
    }
  }
  return out;
}

}  // namespace granary::hosting
