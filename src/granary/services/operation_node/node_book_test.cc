#include "granary/services/operation_node/node_book.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"

namespace granary::operation {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

struct NodeBookTest : ::testing::Test {
  NodeState StateOf(const Node& row) const { return book.Judge(book.Freshest("n", row)).state; }

  testing::FakeClock clock;
  NodeBook book{{.suspect_ms = 10'000, .dead_ms = 30'000}, clock};
};

TEST_F(NodeBookTest, WhatWasHeardHereCountsBeforeAnOlderRow) {
  Node row{.url = "http://old", .draining = true, .seen_us = clock.WallMicros()};
  clock.AdvanceMicros(kSecond);
  book.Hear("n", {.url = "http://new", .tenants = {"t"}, .capacity = 3, .version = "2"});
  const Node now = book.Freshest("n", row);
  EXPECT_EQ(now.url, "http://new");
  EXPECT_EQ(now.tenants, std::vector<std::string>{"t"});
  EXPECT_EQ(now.capacity, 3u);
  EXPECT_EQ(now.version, "2");
  EXPECT_TRUE(now.draining);
  clock.AdvanceMicros(kSecond);
  row.seen_us = clock.WallMicros();
  EXPECT_EQ(book.Freshest("n", row), row);
}

TEST_F(NodeBookTest, AClockThatIsSetForwardKillsNobody) {
  book.Hear("n", {});
  clock.StepWall(clock.WallMicros() + 3'600 * kSecond);
  EXPECT_EQ(StateOf({}), NodeState::kAlive);
  clock.AdvanceMicros(29 * kSecond);
  EXPECT_EQ(StateOf({}), NodeState::kSuspect);
  clock.AdvanceMicros(kSecond);
  EXPECT_EQ(StateOf({}), NodeState::kDead);
}

TEST_F(NodeBookTest, AClockThatIsSetBackKeepsNoDeadNodeAlive) {
  book.Hear("n", {});
  const Node row{.seen_us = clock.WallMicros()};
  clock.StepWall(clock.WallMicros() - 600 * kSecond);
  EXPECT_EQ(StateOf(row), NodeState::kAlive);
  EXPECT_NE(book.Freshest("n", row).seen_us, row.seen_us);  // It is written down anew.
  clock.AdvanceMicros(30 * kSecond);
  EXPECT_EQ(StateOf(row), NodeState::kDead);
}

TEST_F(NodeBookTest, ARowOfAClockThatIsALittleAheadIsBelieved) {
  book.Hear("n", {});
  clock.AdvanceMicros(30 * kSecond);
  EXPECT_EQ(StateOf({.seen_us = clock.WallMicros() + 10 * kSecond}), NodeState::kAlive);
  EXPECT_EQ(StateOf({.seen_us = clock.WallMicros() + 10 * kSecond + 1}), NodeState::kDead);
}

TEST_F(NodeBookTest, ASilentNodeIsTheSameFromLookToLook) {
  book.Hear("n", {});
  const Node first = book.Freshest("n", {});
  clock.AdvanceMicros(kSecond);
  EXPECT_EQ(book.Freshest("n", {}), first);
  EXPECT_TRUE(book.WasHeardSince("n", clock.MonotonicNanos() - kSecond * 1000));
  EXPECT_FALSE(book.WasHeardSince("n", clock.MonotonicNanos()));
  book.Forget("n");
  EXPECT_TRUE(book.Nodes().empty());
}

}  // namespace
}  // namespace granary::operation
