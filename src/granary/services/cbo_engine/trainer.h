// Trainer: fits models to what nodes tell, replays them, and decides which one serves.
//
// How        of each four records three are for fitting, and candidates are replayed over the
//            fourth. A candidate is promoted when that falls by kFalls at least; the model before
//            comes back when what really runs under it is worse by kRises than what ran before,
//            which is watched record by record: taking one costs the same however many there are.
// Kept       models, promotions and records in an EngineStore; the newest records in memory, too.
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/log.h"
#include "granary/io/clock.h"
#include "granary/query/learning/regret_watch.h"
#include "granary/query/learning/replay.h"
#include "granary/services/cbo_engine/engine_store.h"

namespace granary::services {

struct TrainerOptions {
  std::size_t window_records = 2000;  ///< That are fitted to and replayed over.
  std::size_t fit_records = 50;       ///< New ones that a candidate takes at least.
};

struct ModelInfo {
  query::LearnedModel model;
  std::string state;  ///< "serving", "retired" (it served once) or "candidate".
};

class Trainer {
 public:
  static constexpr double kFalls = 0.005, kRises = 0.1;
  static constexpr std::uint64_t kReplayedLeast = 20;  ///< Fewer tell nothing.
  static constexpr std::uint64_t kLiveLeast = 50;
  static constexpr std::size_t kLiveMost = 200;
  static constexpr std::size_t kCandidatesMax = 100;  ///< Within reach; older ones are forgotten.

  /// Takes up what the store has. All outlive it.
  static Result<std::unique_ptr<Trainer>> Open(EngineStore& store, const io::Clock& clock,
                                               Logger& log, TrainerOptions options);

  /// Keeps the records, and rolls back when they show that the model that serves is worse.
  Status Take(const api::FeedbackBody& feedback);
  /// Fits, replays and promotes, if there is enough new; the candidate's version, if there is one
  /// that differs from the model that serves.
  Result<std::optional<std::string>> Fit();

  std::vector<ModelInfo> Models() const;
  std::size_t model_count() const;
  std::vector<Promotion> Promotions() const;
  /// "serving" is found, too. kNotFound.
  Result<ModelInfo> Find(std::string_view version) const;
  std::string serving() const;  ///< Empty: none was promoted.

  struct Replayed {
    query::ReplayResult model, serving;
  };
  Result<Replayed> Replay(std::string_view version) const;
  /// Of what ran lately under the model that serves.
  query::ReplayResult Live() const;

  enum class Force : bool { kNo, kYes };
  /// kConflict when the replayed regret does not fall, unless it is forced. Already serving: OK.
  Result<Promotion> Promote(const std::string& version, Force force);
  /// The model that served before the one that serves. kConflict when there is none.
  Result<Promotion> Rollback(std::string reason);

  std::size_t records() const;

 private:
  Trainer(EngineStore& store, const io::Clock& clock, Logger& log, TrainerOptions options)
      : store_(store), clock_(clock), log_(log), options_(options) {}

  const query::LearnedModel& FindLocked(std::string_view version) const;
  const query::LearnedModel& ServingLocked() const;
  bool Has(std::string_view version) const;
  bool WasPromoted(std::string_view version) const;
  bool IsKept(std::string_view version) const;
  std::string StateLocked(const query::LearnedModel& model) const;
  static bool Falls(const Replayed& replayed);
  std::vector<query::QueryFeedback> Part(bool held_out) const;
  Replayed ReplayLocked(const query::LearnedModel& model) const;
  Result<Promotion> PromoteLocked(const std::string& version, std::string action,
                                  std::string reason, const Replayed& replayed);
  Result<Promotion> RollbackLocked(std::string reason);
  Status WatchLive();
  void ForgetCandidates();
  /// Watches the model that serves from now on, at prices fitted to the window.
  void BeginWatch();

  EngineStore& store_;
  const io::Clock& clock_;
  Logger& log_;
  const TrainerOptions options_;

  mutable std::mutex mutex_;                 // Of all below.
  std::vector<query::LearnedModel> models_;  // The first: the builtin prices.
  std::vector<Promotion> promotions_;
  std::deque<query::QueryFeedback> window_;
  std::optional<query::RegretWatch> watch_;  // Of the model that serves; none before a promotion.
  std::size_t new_records_ = 0;
};

}  // namespace granary::services
