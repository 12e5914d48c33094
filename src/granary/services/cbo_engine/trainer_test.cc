// Goal: only what lowers the replayed regret is promoted, what makes live queries worse is taken
// back, and all of it outlives a restart.
#include "granary/services/cbo_engine/trainer.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

using query::QueryFeedback;
using query::Unit;

/// As in replay_test: a look-up in ten segments that a scan answered, on a machine where indexes
/// cost `index_times` as much as the builtin prices say.
QueryFeedback LookUp(double index_times, query::Way ran, const std::string& model,
                     double named = 6e-3) {
  QueryFeedback of;
  of.source = "s";
  of.model_version = model;
  of.shape = 7;
  of.shape_text = "a = ?";
  of.rows_known = true;
  of.facts.shape.filters = true;
  of.facts.shape.checks[Unit::kCheckText] = 1;
  of.facts.shape.filter.texts = 1;
  of.facts.questions = {{}};
  of.facts.nodes = {{}};
  of.facts.root = 0;
  query::FactsClass& segments = of.facts.classes.emplace_back();
  segments.segments = 10;
  segments.facts = {.rows = 100'000, .row_groups = 1, .matches = named, .cached = true};
  segments.indexes = {{.hash = true}};
  segments.named = {named};
  of.rows_by_statistics = of.rows_estimated = of.rows = named * 1e6;
  of.rejected = {{.way = ran == query::kScan ? query::kSingle : query::kScan}};
  query::CostModel truth;
  for (const Unit unit : {Unit::kIndexLookup, Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue})
    Price(truth, unit) *= index_times;
  for (const Unit unit : {Unit::kCachedChunk, Unit::kRowGroup, Unit::kCheckText, Unit::kIndexLookup,
                          Unit::kIndexRow, Unit::kPickChunk, Unit::kPickValue}) {
    QueryFeedback::Operator done;
    done.path = query::AccessPath::kFullScan;
    done.way = ran;
    done.segments = 10;
    done.work[unit] = 1e5;
    done.ns = done.work.Ns(truth);
    of.ns += done.ns;
    of.operators.push_back(done);
  }
  return of;
}

class TrainerTest : public ::testing::Test {
 protected:
  void Open() {
    trainer_.reset();
    store_.reset();
    auto store = EngineStore::Open(folder_.path() + "/engine", 30, Logger::Null());
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = store.Take();
    auto trainer =
        Trainer::Open(*store_, clock_, Logger::Null(), {.window_records = 400, .fit_records = 50});
    ASSERT_TRUE(trainer.ok()) << trainer.status().ToString();
    trainer_ = trainer.Take();
  }
  void Tell(int count, double index_times, query::Way ran, const std::string& model = "builtin-1") {
    api::FeedbackBody body{.node = "node-1", .tenant = "t"};
    for (int i = 0; i < count; ++i) body.records.push_back(LookUp(index_times, ran, model));
    const Status taken = trainer_->Take(body);
    ASSERT_TRUE(taken.ok()) << taken.ToString();
  }

  testing::TempDirectory folder_;
  testing::FakeClock clock_;
  std::unique_ptr<EngineStore> store_;
  std::unique_ptr<Trainer> trainer_;
};

TEST_F(TrainerTest, PromotesWhatLowersTheRegretAndNothingElse) {
  Open();
  EXPECT_EQ(trainer_->serving(), "");
  EXPECT_FALSE(trainer_->Find("serving").ok());
  Tell(49, 30, query::kSingle);
  EXPECT_EQ(*trainer_->Fit(), std::nullopt);  // One too few.
  Tell(200, 30, query::kSingle);
  // By builtin prices the index is the best; here it is not.
  const auto candidate = trainer_->Fit();
  ASSERT_TRUE(candidate.ok() && *candidate);
  EXPECT_EQ(trainer_->serving(), **candidate);
  ASSERT_EQ(trainer_->Promotions().size(), 1u);
  EXPECT_GT(trainer_->Promotions()[0].regret_before, 1.5);
  EXPECT_NEAR(trainer_->Promotions()[0].regret_after, 1, 0.01);
  const auto replayed = trainer_->Replay("serving");
  ASSERT_TRUE(replayed.ok());
  EXPECT_NEAR(replayed->model.regret_mean, 1, 0.01);
  // Another one, of a machine that got slower, chooses no better: it stays a candidate.
  Tell(60, 60, query::kScan, **candidate);
  const auto next = trainer_->Fit();
  ASSERT_TRUE(next.ok() && *next);
  EXPECT_EQ(trainer_->serving(), **candidate);
  const auto asked = trainer_->Promote(**next, Trainer::Force::kNo);
  EXPECT_EQ(asked.status().code(), Code::kConflict) << asked.status().ToString();
  EXPECT_EQ(trainer_->Promote("engine-99-00000000", Trainer::Force::kYes).status().code(),
            Code::kNotFound);
  ASSERT_TRUE(trainer_->Promote(**next, Trainer::Force::kYes).ok());
  EXPECT_EQ(trainer_->serving(), **next);
}

TEST_F(TrainerTest, GoesBackStepByStepAndRemembersAllOfItAfterARestart) {
  Open();
  const std::string baseline = trainer_->Models().at(0).model.version();
  EXPECT_EQ(trainer_->Rollback("x").status().code(), Code::kConflict);
  Tell(100, 30, query::kSingle);
  const std::string first = **trainer_->Fit();
  Tell(100, 60, query::kScan);
  const std::string second = **trainer_->Fit();
  ASSERT_TRUE(trainer_->Promote(second, Trainer::Force::kYes).ok());
  Open();
  EXPECT_EQ(trainer_->serving(), second);
  EXPECT_EQ(trainer_->records(), 200u);
  EXPECT_EQ(trainer_->Models().size(), 3u);
  EXPECT_EQ(trainer_->Rollback("asked for")->version, first);
  EXPECT_EQ(trainer_->Rollback("asked for")->version, baseline);
  EXPECT_EQ(trainer_->Rollback("asked for").status().code(), Code::kConflict);
  Open();
  EXPECT_EQ(trainer_->serving(), baseline);
  EXPECT_EQ(trainer_->Find(first)->state, "retired");
  EXPECT_EQ(trainer_->Promotions().back().action, "rollback");
}

TEST_F(TrainerTest, GoesBackToWhatServedBeforeTheBuiltinPricesWereForced) {
  Open();
  const std::string baseline = trainer_->Models().at(0).model.version();
  Tell(100, 30, query::kSingle);
  const std::string first = **trainer_->Fit();
  ASSERT_TRUE(trainer_->Promote(baseline, Trainer::Force::kYes).ok());
  const auto back = trainer_->Rollback("asked for");
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->version, first);
}

TEST_F(TrainerTest, CandidatesThatNeverServedAreMadeAgainAfterARestart) {
  Open();
  Tell(100, 30, query::kSingle);
  const std::string first = **trainer_->Fit();
  Tell(100, 60, query::kScan);
  const auto candidate = trainer_->Fit();
  ASSERT_TRUE(candidate.ok() && *candidate);
  EXPECT_EQ(trainer_->Find(**candidate)->state, "candidate");
  Open();
  EXPECT_FALSE(trainer_->Find(**candidate).ok());
  EXPECT_EQ(trainer_->serving(), first);
  EXPECT_TRUE(*trainer_->Fit());
}

TEST_F(TrainerTest, TakesBackWhatMakesLiveQueriesWorse) {
  Open();
  const std::string baseline = trainer_->Models().at(0).model.version();
  // What ran was mostly right; the candidate is right everywhere, and is promoted.
  Tell(160, 30, query::kScan);
  Tell(40, 30, query::kSingle);
  const std::string promoted = **trainer_->Fit();
  ASSERT_EQ(trainer_->serving(), promoted);
  // Under it nodes choose worse than before, whatever the replay said.
  Tell(static_cast<int>(Trainer::kLiveLeast) - 1, 30, query::kSingle, promoted);
  EXPECT_EQ(trainer_->serving(), promoted);
  Tell(1, 30, query::kSingle, promoted);
  EXPECT_EQ(trainer_->serving(), baseline);
  const Promotion back = trainer_->Promotions().back();
  EXPECT_EQ(back.action, "rollback");
  EXPECT_NE(back.reason.find("live regret rose"), std::string::npos) << back.reason;
}

TEST_F(TrainerTest, GoesOnWatchingAfterARestart) {
  Open();
  const std::string baseline = trainer_->Models().at(0).model.version();
  EXPECT_EQ(trainer_->Live().queries, 0u);
  Tell(160, 30, query::kScan);
  Tell(40, 30, query::kSingle);
  const std::string promoted = **trainer_->Fit();
  Tell(30, 30, query::kScan, promoted);
  Tell(10, 30, query::kSingle, "builtin-1");  // Of a node that has not taken it over yet.
  const query::ReplayResult before = trainer_->Live();
  EXPECT_EQ(before.queries, 30u);
  EXPECT_NEAR(before.regret_mean, 1, 0.01);
  Open();
  EXPECT_EQ(trainer_->Live().queries, 30u);
  EXPECT_NEAR(trainer_->Live().regret_mean, before.regret_mean, 0.01);
  Tell(static_cast<int>(Trainer::kLiveLeast) - 31, 30, query::kSingle, promoted);
  EXPECT_EQ(trainer_->serving(), promoted) << "one too few to tell";
  Tell(1, 30, query::kSingle, promoted);
  EXPECT_EQ(trainer_->serving(), baseline);
  EXPECT_EQ(trainer_->Live().queries, 0u) << "of another model";
}

TEST_F(TrainerTest, TellsWhatWasExecuted) {
  Open();
  Tell(30, 1, query::kScan);
  const auto summary = store_->Summary();
  ASSERT_TRUE(summary.ok()) << summary.status().ToString();
  ASSERT_EQ(summary->paths.size(), 1u);
  EXPECT_EQ(summary->paths[0].path, "full_scan");
  EXPECT_EQ(summary->paths[0].queries, 30);
  EXPECT_EQ(summary->paths[0].q_error_median, 1);
  ASSERT_EQ(summary->nodes.size(), 1u);
  EXPECT_EQ(summary->nodes[0].node, "node-1");
}

}  // namespace
}  // namespace granary::services
