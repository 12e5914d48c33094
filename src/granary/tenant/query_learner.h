// QueryLearner: what the queries of a tenant teach about costs and estimates, and the model that
// plans are chosen by.
//
// How        each query leaves its feedback in a ring; a job takes it out every `interval`, fits
//            prices and corrections (query/learning) and, when they moved, publishes the next
//            model. Whoever plans takes the newest and keeps it for the query. Where a promoted
//            model (of a CBO Engine) was adopted, that one serves and what queries teach is handed
//            on only.
// Kept       the model lies in one file, replaced whole. One that is damaged, of another tenant or
//            another format is not believed: its name and why are in distrusted() and in EXPLAIN,
//            and the builtin one serves until queries have taught another.
// Cost       a query pays for a record of a few kilobytes; nobody waits: what finds the ring full
//            is dropped and counted.
// Threads    fully safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/log.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/io/file_system.h"
#include "granary/query/exec/access_plan.h"
#include "granary/query/learning/coefficient_fitter.h"
#include "granary/query/learning/learned_model.h"
#include "granary/query/learning/query_feedback.h"
#include "granary/query/learning/shape_table.h"
#include "granary/runtime/bounded_ring.h"
#include "granary/runtime/job_threads.h"
#include "granary/runtime/periodic.h"

namespace granary {

struct LearnerOptions {
  using Timings = std::vector<std::pair<query::Work, double>>;
  bool enabled = false;   ///< COST_MODEL_LEARNING_ENABLED; false: the model of `optimizer` serves.
  bool calibrate = true;  ///< At the start, unless a model was kept.
  std::chrono::milliseconds interval{500};
  std::size_t ring_records = 1024;
  std::size_t outbox_records = 2048;  ///< For a CBO Engine; the oldest are dropped.
  bool hands_on = false;              ///< There is a CBO Engine.
  /// What units of work cost here; null: the tenant measures it.
  std::function<Timings()> measure = nullptr;
};

struct LearnerCounts {
  std::uint64_t learned = 0;  ///< Records.
  std::uint64_t clipped = 0;  ///< Timings that were further off than noise explains.
  std::uint64_t refused = 0;  ///< Timings and rows that could not be.
  std::uint64_t dropped = 0;  ///< Records that nobody took in time.
  std::uint64_t models = 0;   ///< Published.
};

class QueryLearner {
 public:
  /// All outlive it. Reads the model kept at `path`, if learning is enabled. `optimizer` is what
  /// plans are chosen by until then.
  QueryLearner(io::FileSystem& files, io::Clock& clock, Logger& log, std::string path,
               std::string owner, query::OptimizerOptions optimizer, LearnerOptions options);
  ~QueryLearner();

  /// Begins to learn in the background; `calibrate` measures units of work and is called there,
  /// until it has found something, unless a model was kept.
  using Timings = LearnerOptions::Timings;
  using MeasureFn = std::function<Timings()>;
  /// `shared` null: on a thread of its own.
  void Start(MeasureFn calibrate, runtime::JobThreads* shared = nullptr);
  void Stop();  ///< Keeps what was learned.

  bool enabled() const { return options_.enabled; }
  std::shared_ptr<const query::OptimizerOptions> Current() const;
  /// Of a query that ended well.
  void Note(std::vector<query::QueryFeedback> feedback);
  /// Takes in what was noted, now.
  void Learn();
  /// Takes in what calibration found, and publishes; false when that is nothing.
  bool Calibrate(const Timings& timings);

  query::LearnedModel model() const;
  std::vector<std::string> distrusted() const;
  LearnerCounts counts() const;

  /// Makes the model that a CBO Engine promoted the one that serves, also after a restart.
  /// kInvalidArgument for one that is no engine's.
  Status Adopt(query::LearnedModel model);
  /// Up to `most` records for a CBO Engine, the oldest first.
  std::vector<query::QueryFeedback> TakeOutbox(std::size_t most);
  /// Those that could not be told, for the next time; what has no room any more is dropped.
  void ReturnToOutbox(std::vector<query::QueryFeedback> records);

 private:
  void Load();
  void LearnFrom(const query::QueryFeedback& feedback);
  bool HasMoved() const;
  void Publish(query::ModelOrigin origin);
  void Serve(query::LearnedModel model, query::CardinalityCorrections corrections);
  void Keep();

  io::FileSystem& files_;
  io::Clock& clock_;
  Logger& log_;
  const std::string path_, owner_;
  query::OptimizerOptions base_;
  const LearnerOptions options_;
  runtime::BoundedRing<std::unique_ptr<query::QueryFeedback>> ring_;

  mutable std::mutex serving_mutex_;  // Of what others look at.
  std::shared_ptr<const query::OptimizerOptions> serving_;
  query::LearnedModel model_;  // That serves.
  std::vector<std::string> distrusted_;
  LearnerCounts counts_;
  std::deque<query::QueryFeedback> outbox_;

  std::mutex learning_mutex_;  // Of the rest; taken first.
  query::CoefficientFitter fitter_;
  query::ShapeTable shapes_;
  std::uint64_t queries_ = 0, published_at_ = 0;
  bool was_kept_ = false;
  bool is_unkept_ = false;  // The model changed since it was written.
  std::int64_t kept_us_ = 0;
  std::unique_ptr<runtime::PeriodicJob> job_;
};

}  // namespace granary
