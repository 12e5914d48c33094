// Goal: an aggregate over segments and hot rows of several sources is what one obtains by going
// through the rows one by one.
#include "granary/query/exec/aggregate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "granary/query/exec/query_test_support.h"
#include "granary/testing/seed.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

using Random = std::mt19937_64;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Value I(std::int64_t value) { return value; }
Value S(std::string value) { return value; }
Value D(Int128 value) { return value; }

struct Env {
  runtime::WorkerPool pool{{.threads = 3}};
  QueryContext context{.pool = pool, .parallelism = 3, .cancel = {}, .batch_rows = 64};
};

Aggregation Agg(AggregateType type, std::string column = "", double p = 0.5) {
  Aggregation aggregation;
  aggregation.type = type;
  aggregation.alias = std::string(AggregateTypeName(type)) + (column.empty() ? "" : "_" + column);
  if (!column.empty()) aggregation.column = std::move(column);
  aggregation.p = p;
  aggregation.pointer = "/aggregations/0";
  return aggregation;
}

GroupBy By(std::string column, GroupTransform transform = {}) {
  return {column, transform, column, "/group_by/0"};
}

Filter Where(std::string column, Operator op, std::string number) {
  Filter filter;
  filter.kind = Filter::Kind::kCompare;
  filter.column = std::move(column);
  filter.op = op;
  filter.literal = {Literal::Kind::kNumber, false, std::move(number), {}};
  filter.pointer = "/filters/" + filter.column + "/op";
  return filter;
}

std::vector<storage::SourceSnapshot> Snapshots(const std::vector<const TestSource*>& sources) {
  std::vector<storage::SourceSnapshot> snapshots;
  for (const TestSource* source : sources) snapshots.push_back(source->snapshot());
  return snapshots;
}

AggregateAnswer Answer(const AggregateRequest& request,
                       const std::vector<const TestSource*>& sources) {
  Env env;
  return Must(RunAggregate(request, Snapshots(sources), env.context));
}

Status Refused(const AggregateRequest& request, const std::vector<const TestSource*>& sources) {
  Env env;
  return RunAggregate(request, Snapshots(sources), env.context).status();
}

AggregateRequest Ask(std::vector<Aggregation> aggregations, std::vector<GroupBy> groups = {}) {
  AggregateRequest request;
  request.aggregations = std::move(aggregations);
  request.group_by = std::move(groups);
  return request;
}

/// Floats agree to the last bits, everything else exactly.
void ExpectSame(const Value& got, const Value& expected, const std::string& what) {
  const auto* a = std::get_if<double>(&got);
  const auto* b = std::get_if<double>(&expected);
  if (a == nullptr || b == nullptr || std::isnan(*b) || std::isinf(*b)) {
    EXPECT_TRUE(Compare(got, expected) == 0)
        << what << ": " << ValueToText(got, TypeKind::kFloat64) << " not "
        << ValueToText(expected, TypeKind::kFloat64);
    return;
  }
  EXPECT_NEAR(*a, *b, 1e-9 * std::max(1.0, std::abs(*b))) << what;
}

// The random test.

SchemaPtr RandomSchema() {
  return SchemaOf({{"region", TypeKind::kString},
                   {"n", TypeKind::kInt32},
                   {"i", TypeKind::kInt64},
                   {"u", TypeKind::kUInt64},
                   {"d", DataType::Decimal(12, 2)},
                   {"f", TypeKind::kFloat64},
                   {"flag", TypeKind::kBool},
                   {"day", TypeKind::kDate}});
}

Row RandomRow(Random& random) {
  const auto small = [&] { return static_cast<std::int64_t>(random() % 7) - 3; };
  Row row = {"r" + std::to_string(random() % 4),
             small(),
             static_cast<std::int64_t>(random()),
             static_cast<std::uint64_t>(random()),
             static_cast<Int128>(small() * 12345),
             random() % 15 == 0
                 ? kNan
                 : static_cast<double>(small()) * 1.1 + (random() % 5 == 0 ? 1e6 : 0),
             random() % 2 == 0,
             small() * 1000};
  for (Value& value : row) {
    if (random() % 6 == 0) value = {};
  }
  return row;
}

/// A row's number for sums of doubles.
double AsDouble(const Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* d = std::get_if<Int128>(&value)) return static_cast<double>(*d) / 100;
  return std::get<double>(value);
}

Int128 AsExact(const Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return *i;
  if (const auto* u = std::get_if<std::uint64_t>(&value)) return static_cast<Int128>(*u);
  return std::get<Int128>(value);
}

/// What an aggregate is over the non-null values of a group, in order of sequence.
Value Naive(const Aggregation& aggregation, std::size_t rows, const std::vector<Value>& values) {
  const auto less = [](const Value& a, const Value& b) { return Compare(a, b) < 0; };
  if (aggregation.type == AggregateType::kCount) {
    return static_cast<std::int64_t>(aggregation.column ? values.size() : rows);
  }
  if (aggregation.type == AggregateType::kCountDistinct ||
      aggregation.type == AggregateType::kApproxCountDistinct) {
    return static_cast<std::int64_t>(
        std::set<Value, decltype(less)>(values.begin(), values.end(), less).size());
  }
  if (values.empty()) return {};
  std::vector<double> numbers;
  for (const Value& value : values) {
    if (!std::holds_alternative<std::string>(value) && !std::holds_alternative<bool>(value))
      numbers.push_back(AsDouble(value));
  }
  const auto n = static_cast<double>(values.size());
  switch (aggregation.type) {
    case AggregateType::kSum:
    case AggregateType::kAvg: {
      if (std::holds_alternative<double>(values[0])) {
        long double sum = 0;
        for (const double number : numbers) sum += number;
        return static_cast<double>(aggregation.type == AggregateType::kSum ? sum : sum / n);
      }
      Int128 sum = 0;
      for (const Value& value : values) sum += AsExact(value);
      if (aggregation.type == AggregateType::kSum) return sum;
      const bool decimal = std::holds_alternative<Int128>(values[0]);
      return static_cast<double>(static_cast<long double>(sum) / (decimal ? 100 : 1) / n);
    }
    case AggregateType::kMin: return *std::min_element(values.begin(), values.end(), less);
    case AggregateType::kMax: return *std::max_element(values.begin(), values.end(), less);
    case AggregateType::kVariance:
    case AggregateType::kStddev: {
      if (values.size() < 2) return {};
      long double mean = 0;
      for (const double number : numbers) mean += number / n;
      long double squares = 0;
      for (const double number : numbers) squares += (number - mean) * (number - mean);
      const auto variance = static_cast<double>(squares / (n - 1));
      return aggregation.type == AggregateType::kVariance ? variance : std::sqrt(variance);
    }
    case AggregateType::kPercentile: {
      std::sort(numbers.begin(), numbers.end(),
                [](double a, double b) { return Compare(Value(a), Value(b)) < 0; });
      const double position = aggregation.p * (n - 1);
      const auto at = static_cast<std::size_t>(position);
      if (at + 1 >= numbers.size() || position == std::floor(position)) return numbers[at];
      return numbers[at] + (numbers[at + 1] - numbers[at]) * (position - std::floor(position));
    }
    case AggregateType::kFirst: return values.front();
    case AggregateType::kLast: return values.back();
    default: return values.front();
  }
}

TEST(AggregateTest, RandomRequestsAgreeWithGoingThroughTheRows) {
  Random random(testing::SeedFromEnvironment());
  const SchemaPtr schema = RandomSchema();
  for (int round = 0; round < 6; ++round) {
    TestSource source("s", schema);
    std::vector<Row> all;
    for (auto parts = 1 + random() % 4; parts > 0; --parts) {
      std::vector<Row> rows;
      for (auto n = random() % 300; n > 0; --n) rows.push_back(RandomRow(random));
      if (random() % 2 == 0) {
        source.AddHot(rows);  // hot rows may lie before segments here: nobody relies on their order
      } else if (!rows.empty()) {
        source.AddSegment(rows, 100);
      }
      all.insert(all.end(), rows.begin(), rows.end());
    }
    for (int i = 0; i < 25; ++i) {
      AggregateRequest request;
      std::set<std::size_t> group_columns;
      for (auto n = random() % 3; n > 0; --n) group_columns.insert(random() % 8);
      for (const std::size_t at : group_columns)
        request.group_by.push_back(By(schema->columns()[at].name));
      const std::vector<AggregateType> any_type = {
          AggregateType::kCount,         AggregateType::kMin,   AggregateType::kMax,
          AggregateType::kCountDistinct, AggregateType::kFirst, AggregateType::kLast};
      const std::vector<AggregateType> numeric = {AggregateType::kSum, AggregateType::kAvg,
                                                  AggregateType::kVariance, AggregateType::kStddev,
                                                  AggregateType::kPercentile};
      request.aggregations.push_back(Agg(AggregateType::kCount));
      std::vector<std::size_t> columns = {0};
      for (auto n = 1 + random() % 4; n > 0; --n) {
        const std::size_t at = random() % 8;
        const bool is_number = at >= 1 && at <= 5;
        const bool pick_numeric = is_number && random() % 2 == 0;
        Aggregation aggregation =
            Agg(pick_numeric ? numeric[random() % numeric.size()]
                             : any_type[random() % any_type.size()],
                schema->columns()[at].name, static_cast<double>(random() % 5) / 4);
        aggregation.alias += "_" + std::to_string(columns.size()) + "_agg";
        request.aggregations.push_back(aggregation);
        columns.push_back(at);
      }
      if (random() % 2 == 0) request.filter = Where("n", Operator::kGte, "0");

      struct Group {
        Row key;
        std::size_t rows = 0;
        std::vector<std::vector<Value>> values;
      };
      std::map<std::string, Group> groups;
      if (request.group_by.empty()) groups[""].values.resize(columns.size());
      for (const Row& row : all) {
        if (request.filter && (IsNull(row[1]) || std::get<std::int64_t>(row[1]) < 0)) continue;
        std::string key;
        Row group_key;
        for (const std::size_t at : group_columns) {
          Value value = row[at];
          if (auto* number = std::get_if<double>(&value); number != nullptr && *number == 0)
            *number = 0.0;
          EncodeValue(value, key);
          group_key.push_back(value);
        }
        Group& group = groups[key];
        group.key = group_key;
        group.values.resize(columns.size());
        ++group.rows;
        for (std::size_t a = 0; a < columns.size(); ++a) {
          if (!IsNull(row[columns[a]])) group.values[a].push_back(row[columns[a]]);
        }
      }

      const AggregateAnswer answer = Answer(request, {&source});
      ASSERT_EQ(answer.rows.size(), groups.size());
      for (const Row& row : answer.rows) {
        std::string key;
        for (std::size_t at = 0; at < group_columns.size(); ++at) EncodeValue(row[at], key);
        ASSERT_TRUE(groups.contains(key));
        const Group& group = groups[key];
        for (std::size_t a = 0; a < columns.size(); ++a) {
          ExpectSame(row[group_columns.size() + a],
                     Naive(request.aggregations[a], group.rows, group.values[a]),
                     request.aggregations[a].alias);
        }
      }
    }
  }
}

// Single promises.

TEST(AggregateTest, NothingGivesOneRowWithoutGroupsAndNoneWithGroups) {
  TestSource source("s", SchemaOf({{"a", TypeKind::kInt64}}));
  const auto types = {Agg(AggregateType::kCount),
                      Agg(AggregateType::kSum, "a"),
                      Agg(AggregateType::kMin, "a"),
                      Agg(AggregateType::kAvg, "a"),
                      Agg(AggregateType::kCountDistinct, "a"),
                      Agg(AggregateType::kPercentile, "a"),
                      Agg(AggregateType::kStddev, "a"),
                      Agg(AggregateType::kFirst, "a")};
  const AggregateAnswer answer = Answer(Ask(types), {&source});
  ASSERT_EQ(answer.rows.size(), 1u);
  EXPECT_EQ(answer.rows[0], (Row{I(0), {}, {}, {}, I(0), {}, {}, {}}));
  EXPECT_TRUE(Answer(Ask(types, {By("a")}), {&source}).rows.empty());
  EXPECT_EQ(Answer(Ask({Agg(AggregateType::kCount)}), {}).rows.size(), 1u);
}

TEST(AggregateTest, IntegerSumsNeverWrap) {
  const std::int64_t max = std::numeric_limits<std::int64_t>::max();
  TestSource source("s", SchemaOf({{"a", TypeKind::kInt64}, {"u", TypeKind::kUInt64}}));
  source.AddHot({{max, std::numeric_limits<std::uint64_t>::max()},
                 {max, std::numeric_limits<std::uint64_t>::max()}});
  const AggregateAnswer answer =
      Answer(Ask({Agg(AggregateType::kSum, "a"), Agg(AggregateType::kSum, "u")}), {&source});
  EXPECT_EQ(answer.rows[0][0], D(Int128{max} * 2));
  EXPECT_EQ(answer.rows[0][1], D((Int128{1} << 65) - 2));
  EXPECT_TRUE(answer.columns[0].json_integer);
  EXPECT_EQ(answer.columns[0].type, DataType::Decimal(38, 0));
}

TEST(AggregateTest, ADecimalSumThatOutgrows128BitsIsRefused) {
  TestSource source("s", SchemaOf({{"d", DataType::Decimal(38, 0)}}));
  const Value big = D(kInt128Max / 2);
  source.AddHot({{big}, {big}, {big}});
  EXPECT_EQ(Refused(Ask({Agg(AggregateType::kSum, "d")}), {&source}).code(), Code::kTypeMismatch);
}

TEST(AggregateTest, AnAverageNeedsNoSumThatFits) {
  TestSource source("s", SchemaOf({{"k", TypeKind::kInt64}, {"d", DataType::Decimal(38, 0)}}));
  const Int128 nines = PowerOfTen(38) - 1;
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) {
    rows.push_back({I(0), D(nines)});
    rows.push_back({I(1), D(-nines)});
    rows.push_back({I(2), D(i % 2 == 0 ? nines : -nines)});
  }
  source.AddHot(rows);
  source.AddHot(rows);
  const AggregateAnswer answer = Answer(Ask({Agg(AggregateType::kAvg, "d")}, {By("k")}), {&source});
  std::map<std::int64_t, double> averages;
  for (const auto& row : answer.rows)
    averages[std::get<std::int64_t>(row[0])] = std::get<double>(row[1]);
  EXPECT_EQ(averages, (std::map<std::int64_t, double>{{0, 1e38}, {1, -1e38}, {2, 0}}));
  EXPECT_EQ(Answer(Ask({Agg(AggregateType::kAvg, "d")}), {&source}).rows[0][0], Value(0.0));
}

TEST(AggregateTest, ACountNeedsNoCommonType) {
  TestSource a("a", SchemaOf({{"v", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"v", TypeKind::kString}}));
  a.AddHot({{I(1)}, {Value()}});
  b.AddHot({{S("x")}, {S("y")}, {Value()}});
  EXPECT_EQ(Answer(Ask({Agg(AggregateType::kCount, "v")}), {&a, &b}).rows[0][0], I(3));
  const auto distinct = Ask({Agg(AggregateType::kCount, "v"), Agg(AggregateType::kMax, "v")});
  EXPECT_EQ(Refused(distinct, {&a, &b}).code(), Code::kTypeMismatch);
}

TEST(AggregateTest, SmallFloatsBesideLargeOnesAreNotLost) {
  TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}}));
  std::vector<Row> rows = {{1e16}};
  for (int i = 0; i < 1000; ++i) rows.push_back({1.0});
  rows.push_back({-1e16});
  source.AddHot(rows);
  EXPECT_EQ(Answer(Ask({Agg(AggregateType::kSum, "f")}), {&source}).rows[0][0], Value(1000.0));
}

/// stddev and variance of the values in several orders, whole and by group.
void ExpectSpread(std::vector<double> values, const Value& stddev, const Value& variance) {
  Random random(testing::SeedFromEnvironment());
  for (int order = 0; order < 20; ++order) {
    std::shuffle(values.begin(), values.end(), random);
    TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}, {"k", TypeKind::kInt32}}));
    std::vector<Row> rows;
    for (const double value : values) {
      rows.push_back({value, I(1)});
      if (random() % 3 == 0) source.AddHot(std::exchange(rows, {}));  // Merged at the end.
    }
    if (!rows.empty()) source.AddHot(rows);
    const std::vector<Aggregation> both = {Agg(AggregateType::kStddev, "f"),
                                           Agg(AggregateType::kVariance, "f")};
    const auto whole = Answer(Ask(both), {&source});
    const auto grouped = Answer(Ask(both, {By("k")}), {&source});
    ExpectSame(whole.rows[0][0], stddev, "stddev");
    ExpectSame(whole.rows[0][1], variance, "variance");
    ExpectSame(grouped.rows[0][1], stddev, "stddev by group");
    ExpectSame(grouped.rows[0][2], variance, "variance by group");
  }
}

TEST(AggregateTest, SpreadOfLargeNumbersDoesNotDependOnTheOrderOfRows) {
  const double infinity = std::numeric_limits<double>::infinity();
  // A deviation that fits, of a variance that does not.
  ExpectSpread({1e308, -1e308, 1e308, -1e308}, 1e308 * std::sqrt(4.0 / 3), infinity);
  ExpectSpread({1e200, 0, 0, -1e200, 5}, 1e200 * std::sqrt(2.0 / 4), infinity);
  ExpectSpread({1e150, -1e150, 0}, 1e150, 1e150 * 1e150);
  ExpectSpread({1e300, 1e300, 1e300}, 0.0, 0.0);
  ExpectSpread({1e308}, {}, {});
  // One that is no number, or none to reckon with, leaves nothing to say.
  ExpectSpread({1, 2, infinity}, kNan, kNan);
  ExpectSpread({1, -infinity, infinity, 3}, kNan, kNan);
  ExpectSpread({1, kNan, 1e308}, kNan, kNan);
}

TEST(AggregateTest, PercentilesOfOneColumnAreOfTheSameValues) {
  TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}, {"k", TypeKind::kInt32}}));
  std::vector<Row> rows;
  for (int i = 0; i <= 100; ++i) rows.push_back({static_cast<double>((i * 37) % 101), I(i % 2)});
  source.AddHot(rows);
  std::vector<Aggregation> several;
  for (const double p : {0.5, 0.01, 0.995, 0.0, 1.0, 0.5}) {
    several.push_back(Agg(AggregateType::kPercentile, "f"));
    several.back().p = p;
    several.back().alias = "p" + std::to_string(several.size());
  }
  const AggregateAnswer answer = Answer(Ask(several), {&source});
  EXPECT_EQ(answer.rows[0], (Row{50.0, 1.0, 99.5, 0.0, 100.0, 50.0}));
  // As each alone, by group.
  const AggregateAnswer grouped = Answer(Ask(several, {By("k")}), {&source});
  for (std::size_t i = 0; i < several.size(); ++i) {
    const AggregateAnswer alone = Answer(Ask({several[i]}, {By("k")}), {&source});
    for (std::size_t group = 0; group < 2; ++group)
      EXPECT_EQ(grouped.rows[group][1 + i], alone.rows[group][1]) << i;
  }
}

TEST(AggregateTest, ZeroIsOneValueForAPercentile) {
  for (const double first : {0.0, -0.0}) {
    TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}}));
    source.AddHot({{first}, {-first}, {first}});
    const Row row = Answer(Ask({Agg(AggregateType::kPercentile, "f")}), {&source}).rows[0];
    EXPECT_FALSE(std::signbit(std::get<double>(row[0])));
  }
}

TEST(AggregateTest, FloatsDoNotDependOnTheNumberOfThreads) {
  Random random(testing::SeedFromEnvironment());
  TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}, {"k", TypeKind::kInt32}}));
  for (int part = 0; part < 40; ++part) {
    std::vector<Row> rows;
    for (int i = 0; i < 50; ++i)
      rows.push_back({std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 40)),
                      I(static_cast<std::int64_t>(random() % 5))});
    source.AddHot(rows);
  }
  const auto request =
      Ask({Agg(AggregateType::kSum, "f"), Agg(AggregateType::kStddev, "f")}, {By("k")});
  std::vector<std::vector<Row>> answers;
  for (const std::size_t threads : {1u, 2u, 5u}) {
    runtime::WorkerPool pool({.threads = threads});
    const QueryContext context{.pool = pool, .parallelism = threads, .cancel = {}, .batch_rows = 7};
    answers.push_back(Must(RunAggregate(request, Snapshots({&source}), context)).rows);
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_EQ(answers[0], answers[2]);
}

TEST(AggregateTest, NullAndNanAreGroupsAndMinusZeroIsZero) {
  TestSource source("s", SchemaOf({{"f", TypeKind::kFloat64}}));
  source.AddHot({{0.0}, {-0.0}, {kNan}, {-kNan}, {Value()}, {Value()}, {1.5}});
  const AggregateAnswer answer = Answer(Ask({Agg(AggregateType::kCount)}, {By("f")}), {&source});
  ASSERT_EQ(answer.rows.size(), 4u);
  for (const Row& row : answer.rows) EXPECT_EQ(row[1], I(Compare(row[0], Value(1.5)) == 0 ? 1 : 2));
}

TEST(AggregateTest, NanIsAboveAllNumbersInMinAndMax) {
  const auto request = Ask({Agg(AggregateType::kMin, "f"), Agg(AggregateType::kMax, "f")});
  const auto expect = [&](const std::vector<Row>& rows, const Value& min, const Value& max) {
    TestSource hot("h", SchemaOf({{"f", TypeKind::kFloat64}}));
    TestSource cold("c", SchemaOf({{"f", TypeKind::kFloat64}}));
    hot.AddHot(rows);
    cold.AddSegment(rows);
    for (const TestSource* source : {&hot, &cold}) {
      const Row row = Answer(request, {source}).rows[0];
      EXPECT_TRUE(Compare(row[0], min) == 0);
      EXPECT_TRUE(Compare(row[1], max) == 0);
    }
  };
  expect({{kNan}, {2.0}, {1.0}}, 1.0, kNan);
  expect({{2.0}, {Value()}, {-kNan}}, 2.0, kNan);
  expect({{kNan}, {kNan}}, kNan, kNan);
  expect({{2.0}, {1.0}}, 1.0, 2.0);
}

TEST(AggregateTest, CountsMinAndMaxComeFromStatisticsAlone) {
  TestSource source("s", SchemaOf({{"a", TypeKind::kInt64}, {"s", TypeKind::kString}}));
  source.AddSegment({{I(1), S("x")}, {I(5), Value()}});
  source.AddSegment({{I(-3), S("a")}});
  const auto all = {Agg(AggregateType::kCount), Agg(AggregateType::kCount, "s"),
                    Agg(AggregateType::kMin, "a"), Agg(AggregateType::kMax, "s")};
  AggregateAnswer answer = Answer(Ask(all), {&source});
  EXPECT_EQ(answer.rows[0], (Row{I(3), I(2), I(-3), S("x")}));
  EXPECT_EQ(answer.stats.access_paths, (std::set<std::string>{"metadata"}));
  EXPECT_EQ(answer.stats.rows_scanned, 0u);
  EXPECT_EQ(answer.stats.segments_total, 2u);

  AggregateRequest filtered =
      Ask(all);  // every row of the first segment matches, none of the second
  filtered.filter = Where("a", Operator::kGte, "1");
  answer = Answer(filtered, {&source});
  EXPECT_EQ(answer.rows[0], (Row{I(2), I(1), I(1), S("x")}));
  EXPECT_EQ(answer.stats.rows_scanned, 0u);
  EXPECT_EQ(answer.stats.segments_pruned, 1u);

  source.AddHot({{I(7), S("z")}});
  answer = Answer(Ask({Agg(AggregateType::kCount)}), {&source});
  EXPECT_EQ(answer.rows[0], (Row{I(4)}));
  EXPECT_EQ(answer.stats.access_paths, (std::set<std::string>{"metadata"}));
  answer = Answer(Ask(all), {&source});
  EXPECT_EQ(answer.rows[0], (Row{I(4), I(3), I(-3), S("z")}));
  EXPECT_EQ(answer.stats.access_paths, (std::set<std::string>{"hot", "metadata"}));
  EXPECT_EQ(answer.stats.rows_scanned, 1u);
}

TEST(AggregateTest, SeveralSourcesAreOneTable) {
  TestSource a("a", SchemaOf({{"k", TypeKind::kString}, {"v", TypeKind::kInt32}}));
  TestSource b("b", SchemaOf({{"k", TypeKind::kString}, {"v", TypeKind::kInt64}}));
  TestSource c("c", SchemaOf({{"other", TypeKind::kInt64}}));
  a.AddHot({{S("x"), I(1)}, {S("y"), I(2)}});
  b.AddSegment({{S("x"), I(10)}});
  c.AddHot({{I(99)}});
  AggregateRequest request =
      Ask({Agg(AggregateType::kCount), Agg(AggregateType::kSum, "v")}, {By("k")});
  request.order_by = {{"sum_v", Direction::kDescending, "/order_by/0"}};
  const AggregateAnswer answer = Answer(request, {&a, &b, &c});
  EXPECT_EQ(
      answer.rows,
      (std::vector<Row>{{S("x"), I(2), D(11)}, {S("y"), I(1), D(2)}, {Value(), I(1), Value()}}));
  request.filter = Where("v", Operator::kGte, "0");  // c lacks v and contributes nothing
  EXPECT_EQ(Answer(request, {&a, &b, &c}).rows.size(), 2u);
}

TEST(AggregateTest, IntegersAndFloatsBecomeFloatsAndOtherMixesAreRefused) {
  TestSource a("a", SchemaOf({{"v", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"v", TypeKind::kFloat64}}));
  TestSource c("c", SchemaOf({{"v", TypeKind::kString}}));
  a.AddHot({{I(1)}});
  b.AddHot({{0.5}});
  c.AddHot({{S("1")}});
  const auto request = Ask({Agg(AggregateType::kSum, "v")});
  EXPECT_EQ(Answer(request, {&a, &b}).rows[0][0], Value(1.5));
  const Status refused = Refused(request, {&a, &c});
  EXPECT_EQ(refused.code(), Code::kTypeMismatch);
  EXPECT_NE(refused.message().find("int64"), std::string::npos);
  EXPECT_NE(refused.message().find("string"), std::string::npos);
}

/// Integers, floats and decimals under one name: no type holds them all.
struct MixedNumbers {
  TestSource whole{"a", SchemaOf({{"k", TypeKind::kInt64}})};
  TestSource real{"b", SchemaOf({{"k", TypeKind::kFloat64}})};
  TestSource natural{"c", SchemaOf({{"k", TypeKind::kUInt64}})};
  TestSource fixed{"d", SchemaOf({{"k", DataType::Decimal(20, 2)}})};

  MixedNumbers() {
    whole.AddSegment({{I(9007199254740993)}, {I(-9007199254740993)}, {I(7)}});
    real.AddHot({{9007199254740992.0}, {7.0}, {Value()}});
    real.AddSegment({{-9007199254740992.0}, {0.5}});
    natural.AddSegment({{std::numeric_limits<std::uint64_t>::max()}});
    fixed.AddHot({{D(50)}, {D(700)}});
  }
  std::vector<const TestSource*> sources() const { return {&whole, &real, &natural, &fixed}; }
};

TEST(AggregateTest, MixedNumbersOfSeveralSourcesCompareExactly) {
  const MixedNumbers numbers;
  const auto request =
      Ask({Agg(AggregateType::kMin, "k"), Agg(AggregateType::kMax, "k"),
           Agg(AggregateType::kCountDistinct, "k"), Agg(AggregateType::kApproxCountDistinct, "k"),
           Agg(AggregateType::kCount, "k")});
  const AggregateAnswer answer = Answer(request, numbers.sources());
  EXPECT_EQ(
      answer.rows,
      (std::vector<Row>{{S("-9007199254740993"), S("18446744073709551615"), I(7), I(7), I(10)}}));
  EXPECT_TRUE(answer.columns[0].number_texts);
  EXPECT_FALSE(answer.columns[2].number_texts);
  // From statistics alone, and with a column that all sources have as integers beside.
  const auto bounds = Ask({Agg(AggregateType::kMin, "k"), Agg(AggregateType::kMax, "k")});
  TestSource flushed("e", SchemaOf({{"k", TypeKind::kFloat64}}));
  flushed.AddSegment({{9007199254740992.0}});
  const AggregateAnswer known = Answer(bounds, {&numbers.whole, &flushed});
  EXPECT_EQ(known.rows, (std::vector<Row>{{S("-9007199254740993"), S("9007199254740993")}}));
  EXPECT_EQ(known.stats.rows_scanned, 0u);
}

TEST(AggregateTest, MixedNumbersAreOneGroupOnlyWhenTheyAreEqual) {
  const MixedNumbers numbers;
  AggregateRequest request = Ask({Agg(AggregateType::kCount)}, {By("k")});
  request.order_by = {{"k", Direction::kAscending, ""}};
  const std::vector<Row> expected = {{S("-9007199254740993"), I(1)},
                                     {S("-9007199254740992"), I(1)},
                                     {S("0.5"), I(2)},
                                     {S("7"), I(3)},
                                     {S("9007199254740992"), I(1)},
                                     {S("9007199254740993"), I(1)},
                                     {S("18446744073709551615"), I(1)},
                                     {Value(), I(1)}};
  EXPECT_EQ(Answer(request, numbers.sources()).rows, expected);
  request.having = Where("k", Operator::kGte, "9007199254740993");
  EXPECT_EQ(Answer(request, numbers.sources()).rows,
            (std::vector<Row>(expected.begin() + 5, expected.begin() + 7)));
  request.having->literal = {Literal::Kind::kString, false, "x", {}};
  EXPECT_EQ(Refused(request, numbers.sources()).code(), Code::kInvalidLiteral);
}

TEST(AggregateTest, NanAndInfinitiesAmongMixedNumbersAreAtTheEnds) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  TestSource a("a", SchemaOf({{"k", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"k", TypeKind::kFloat64}}));
  a.AddSegment({{I(5)}});
  b.AddSegment({{kInfinite}, {-kInfinite}});
  const auto request = Ask({Agg(AggregateType::kMin, "k"), Agg(AggregateType::kMax, "k")});
  EXPECT_EQ(Answer(request, {&a, &b}).rows[0], (Row{S("\"-Infinity\""), S("\"Infinity\"")}));
  b.AddHot({{kNan}});
  EXPECT_EQ(Answer(request, {&a, &b}).rows[0], (Row{S("\"-Infinity\""), S("\"NaN\"")}));
}

TEST(AggregateTest, TheFirstAndTheLastOfMixedNumbersAreThemselves) {
  TestSource a("a", SchemaOf({{"k", TypeKind::kInt64}}));
  TestSource b("b", SchemaOf({{"k", TypeKind::kFloat64}}));
  a.AddHot({{I(9007199254740993)}, {I(1)}});
  b.AddHot({{0.5}, {0.1}, {0.25}});
  const auto request = Ask({Agg(AggregateType::kFirst, "k"), Agg(AggregateType::kLast, "k")});
  EXPECT_EQ(Answer(request, {&a, &b}).rows[0], (Row{S("9007199254740993"), S("0.25")}));
}

TEST(AggregateTest, TransformsGroupByTheCalendarAndByWidth) {
  TestSource source("s", SchemaOf({{"at", DataType::Timestamp(TimeUnit::kSecond)},
                                   {"day", TypeKind::kDate},
                                   {"n", TypeKind::kInt32},
                                   {"d", DataType::Decimal(8, 2)}}));
  // 2024-01-31T23:59:59Z, 2024-02-01T00:00:00Z
  source.AddHot(
      {{I(1706745599), I(19753), I(-1), D(-1)}, {I(1706745600), I(19754), I(19), D(149)}});
  const auto group = [&](std::string column, GroupTransform transform) {
    AggregateRequest request =
        Ask({Agg(AggregateType::kCount)}, {By(std::move(column), std::move(transform))});
    request.order_by = {{request.group_by[0].alias, Direction::kAscending, ""}};
    std::vector<Value> keys;
    for (const Row& row : Answer(request, {&source}).rows) keys.push_back(row[0]);
    return keys;
  };
  EXPECT_EQ(group("at", DatePart::kMonth), (std::vector<Value>{I(1704067200), I(1706745600)}));
  EXPECT_EQ(group("at", DatePart::kYear), (std::vector<Value>{I(1704067200)}));
  EXPECT_EQ(group("day", DatePart::kMonth), (std::vector<Value>{I(19723), I(19754)}));
  EXPECT_EQ(group("at", Interval{300'000'000}), (std::vector<Value>{I(1706745300), I(1706745600)}));
  EXPECT_EQ(group("at", Interval{1'500'000}),
            (std::vector<Value>{I(1706745598500000), I(1706745600000000)}));
  EXPECT_EQ(group("n", Bucket{"10"}), (std::vector<Value>{I(-10), I(10)}));
  EXPECT_EQ(group("n", Bucket{"2.5"}), (std::vector<Value>{-2.5, 17.5}));
  EXPECT_EQ(group("d", Bucket{"0.5"}), (std::vector<Value>{D(-50), D(100)}));
}

TEST(AggregateTest, HavingOrderAndLimitWorkOverAliases) {
  TestSource source("s", SchemaOf({{"k", TypeKind::kString}, {"v", TypeKind::kInt64}}));
  source.AddHot({{S("a"), I(1)},
                 {S("b"), I(2)},
                 {S("b"), I(3)},
                 {S("c"), Value()},
                 {S("c"), Value()},
                 {S("d"), I(9)}});
  AggregateRequest request =
      Ask({Agg(AggregateType::kCount), Agg(AggregateType::kSum, "v")}, {By("k")});
  request.having = Where("count", Operator::kGt, "1");
  EXPECT_EQ(Answer(request, {&source}).rows,
            (std::vector<Row>{{S("b"), I(2), D(5)}, {S("c"), I(2), Value()}}));
  request.having.reset();
  for (const Direction direction :
       {Direction::kAscending, Direction::kDescending}) {  // nulls last in both
    request.order_by = {{"sum_v", direction, ""}};
    EXPECT_EQ(Answer(request, {&source}).rows.back()[0], S("c"));
  }
  request.limit = 1;
  EXPECT_EQ(Answer(request, {&source}).rows, (std::vector<Row>{{S("d"), I(1), D(9)}}));
  request.limit = 0;
  EXPECT_TRUE(Answer(request, {&source}).rows.empty());
}

TEST(AggregateTest, JsonPathsAreGroupedAndAddedUp) {
  TestSource source("s", SchemaOf({{"doc", TypeKind::kJson}}));
  source.AddHot({{S(R"({"k":1,"v":9007199254740993})")},
                 {S(R"({"k":1.0,"v":1})")},
                 {S(R"({"k":"1","v":"x"})")},
                 {S(R"({"v":0.5})")},
                 {Value()}});
  AggregateRequest request =
      Ask({Agg(AggregateType::kCount), Agg(AggregateType::kSum, "doc.v"),
           Agg(AggregateType::kMax, "doc.v"), Agg(AggregateType::kAvg, "doc.v"),
           Agg(AggregateType::kCountDistinct, "doc.k")},
          {By("doc.k")});
  const AggregateAnswer answer = Answer(request, {&source});
  ASSERT_EQ(answer.rows.size(), 3u);
  EXPECT_EQ(answer.rows[0], (Row{S("1"), I(2), S("9007199254740994"), S("9007199254740993"),
                                 4503599627370496.0, I(1)}));  // avg of JSON is over float64
  EXPECT_EQ(answer.rows[1], (Row{S("\"1\""), I(1), Value(), S("\"x\""), Value(), I(1)}));
  EXPECT_EQ(answer.rows[2], (Row{Value(), I(2), S("0.5"), S("0.5"), 0.5, I(0)}));
}

TEST(AggregateTest, DocumentsAreOneGroupWhateverTheOrderOfTheirKeys) {
  TestSource source("s", SchemaOf({{"doc", TypeKind::kJson}}));
  source.AddHot({{S(R"({"k":{"a":[1,{}],"b":",]"}})")}, {S(R"({"k":{"b":",]","a":[1.0,{}]}})")}});
  const AggregateAnswer answer =
      Answer(Ask({Agg(AggregateType::kCount)}, {By("doc.k")}), {&source});
  EXPECT_EQ(answer.rows, (std::vector<Row>{{S(R"({"a":[1,{}],"b":",]"})"), I(2)}}));
}

TEST(AggregateTest, FirstAndLastGoBySequence) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kString}}));
  source.AddSegment({{Value()}, {S("first")}, {S("b")}});
  source.AddHot({{S("last")}, {Value()}});
  const auto answer =
      Answer(Ask({Agg(AggregateType::kFirst, "v"), Agg(AggregateType::kLast, "v")}), {&source});
  EXPECT_EQ(answer.rows[0], (Row{S("first"), S("last")}));
}

TEST(AggregateTest, ApproximateDistinctCountsAreClose) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt64}}));
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 20'000; ++i) rows.push_back({I(i % 5'000)});
  source.AddHot(rows);
  const auto answer = Answer(Ask({Agg(AggregateType::kApproxCountDistinct, "v")}), {&source});
  EXPECT_NEAR(static_cast<double>(std::get<std::int64_t>(answer.rows[0][0])), 5'000, 5'000 * 0.08);
}

TEST(AggregateTest, RefusalsSayWhere) {
  TestSource source("s", SchemaOf({{"s", TypeKind::kString},
                                   {"l", DataType::List(TypeKind::kInt64)},
                                   {"v", TypeKind::kInt64}}));
  const auto code = [&](const AggregateRequest& request) {
    return Refused(request, {&source}).code();
  };
  EXPECT_EQ(code(Ask({Agg(AggregateType::kSum, "s")})), Code::kTypeMismatch);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kMin, "l")})), Code::kTypeMismatch);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kCount)}, {By("l")})), Code::kTypeMismatch);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kCount)}, {By("s", DatePart::kYear)})),
            Code::kTypeMismatch);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kCount)}, {By("v", Bucket{"0"})})), Code::kInvalidRequest);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kSum, "nope")})), Code::kUnknownColumn);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kCount)}, {By("nope")})), Code::kUnknownColumn);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kPercentile, "v", 1.5)})), Code::kInvalidRequest);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kSum)})), Code::kInvalidRequest);
  EXPECT_EQ(code(Ask({Agg(AggregateType::kCount), Agg(AggregateType::kCount)})),
            Code::kInvalidRequest);
  AggregateRequest request = Ask({Agg(AggregateType::kCount)});
  request.order_by = {{"nope", Direction::kAscending, "/order_by/0"}};
  EXPECT_EQ(code(request), Code::kUnknownColumn);
  request.order_by.clear();
  request.having = Where("nope", Operator::kGt, "1");
  EXPECT_EQ(code(request), Code::kUnknownColumn);
  const Status status = Refused(Ask({Agg(AggregateType::kSum, "s")}), {&source});
  ASSERT_EQ(status.fields().size(), 1u);
  EXPECT_EQ(status.fields()[0].pointer, "/aggregations/0/column");
  EXPECT_TRUE(Refused(Ask({Agg(AggregateType::kCount, "l")}), {&source}).ok());
}

TEST(AggregateTest, ACancelledQueryStops) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt64}}));
  source.AddHot({{I(1)}});
  Env env;
  env.context.cancel.Cancel();
  EXPECT_EQ(RunAggregate(Ask({Agg(AggregateType::kSum, "v")}), Snapshots({&source}), env.context)
                .status()
                .code(),
            Code::kCancelled);
}

TEST(AggregateTest, RowsOfAnOlderSchemaAreReadInTheNewOne) {
  TestSource source("s", SchemaOf({{"v", TypeKind::kInt32}}));
  source.AddSegment({{I(1)}, {I(2)}});
  source.AddHot({{I(3)}});
  source.Evolve(std::make_shared<Schema>(
      2, 2, std::vector<Column>{{1, "v", TypeKind::kInt64}, {2, "w", TypeKind::kString}}));
  source.AddHot({{I(1), S("x")}});
  const auto answer = Answer(Ask({Agg(AggregateType::kSum, "v"), Agg(AggregateType::kCount, "w"),
                                  Agg(AggregateType::kMin, "v")}),
                             {&source});
  EXPECT_EQ(answer.rows[0], (Row{D(7), I(1), I(1)}));
}

}  // namespace
}  // namespace granary::query
