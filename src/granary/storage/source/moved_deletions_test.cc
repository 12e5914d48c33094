#include "granary/storage/source/moved_deletions.h"

#include "granary/storage/source/store_compact_test_support.h"

namespace granary::storage {
namespace {

class MovedDeletionsTest : public StoreCompactTest {
 protected:
  // A file of 1,000 rows, as it was and as it is once those below `id` are deleted.
  void Delete(std::int64_t id) {
    ASSERT_TRUE(DeleteWhere(*source_, [&](const TestRow& row) { return row.id < id; }).ok());
  }
  Segments Files() const { return source_->Snapshot().segments; }

  void SetUp() override {
    Open();
    source_ = Add(TestDefinition("s"));
    WriteFiles(*source_, 1, 1000);
    ASSERT_EQ(Files().size(), 1u);
  }
  void TearDown() override { source_.reset(); }

  std::shared_ptr<Source> source_;
};

TEST_F(MovedDeletionsTest, EachCallFindsWhatCameSinceTheLast) {
  runtime::MemoryBudget budget("merge");
  runtime::MemoryReservation memory(&budget);
  const Segments then = Files();
  MovedDeletions moved(then, memory);
  EXPECT_EQ(*moved.Follow(Files(), then), 0u);
  Delete(101);
  EXPECT_EQ(*moved.Follow(Files(), then), 100u);
  EXPECT_EQ(*moved.Follow(Files(), then), 0u);
  Delete(301);
  EXPECT_EQ(*moved.Follow(Files(), then), 200u);
  EXPECT_GE(memory.bytes(), 300 * MovedDeletions::kRowBytes);
  const std::vector<EndedRow> ended = moved.Take(0);
  ASSERT_EQ(ended.size(), 300u);
  std::set<std::uint32_t> rows;
  for (const EndedRow& row : ended) rows.insert(row.row);
  EXPECT_EQ(rows.size(), 300u);
  EXPECT_EQ(*rows.rbegin(), 299u);
  EXPECT_LT(ended.front().sequence, ended.back().sequence) << "of an earlier delete";
  EXPECT_TRUE(moved.Take(0).empty());
}

TEST_F(MovedDeletionsTest, WithoutMemoryNothingIsLookedFor) {
  runtime::MemoryBudget budget("merge", 64 << 10);
  runtime::MemoryReservation memory(&budget);
  const Segments then = Files();
  MovedDeletions moved(then, memory);
  Delete(1'000'000);
  const auto refused = moved.Follow(Files(), then);
  EXPECT_EQ(refused.status().code(), Code::kOverloaded) << refused.status().ToString();
  EXPECT_TRUE(moved.Take(0).empty());
}

}  // namespace
}  // namespace granary::storage
