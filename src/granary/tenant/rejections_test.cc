#include "granary/tenant/rejections.h"

#include <gtest/gtest.h>

#include "granary/storage/wal/keyed_payload.h"

namespace granary {
namespace {

json::RejectedRecords Wrong(std::int64_t first, std::int64_t count, std::size_t bytes) {
  json::RejectedRecords wrong;
  for (std::int64_t i = first; i < first + count; ++i) wrong.emplace(i, std::string(bytes, 'x'));
  return wrong;
}

TEST(RejectionsTest, CountsAllAndShowsTheFirst) {
  for (const std::int64_t count : {99, 100, 101, 1000}) {
    Rejections rejected;
    rejected.Add(Wrong(0, count, 10));
    EXPECT_EQ(rejected.total, static_cast<std::uint64_t>(count));
    EXPECT_EQ(rejected.shown.size(), std::min<std::size_t>(count, Rejections::kShownMax));
  }
}

TEST(RejectionsTest, ShowsNoneBehindOneThatDidNotFit) {
  Rejections rejected;
  rejected.Add(Wrong(0, 3, Rejections::kShownBytesMax / 2));
  EXPECT_EQ(rejected.shown.size(), 2u);
  rejected.Add(Wrong(3, 1, 1));
  EXPECT_EQ(rejected.shown.size(), 2u);
  EXPECT_EQ(rejected.total, 4u);
}

TEST(RejectionsTest, ANoteGivesThemBackAndAlwaysFits) {
  EXPECT_EQ(Rejections::ToNote(std::nullopt), "");
  EXPECT_FALSE(Rejections::FromNote("")->has_value());
  for (const std::int64_t count : {0, 1, 100, 101}) {
    Rejections rejected;
    rejected.Add(Wrong(5, count, Rejections::kShownBytesMax / 100));
    const std::string note = Rejections::ToNote(rejected);
    EXPECT_LE(note.size(), storage::kKeyNoteMaxBytes);
    const auto again = Rejections::FromNote(note);
    ASSERT_TRUE(again.ok() && again->has_value());
    EXPECT_EQ((*again)->shown, rejected.shown);
    EXPECT_EQ((*again)->total, rejected.total);
    for (std::size_t bytes = 1; bytes < std::min<std::size_t>(note.size(), 300); ++bytes) {
      const auto cut = Rejections::FromNote(std::string_view(note).substr(0, bytes));
      EXPECT_TRUE(!cut.ok() || (*cut)->shown.size() < rejected.shown.size()) << bytes;
    }
  }
}

}  // namespace
}  // namespace granary
