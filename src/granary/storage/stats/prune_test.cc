#include "granary/storage/stats/prune.h"

#include <gtest/gtest.h>

#include <cmath>

#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/stats_test_support.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

Value Int(std::int64_t value) { return value; }

using Kind = Predicate::Kind;
using sample::Leaf;

constexpr ColumnId kColumn = 1;

/// "TFU", "F", "-" for none.
std::string Text(const Outcomes& outcomes) {
  std::string text;
  if (outcomes.may_be_true) text += 'T';
  if (outcomes.may_be_false) text += 'F';
  if (outcomes.may_be_unknown) text += 'U';
  return text.empty() ? "-" : text;
}

std::string Over(const Predicate& predicate, const ColumnStats& stats) {
  return Text(PossibleOutcomes(predicate, [&](ColumnId) { return &stats; }));
}

ColumnStats Range(Value min, Value max, std::uint64_t nulls = 0) {
  return {.rows = 10,
          .nulls = nulls,
          .min = std::move(min),
          .max = std::move(max),
          .may_have_nan = false};
}

Predicate Integer(Kind kind, std::vector<std::int64_t> values) {
  return Leaf(kind, kColumn, TypeKind::kInt64, {values.begin(), values.end()});
}

TEST(PruneTest, ComparesLiteralsWithTheBounds) {
  struct Case {
    Kind kind;
    std::string below, low, inside, high, above;  ///< Literals 9, 10, 15, 20, 21 over [10, 20].
  };
  const Case cases[] = {
      {Kind::kEqual, "F", "TF", "TF", "TF", "F"},       {Kind::kLess, "F", "F", "TF", "TF", "T"},
      {Kind::kLessEqual, "F", "TF", "TF", "T", "T"},    {Kind::kGreater, "T", "TF", "TF", "F", "F"},
      {Kind::kGreaterEqual, "T", "T", "TF", "TF", "F"}, {Kind::kIn, "F", "TF", "TF", "TF", "F"},
  };
  const ColumnStats stats = Range(Int(10), Int(20));
  const ColumnStats nullable = Range(Int(10), Int(20), 3);
  for (const Case& c : cases) {
    const std::pair<std::int64_t, std::string> expected[] = {
        {9, c.below}, {10, c.low}, {15, c.inside}, {20, c.high}, {21, c.above}};
    for (const auto& [literal, text] : expected) {
      const Predicate leaf = Integer(c.kind, {literal});
      EXPECT_EQ(Over(leaf, stats), text) << static_cast<int>(c.kind) << " " << literal;
      EXPECT_EQ(Over(leaf, nullable), text + "U") << static_cast<int>(c.kind) << " " << literal;
    }
  }
}

TEST(PruneTest, OneValueDecidesEquality) {
  const ColumnStats stats = Range(Int(7), Int(7));
  EXPECT_EQ(Over(Integer(Kind::kEqual, {7}), stats), "T");
  EXPECT_EQ(Over(Integer(Kind::kIn, {1, 7}), stats), "T");
  EXPECT_EQ(Over(Integer(Kind::kIn, {}), stats), "F");
}

TEST(PruneTest, AHalfKnownRangePrunesOnItsSide) {
  const ColumnStats from = Range(Int(10), {});
  EXPECT_EQ(Over(Integer(Kind::kLess, {10}), from), "F");
  EXPECT_EQ(Over(Integer(Kind::kGreater, {100}), from), "TF");
  const ColumnStats up_to = Range({}, Int(20));
  EXPECT_EQ(Over(Integer(Kind::kGreater, {20}), up_to), "F");
  EXPECT_EQ(Over(Integer(Kind::kEqual, {5}), up_to), "TF");
}

TEST(PruneTest, InWithNullIsUnknownInsteadOfFalse) {
  Predicate in = Integer(Kind::kIn, {1, 15});
  in.in_has_null = true;
  EXPECT_EQ(Over(in, Range(Int(10), Int(20))), "TU");
  EXPECT_EQ(Over(in, Range(Int(100), Int(200))), "U");
  EXPECT_EQ(Over(Predicate::Not(in), Range(Int(10), Int(20))), "FU");
}

TEST(PruneTest, NullsAreUnknownAndAllNullsNothingElse) {
  const ColumnStats all_null{.rows = 5, .nulls = 5};
  EXPECT_EQ(Over(Integer(Kind::kEqual, {1}), all_null), "U");
  EXPECT_EQ(Over(Predicate::Not(Integer(Kind::kEqual, {1})), all_null), "U");
  EXPECT_EQ(Over(Integer(Kind::kIsNull, {}), all_null), "T");
  EXPECT_EQ(Over(Integer(Kind::kIsNull, {}), Range(Int(1), Int(2))), "F");
  EXPECT_EQ(Over(Integer(Kind::kIsNull, {}), Range(Int(1), Int(2), 1)), "TF");
  Predicate constant = Integer(Kind::kNotNullIs, {});
  EXPECT_EQ(Over(constant, Range(Int(1), Int(2))), "T");
  EXPECT_EQ(Over(constant, Range(Int(1), Int(2), 1)), "TU");
  constant.constant = false;
  EXPECT_EQ(Over(constant, Range(Int(1), Int(2), 1)), "FU");
  EXPECT_EQ(Over(constant, all_null), "U");
}

TEST(PruneTest, WithoutStatisticsAnythingMayBe) {
  const Predicate leaf = Integer(Kind::kEqual, {1});
  const auto none = [](ColumnId) { return nullptr; };
  EXPECT_EQ(Text(PossibleOutcomes(leaf, none)), "TFU");
  EXPECT_EQ(Text(PossibleOutcomes(Integer(Kind::kIsNull, {}), none)), "TF");
  EXPECT_EQ(Over(leaf, ColumnStats{}), "TFU");
  EXPECT_EQ(Over(leaf, ColumnStats{.rows = 3}), "TFU");
}

TEST(PruneTest, StatisticsOfAnotherTypePruneNothing) {
  EXPECT_EQ(Over(Integer(Kind::kEqual, {1}), Range(Int128{500}, Int128{600})), "TFU");
  EXPECT_EQ(Over(Integer(Kind::kEqual, {1}), Range("a", "b")), "TFU");
}

TEST(PruneTest, NanIsAboveEveryNumber) {
  ColumnStats stats = Range(1.0, 2.0);
  const auto real = [](Kind kind, double value) {
    return Leaf(kind, kColumn, TypeKind::kFloat64, {value});
  };
  EXPECT_EQ(Over(real(Kind::kGreater, 5.0), stats), "F");
  stats.may_have_nan = true;
  EXPECT_EQ(Over(real(Kind::kGreater, 5.0), stats), "TF");
  EXPECT_EQ(Over(real(Kind::kLess, 5.0), stats), "TF");
  EXPECT_EQ(Over(real(Kind::kEqual, std::nan("")), stats), "TF");
  EXPECT_EQ(Over(real(Kind::kEqual, -0.0), Range(0.0, 0.0)), "T");
  stats.may_have_nan = false;
  EXPECT_EQ(Over(real(Kind::kEqual, std::nan("")), stats), "F");
  EXPECT_EQ(Over(real(Kind::kLess, std::nan("")), stats), "T");
}

TEST(PruneTest, PatternsPruneByTheirLiteralPrefix) {
  const auto text = [](Kind kind, std::string pattern) {
    return Leaf(kind, kColumn, TypeKind::kString, {}, std::move(pattern));
  };
  const ColumnStats stats = Range("bar", "baz");
  EXPECT_EQ(Over(text(Kind::kStartsWith, "ba"), stats), "T");
  EXPECT_EQ(Over(text(Kind::kStartsWith, ""), stats), "T");
  EXPECT_EQ(Over(text(Kind::kStartsWith, "bas"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kStartsWith, "bb"), stats), "F");
  EXPECT_EQ(Over(text(Kind::kStartsWith, "ba~"), stats), "F");
  EXPECT_EQ(Over(text(Kind::kStartsWith, "az"), stats), "F");
  EXPECT_EQ(Over(text(Kind::kLike, "ba%"), stats), "T");
  EXPECT_EQ(Over(text(Kind::kLike, "ba_"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kLike, "c%"), stats), "F");
  EXPECT_EQ(Over(text(Kind::kLike, "b\\%"), stats), "F");
  EXPECT_EQ(Over(text(Kind::kLike, "bas"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kLike, "%z"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kILike, "c%"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kRegex, "^c"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kContains, "q"), stats), "TF");
  EXPECT_EQ(Over(text(Kind::kEndsWith, "q"), stats), "TF");
  ColumnStats set = stats;
  set.values = std::vector<Value>{"bar", "baz"};
  EXPECT_EQ(Over(text(Kind::kContains, "q"), set), "F");
  EXPECT_EQ(Over(text(Kind::kEndsWith, "z"), set), "TF");
}

TEST(PruneTest, AValueSetPrunesTheGapsBetweenItsValues) {
  ColumnStats stats = Range(Int(10), Int(30));
  stats.values = std::vector<Value>{Int(10), Int(30)};
  EXPECT_EQ(Over(Integer(Kind::kEqual, {20}), stats), "F");
  EXPECT_EQ(Over(Integer(Kind::kIn, {10, 30}), stats), "T");
  EXPECT_EQ(
      Over(Predicate::And({Integer(Kind::kGreater, {10}), Integer(Kind::kLess, {30})}), stats),
      "TF");
}

TEST(PruneTest, CombinesOutcomes) {
  const ColumnStats stats = Range(Int(10), Int(20));
  const Predicate always = Integer(Kind::kLess, {21});
  const Predicate never = Integer(Kind::kLess, {10});
  const Predicate perhaps = Integer(Kind::kLess, {15});
  EXPECT_EQ(Over(Predicate::And({always, perhaps}), stats), "TF");
  EXPECT_EQ(Over(Predicate::And({never, perhaps}), stats), "F");
  EXPECT_EQ(Over(Predicate::Or({always, perhaps}), stats), "T");
  EXPECT_EQ(Over(Predicate::Or({never, never}), stats), "F");
  EXPECT_EQ(Over(Predicate::Not(perhaps), stats), "TF");
  EXPECT_EQ(Over(Predicate::Not(always), stats), "F");
  EXPECT_EQ(Over(Predicate::And({}), stats), "T");
  EXPECT_EQ(Over(Predicate::Or({}), stats), "F");
  EXPECT_TRUE(PossibleOutcomes(always, [&](ColumnId) { return &stats; }).AllMatch());
  EXPECT_TRUE(PossibleOutcomes(never, [&](ColumnId) { return &stats; }).NoneMatch());
}

TEST(PruneTest, PathsIntoDocumentsAndListsAreUnknown) {
  Predicate path = Leaf(Kind::kEqual, kColumn, TypeKind::kJson);
  path.path = {"a"};
  path.json = {Literal{.kind = Literal::Kind::kNumber, .text = "1"}};
  EXPECT_EQ(Over(path, Range("{}", "{}")), "TFU");
  path.kind = Kind::kIsNull;
  EXPECT_EQ(Over(path, Range("{}", "{}")), "TF");
  // Over the whole document too: [1] is in (1), and "abc" begins with abc.
  for (const Kind kind :
       {Kind::kIn, Kind::kEqual, Kind::kContains, Kind::kStartsWith, Kind::kLike}) {
    Predicate whole = Leaf(kind, kColumn, TypeKind::kJson);
    whole.json = {Literal{.kind = Literal::Kind::kString, .text = "abc"}};
    whole.pattern = "abc";
    EXPECT_EQ(Over(whole, Range("\"abc\"", "[1]")), "TFU");
  }
  const Predicate list = Leaf(Kind::kEqual, kColumn, DataType::List(TypeKind::kInt64), {Int(1)});
  EXPECT_EQ(Over(list, Range({}, {})), "TF");
  EXPECT_EQ(Over(list, ColumnStats{.rows = 2, .nulls = 2}), "U");
}

TEST(PrunePropertyTest, NoRowHasAnOutcomeThatWasLeftOut) {
  sample::Generator random(testing::SeedFromEnvironment());
  std::uint64_t narrowed = 0;
  for (const DataType& type : sample::ScalarTypes()) {
    for (int round = 0; round < 40; ++round) {
      const auto rows =
          static_cast<std::size_t>(sample::Between(random, 1, sample::OneIn(random, 3) ? 120 : 6));
      const std::vector<Value> values = sample::RandomValues(random, type, rows);
      StatsBuilder builder(type);
      builder.Add(*sample::ArrayOf(type, values));
      ColumnStats stats = builder.Finish();
      if (sample::OneIn(random, 3)) stats.values.reset();
      for (int i = 0; i < 25; ++i) {
        const Predicate predicate = sample::RandomPredicate(random, {{kColumn, type}}, 3);
        const Outcomes possible = PossibleOutcomes(predicate, [&](ColumnId) { return &stats; });
        narrowed += Text(possible) != "TFU";
        for (const Value& value : values) {
          const auto outcome = sample::Evaluate(predicate, {{kColumn, value}});
          const bool foreseen = outcome ? (*outcome ? possible.may_be_true : possible.may_be_false)
                                        : possible.may_be_unknown;
          ASSERT_TRUE(foreseen) << type.ToString() << " " << ValueToText(value, type) << " "
                                << predicate.ToString(Schema(1, 1, {{kColumn, "x", type}}));
        }
      }
    }
  }
  EXPECT_GT(narrowed, 1000u);
}

}  // namespace
}  // namespace granary::storage
