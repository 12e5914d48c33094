#include "granary/services/operation_node/steward.h"

#include <gtest/gtest.h>

#include <string>

namespace granary::operation {
namespace {

FleetView ViewOf(const std::string& id, const Node& node, std::uint64_t version = 1) {
  FleetView view;
  EXPECT_TRUE(view.Apply({{std::string(kNodeKind), id, 0, NodeBody(node)}}, version).ok());
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
    NodeBook book({}, 0);
    NodeLoad load;
    load.cpu_percent = 123456.25;
    book.Hear("n", {before.seen_us + 1, load});
    const Fleet::Changes changes = HeardChanges(book, ViewOf("n", before));
    ASSERT_EQ(changes.size(), 1u) << room;
    EXPECT_TRUE(metadata::CheckChanges(changes).ok()) << room;
    const auto after = ReadNode(*changes[0].body);
    ASSERT_TRUE(after.ok());
    EXPECT_EQ(after->seen_us, before.seen_us + 1);
    EXPECT_EQ(after->load.cpu_percent, room < 200 ? 0 : 123456.25);
  }
}

}  // namespace
}  // namespace granary::operation
