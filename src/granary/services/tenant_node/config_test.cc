#include "granary/services/tenant_node/config.h"

#include <map>

#include <gtest/gtest.h>

#include "granary/hosting/server_options.h"
#include "granary/services/tenant_node/node_options.h"

namespace granary::services {
namespace {

Result<Config> Load(std::map<std::string, std::string> environment,
                    std::vector<ConfigSetting> file = {}, std::vector<ConfigSetting> flags = {}) {
  ConfigSources sources;
  sources.file = std::move(file);
  sources.flags = std::move(flags);
  sources.environment = [environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return LoadConfig(sources);
}

const ConfigValue& ValueOf(const Config& config, std::string_view name) {
  for (const auto& value : config.values) {
    if (value.name == name) return value;
  }
  static const ConfigValue kNone;
  return kNone;
}

TEST(ConfigTest, HasEveryRequiredVariableWithItsDefault) {
  const std::map<std::string, std::string> required = {
      {"TENANT_ID", "default_tenant"},
      {"TENANT_NAME", "Default Tenant"},
      {"DATA_PATH", "./data"},
      {"GRPC_PORT", "50051"},
      {"REST_PORT", "8000"},
      {"REST_HOST", "0.0.0.0"},
      {"MAX_CONCURRENT_SEARCHES", "10"},
      {"WAL_RETENTION_HOURS", "24"},
      {"AUTO_SCALING_ENABLED", "true"},
      {"MIN_WORKERS", "2"},
      {"MAX_WORKERS", "50"},
      {"SCALE_UP_THRESHOLD_CPU", "70.0"},
      {"SCALE_DOWN_THRESHOLD_CPU", "30.0"},
      {"SCALE_UP_THRESHOLD_MEMORY", "80.0"},
      {"SCALE_DOWN_THRESHOLD_MEMORY", "40.0"},
      {"AUTO_COMPACTION_ENABLED", "true"},
      {"COMPACTION_INTERVAL_MINUTES", "60"},
      {"MIN_FILE_SIZE_MB", "50.0"},
      {"MAX_FILE_SIZE_MB", "512.0"},
      {"TARGET_FILE_SIZE_MB", "256.0"},
      {"QUERY_OPTIMIZATION_ENABLED", "true"},
      {"STATISTICS_REFRESH_INTERVAL_MINUTES", "30"},
      {"COST_MODEL_LEARNING_ENABLED", "true"},
      {"ALLOW_ANONYMOUS", "false"},
      {"OPERATION_NODE_PORT", "8081"},
      {"CBO_ENGINE_PORT", "8082"},
      {"METADATA_CATALOG_PORT", "8083"},
      {"MONITORING_PORT", "8084"},
      {"SNAPSHOT_RETENTION_MINUTES", "15"}};
  const auto config = Load({});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  for (const auto& [name, text] : required) {
    EXPECT_EQ(ValueOf(*config, name).text, text) << name;
    EXPECT_EQ(ValueOf(*config, name).origin, "default") << name;
  }
  EXPECT_EQ(config->rest_port, 8000);
  EXPECT_EQ(config->tenant_id, "default_tenant");
  EXPECT_DOUBLE_EQ(config->max_file_size_mb, 512);
  EXPECT_TRUE(config->auto_scaling_enabled);
}

TEST(ConfigTest, NamesNoVariableTwice) {
  std::map<std::string_view, int> seen;
  for (const Variable& variable : ConfigTable())
    EXPECT_EQ(++seen[variable.name], 1) << variable.name;
}

TEST(ConfigTest, FlagsWinOverEnvironmentOverFileOverDefaults) {
  const auto config = Load({{"TENANT_NAME", "env"}, {"DATA_PATH", "env"}},
                           {{"TENANT_ID", "file", "config.env:1"},
                            {"TENANT_NAME", "file", "config.env:2"},
                            {"DATA_PATH", "file", "config.env:3"}},
                           {{"DATA_PATH", "flag", "--data-path"}});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->tenant_id, "file");
  EXPECT_EQ(config->tenant_name, "env");
  EXPECT_EQ(config->data_path, "flag");
  EXPECT_EQ(ValueOf(*config, "TENANT_ID").origin, "config.env:1");
  EXPECT_EQ(ValueOf(*config, "TENANT_NAME").origin, "environment");
  EXPECT_EQ(ValueOf(*config, "DATA_PATH").origin, "--data-path");
}

TEST(ConfigTest, ABadValueSaysItsNameWhatItWasAndWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> bad = {{"REST_PORT", "80x"},
                                                                {"REST_PORT", "65536"},
                                                                {"REST_PORT", "-1"},
                                                                {"REST_PORT", ""},
                                                                {"REST_PORT", "8000.0"},
                                                                {"TENANT_ID", "../x"},
                                                                {"TENANT_ID", ""},
                                                                {"MAX_CONCURRENT_SEARCHES", "0"},
                                                                {"AUTO_SCALING_ENABLED", "maybe"},
                                                                {"SCALE_UP_THRESHOLD_CPU", "101"},
                                                                {"SCALE_UP_THRESHOLD_CPU", "nan"},
                                                                {"LOG_LEVEL", "loud"},
                                                                {"LOG_FORMAT", "xml"},
                                                                {"ALLOWED_DATA_PATHS", "relative"},
                                                                {"ALLOWED_DATA_PATHS", "/a:b"},
                                                                {"WAL_RETENTION_HOURS", "1e3"},
                                                                {"DATA_PATH", ""}};
  for (const auto& [name, text] : bad) {
    const Status status = Load({{name, text}}).status();
    ASSERT_EQ(status.code(), Code::kInvalidArgument) << name << "=" << text;
    const std::string message(status.message());
    EXPECT_NE(message.find(name + " is '" + text + "' (environment), allowed: "), std::string::npos)
        << message;
  }
}

TEST(ConfigTest, NamesEveryBadValueAtOnce) {
  const std::string message(Load({{"REST_PORT", "x"}, {"WAL_LANES", "0"}}).status().message());
  EXPECT_NE(message.find("REST_PORT"), std::string::npos);
  EXPECT_NE(message.find("WAL_LANES"), std::string::npos);
}

TEST(ConfigTest, ChecksValuesAgainstEachOther) {
  EXPECT_FALSE(Load({{"MIN_WORKERS", "60"}}).ok());
  EXPECT_FALSE(Load({{"SCALE_DOWN_THRESHOLD_CPU", "71"}}).ok());
  EXPECT_FALSE(Load({{"TARGET_FILE_SIZE_MB", "10"}}).ok());
}

TEST(ConfigTest, RefusesUnknownNames) {
  const Status status = Load({}, {{"REST_PROT", "1", "config.env:7"}}).status();
  EXPECT_NE(status.message().find("REST_PROT (config.env:7)"), std::string::npos)
      << status.ToString();
  EXPECT_FALSE(Load({}, {}, {{"PORT", "1", "--set"}}).ok());
}

Config WithMemory(std::uint64_t megabytes, std::vector<ConfigSetting> flags = {}) {
  ConfigSources sources;
  sources.memory = {megabytes << 20, "the control group"};
  sources.flags = std::move(flags);
  return LoadConfig(sources).Take();
}

TEST(ConfigTest, MemoryFollowsFromTheMachineWhereNobodySetsIt) {
  const Config config = WithMemory(1000);
  EXPECT_EQ(config.memory_limit_mb, 600);
  EXPECT_EQ(config.query_memory_mb, 75);
  EXPECT_EQ(ValueOf(config, "MEMORY_LIMIT_MB").text, "600");
  EXPECT_EQ(ValueOf(config, "MEMORY_LIMIT_MB").origin,
            "default: 60 % of the 1000 MiB of the control group");
  EXPECT_EQ(ValueOf(config, "QUERY_MEMORY_MB").origin, "default: an eighth of MEMORY_LIMIT_MB");
  EXPECT_EQ(WithMemory(50).memory_limit_mb, 96);   // Less and nothing runs.
  EXPECT_EQ(WithMemory(0).memory_limit_mb, 4096);  // Nobody knows what there is.
}

TEST(ConfigTest, MemoryThatIsSetStays) {
  const Config config = WithMemory(1000, {{"MEMORY_LIMIT_MB", "300", "--set"}});
  EXPECT_EQ(config.memory_limit_mb, 300);
  EXPECT_EQ(ValueOf(config, "MEMORY_LIMIT_MB").origin, "--set");
  EXPECT_EQ(config.query_memory_mb, 37);
  ConfigSources sources;
  sources.flags = {{"MEMORY_LIMIT_MB", "100", "--set"}, {"QUERY_MEMORY_MB", "101", "--set"}};
  EXPECT_EQ(LoadConfig(sources).status().code(), Code::kInvalidArgument);
  sources.flags[1].text = "100";
  EXPECT_TRUE(LoadConfig(sources).ok());
  sources.flags[1].text = "1";
  for (const auto& [least, fits] :
       {std::pair{"95", false}, {"96", true}, {"97", true}, {"1", false}}) {
    sources.flags[0].text = least;
    EXPECT_EQ(LoadConfig(sources).ok(), fits) << least;
  }
}

TEST(NodeOptionsTest, TemporaryFilesTakeWhatIsSetOrLeaveSomeOfTheDisk) {
  const auto set = Load({{"SPILL_MAX_MB", "3"}});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(MakeTenantOptions(*set)->memory.spill.max_bytes, 3u << 20);
  EXPECT_EQ(MakeTenantOptions(*set)->memory.spill.keep_free_bytes, 0u);
  const auto unset = Load({});
  ASSERT_TRUE(unset.ok());
  EXPECT_EQ(MakeTenantOptions(*unset)->memory.spill.max_bytes, runtime::SpillOptions::kNoLimit);
  EXPECT_EQ(MakeTenantOptions(*unset)->memory.spill.keep_free_bytes, 512u << 20);
}

TEST(NodeOptionsTest, FollowsTheConfiguration) {
  const auto config = Load({{"WAL_RETENTION_HOURS", "2"},
                            {"MAX_BODY_MB", "3"},
                            {"ALLOWED_DATA_PATHS", "/a:/b"},
                            {"LOG_LEVEL", "DEBUG"},
                            {"MAX_WORKERS", "3"},
                            {"FLUSH_ROWS", "7"}});
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  const auto options = MakeTenantOptions(*config);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->store.wal_retention_us, 7'200'000'000);
  EXPECT_EQ(options->store.flush_rows, 7u);
  EXPECT_EQ(options->store.allowed_data_paths, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(options->query_parallelism, 0u);                     // What the pool has.
  EXPECT_EQ(options->store.hot_bytes_max, (4096ull << 20) / 4);  // Not the 2048 MB of its own.
  EXPECT_EQ(options->memory.query_bytes, 512u << 20);
  EXPECT_EQ(MakeServerOptions(*config).body_bytes_max, 3u << 20);
  EXPECT_EQ(hosting::MakeLogLevel(*config), LogLevel::kDebug);
  EXPECT_EQ(hosting::MakeLogFormat(*config, true), LogFormat::kText);
  EXPECT_EQ(hosting::MakeLogFormat(*config, false), LogFormat::kJson);
  EXPECT_EQ(WorkerThreads(*config, 1), 2u);
  EXPECT_EQ(WorkerThreads(*config, 64), 3u);
  const auto scaling = MakeScalerOptions(*config, 64);
  EXPECT_TRUE(scaling.enabled);
  EXPECT_EQ(scaling.limits.workers_min, 2u);
  EXPECT_EQ(scaling.limits.workers_max, 3u);
  EXPECT_EQ(scaling.limits.workers_idle, 3u);
  EXPECT_EQ(scaling.limits.cpu_up_percent, 70);
  EXPECT_EQ(scaling.limits.memory_down_percent, 40);
}

}  // namespace
}  // namespace granary::services
