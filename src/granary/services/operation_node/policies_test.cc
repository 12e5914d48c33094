// The pure parts: health of nodes, placement, restarts.
#include <gtest/gtest.h>

#include "granary/services/operation_node/node_health.h"
#include "granary/services/operation_node/placement_policy.h"
#include "granary/services/operation_node/restart_policy.h"

namespace granary::operation {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr HealthLimits kLimits{.suspect_ms = 10'000, .dead_ms = 30'000};

NodeState StateAfter(std::int64_t silent_us, std::int64_t listening_us = 3'600 * kSecond) {
  constexpr std::int64_t kNow = 1'000'000 * kSecond;
  return JudgeNode({kNow - silent_us, kNow - listening_us, kNow}, kLimits).state;
}

TEST(NodeHealthTest, SilenceMakesSuspectThenDead) {
  EXPECT_EQ(StateAfter(0), NodeState::kAlive);
  EXPECT_EQ(StateAfter(10 * kSecond - 1'000), NodeState::kAlive);
  EXPECT_EQ(StateAfter(10 * kSecond), NodeState::kSuspect);
  EXPECT_EQ(StateAfter(30 * kSecond - 1'000), NodeState::kSuspect);
  EXPECT_EQ(StateAfter(30 * kSecond), NodeState::kDead);
}

TEST(NodeHealthTest, SilenceThatNobodyCouldHearKillsNobody) {
  EXPECT_EQ(StateAfter(3'600 * kSecond, 0), NodeState::kSuspect);
  EXPECT_EQ(StateAfter(3'600 * kSecond, 29 * kSecond), NodeState::kSuspect);
  EXPECT_EQ(StateAfter(3'600 * kSecond, 30 * kSecond), NodeState::kDead);
}

TEST(NodeHealthTest, ANodeThatWasNeverHeardOfIsStartingAndAClockSetBackKillsNobody) {
  EXPECT_EQ(JudgeNode({0, 1, 1'000'000 * kSecond}, kLimits).state, NodeState::kStarting);
  EXPECT_EQ(StateAfter(-60 * kSecond), NodeState::kAlive);
}

PlacementCandidate Free(std::string id, std::uint64_t placed, std::uint64_t capacity) {
  return {.node = std::move(id), .placed = placed, .capacity = capacity};
}
using Kind = PlacementChoice::Kind;

TEST(PlacementPolicyTest, ANodeThatHasTheTenantComesFirst) {
  PlacementCandidate has = Free("b", 1, 1);
  has.has_tenant = true;
  const auto choice = PickNode({Free("a", 0, 10), has}, {.tenant = "t", .may_launch = true});
  EXPECT_EQ(choice.kind, Kind::kNode);
  EXPECT_EQ(choice.node, "b");
  EXPECT_EQ(choice.reason, "it has the tenant already");
}

TEST(PlacementPolicyTest, ManyOnOneTheFewestFirstThenTheIdlest) {
  const PlacementWish wish{.tenant = "t"};
  EXPECT_EQ(PickNode({Free("a", 2, 10), Free("b", 1, 10), Free("c", 3, 10)}, wish).node, "b");
  PlacementCandidate busy = Free("a", 1, 10);
  busy.cpu_percent = 90;
  EXPECT_EQ(PickNode({busy, Free("b", 1, 10)}, wish).node, "b");
  EXPECT_EQ(PickNode({Free("b", 1, 10), Free("a", 1, 10)}, wish).node, "a");
}

TEST(PlacementPolicyTest, ANodeIsFullAtItsCapacity) {
  EXPECT_EQ(PickNode({Free("a", 9, 10)}, {.tenant = "t"}).kind, Kind::kNode);
  const auto full = PickNode({Free("a", 10, 10)}, {.tenant = "t", .why_no_launch = "so"});
  EXPECT_EQ(full.kind, Kind::kNone);
  ASSERT_EQ(full.passed_over.size(), 1u);
  EXPECT_EQ(full.passed_over[0].reason, "it serves 10 of 10 tenants");
  EXPECT_NE(full.reason.find("so"), std::string::npos);
}

TEST(PlacementPolicyTest, OnlyNodesThatLiveAndAreNotDrainedAreTaken) {
  for (const NodeState state : {NodeState::kStarting, NodeState::kSuspect, NodeState::kDead}) {
    PlacementCandidate node = Free("a", 0, 10);
    node.state = state;
    EXPECT_EQ(PickNode({node}, {.tenant = "t"}).kind, Kind::kNone) << NodeStateName(state);
  }
  PlacementCandidate drained = Free("a", 0, 10);
  drained.draining = true;
  EXPECT_EQ(PickNode({drained}, {.tenant = "t"}).kind, Kind::kNone);
  PlacementCandidate launched = Free("a", 0, 10);
  launched.is_launched = true;
  EXPECT_EQ(PickNode({launched}, {.tenant = "t"}).kind, Kind::kNone);
  launched.has_tenant = true;
  EXPECT_EQ(PickNode({launched}, {.tenant = "t"}).kind, Kind::kNode);
}

TEST(PlacementPolicyTest, ALaunchedNodeForManyTakesOthersAlsoWhileItStarts) {
  PlacementCandidate starts = Free("a", 1, 10);
  starts.state = NodeState::kStarting;
  starts.may_start = true;
  EXPECT_EQ(PickNode({starts}, {.tenant = "t", .may_launch = true}).node, "a");
  EXPECT_EQ(PickNode({starts, Free("b", 5, 10)}, {.tenant = "t"}).node, "b");  // It is there.
  starts.placed = 10;
  EXPECT_EQ(PickNode({starts}, {.tenant = "t", .may_launch = true}).kind, Kind::kLaunch);
  starts.state = NodeState::kDead;
  starts.placed = 0;
  EXPECT_EQ(PickNode({starts}, {.tenant = "t", .may_launch = true}).kind, Kind::kLaunch);
}

TEST(PlacementPolicyTest, WhereNobodyHasRoomOneIsLaunchedIfThatMayBe) {
  EXPECT_EQ(PickNode({}, {.tenant = "t", .may_launch = true}).kind, Kind::kLaunch);
  EXPECT_EQ(PickNode({Free("a", 1, 1)}, {.tenant = "t", .may_launch = true}).kind, Kind::kLaunch);
  EXPECT_EQ(PickNode({}, {.tenant = "t", .may_launch = false}).kind, Kind::kNone);
}

TEST(PlacementPolicyTest, AWishIsFulfilledOrRefusedButNothingElseIsDone) {
  const std::vector<PlacementCandidate> nodes = {Free("a", 0, 10), Free("b", 10, 10)};
  EXPECT_EQ(PickNode(nodes, {.tenant = "t", .node = "a", .may_launch = true}).node, "a");
  const auto full = PickNode(nodes, {.tenant = "t", .node = "b", .may_launch = true});
  EXPECT_EQ(full.kind, Kind::kNone);
  EXPECT_NE(full.reason.find("10 of 10"), std::string::npos) << full.reason;
  const auto none = PickNode(nodes, {.tenant = "t", .node = "c", .may_launch = true});
  EXPECT_EQ(none.reason, "there is no node 'c'");
}

TEST(RestartPolicyTest, EachFailureInARowDoublesTheWaitUpToTheLongest) {
  constexpr RestartLimits kRestarts{.first_ms = 500, .longest_ms = 60'000, .healthy_ms = 60'000};
  RestartState state;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 10; ++i) {
    state = AfterExit(state, 10, kRestarts);
    waits.push_back(state.wait_ms);
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{500, 1'000, 2'000, 4'000, 8'000, 16'000, 32'000,
                                              60'000, 60'000, 60'000}));
  EXPECT_EQ(AfterExit(state, 59'999, kRestarts).failures, 11u);
  EXPECT_EQ(AfterExit(state, 60'000, kRestarts), (RestartState{1, 500}));
  for (int i = 0; i < 100; ++i) state = AfterExit(state, 0, kRestarts);
  EXPECT_EQ(state.wait_ms, 60'000);
}

}  // namespace
}  // namespace granary::operation
