// Goal: a merge reads every row that is left once, knows what may be written before the rest is
// there, and how much memory the next row group takes.
#include "granary/storage/source/merge_input.h"

#include <gtest/gtest.h>

#include <limits>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/store_compact_test_support.h"

namespace granary::storage {
namespace {

class MergeInputTest : public StoreCompactTest {
 protected:
  /// Of the source's files, the last one first.
  std::vector<MergeInput::SegmentPtr> Backwards(const Source& source) {
    auto segments = source.Snapshot().segments;
    return {segments.rbegin(), segments.rend()};
  }

  runtime::SpillSpace spill_{files_, directory_.Join("spill")};
  Status go_on_;
  std::uint64_t told_ = 0;
  const MergeDeps merge_{.files = files_,
                         .failpoints = failpoints_,
                         .spill = spill_,
                         .next_id = {},
                         .go_on = [this] { return go_on_; },
                         .progress = [this](std::uint64_t bytes) { told_ += bytes; }};
  std::optional<SegmentId> damaged_;
};

TEST_F(MergeInputTest, HandsOutRowGroupsInOrderOfSequencesAndKnowsWhatTheNextTakes) {
  options_.row_group_rows = 100;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 3, 250);
  MergeInput input(merge_, *source->schema(), Backwards(*source), damaged_);
  EXPECT_EQ(input.next_bytes(), std::numeric_limits<std::uint64_t>::max()) << "nothing is known";
  std::vector<std::int64_t> sizes;
  std::vector<bool> apart;
  std::uint64_t bytes = 0;
  std::int64_t reached = 0;
  for (;;) {
    const auto piece = input.Next();
    ASSERT_TRUE(piece.ok()) << piece.status().ToString();
    if (piece->rows == nullptr) break;
    sizes.push_back(piece->rows->num_rows());
    apart.push_back(piece->begins_apart);
    EXPECT_TRUE(piece->ordered);
    const auto& sequences =
        static_cast<const arrow::Int64Array&>(*piece->rows->column(piece->rows->num_columns() - 1));
    EXPECT_EQ(sequences.Value(0), reached + 1);
    reached = sequences.Value(sequences.length() - 1);
    ASSERT_GT(input.row_bytes(), 0u);
    // Of a file that is not open yet all of it may be one row group.
    const std::uint64_t rows = sizes.size() == 9       ? 0
                               : sizes.size() % 3 == 0 ? 250
                               : sizes.size() % 3 == 2 ? 50
                                                       : 100;
    EXPECT_EQ(input.next_bytes(), rows * input.row_bytes()) << sizes.size();
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{100, 100, 50, 100, 100, 50, 100, 100, 50}));
  EXPECT_EQ(apart, (std::vector<bool>{true, false, false, true, false, false, true, false, false}));
  EXPECT_EQ(input.sum().rows, 750u);
  EXPECT_EQ(input.sum().sequences, 750u * 751 / 2);
  for (const auto& segment : source->Snapshot().segments) bytes += segment->meta().bytes;
  EXPECT_EQ(told_, bytes);
}

TEST_F(MergeInputTest, LeavesOutWhatIsDeletedAndFilesOfWhichNothingIsLeft) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 3, 10);  // 1 to 10, 11 to 20, 21 to 30.
  ASSERT_TRUE(
      DeleteWhere(*source, [](const TestRow& row) { return row.id > 5 && row.id <= 20; }).ok());
  MergeInput input(merge_, *source->schema(), Backwards(*source), damaged_);
  std::vector<std::int64_t> sizes;
  for (;;) {
    const auto piece = input.Next();
    ASSERT_TRUE(piece.ok()) << piece.status().ToString();
    if (piece->rows == nullptr) break;
    sizes.push_back(piece->rows->num_rows());
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{5, 10}));
  EXPECT_FALSE(damaged_.has_value());
}

TEST_F(MergeInputTest, EndsWhereItIsTold) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 2, 10);
  MergeInput input(merge_, *source->schema(), Backwards(*source), damaged_);
  ASSERT_TRUE(input.Next().ok());
  go_on_ = {Code::kCancelled, "enough"};
  EXPECT_EQ(input.Next().status().code(), Code::kCancelled);
  EXPECT_FALSE(damaged_.has_value());
}

}  // namespace
}  // namespace granary::storage
