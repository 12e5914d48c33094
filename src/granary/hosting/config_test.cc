#include "granary/hosting/config.h"

#include <array>

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

struct ShopConfig : ServerConfig {
  std::int64_t shelves = 0;
};

std::vector<Variable> ShopTable() {
  std::vector<Variable> out = PlaceVariables();
  out.push_back({"Shop", "SHELVES", "3", WholeRule{&ShopConfig::shelves, 1, 9}, "Shelves"});
  out.push_back({"", "OPEN", "1", WholeRule{&ShopConfig::shelves, 1, 9}, "Later", Offer::kLater});
  return out;
}

TEST(ConfigTest, ReadsAFile) {
  const auto file = ParseConfigFile(
      "# comment\n\nTENANT_ID=a\r\n export TENANT_NAME = \"My = Tenant\" \nDATA_PATH='x "
      "y'\nALLOWED_DATA_PATHS=",
      "f");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ(file->size(), 4u);
  EXPECT_EQ((*file)[0].text, "a");
  EXPECT_EQ((*file)[1].name, "TENANT_NAME");
  EXPECT_EQ((*file)[1].text, "My = Tenant");
  EXPECT_EQ((*file)[1].origin, "f:4");
  EXPECT_EQ((*file)[2].text, "x y");
  EXPECT_EQ((*file)[3].text, "");
  EXPECT_NE(ParseConfigFile("A=1\nnonsense\n", "f").status().message().find("f:2"),
            std::string::npos);
  EXPECT_FALSE(ParseConfigFile("=1", "f").ok());
}

TEST(ConfigTest, FillsTheMembersOfEveryLevel) {
  ShopConfig config;
  const auto table = ShopTable();
  ASSERT_TRUE(
      LoadVariables({.file = {{"SHELVES", "9", "f:1"}, {"OPEN", "2", "f:2"}}}, table, config).ok());
  EXPECT_EQ(config.shelves, 2);
  EXPECT_EQ(config.rest_host, "0.0.0.0");
  ASSERT_EQ(config.values.size(), table.size());
  EXPECT_EQ(WithoutEffect(config).size(), 1u);
}

TEST(ConfigTest, PassesOverWhatAnotherServiceKnowsAndRefusesTheRest) {
  ConfigSources sources{.file = {{"GATES", "7", "config.env:1"}}};
  ShopConfig config;
  EXPECT_EQ(LoadVariables(sources, ShopTable(), config).message(),
            "GATES (config.env:1) is no variable: config.env.example lists all");
  sources.known_elsewhere = [](std::string_view name) { return name == "GATES"; };
  config = {};
  EXPECT_TRUE(LoadVariables(sources, ShopTable(), config).ok());
  sources.flags = {{"GATE", "7", "--set"}};
  EXPECT_FALSE(LoadVariables(sources, ShopTable(), config).ok());
}

TEST(ConfigTest, ASecretIsReadAndShownNowhereAlsoNotWhenItIsRefused) {
  const auto table = AccessVariables();
  ServerConfig config;
  const std::string secret = "0123456789abcdef";
  ASSERT_TRUE(LoadVariables({.file = {{"OPERATION_NODE_KEY", secret, "f:1"}}}, table, config).ok());
  EXPECT_EQ(config.operation_node_key, secret);
  for (const ConfigValue& value : config.values) EXPECT_NE(value.text, secret);
  config = {};
  const Status refused =
      LoadVariables({.file = {{"OPERATION_NODE_KEY", "s3cret", "f:1"}}}, table, config);
  EXPECT_NE(refused.message().find("OPERATION_NODE_KEY is '(not shown)'"), std::string::npos);
  EXPECT_EQ(refused.message().find("s3cret"), std::string::npos);
}

TEST(ConfigTest, AnExampleHasWhatTablesShareOnce) {
  const auto place = PlaceVariables(), shop = ShopTable();
  const std::array<std::span<const Variable>, 2> tables = {place, shop};
  const std::string text = ExampleConfigFile(tables);
  EXPECT_EQ(text.find("\nREST_HOST="), text.rfind("\nREST_HOST="));
  EXPECT_NE(text.find("# Shelves (a whole number from 1 to 9).\nSHELVES=3\n"), std::string::npos);
  EXPECT_NE(text.find("# Later (a whole number from 1 to 9). No effect in this version.\n"),
            std::string::npos);
}

}  // namespace
}  // namespace granary::hosting
