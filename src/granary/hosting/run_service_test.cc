#include "granary/hosting/run_service.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

struct ShopConfig : ServerConfig {
  std::int64_t shelves = 0, doors = 0;
};

const std::vector<Variable>& ShopTable() {
  static const std::vector<Variable> kTable = {
      {"Shop", "SHELVES", "3", WholeRule{&ShopConfig::shelves, 1, 9}, "Shelves"},
      {"", "DOORS", "1", WholeRule{&ShopConfig::doors, 1, 9}, "Later", Offer::kLater}};
  return kTable;
}

Result<ShopConfig> LoadShop(const ConfigSources& sources) {
  ShopConfig config;
  GRANARY_TRY(LoadVariables(sources, ShopTable(), config));
  return config;
}

// Never opens; of one shelf, does not even listen.
class Shop final : public Service {
 public:
  explicit Shop(std::int64_t shelves) : shelves_(shelves) {}
  static Result<std::unique_ptr<Shop>> Listen(const ShopConfig& config, Logger&) {
    if (config.shelves == 1) return Status(Code::kConflict, "the port is taken");
    return std::make_unique<Shop>(config.shelves);
  }
  std::string_view name() const override { return "shop"; }
  Status Open() override { return {Code::kIoError, "shelves: " + std::to_string(shelves_)}; }
  Status Stop() override { return Status::Ok(); }

 private:
  std::int64_t shelves_;
};

struct Ended {
  int exit_code;
  std::string said;
};

Ended RunShop(const std::vector<std::string>& args) {
  ::testing::internal::CaptureStderr();
  const int exit_code = RunService(OneService("shop", "Sells", LoadShop, Shop::Listen), args);
  return {exit_code, ::testing::internal::GetCapturedStderr()};
}

TEST(RunServiceTest, GivesTheServiceItsSettings) {
  const Ended ended = RunShop({"--set", "SHELVES=2"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.said.find("shelves: 2"), std::string::npos) << ended.said;
  EXPECT_EQ(ended.said.find("no effect"), std::string::npos) << ended.said;
}

TEST(RunServiceTest, SaysWhyItCannotListen) {
  const Ended ended = RunShop({"--set", "SHELVES=1"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_NE(ended.said.find("the port is taken"), std::string::npos) << ended.said;
}

TEST(RunServiceTest, RefusesBadFlagsAndSettings) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad = {
      {{"--set", "SHELVES=10"}, "granary shop: SHELVES is '10' (--set)"},
      {{"--set", "SHELVES"}, "not NAME=VALUE"},
      {{"--config", "/none.env"}, "/none.env"},
      {{"--shelves", "2"}, "--shelves"}};
  for (const auto& [args, said] : bad) {
    const Ended ended = RunShop(args);
    EXPECT_EQ(ended.exit_code, 2) << args[1];
    EXPECT_NE(ended.said.find(said), std::string::npos) << ended.said;
  }
}

TEST(RunServiceTest, WarnsOfASettingThatHasNoEffect) {
  const Ended ended = RunShop({"--set", "DOORS=2"});
  EXPECT_NE(ended.said.find("a setting has no effect in this version"), std::string::npos)
      << ended.said;
  EXPECT_NE(ended.said.find("DOORS"), std::string::npos) << ended.said;
}

}  // namespace
}  // namespace granary::hosting
