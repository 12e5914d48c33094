#include "granary/services/operation_node/launch_settings.h"

#include <gtest/gtest.h>

namespace granary::operation {
namespace {

Status Load(std::vector<std::pair<std::string, std::string>> settings) {
  hosting::ConfigSources sources;
  for (const auto& [name, value] : settings) sources.flags.push_back({name, value, "a flag"});
  return LoadConfig(sources).status();
}

TEST(LaunchSettingsTest, WhatCannotWorkIsRefusedAtTheStart) {
  using Settings = std::vector<std::pair<std::string, std::string>>;
  struct Case {
    Settings settings;
    std::string_view says;  ///< Empty: it can work.
  };
  const Settings tls = {{"TLS_CERT_FILE", "cert.pem"}, {"TLS_KEY_FILE", "key.pem"}};
  const auto with = [](Settings settings, const Settings& more) {
    settings.insert(settings.end(), more.begin(), more.end());
    return settings;
  };
  const Case cases[] = {
      {{}, ""},
      {{{"LAUNCH_HOST", "0.0.0.0"}}, "LAUNCH_HOST is 0.0.0.0"},
      {{{"LAUNCH_HOST", "::"}}, "LAUNCH_HOST is ::"},
      {{{"LAUNCH_HOST", "10.0.0.7"}}, "set GATEWAY_JWKS"},
      {{{"LAUNCH_HOST", "10.0.0.7"}, {"GATEWAY_JWKS", "jwks.json"}}, ""},
      {{{"LAUNCH_HOST", "127.0.0.2"}}, ""},
      {{{"REST_HOST", "10.0.0.7"}}, "OPERATION_NODE_KEY"},
      {{{"REST_HOST", "fe80::7"}}, "OPERATION_NODE_KEY"},
      {{{"REST_HOST", "10.0.0.7"}, {"OPERATION_NODE_KEY", "0123456789abcdef"}}, ""},
      {{{"REST_HOST", "10.0.0.7"}, {"OPERATION_NODE_URL", "http://10.0.0.8:8081"}}, ""},
      {{{"REST_HOST", "10.0.0.7"}, {"ALLOW_ANONYMOUS", "true"}}, ""},
      {{{"REST_HOST", "a-name"}}, ""},
      {{{"REST_HOST", "0.0.0.0"}}, ""},
      {tls, "set OPERATION_NODE_URL"},
      {with(tls, {{"OPERATION_NODE_URL", "https://a-name:8081"}}), ""},
  };
  for (const Case& one : cases) {
    const Status status = Load(one.settings);
    EXPECT_EQ(status.ok(), one.says.empty()) << status.ToString();
    EXPECT_NE(status.message().find(one.says), std::string::npos) << status.ToString();
    EXPECT_TRUE(Load(with(one.settings, {{"MAX_LAUNCHED_NODES", "0"}})).ok());
  }
}

TEST(LaunchSettingsTest, NodesListenWhereTheyAreFoundAndAreHeardWhereWeListen) {
  Config config;
  config.rest_host = "0.0.0.0";
  config.launch_host = "10.0.0.7";
  const auto of = [&](std::string_view name) {
    for (const auto& [setting, value] : LaunchSettings(config, 81))
      if (setting == name) return value;
    return std::string("none");
  };
  EXPECT_EQ(of("REST_HOST"), "10.0.0.7");
  EXPECT_EQ(of("OPERATION_NODE_URL"), "http://127.0.0.1:81");
  config.operation_node_url = "https://a-name";
  EXPECT_EQ(of("OPERATION_NODE_URL"), "https://a-name");
}

}  // namespace
}  // namespace granary::operation
