// Goal: estimates are near where statistics tell, and within 0 and 1 whatever they say.
#include "granary/query/optimizer/selectivity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace granary::query {
namespace {

using Kind = Predicate::Kind;

constexpr ColumnId kNumber = 1, kText = 2;

Predicate Leaf(Kind kind, Value value, ColumnId column = kNumber) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.column = column;
  leaf.type = column == kNumber ? TypeKind::kInt64 : TypeKind::kString;
  leaf.values = {std::move(value)};
  return leaf;
}
Value I(std::int64_t value) { return value; }

ColumnStats Numbers() {  // 1,000 rows, a tenth null, 0 to 900.
  ColumnStats stats;
  stats.rows = 1000;
  stats.nulls = 100;
  stats.min = I(0);
  stats.max = I(900);
  return stats;
}

KnownColumns Known(const storage::ColumnEstimator& column) {
  return [&column](ColumnId) { return &column; };
}

struct Case {
  const char* what;
  Predicate predicate;
  double matches;
  double unknown;
};

TEST(SelectivityTest, FollowsTheStatistics) {
  const storage::ColumnEstimator column(Numbers());
  Predicate in = Leaf(Kind::kIn, I(1));
  in.values = {I(1), I(2), I(3)};
  Predicate is_null;
  is_null.kind = Kind::kIsNull;
  is_null.column = kNumber;
  const Case cases[] = {
      {"=", Leaf(Kind::kEqual, I(5)), 0.9 * storage::kDefaultEqual, 0.1},
      {"= below all", Leaf(Kind::kEqual, I(-1)), 0, 0.1},
      {"in", in, 3 * 0.9 * storage::kDefaultEqual, 0.1},
      {"<", Leaf(Kind::kLess, I(450)), 0.45, 0.1},
      {"<= above all", Leaf(Kind::kLessEqual, I(5000)), 0.9, 0.1},
      {">=", Leaf(Kind::kGreaterEqual, I(225)), 0.675, 0.1},
      {"is null", is_null, 0.1, 0},
      {"not <", Predicate::Not(Leaf(Kind::kLess, I(450))), 0.45, 0.1},
      {"between", Predicate::And({Leaf(Kind::kGreaterEqual, I(90)), Leaf(Kind::kLess, I(180))}),
       0.09, 0.1},
      {"between that excludes all",
       Predicate::And({Leaf(Kind::kGreater, I(800)), Leaf(Kind::kLess, I(100))}), 0, 0.1},
      {"or", Predicate::Or({Leaf(Kind::kLess, I(90)), Leaf(Kind::kGreaterEqual, I(810))}), 0.18,
       0.1},
      {"constant", Predicate::Constant(false), 0, 0},
  };
  for (const Case& one : cases) {
    const Fractions found = Selectivity(one.predicate, Known(column));
    EXPECT_NEAR(found.matches, one.matches, 0.002) << one.what;
    EXPECT_NEAR(found.unknown, one.unknown, 0.02) << one.what;
  }
}

TEST(SelectivityTest, ASetOfValuesIsWhatThereIs) {
  ColumnStats stats;
  stats.rows = 100;
  stats.nulls = 0;
  stats.min = std::string("africa");
  stats.max = std::string("us-west");
  stats.values = {std::string("africa"), std::string("eu-central"), std::string("eu-west"),
                  std::string("us-west")};
  const storage::ColumnEstimator column(stats);
  const auto known = Known(column);
  EXPECT_DOUBLE_EQ(Selectivity(Leaf(Kind::kEqual, std::string("eu-west"), kText), known).matches,
                   0.25);
  EXPECT_DOUBLE_EQ(Selectivity(Leaf(Kind::kEqual, std::string("eu-north"), kText), known).matches,
                   0);
  Predicate prefix = Leaf(Kind::kStartsWith, Value(), kText);
  prefix.pattern = "eu-";
  EXPECT_DOUBLE_EQ(Selectivity(prefix, known).matches, 0.5);
}

TEST(SelectivityTest, TextsLieBetweenTheirBounds) {
  ColumnStats stats;
  stats.rows = 1000;
  stats.nulls = 0;
  stats.min = std::string("CUST_00000");
  stats.max = std::string("CUST_99999");
  const storage::ColumnEstimator column(stats);
  const auto known = Known(column);
  EXPECT_NEAR(Selectivity(Leaf(Kind::kLess, std::string("CUST_50000"), kText), known).matches, 0.5,
              0.06);
  EXPECT_NEAR(Selectivity(Leaf(Kind::kLess, std::string("BUST"), kText), known).matches, 0, 0.001);
}

TEST(SelectivityTest, WhatNobodyKnowsHasADefault) {
  const KnownColumns nothing = [](ColumnId) { return nullptr; };
  const double equal = Selectivity(Leaf(Kind::kEqual, I(1)), nothing).matches;
  const double range = Selectivity(Leaf(Kind::kLess, I(1)), nothing).matches;
  EXPECT_GT(equal, 0);
  EXPECT_LT(equal, range);
  EXPECT_LT(range, 0.5);
}

TEST(SelectivityTest, IsAFractionWhateverTheStatisticsSay) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<ColumnStats> wrong(6, Numbers());
  wrong[0].nulls = 5000;                       // More than rows.
  wrong[1].min = I(900), wrong[1].max = I(0);  // The wrong way round.
  wrong[2].min = Value(nan), wrong[2].max = Value(nan);
  wrong[3].min = std::string("a"), wrong[3].max = I(3);  // Of two kinds.
  wrong[4].rows = 0;
  wrong[5].values = std::vector<Value>();
  const Kind kinds[] = {Kind::kEqual,    Kind::kIn,           Kind::kLess,   Kind::kLessEqual,
                        Kind::kGreater,  Kind::kGreaterEqual, Kind::kIsNull, Kind::kStartsWith,
                        Kind::kContains, Kind::kNotNullIs};
  const Value literals[] = {I(0), I(450), Value(nan), Value(std::string("x")), Value(true)};
  for (const ColumnStats& stats : wrong) {
    const storage::ColumnEstimator column(stats);
    for (const Kind kind : kinds) {
      for (const Value& literal : literals) {
        const Predicate leaf = Leaf(kind, literal);
        const Predicate all[] = {leaf, Predicate::Not(leaf), Predicate::And({leaf, leaf, leaf}),
                                 Predicate::Or({leaf, Predicate::Not(leaf)})};
        for (const Predicate& predicate : all) {
          const Fractions found = Selectivity(predicate, Known(column));
          ASSERT_GE(found.matches, 0);
          ASSERT_LE(found.matches, 1);
          ASSERT_GE(found.unknown, 0);
          ASSERT_LE(found.unknown, 1);
        }
      }
    }
  }
}

}  // namespace
}  // namespace granary::query
