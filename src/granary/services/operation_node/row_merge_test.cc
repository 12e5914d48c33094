// Goal: parts in order, merged, are all rows sorted; and a part that fails is named.
#include "granary/services/operation_node/row_merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <tuple>

#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "granary/testing/seed.h"

namespace granary::operation {
namespace {

/// A row as order_by sees it: its value, `_seq`, and where it is.
struct TestRow {
  std::uint8_t value = 0;
  std::uint8_t sequence = 0;
  std::size_t part = 0;
  std::uint8_t source = 0;
  std::int64_t number = 0;  ///< Of it alone.

  auto Place() const { return std::tie(value, sequence, part, source); }
  std::string Key() const {
    std::string key(1, static_cast<char>(value));
    key += std::string(7, '\0') + static_cast<char>(sequence);
    key += std::string(3, '\0') + static_cast<char>(source);
    return key;
  }
};

query::ResultBatch BatchOf(const std::vector<TestRow>& rows, std::size_t part,
                           std::uint8_t source) {
  arrow::Int64Builder builder;
  for (const TestRow& row : rows) {
    if (row.source != source) continue;
    EXPECT_TRUE(builder.Append(row.number).ok());
  }
  query::ResultBatch out;
  out.tenant = "t" + std::to_string(part);
  out.source = SourceId::Parse("s" + std::to_string(source)).Take();
  out.columns = {{1, "n", TypeKind::kInt64}};
  const auto array = builder.Finish().ValueOrDie();
  out.batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64())}),
                                       array->length(), {array});
  return out;
}

class FakeParts final : public PartSource {
 public:
  explicit FakeParts(std::size_t parts) : frames_(parts) {
    for (auto& frames : frames_) frames.push_back(api::PartFrame(PartStart{"anchor", "+int64;"}));
  }
  /// Rows in their order, in frames of about `at_once`.
  void Add(std::size_t part, std::vector<TestRow> rows, std::size_t at_once) {
    for (std::size_t first = 0; first < rows.size(); first += at_once) {
      const std::vector<TestRow> some(
          rows.begin() + static_cast<std::ptrdiff_t>(first),
          rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), first + at_once)));
      api::PartRows frame;
      for (std::uint8_t source = 0; source < 2; ++source)
        frame.batches.push_back(BatchOf(some, part, source));
      for (const TestRow& row : some) {
        frame.order.push_back(row.source);
        frame.keys.push_back(row.Key());
      }
      frames_[part].push_back(api::PartFrame(std::move(frame)));
    }
  }
  void End(std::size_t part, std::optional<std::string> next = {}) {
    api::PartEnd end;
    end.end.next_cursor = std::move(next);
    frames_[part].push_back(api::PartFrame(std::move(end)));
  }

  std::size_t size() const override { return frames_.size(); }
  Result<api::PartFrame> Next(std::size_t part) override {
    if (frames_[part].empty()) return Status::IoError("broke off");
    api::PartFrame frame = std::move(frames_[part].front());
    frames_[part].pop_front();
    return frame;
  }
  Result<std::size_t> WaitAny(const std::vector<std::size_t>& some) override { return some.back(); }

 private:
  std::vector<std::deque<api::PartFrame>> frames_;
};

struct Merged {
  Status status;
  std::vector<std::int64_t> numbers;
};

Merged MergeAll(RowMerge& merge, std::optional<std::uint64_t> limit) {
  Merged out;
  out.status = merge.Start();
  if (!out.status.ok()) return out;
  out.status = merge.Run(limit, [&](const query::ResultBatch& rows) {
    const auto& array = static_cast<const arrow::Int64Array&>(*rows.batch->column(0));
    for (std::int64_t i = 0; i < array.length(); ++i) out.numbers.push_back(array.Value(i));
    EXPECT_FALSE(rows.tenant.empty());
    return Status::Ok();
  });
  return out;
}

struct RandomParts {
  explicit RandomParts(std::mt19937_64& random) : parts(1 + random() % 5), rows(parts.size()) {
    std::int64_t number = 0;
    for (std::size_t part = 0; part < rows.size(); ++part) {
      for (std::uint8_t source = 0; source < 2; ++source) {
        for (std::uint8_t i = 0; i < random() % 30; ++i)
          rows[part].push_back(
              {static_cast<std::uint8_t>(random() % 5), i, part, source, number++});
      }
      std::ranges::sort(rows[part], {}, [](const TestRow& row) { return row.Place(); });
      parts.Add(part, rows[part], 1 + random() % 9);
      parts.End(part);
      all.insert(all.end(), rows[part].begin(), rows[part].end());
    }
  }
  FakeParts parts;
  std::vector<std::vector<TestRow>> rows;
  std::vector<TestRow> all;
};

TEST(RowMergeTest, MergedByKeyIsAllSorted) {
  const std::uint64_t seed = testing::SeedFromEnvironment();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    RandomParts made(random);
    std::ranges::sort(made.all, {}, [](const TestRow& row) { return row.Place(); });
    std::vector<std::int64_t> expected;
    for (const TestRow& row : made.all) expected.push_back(row.number);
    std::optional<std::uint64_t> limit;
    if (round % 3 != 0) limit = 1 + random() % 40;
    if (limit) expected.resize(std::min<std::size_t>(expected.size(), *limit));
    RowMerge merge(made.parts, MergeOrder::kByKey);
    const Merged merged = MergeAll(merge, limit);
    ASSERT_TRUE(merged.status.ok());
    EXPECT_EQ(merged.numbers, expected);
    // What was taken of each part is what a cursor goes on behind.
    std::uint64_t taken = 0;
    for (std::size_t part = 0; part < made.rows.size(); ++part) taken += merge.progress(part).taken;
    EXPECT_EQ(taken, expected.size());
    EXPECT_EQ(merge.rows(), expected.size());
  }
}

TEST(RowMergeTest, WithoutAnOrderNothingIsLostOrTwice) {
  std::mt19937_64 random(11);
  for (const MergeOrder order : {MergeOrder::kByPart, MergeOrder::kAsTheyCome}) {
    for (int round = 0; round < 100; ++round) {
      RandomParts made(random);
      RowMerge merge(made.parts, order);
      Merged merged = MergeAll(merge, std::nullopt);
      ASSERT_TRUE(merged.status.ok());
      std::vector<std::int64_t> expected;
      for (const auto& rows : made.rows)
        for (const TestRow& row : rows) expected.push_back(row.number);
      if (order == MergeOrder::kAsTheyCome) {
        std::ranges::sort(merged.numbers);
        std::ranges::sort(expected);
      }
      EXPECT_EQ(merged.numbers, expected);
    }
  }
}

TEST(RowMergeTest, APageKnowsWhetherAnotherFollows) {
  for (const MergeOrder order : {MergeOrder::kByPart, MergeOrder::kByKey}) {
    FakeParts parts(3);
    parts.Add(0, {{1, 1, 0, 0, 1}, {1, 2, 0, 0, 2}}, 1);
    parts.End(0);
    parts.End(1);
    parts.Add(2, {{2, 1, 2, 0, 3}}, 1);
    parts.End(2, "more");
    RowMerge merge(parts, order);
    EXPECT_EQ(MergeAll(merge, 2).numbers, (std::vector<std::int64_t>{1, 2}));
    EXPECT_TRUE(merge.progress(0).whole);
    EXPECT_TRUE(merge.progress(1).whole);
    EXPECT_FALSE(merge.progress(2).whole);
  }
}

TEST(RowMergeTest, ThePartThatBreaksOffIsNamed) {
  FakeParts parts(2);
  parts.Add(0, {{1, 1, 0, 0, 1}}, 1);
  parts.End(0);
  parts.Add(1, {{1, 1, 1, 0, 2}}, 1);
  RowMerge merge(parts, MergeOrder::kByKey);
  EXPECT_EQ(MergeAll(merge, std::nullopt).status.code(), Code::kIoError);
  EXPECT_EQ(merge.failed_part(), 1u);
}

}  // namespace
}  // namespace granary::operation
