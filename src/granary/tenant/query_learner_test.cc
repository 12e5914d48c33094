// Goal: queries teach, what was learned outlives a restart, and a model that is not to be trusted
// serves nobody and is named.
#include "granary/tenant/query_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "granary/tenant/calibration.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/memory_file_system.h"

namespace granary {
namespace {

using query::LearnedModel;
using query::ModelOrigin;
using query::QueryFeedback;
using query::Unit;

constexpr const char* kPath = "/cost_model";

/// A scan that took `times` as long as the builtin model says, of a filter that left `rows` of what
/// was estimated as 10.
QueryFeedback Scan(double times, double rows = 10, std::uint64_t shape = 7) {
  QueryFeedback feedback;
  feedback.source = "s";
  feedback.shape = shape;
  feedback.shape_text = "a = ?";
  feedback.rows_known = true;
  feedback.rows_by_statistics = 10;
  feedback.rows = rows;
  QueryFeedback::Operator scan;
  scan.path = query::AccessPath::kFullScan;
  scan.work[Unit::kChunk] = scan.work[Unit::kCachedChunk] = 8;
  scan.work[Unit::kDecodeNumber] = scan.work[Unit::kCheckNumber] = 800'000;
  scan.work[Unit::kRowGroup] = 8;
  scan.ns = scan.work.Ns(query::CostModel()) * times;
  feedback.operators = {scan};
  return feedback;
}

class QueryLearnerTest : public ::testing::Test {
 protected:
  std::unique_ptr<QueryLearner> Open(std::string owner = "tenant", LearnerOptions options = {}) {
    options.enabled = true;
    return std::make_unique<QueryLearner>(files_, clock_, Logger::Null(), kPath, std::move(owner),
                                          query::OptimizerOptions(), options);
  }
  static void Teach(QueryLearner& learner, int count, double times, double rows = 10) {
    for (int i = 0; i < count; ++i) {
      learner.Note({Scan(times, rows)});
      if (i % 10 == 9) learner.Learn();
    }
    learner.Learn();
  }

  testing::MemoryFileSystem files_;
  testing::FakeClock clock_;
};

TEST_F(QueryLearnerTest, QueriesMovePricesAndCorrectEstimates) {
  const auto learner = Open();
  EXPECT_EQ(learner->model().version(), query::CostModel().version);
  Teach(*learner, 100, 3, 9999);
  const LearnedModel model = learner->model();
  EXPECT_EQ(model.origin, ModelOrigin::kLearned);
  EXPECT_TRUE(model.version().starts_with("learned-")) << model.version();
  EXPECT_GT(model.costs.decode_number_ns, 2 * query::CostModel().decode_number_ns);
  const auto serving = learner->Current();
  EXPECT_EQ(serving->model.version, model.version());
  EXPECT_NEAR(serving->corrections->FactorOf(7), 10'000.0 / 11, 1);
  EXPECT_EQ(learner->counts().learned, 100u);
}

TEST_F(QueryLearnerTest, WhatIsNotNewsMakesNoModel) {
  const auto learner = Open();
  Teach(*learner, 200, 1);
  EXPECT_EQ(learner->model().version(), query::CostModel().version);
  Teach(*learner, 200, 2);
  const std::string version = learner->model().version();
  const auto models = learner->counts().models;
  Teach(*learner, 300, 2);
  EXPECT_LE(learner->counts().models, models + 3) << version << learner->model().version();
}

TEST_F(QueryLearnerTest, AModelIsKeptAndServesAfterARestart) {
  std::string version;
  {
    const auto learner = Open();
    learner->Start({});
    Teach(*learner, 100, 3, 9999);
    learner->Stop();
    version = learner->model().version();
  }
  const auto again = Open();
  EXPECT_EQ(again->model().version(), version);
  EXPECT_NEAR(again->Current()->corrections->FactorOf(7), 10'000.0 / 11, 1);
  EXPECT_TRUE(again->distrusted().empty());
}

TEST_F(QueryLearnerTest, AModelThatIsNotToBeTrustedIsNamedAndTheBuiltinOneServes) {
  {
    const auto learner = Open();
    learner->Start({});
    Teach(*learner, 100, 3);
    learner->Stop();
  }
  const std::string text = *files_.ReadFile(kPath);
  const auto expect_refused = [&](const std::string& kept, const std::string& why,
                                  const std::string& owner = "tenant") {
    ASSERT_TRUE(files_.ReplaceFile(kPath, kept).ok());
    const auto learner = Open(owner);
    EXPECT_EQ(learner->model().version(), query::CostModel().version) << why;
    const auto serving = learner->Current();
    ASSERT_EQ(serving->distrusted.size(), 1u) << why;
    EXPECT_NE(serving->distrusted[0].find(why), std::string::npos) << serving->distrusted[0];
    EXPECT_NE(serving->distrusted[0].find(kPath), std::string::npos);
    Teach(*learner, 100, 3);  // It learns anew all the same.
    EXPECT_EQ(learner->model().origin, ModelOrigin::kLearned);
    EXPECT_EQ(learner->Current()->distrusted.size(), 1u);
  };
  std::string flipped = text;
  flipped[text.size() / 2] = static_cast<char>(flipped[text.size() / 2] ^ 4);
  expect_refused(flipped, "checksum");
  expect_refused("", "no cost model");
  expect_refused(text, "it is of tenant, not of another", "another");
  std::string later = text;
  later.replace(later.find(" 1\n"), 3, " 2\n");
  expect_refused(later, "format \"2\"");
}

TEST_F(QueryLearnerTest, FeedbackThatLiesChangesNothing) {
  const auto learner = Open();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double wrong : {nan, -1.0, 1e300, std::numeric_limits<double>::infinity()}) {
    for (int i = 0; i < 20; ++i) {
      QueryFeedback lie = Scan(1);
      lie.operators[0].ns = wrong;
      lie.rows = wrong;
      lie.questions = {{.shape = 9, .text = "", .rows_by_statistics = wrong, .rows = wrong}};
      learner->Note({lie});
      lie = Scan(1);
      lie.operators[0].work[Unit::kRowGroup] = wrong;
      lie.rows_known = false;
      learner->Note({lie});
    }
  }
  learner->Learn();
  EXPECT_EQ(learner->model().version(), query::CostModel().version);
  EXPECT_GT(learner->counts().refused, 0u);
}

TEST_F(QueryLearnerTest, AClockThatJumpsStopsNothing) {
  const auto learner = Open();
  learner->Start({});
  Teach(*learner, 50, 3);
  clock_.StepWall(0);
  Teach(*learner, 50, 9);
  clock_.StepWall(4'000'000'000'000'000);
  Teach(*learner, 50, 27);
  const auto model = learner->model();
  EXPECT_GT(model.costs.decode_number_ns, 5 * query::CostModel().decode_number_ns);
  learner->Stop();
  EXPECT_EQ(Open()->model().version(), model.version());
}

TEST_F(QueryLearnerTest, NobodyWaitsAndWhatFindsNoRoomIsCounted) {
  const auto learner = Open("tenant", {.ring_records = 8});
  for (int i = 0; i < 20; ++i) learner->Note({Scan(1)});
  EXPECT_EQ(learner->counts().dropped, 12u);
  learner->Learn();
  EXPECT_EQ(learner->counts().learned, 8u);
}

TEST_F(QueryLearnerTest, WithAnEngineThePromotedModelServesAndFeedbackIsHandedOn) {
  const auto learner = Open("tenant", {.outbox_records = 5, .hands_on = true});
  LearnedModel promoted;
  promoted.costs.chunk_ns *= 2;
  EXPECT_EQ(learner->Adopt(promoted).code(), Code::kInvalidArgument);
  promoted.origin = ModelOrigin::kEngine;
  promoted.owner = "cbo-engine";
  promoted.costs.version = query::VersionOf(promoted, 3);
  ASSERT_TRUE(learner->Adopt(promoted).ok());
  Teach(*learner, 8, 5);
  EXPECT_EQ(learner->model().version(), promoted.version());
  EXPECT_EQ(learner->counts().dropped, 3u);  // The oldest of eight.
  EXPECT_EQ(learner->TakeOutbox(3).size(), 3u);
  EXPECT_EQ(learner->TakeOutbox(100).size(), 2u);
  // It serves after a restart, too, whoever else opens the folder.
  EXPECT_EQ(Open("tenant", {.hands_on = true})->model().version(), promoted.version());
}

TEST_F(QueryLearnerTest, WithoutLearningNothingIsReadKeptOrNoted) {
  QueryLearner learner(files_, clock_, Logger::Null(), kPath, "tenant", {}, {});
  learner.Start([]() -> QueryLearner::Timings {
    ADD_FAILURE();
    return {};
  });
  learner.Note({Scan(9)});
  learner.Learn();
  EXPECT_EQ(learner.counts().learned, 0u);
  EXPECT_FALSE(*files_.Exists(kPath));
}

TEST_F(QueryLearnerTest, CalibrationComesFirstUnlessAModelWasKept) {
  runtime::WorkerPool pool({.threads = 2});
  const auto begin = std::chrono::steady_clock::now();
  const auto timings = MeasureWork(pool, std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  query::Work all;
  for (const auto& [work, ns] : timings) {
    all += work;
    EXPECT_GT(ns, 0);
  }
  for (const Unit unit :
       {Unit::kChunk, Unit::kCachedChunk, Unit::kDecodeNumber, Unit::kDecodeText,
        Unit::kCheckNumber, Unit::kCheckText, Unit::kCheckPattern, Unit::kIndexLookup,
        Unit::kIndexRow, Unit::kPickValue, Unit::kOrderRow, Unit::kGroupRow, Unit::kWorker})
    EXPECT_GT(all[unit], 0) << query::Coefficients()[static_cast<std::size_t>(unit)].name;
  const auto learner = Open();
  learner->Calibrate(timings);
  const LearnedModel model = learner->model();
  EXPECT_EQ(model.origin, ModelOrigin::kCalibrated);
  EXPECT_TRUE(model.version().starts_with("calibrated-1-")) << model.version();
  // What the calibrated model says of them is of the order of what they took.
  std::vector<double> off;
  for (const auto& [work, ns] : timings)
    off.push_back(std::abs(std::log(work.Ns(model.costs) / ns)));
  std::nth_element(off.begin(), off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2),
                   off.end());
  EXPECT_LT(off[off.size() / 2], std::log(2.5));
}

TEST_F(QueryLearnerTest, CalibrationEndsInTime) {
  runtime::WorkerPool pool({.threads = 1});
  EXPECT_LE(MeasureWork(pool, std::chrono::milliseconds(0)).size(), 1u);
}

}  // namespace
}  // namespace granary
