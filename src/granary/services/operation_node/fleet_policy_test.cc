#include "granary/services/operation_node/fleet_policy.h"

#include <gtest/gtest.h>

namespace granary::operation {
namespace {

FleetNode Node(std::string id, std::uint64_t tenants, double cpu, double memory = 0) {
  return {.id = std::move(id),
          .tenants = tenants,
          .capacity = 10,
          .cpu_percent = cpu,
          .memory_percent = memory};
}

TEST(FleetPolicyTest, AHotNodeWithSeveralTenantsGetsHelp) {
  const auto grown = DecideFleet({{Node("a", 2, 70), Node("b", 1, 10)}, 0}, {}, {});
  EXPECT_EQ(grown.step, FleetStep::kGrow);
  EXPECT_EQ(grown.nodes_wanted, 3u);
  EXPECT_NE(grown.reason.find("'a' has 70 % CPU"), std::string::npos) << grown.reason;
  EXPECT_EQ(DecideFleet({{Node("a", 2, 69.9)}, 0}, {}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet({{Node("a", 2, 0, 80)}, 0}, {}, {}).step, FleetStep::kGrow);
  FleetNode queued = Node("a", 2, 0);
  queued.queue_delay_ms = 100;
  EXPECT_EQ(DecideFleet({{queued}, 0}, {}, {}).step, FleetStep::kGrow);
}

TEST(FleetPolicyTest, AHotNodeWithOneTenantCannotBeHelpedByAnother) {
  const auto held = DecideFleet({{Node("a", 1, 100)}, 0}, {}, {});
  EXPECT_EQ(held.step, FleetStep::kHold);
  EXPECT_NE(held.reason.find("one tenant"), std::string::npos) << held.reason;
  // But one beside it can.
  EXPECT_EQ(DecideFleet({{Node("a", 1, 100), Node("b", 2, 75)}, 0}, {}, {}).step, FleetStep::kGrow);
}

TEST(FleetPolicyTest, TenantsThatWaitDoNotWaitForACooldown) {
  const FleetPolicy policy{.nodes_max = 4, .cooldown_seconds = 300};
  const auto grown = DecideFleet({{Node("a", 10, 0)}, 2}, policy, FleetChange{1, 1});
  EXPECT_EQ(grown.step, FleetStep::kGrow);
  EXPECT_EQ(grown.nodes_wanted, 3u);
  EXPECT_EQ(DecideFleet({{Node("a", 10, 0)}, 9}, policy, {}).nodes_wanted, 4u);
}

TEST(FleetPolicyTest, CoolNodesGoWhenTheOthersHaveRoomForTheirTenants) {
  const auto shrunk = DecideFleet({{Node("a", 8, 5), Node("b", 2, 5)}, 0}, {}, {});
  EXPECT_EQ(shrunk.step, FleetStep::kShrink);
  EXPECT_EQ(shrunk.nodes_wanted, 1u);
  EXPECT_NE(shrunk.reason.find("'b'"), std::string::npos) << shrunk.reason;
  EXPECT_EQ(DecideFleet({{Node("a", 8, 5), Node("b", 3, 5)}, 0}, {}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet({{Node("a", 8, 5), Node("b", 2, 30)}, 0}, {}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet({{Node("a", 8, 5), Node("b", 0, 5)}, 0}, {.nodes_min = 2}, {}).step,
            FleetStep::kHold);
}

TEST(FleetPolicyTest, NothingIsDoneBeforeTheLastChangeHadItsTime) {
  const FleetLoad cool = {{Node("a", 1, 0), Node("b", 0, 0)}, 0};
  EXPECT_EQ(DecideFleet(cool, {}, FleetChange{299, 2}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet(cool, {}, FleetChange{300, 2}).step, FleetStep::kShrink);
}

TEST(FleetPolicyTest, WhatWasAskedForIsAskedForUntilTheCooldownIsOver) {
  const FleetLoad hot = {{Node("a", 2, 90), Node("b", 2, 90)}, 0};
  EXPECT_EQ(DecideFleet(hot, {}, {}).nodes_wanted, 3u);
  EXPECT_EQ(DecideFleet(hot, {}, FleetChange{5, 3}).nodes_wanted, 3u);
  EXPECT_EQ(
      DecideFleet({{Node("a", 1, 0), Node("b", 0, 0)}, 0}, {}, FleetChange{5, 1}).nodes_wanted, 1u);
  EXPECT_EQ(DecideFleet(hot, {.nodes_max = 2}, FleetChange{5, 3}).nodes_wanted, 2u);
  EXPECT_EQ(DecideFleet(hot, {.nodes_min = 2}, FleetChange{5, 1}).nodes_wanted, 2u);
}

TEST(FleetPolicyTest, BoundsAreKeptWhateverTheLoad) {
  EXPECT_EQ(DecideFleet({}, {.nodes_min = 2}, {}),
            (FleetDecision{FleetStep::kGrow, 2, "0 nodes are fewer than nodes_min"}));
  const FleetLoad many = {{Node("a", 2, 100), Node("b", 2, 100), Node("c", 2, 100)}, 0};
  EXPECT_EQ(DecideFleet(many, {.nodes_max = 2}, {}).nodes_wanted, 2u);
  EXPECT_EQ(DecideFleet(many, {.nodes_max = 3}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet({many.nodes, 5}, {.nodes_max = 3}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet(many, {.enabled = false}, {}).step, FleetStep::kHold);
  EXPECT_EQ(DecideFleet({}, {}, {}).step, FleetStep::kHold);
}

TEST(FleetPolicyTest, APolicyAndADecisionComeBackEqual) {
  const FleetPolicy policy{.enabled = false,
                           .nodes_min = 1,
                           .nodes_max = 2,
                           .cpu_up_percent = 61.5,
                           .cooldown_seconds = 7};
  EXPECT_EQ(*ReadFleetPolicy(FleetPolicyJson(policy)), policy);
  const MadeDecision made{7, 8, {FleetStep::kShrink, 3, "\"so\""}, {{Node("a", 1, 2.5)}, 4}};
  EXPECT_EQ(*ReadMadeDecision(MadeDecisionBody(made)), made);
  EXPECT_EQ(ReadFleetPolicy("{\"enabled\":1}").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadMadeDecision("{}").status().code(), Code::kCorruption);
}

TEST(FleetPolicyTest, APolicyThatContradictsItselfIsRefusedWithItsPlace) {
  const auto pointer = [](std::string_view text) {
    const auto node = api::ParseJsonObject(text, 8);
    const Status status = ParseFleetPolicy(*node, "", {}).status();
    return status.fields().empty() ? std::string(status.ToString()) : status.fields()[0].pointer;
  };
  EXPECT_EQ(pointer(R"({"nodes_min":3,"nodes_max":2})"), "/nodes_min");
  EXPECT_EQ(pointer(R"({"cpu_down_percent":80})"), "/cpu_down_percent");
  EXPECT_EQ(pointer(R"({"memory_down_percent":81})"), "/memory_down_percent");
  EXPECT_EQ(pointer(R"({"cpu_up_percent":101})"), "/cpu_up_percent");
  EXPECT_EQ(pointer(R"({"cooldown_seconds":86401})"), "/cooldown_seconds");
  EXPECT_EQ(pointer(R"({"nodes":3})"), "/nodes");
  EXPECT_EQ(pointer(R"({"nodes_max":10000})"), "OK");
}

}  // namespace
}  // namespace granary::operation
