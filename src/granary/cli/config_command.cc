#include "granary/cli/config_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/cli/variables.h"
#include "granary/services/tenant_node/run_flags.h"

namespace granary::cli {
namespace {

std::string AsJson(const services::Config& config) {
  std::string out;
  api::JsonObject object(out);
  for (const hosting::ConfigValue& value : config.values) {
    api::JsonObject setting(object.Key(value.name));
    setting.Add("value", value.text);
    setting.Add("origin", value.origin);
    setting.Close();
  }
  object.Close();
  return out + "\n";
}

std::string AsText(const services::Config& config) {
  std::size_t name_width = 0, value_width = 0;
  for (const hosting::ConfigValue& value : config.values) {
    name_width = std::max(name_width, value.name.size());
    value_width = std::max(value_width, value.text.size());
  }
  std::string out;
  for (const hosting::ConfigValue& value : config.values) {
    out += fmt::format("{:<{}}  {:<{}}  {}\n", value.name, name_width, value.text, value_width,
                       value.origin);
  }
  return out;
}

}  // namespace

Result<std::string> ShownConfig(const hosting::ConfigFlags& flags, const std::string& output) {
  GRANARY_ASSIGN(const auto sources, hosting::ReadSources(flags, KnowsVariable));
  GRANARY_ASSIGN(const services::Config config, services::ReadConfig(sources));
  if (output == "json") return AsJson(config);
  if (output == "table") return AsText(config);
  return Status(Code::kInvalidArgument, "--output " + output + ": one of table, json");
}

}  // namespace granary::cli
