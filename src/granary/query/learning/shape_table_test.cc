// Goal: estimates that are off alike for a shape are corrected soon, and those that are not, never.
#include "granary/query/learning/shape_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

namespace granary::query {
namespace {

TEST(ShapeTableTest, CorrectsOnceThereIsEvidence) {
  // The further off, the less it takes.
  for (const auto& [actual, least] : {std::pair(50.0, 3), std::pair(500.0, 2), std::pair(1e5, 1)}) {
    ShapeTable table;
    for (int i = 1; i <= 4; ++i) {
      table.Learn(7, "a = ?", 10, actual);
      const double factor = table.Corrections().FactorOf(7);
      if (i < least)
        EXPECT_EQ(factor, 1) << i;
      else
        EXPECT_NEAR(factor, (actual + 1) / 11, 1) << i;
    }
  }
  ShapeTable table;  // Two that contradict each other are no evidence.
  table.Learn(7, "a = ?", 10, 10'000);
  table.Learn(7, "a = ?", 10'000, 10);
  EXPECT_EQ(table.Corrections().FactorOf(8), 1);
}

TEST(ShapeTableTest, WhatIsInferredGivesWayToWhatWasSeenAndIsNotKept) {
  ShapeTable table;
  table.Infer(7, "a = ?", -6);
  table.Infer(7, "a = ?", -6);
  EXPECT_NEAR(table.Corrections().FactorOf(7), std::exp(-6), 1e-9);
  EXPECT_FALSE(table.HasSeen(7));
  EXPECT_TRUE(table.shapes().empty());
  for (int i = 0; i < 3; ++i) table.Learn(7, "a = ?", 99, 999);
  EXPECT_NEAR(table.Corrections().FactorOf(7), 10, 1e-9);
  table.Infer(7, "a = ?", -6);
  EXPECT_NEAR(*table.MedianLog(7), std::log(10), 1e-9);
  EXPECT_EQ(table.shapes().size(), 1u);
}

TEST(ShapeTableTest, ThreeOutliersOfSevenMoveNothing) {
  ShapeTable table;
  for (const double actual : {200.0, 200.0, 1e9, 200.0, 0.0, 1e9, 200.0})
    table.Learn(7, "", 99, actual);
  EXPECT_NEAR(table.Corrections().FactorOf(7), 2.01, 0.1);
}

TEST(ShapeTableTest, ALiteralsOwnErrorIsNotItsShapes) {
  ShapeTable table;
  for (const double actual : {1.0, 20'000.0, 3.0, 15'000.0, 800.0, 2.0, 9000.0})
    table.Learn(7, "", 200, actual);
  EXPECT_EQ(table.Corrections().FactorOf(7), 1);
}

TEST(ShapeTableTest, FollowsAChangeWithinFourQueries) {
  ShapeTable table;
  for (int i = 0; i < 50; ++i) table.Learn(7, "", 1e6, 1000);
  EXPECT_LT(table.Corrections().FactorOf(7), 0.01);
  for (int i = 0; i < 4; ++i) table.Learn(7, "", 1000, 1000);
  EXPECT_NEAR(table.Corrections().FactorOf(7), 1, 1e-9);
}

TEST(ShapeTableTest, FadesWhatIsNotSeenAgain) {
  ShapeTable table;
  for (int i = 0; i < 5; ++i) table.Learn(7, "", 0, 999);
  for (std::uint64_t i = 0; i < ShapeTable::kHalfLife; ++i) table.Learn(8, "", 5, 5);
  EXPECT_NEAR(table.Corrections().FactorOf(7), std::sqrt(1000), 0.5);
}

TEST(ShapeTableTest, RefusesWhatIsNoNumberOfRowsAndBoundsTheRest) {
  ShapeTable table;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double wrong : {-1.0, nan, std::numeric_limits<double>::infinity(), 1e300}) {
    EXPECT_FALSE(table.Learn(7, "", wrong, 1));
    EXPECT_FALSE(table.Learn(7, "", 1, wrong));
  }
  EXPECT_TRUE(table.shapes().empty());
  for (int i = 0; i < 5; ++i) table.Learn(7, "", 0, 1e15);
  EXPECT_NEAR(table.Corrections().FactorOf(7), ShapeTable::kFactorMax, 1e-6);
}

TEST(ShapeTableTest, KeepsSoManyShapesAndLetsTheOldestGo) {
  ShapeTable table;
  for (std::uint64_t shape = 0; shape <= ShapeTable::kShapesMax; ++shape)
    table.Learn(shape, "", 1, 1);
  EXPECT_EQ(table.shapes().size(), ShapeTable::kShapesMax);
  EXPECT_EQ(table.shapes().front().shape, 1u);
}

TEST(ShapeTableTest, TakesBackWhatItKeptAndNothingThatIsOutOfBounds) {
  ShapeTable table;
  for (int i = 0; i < 5; ++i) table.Learn(7, "a = ?", 9, 99);
  ShapeTable again;
  auto shapes = table.shapes();
  shapes.push_back({.shape = 8, .ratios = {std::numeric_limits<double>::quiet_NaN(), 1, 1}});
  shapes.push_back({.shape = 9, .ratios = {1e9, 1e9, 1e9}});
  again.Restore(shapes);
  EXPECT_EQ(again.shapes().size(), 1u);
  EXPECT_NEAR(again.Corrections().FactorOf(7), 10, 1e-9);
}

}  // namespace
}  // namespace granary::query
