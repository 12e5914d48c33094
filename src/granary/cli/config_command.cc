#include "granary/cli/config_command.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/cli/variables.h"

namespace granary::cli {
namespace {

using Values = std::vector<hosting::ConfigValue>;

std::string AsJson(const Values& values) {
  std::string out;
  api::JsonObject object(out);
  for (const hosting::ConfigValue& value : values) {
    api::JsonObject setting(object.Key(value.name));
    setting.Add("value", value.text);
    setting.Add("origin", value.origin);
    setting.Close();
  }
  object.Close();
  return out + "\n";
}

std::string AsText(const Values& values) {
  std::size_t name_width = 0, value_width = 0;
  for (const hosting::ConfigValue& value : values) {
    name_width = std::max(name_width, value.name.size());
    value_width = std::max(value_width, value.text.size());
  }
  std::string out;
  for (const hosting::ConfigValue& value : values) {
    out += fmt::format("{:<{}}  {:<{}}  {}\n", value.name, name_width, value.text, value_width,
                       value.origin);
  }
  return out;
}

}  // namespace

Result<std::string> ShownConfig(const std::string& service, const hosting::ConfigFlags& flags,
                                const std::string& output) {
  if (output != "json" && output != "table")
    return Status(Code::kInvalidArgument, "--output " + output + ": one of table, json");
  GRANARY_ASSIGN(const auto sources, hosting::ReadSources(flags, KnowsVariable));
  GRANARY_ASSIGN(const Values values, SettingsOf(service, sources));
  return output == "json" ? AsJson(values) : AsText(values);
}

}  // namespace granary::cli
