// How far estimates are from what is true, as q-error: the greater of estimate / truth and truth /
// estimate, neither below a row (Moerkotte, Neumann, Steidl, "Preventing Bad Plans by Bounding the
// Impact of Cardinality Estimation Errors", 2009).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <arrow/builder.h>

#include "granary/storage/stats/column_estimator.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/stats_test_support.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kRows = 100'000;
constexpr int kQuestions = 1000;

enum class As { kNumbers, kTexts };

/// Ordered alike.
Value ValueOf(std::int64_t number, As as) {
  if (as == As::kNumbers) return number;
  const std::string digits = std::to_string(number);
  return "key-" + std::string(9 - digits.size(), '0') + digits;
}

ColumnStats StatsOf(const std::vector<std::int64_t>& rows, As as, int segments) {
  std::vector<ColumnStats> parts;
  const std::size_t each = rows.size() / static_cast<std::size_t>(segments);
  for (std::size_t start = 0; start + each <= rows.size(); start += each) {
    StatsBuilder builder(as == As::kNumbers ? TypeKind::kInt64 : TypeKind::kString);
    arrow::Int64Builder numbers;
    arrow::StringBuilder texts;
    for (std::size_t i = start; i < start + each; ++i) {
      const Value value = ValueOf(rows[i], as);
      EXPECT_TRUE(as == As::kNumbers ? numbers.Append(rows[i]).ok()
                                     : texts.Append(std::get<std::string>(value)).ok());
    }
    builder.Add(*(as == As::kNumbers ? numbers.Finish() : texts.Finish()).ValueOrDie());
    parts.push_back(builder.Finish());
  }
  std::vector<const ColumnStats*> all;
  for (const ColumnStats& part : parts) all.push_back(&part);
  return MergeAllStats(all);
}

struct QErrors {
  double median = 0, p95 = 0;
};

QErrors Summary(std::vector<double> errors) {
  std::sort(errors.begin(), errors.end());
  return {errors[errors.size() / 2], errors[errors.size() * 95 / 100]};
}

double QError(double estimate, double truth) {
  const double a = std::max(estimate * kRows, 1.0);
  const double b = std::max(truth, 1.0);
  return std::max(a / b, b / a);
}

// The same data in every run: this measures how good estimates are, and under Zipf's law the 95th
// percentile of rare values is a matter of luck. What must hold of any data is tested elsewhere.
constexpr std::uint64_t kSeed = 20'261'129;

struct Shape {
  const char* name;
  std::function<std::int64_t(sample::Generator&, std::int64_t row)> value;
  QErrors equal_most, range_most;  ///< What the test allows.
};

/// Zipf's law with exponent 1 over `n` values, by inversion of the harmonic sum.
std::int64_t Zipf(sample::Generator& random, std::int64_t n) {
  static const std::vector<double> sums = [n] {
    std::vector<double> all;
    for (std::int64_t i = 1; i <= n; ++i)
      all.push_back((all.empty() ? 0 : all.back()) + 1.0 / static_cast<double>(i));
    return all;
  }();
  const double at = std::uniform_real_distribution<double>(0, sums.back())(random);
  return std::lower_bound(sums.begin(), sums.end(), at) - sums.begin();
}

// What is left of "equal" is the noise of the data itself where a value has some ten rows, and,
// under Zipf's law, the values between the common ones and the mean of the others.
std::vector<Shape> Shapes() {
  // clang-format off
  return {
      {"uniform", [](auto& random, auto) { return sample::Between(random, 0, 10'000); },
       {1.5, 2.2}, {1.1, 1.6}},
      {"unique", [](auto&, std::int64_t row) { return row * 7919 % 100'003; },
       {1.1, 1.2}, {1.1, 1.6}},
      {"zipf", [](auto& random, auto) { return Zipf(random, 20'000) * 31 % 20'000; },
       {3.5, 90}, {1.1, 1.6}},
      {"sorted", [](auto&, std::int64_t row) { return row * 3; },
       {1.1, 1.2}, {1.1, 1.6}},
      {"few values", [](auto& random, auto) { return sample::Between(random, 0, 7) * sample::Between(random, 0, 7); },
       {1.2, 1.7}, {1.1, 1.6}},
      {"heavy hitters", [](auto& random, auto) {
         return sample::OneIn(random, 2) ? 77 : sample::OneIn(random, 3) ? 900 : sample::Between(random, 0, 25'000); },
       {1.2, 2.6}, {1.1, 1.6}},
  };
  // clang-format on
}

void Measure(const Shape& shape, As as, int segments) {
  sample::Generator random(kSeed);
  std::vector<std::int64_t> rows;
  std::map<std::int64_t, double> counts;
  for (std::int64_t i = 0; i < kRows; ++i) {
    rows.push_back(shape.value(random, i));
    ++counts[rows.back()];
  }
  const ColumnEstimator column(StatsOf(rows, as, segments));
  EXPECT_EQ(column.distrusted(), "");
  std::vector<std::int64_t> sorted = rows;
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> equal, range;
  for (int i = 0; i < kQuestions; ++i) {
    const auto drawn = [&] {
      return rows[static_cast<std::size_t>(sample::Between(random, 0, kRows - 1))];
    };
    const std::int64_t asked = drawn();
    equal.push_back(QError(column.Equal(ValueOf(asked, as)).fraction, counts[asked]));
    const auto [low, high] = std::minmax({drawn(), drawn()});
    const auto truth = std::upper_bound(sorted.begin(), sorted.end(), high) -
                       std::lower_bound(sorted.begin(), sorted.end(), low);
    const Estimate estimate = column.Range({ValueOf(low, as), RangeEdge::kClosed},
                                           {ValueOf(high, as), RangeEdge::kClosed});
    range.push_back(QError(estimate.fraction, static_cast<double>(truth)));
  }
  const QErrors by_equal = Summary(equal), by_range = Summary(range);
  std::printf("%-14s %-8s %2d segments: equal %.2f, p95 %.2f; range %.2f, p95 %.2f\n", shape.name,
              as == As::kNumbers ? "numbers" : "texts", segments, by_equal.median, by_equal.p95,
              by_range.median, by_range.p95);
  EXPECT_LE(by_equal.median, shape.equal_most.median) << shape.name;
  EXPECT_LE(by_equal.p95, shape.equal_most.p95) << shape.name;
  EXPECT_LE(by_range.median, shape.range_most.median) << shape.name;
  EXPECT_LE(by_range.p95, shape.range_most.p95) << shape.name;
}

TEST(EstimateAccuracyTest, NumbersOfOneSegment) {
  for (const Shape& shape : Shapes()) Measure(shape, As::kNumbers, 1);
}
TEST(EstimateAccuracyTest, NumbersOfManySegments) {
  for (const Shape& shape : Shapes()) Measure(shape, As::kNumbers, 20);
}
TEST(EstimateAccuracyTest, TextsOfOneSegmentAndOfMany) {
  for (const Shape& shape : Shapes()) {
    Measure(shape, As::kTexts, 1);
    Measure(shape, As::kTexts, 20);
  }
}

}  // namespace
}  // namespace granary::storage
