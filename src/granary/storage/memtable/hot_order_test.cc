// Goal: what the order of a chunk names is all that a look through its rows finds, and little more.
#include "granary/storage/memtable/hot_order.h"

#include <gtest/gtest.h>

#include <arrow/api.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <random>

#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using Rows = HotOrder::Rows;
constexpr std::size_t kMany = 1'000'000;
constexpr std::size_t kNewestMost = 64;  // So few rows are not worth an order.

std::shared_ptr<arrow::Array> ArrayOf(const DataType& type, const std::vector<Value>& values) {
  auto builder = arrow::MakeBuilder(type.ToArrow()).ValueOrDie();
  for (const Value& value : values) {
    const auto cell = MakeConstantArray(type, value, 1).Take();
    if (!builder->AppendArraySlice(arrow::ArraySpan(*cell->data()), 0, 1).ok()) std::abort();
  }
  return builder->Finish().ValueOrDie();
}

/// True when `rows` has all of `wanted`, and besides only some of the newest.
void ExpectNamed(Rows rows, const Rows& wanted, std::int64_t length, const std::string& what) {
  std::sort(rows.begin(), rows.end());
  EXPECT_TRUE(std::ranges::includes(rows, wanted)) << what;
  const auto newest = static_cast<std::int64_t>(
      std::max<std::size_t>(kNewestMost, static_cast<std::size_t>(length) / 16 + 1));
  for (const std::int32_t row : rows) {
    const bool may_be_named = std::ranges::binary_search(wanted, row) || row >= length - newest;
    EXPECT_TRUE(may_be_named) << what << " row " << row;
  }
}

struct Kind {
  DataType type;
  std::function<Value(std::mt19937_64&)> any;
};

std::vector<Kind> Kinds() {
  using Random = std::mt19937_64;
  return {{TypeKind::kInt32,
           [](Random& r) { return Value(static_cast<std::int64_t>(r() % 400) - 200); }},
          {TypeKind::kUInt64, [](Random& r) { return Value(std::uint64_t{r() % 400} << 55); }},
          {TypeKind::kFloat64,
           [](Random& r) {
             if (r() % 20 == 0) return Value(std::numeric_limits<double>::quiet_NaN());
             return Value(static_cast<double>(r() % 400) / 4 - 50);
           }},
          {DataType::Decimal(20, 2),
           [](Random& r) { return Value(static_cast<Int128>(r() % 400) - 200); }},
          {TypeKind::kString,
           [](Random& r) { return Value(std::string(r() % 3, 'a') + std::to_string(r() % 100)); }}};
}

TEST(HotOrderTest, NamesWhatALookThroughTheRowsFindsAsTheChunkGrows) {
  std::mt19937_64 random(testing::SeedFromEnvironment());
  for (const Kind& kind : Kinds()) {
    std::vector<Value> values;
    for (int i = 0; i < 3000; ++i) values.push_back(random() % 8 == 0 ? Value() : kind.any(random));
    const auto all = ArrayOf(kind.type, values);
    HotOrder order;
    for (const std::int64_t length : {0, 1, 64, 65, 1000, 1050, 1063, 3000, 900}) {
      const auto view = all->Slice(0, length);
      const auto matching = [&](const std::function<bool(const Value&)>& matches) {
        Rows rows;
        for (std::int64_t i = 0; i < length; ++i) {
          const Value& value = values[static_cast<std::size_t>(i)];
          if (!IsNull(value) && matches(value)) rows.push_back(static_cast<std::int32_t>(i));
        }
        return rows;
      };
      for (int i = 0; i < 20; ++i) {
        const Value low = i == 0 ? Value() : kind.any(random);
        const Value high = i == 1 ? Value() : kind.any(random);
        Rows rows;
        ASSERT_TRUE(order.FindRange(view, low, high, kMany, rows));
        ExpectNamed(rows, matching([&](const Value& value) {
                      return (IsNull(low) || Compare(value, low) >= 0) &&
                             (IsNull(high) || Compare(value, high) <= 0);
                    }),
                    length, kind.type.ToString());
      }
      for (const KeyOrder direction : {KeyOrder::kAscending, KeyOrder::kDescending}) {
        const std::size_t count = 1 + random() % 10;
        Rows rows;
        if (!order.FindFirst(view, direction, count, kMany, rows)) {
          EXPECT_LE(length, 65);
          continue;
        }
        Rows wanted = matching([](const Value&) { return true; });
        std::vector<Value> sorted;
        for (const std::int32_t row : wanted)
          sorted.push_back(values[static_cast<std::size_t>(row)]);
        std::sort(sorted.begin(), sorted.end(), [&](const Value& a, const Value& b) {
          return direction == KeyOrder::kAscending ? Compare(a, b) < 0 : Compare(b, a) < 0;
        });
        const Value last = sorted[count - 1];
        wanted = matching([&](const Value& value) {
          return direction == KeyOrder::kAscending ? Compare(value, last) <= 0
                                                   : Compare(value, last) >= 0;
        });
        std::sort(rows.begin(), rows.end());
        EXPECT_TRUE(std::ranges::includes(rows, wanted)) << kind.type.ToString();
        EXPECT_LE(rows.size(), wanted.size() + 200) << kind.type.ToString();
      }
    }
  }
}

TEST(HotOrderTest, PrefixesAreFoundAlsoWhenTheyAreLongerThanAKey) {
  std::vector<Value> values;
  for (int i = 0; i < 300; ++i) values.emplace_back("p" + std::to_string(i));
  values[7] = std::string(300, 'x') + "1";
  values[8] = std::string(300, 'x') + "2";
  const auto view = ArrayOf(TypeKind::kString, values);
  HotOrder order;
  Rows rows;
  ASSERT_TRUE(order.FindPrefix(view, "p29", kMany, rows));
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (Rows{29, 290, 291, 292, 293, 294, 295, 296, 297, 298, 299}));
  rows.clear();
  ASSERT_TRUE(order.FindPrefix(view, std::string(300, 'x') + "2", kMany, rows));
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (Rows{7, 8}));  // The reader of the rows tells them apart.
}

TEST(HotOrderTest, GivesUpPastTheMostRowsThatAreOfUse) {
  std::vector<Value> values;
  for (std::int64_t i = 0; i < 1000; ++i) values.emplace_back(i);
  const auto view = ArrayOf(TypeKind::kInt64, values);
  HotOrder order;
  Rows rows;
  EXPECT_FALSE(order.FindRange(view, Value(std::int64_t{10}), Value(std::int64_t{19}), 9, rows));
  EXPECT_TRUE(rows.empty());
  EXPECT_TRUE(order.FindRange(view, Value(std::int64_t{10}), Value(std::int64_t{19}), 10, rows));
  EXPECT_EQ(rows.size(), 10u);
  rows.clear();
  EXPECT_TRUE(order.FindRange(view, Value(std::int64_t{19}), Value(std::int64_t{10}), 0, rows));
  EXPECT_TRUE(rows.empty());
  EXPECT_FALSE(order.FindFirst(view, KeyOrder::kAscending, 1001, kMany, rows));
}

}  // namespace
}  // namespace granary::storage
