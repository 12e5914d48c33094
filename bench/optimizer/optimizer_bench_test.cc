// Goal: learning makes plans better where prices or statistics are wrong. Time is what the work
// that was done costs by a model that the optimizer does not know, so that the answer is the same
// on every machine.
#include <gtest/gtest.h>

#include "granary/query/optimizer/coefficients.h"
#include "learning_course.h"

namespace granary::bench {
namespace {

using query::CostModel;
using query::Unit;

CourseOptions SmallCourse() {
  CourseOptions options;
  options.shapes = {{"small", 6, 2'000}, {"large", 1, 20'000}};
  options.queries = 120;
  options.lessons = 150;
  options.race.truth = CostModel();
  return options;
}

TEST(OptimizerBenchTest, ThePlansOfARightModelAreNearTheBest) {
  const CourseResult result = RunCourse(SmallCourse());
  EXPECT_LE(result.stages[0].regret_median, 1.1);
  EXPECT_LE(result.stages[1].regret_median, 1.1);
  EXPECT_LE(result.stages[1].regret_p95, 2);
}

TEST(OptimizerBenchTest, LearningFindsTheBetterPlansOfAWrongModel) {
  CourseOptions options = SmallCourse();
  // Indexes look much cheaper than they are.
  for (const Unit unit : {Unit::kIndexLookup, Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue})
    Price(options.start, unit) /= 80;
  const CourseResult result = RunCourse(options);
  EXPECT_GT(result.stages[0].regret_p95, 1.5);
  EXPECT_LE(result.stages[1].regret_p95, 1.5);
  EXPECT_LE(result.stages[1].regret_median, 1.1);
}

TEST(OptimizerBenchTest, MostPlansAreRightAgainFiftyQueriesAfterStatisticsWentWrong) {
  const CourseResult result = RunCourse(SmallCourse());
  ASSERT_EQ(result.stages.size(), 4u);
  EXPECT_GT(result.stages[2].q_error_median, 5);
  EXPECT_LE(result.stages[3].regret_median, 1.1);
  EXPECT_LT(result.stages[3].q_error_median, 2.5);
}

}  // namespace
}  // namespace granary::bench
