#include "granary/cli/variables.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "granary/hosting/config.h"
#include "granary/services/tenant_node/config.h"

namespace granary::cli {
namespace {

TEST(VariablesTest, TheExampleFileIsCompleteAndLoads) {
  std::ifstream in(GRANARY_CONFIG_EXAMPLE);
  ASSERT_TRUE(in.is_open()) << GRANARY_CONFIG_EXAMPLE;
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), ExampleConfig())
      << "config.env.example must be what `granary config example` prints";
  auto file = hosting::ParseConfigFile(text.str(), "config.env.example");
  ASSERT_TRUE(file.ok());
  for (const auto& setting : *file) EXPECT_TRUE(KnowsVariable(setting.name)) << setting.name;
  services::ConfigSources sources;
  sources.file = file.Take();
  sources.known_elsewhere = KnowsVariable;
  const auto config = services::LoadConfig(sources);
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const auto table = services::ConfigTable();
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].name == "MEMORY_LIMIT_MB" || table[i].name == "QUERY_MEMORY_MB") continue;
    EXPECT_EQ(config->values[i].text, table[i].fallback) << table[i].name;
  }
}

TEST(VariablesTest, ASettingThatSeveralServicesHaveIsTheSameInAll) {
  hosting::ConfigSources sources;
  sources.known_elsewhere = KnowsVariable;
  sources.flags = {{"LOG_LEVEL", "debug", "--set"}};
  const auto all = SettingsOf("up", sources);
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  std::set<std::string> names;
  for (const hosting::ConfigValue& value : *all) {
    EXPECT_TRUE(names.insert(value.name).second) << value.name;
    if (value.name == "LOG_LEVEL") {
      EXPECT_EQ(value.origin, "--set");
    }
  }
  for (const char* service :
       {"tenant-node", "auth-gateway", "monitoring", "cbo-engine", "operation-node"}) {
    const auto own = SettingsOf(service, sources);
    ASSERT_TRUE(own.ok()) << service;
    for (const hosting::ConfigValue& value : *own) {
      const auto same = std::ranges::find(*all, value.name, &hosting::ConfigValue::name);
      ASSERT_NE(same, all->end()) << value.name;
      EXPECT_EQ(same->text, value.text) << service << " " << value.name;
    }
  }
  EXPECT_EQ(SettingsOf("no-service", sources).status().code(), Code::kNotFound);
}

TEST(VariablesTest, KnowsNoOthers) { EXPECT_FALSE(KnowsVariable("REST_PROT")); }

}  // namespace
}  // namespace granary::cli
