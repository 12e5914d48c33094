#include "granary/services/operation_node/steward.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "granary/testing/fake_clock.h"

namespace granary::operation {
namespace {

FleetView ViewOf(const std::string& id, const Node& node, std::uint64_t version = 1) {
  FleetView view;
  view.Apply({{std::string(kNodeKind), id, 0, NodeBody(node)}}, version);
  return view;
}

/// A node whose row has `bytes`.
Node NodeOfRowBytes(std::size_t bytes) {
  Node node{.seen_us = 1'000'000'000'000'000};
  node.tenants = {""};
  node.tenants[0].assign(bytes - NodeBody(node).size(), 't');
  return node;
}

TEST(HeardChangesTest, ARowThatHasNoRoomForItsLoadStillSaysThatTheNodeLives) {
  for (const std::size_t room : {0, 2, 200}) {
    const Node before = NodeOfRowBytes(metadata::kBodyBytesMax - room);
    testing::FakeClock clock(before.seen_us + 1);
    NodeBook book({}, clock);
    NodeLoad load;
    load.cpu_percent = 123456.25;
    book.Hear("n", {.tenants = before.tenants, .load = load});
    const auto changes = HeardChanges(book, ViewOf("n", before));
    ASSERT_EQ(changes.size(), 1u) << room;
    EXPECT_TRUE(metadata::CheckChanges(changes).ok()) << room;
    const auto after = ReadNode(*changes[0].body);
    ASSERT_TRUE(after.ok());
    EXPECT_EQ(after->seen_us, before.seen_us + 1);
    EXPECT_EQ(after->load.cpu_percent, room < 200 ? 0 : 123456.25);
  }
}

TEST(HeardChangesTest, NodesBeyondTheFirstCommitComeTooTheLongestUnwrittenFirst) {
  testing::FakeClock clock;
  NodeBook book({}, clock);
  FleetView view;
  const std::size_t many = metadata::kChangesMax + 1;
  for (std::size_t i = 0; i < many; ++i) {
    const std::string id = fmt::format("n{:05}", i);
    const Node row{.seen_us = clock.WallMicros() - static_cast<std::int64_t>(i) - 1};
    view.Apply({{std::string(kNodeKind), id, 0, NodeBody(row)}}, i + 1);
    book.Hear(id, {});
  }
  const auto changes = HeardChanges(book, view);
  ASSERT_EQ(changes.size(), many);
  EXPECT_EQ(changes.front().key, fmt::format("n{:05}", many - 1));
  EXPECT_EQ(changes.back().key, "n00000");
}

}  // namespace
}  // namespace granary::operation
