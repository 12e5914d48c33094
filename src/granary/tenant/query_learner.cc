#include "granary/tenant/query_learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "granary/query/learning/learn_shapes.h"

namespace granary {
namespace {

using query::LearnedModel;
using query::ModelOrigin;
using query::QueryFeedback;

constexpr int kCalibrationsMax = 10;
// Of many tenants on shared threads.
constexpr std::chrono::milliseconds kSharedInterval{2000};
// A price that moved by less is not worth another model.
constexpr double kMoves = 0.05;
// A first model takes so many queries, and is looked at again after as many.
constexpr std::uint64_t kQueriesBetween = 16;
// The file is written at most so often while queries teach, and when learning stops.
constexpr std::int64_t kKeepEveryUs = 30'000'000;
// Of what is noted at most so much is learned in a row: the rest waits for the next round.
constexpr std::size_t kRoundMax = 4096;

bool Differs(double a, double b) { return !(std::abs(std::log(a / b)) < kMoves); }

}  // namespace

QueryLearner::QueryLearner(io::FileSystem& files, io::Clock& clock, Logger& log, std::string path,
                           std::string owner, query::OptimizerOptions optimizer,
                           LearnerOptions options)
    : files_(files),
      clock_(clock),
      log_(log),
      path_(std::move(path)),
      owner_(std::move(owner)),
      base_(std::move(optimizer)),
      options_(options),
      ring_(options.enabled ? options.ring_records : 2),
      serving_(std::make_shared<const query::OptimizerOptions>(base_)),
      fitter_(base_.model) {
  model_.costs = base_.model;
  if (!options_.enabled) return;
  if (base_.corrections == nullptr)
    base_.corrections = std::make_shared<const query::CardinalityCorrections>();
  serving_ = std::make_shared<const query::OptimizerOptions>(base_);
  Load();
}

QueryLearner::~QueryLearner() { Stop(); }

void QueryLearner::Load() {
  const auto exists = files_.Exists(path_);
  if (!exists.ok() || !*exists) return;
  const auto refuse = [&](std::string_view why) {
    distrusted_.push_back(fmt::format("the cost model kept in {}: {}", path_, why));
    log_.Warn("a cost model is not believed", {{"path", path_}, {"why", std::string(why)}});
    Serve(model_, {});
  };
  const auto text = files_.ReadFile(path_);
  if (!text.ok()) return refuse(text.status().message());
  auto model = query::ReadModel(*text);
  if (!model.ok()) return refuse(model.status().message());
  if (model->owner != owner_ && model->origin != ModelOrigin::kEngine)
    return refuse(fmt::format("it is of {}, not of {}", model->owner, owner_));
  fitter_ = query::CoefficientFitter(model->costs, 0.3);
  shapes_.Restore(model->shapes);
  queries_ = published_at_ = model->queries;
  was_kept_ = true;
  Serve(model.Take(), shapes_.Corrections());
}

void QueryLearner::Start(MeasureFn calibrate, runtime::JobThreads* shared) {
  if (!options_.enabled || job_ != nullptr) return;
  const bool calibrates = options_.calibrate && !was_kept_ && calibrate != nullptr;
  job_ = std::make_unique<runtime::PeriodicJob>(
      "learner", shared == nullptr ? options_.interval : kSharedInterval,
      [this, calibrate = std::move(calibrate),
       tries = calibrates ? kCalibrationsMax : 0]() mutable {
        // A machine that is busy may leave no time to measure anything.
        if (tries > 0) tries = Calibrate(calibrate()) ? 0 : tries - 1;
        Learn();
      },
      shared);
  if (calibrates) job_->Poke();
}

void QueryLearner::Stop() {
  if (job_ == nullptr) return;
  job_->Stop();
  job_.reset();
  Learn();
  const std::lock_guard lock(learning_mutex_);
  if (is_unkept_) Keep();
}

std::shared_ptr<const query::OptimizerOptions> QueryLearner::Current() const {
  const std::lock_guard lock(serving_mutex_);
  return serving_;
}

void QueryLearner::Note(std::vector<QueryFeedback> feedback) {
  if (!options_.enabled) return;
  for (QueryFeedback& one : feedback)
    ring_.TryPush(std::make_unique<QueryFeedback>(std::move(one)));
}

bool QueryLearner::Calibrate(const Timings& timings) {
  const std::lock_guard lock(learning_mutex_);
  if (timings.empty()) return false;
  for (const auto& [work, ns] : timings) fitter_.Learn(work, ns);
  if (model_.origin == ModelOrigin::kBuiltin) Publish(ModelOrigin::kCalibrated);
  return true;
}

void QueryLearner::LearnFrom(const QueryFeedback& feedback) {
  ++queries_;
  for (const QueryFeedback::Operator& each : feedback.operators) {
    // Hot rows, statistics and pages are not timed by units.
    if (each.path == query::AccessPath::kHot || each.way == query::kMetadata ||
        each.way == query::kPages || each.ns <= 0)
      continue;
    fitter_.Learn(each.work, each.ns);
  }
  query::LearnShapes(feedback, shapes_);
}

void QueryLearner::Learn() {
  const std::lock_guard lock(learning_mutex_);
  std::size_t taken = 0;
  for (; taken < kRoundMax; ++taken) {
    auto feedback = ring_.TryPop();
    if (!feedback) break;
    LearnFrom(**feedback);
    if (!options_.hands_on) continue;
    const std::lock_guard serving(serving_mutex_);
    outbox_.push_back(std::move(**feedback));
    if (outbox_.size() <= options_.outbox_records) continue;
    outbox_.pop_front();
    ++counts_.dropped;
  }
  const bool is_led = options_.hands_on && model_.origin == ModelOrigin::kEngine;
  if (taken > 0 && !is_led && HasMoved()) Publish(ModelOrigin::kLearned);
  {
    const std::lock_guard serving(serving_mutex_);
    counts_.learned += taken;
    counts_.clipped = fitter_.clipped();
    counts_.refused = fitter_.refused();
  }
  if (is_unkept_ && clock_.WallMicros() - kept_us_ >= kKeepEveryUs) Keep();
  // A clock that was set back would keep the file from being written until it comes there again.
  kept_us_ = std::min(kept_us_, clock_.WallMicros());
}

bool QueryLearner::HasMoved() const {
  const query::CardinalityCorrections now = shapes_.Corrections();
  const auto& before = serving_->corrections;
  for (const auto& factor : now.factors()) {
    const double was = before == nullptr ? 1 : before->FactorOf(factor.shape);
    if (Differs(factor.times, was)) return true;
  }
  if (before != nullptr && std::ranges::any_of(before->factors(), [&](const auto& factor) {
        return Differs(factor.times, now.FactorOf(factor.shape));
      }))
    return true;
  if (queries_ < published_at_ + kQueriesBetween) return false;
  return std::ranges::any_of(query::Coefficients(), [&](const query::Coefficient& each) {
    return Differs(fitter_.model().*each.ns, model_.costs.*each.ns);
  });
}

void QueryLearner::Publish(ModelOrigin origin) {
  LearnedModel next{.costs = fitter_.model(),
                    .parent = model_.version(),
                    .origin = origin,
                    .owner = owner_,
                    .made_us = clock_.WallMicros(),
                    .queries = queries_,
                    .shapes = shapes_.shapes()};
  next.costs.version = query::VersionOf(
      next, model_.origin == ModelOrigin::kBuiltin ? 1 : query::CountOf(model_.version()) + 1);
  published_at_ = queries_;
  Serve(std::move(next), shapes_.Corrections());
  is_unkept_ = true;
}

void QueryLearner::Serve(LearnedModel model, query::CardinalityCorrections corrections) {
  auto options = std::make_shared<query::OptimizerOptions>(base_);
  options->model = model.costs;
  options->corrections =
      std::make_shared<const query::CardinalityCorrections>(std::move(corrections));
  const std::lock_guard lock(serving_mutex_);
  options->distrusted = distrusted_;
  serving_ = std::move(options);
  model_ = std::move(model);
  ++counts_.models;
}

void QueryLearner::Keep() {
  kept_us_ = clock_.WallMicros();
  const Status kept = files_.ReplaceFile(path_, query::WriteModel(model_));
  is_unkept_ = !kept.ok();
  if (!kept.ok()) log_.Warn("a cost model was not kept", {{"error", kept.ToString()}});
}

Status QueryLearner::Adopt(LearnedModel model) {
  if (model.origin != ModelOrigin::kEngine) {
    return {Code::kInvalidArgument,
            fmt::format("model {} is {}, not of a CBO Engine", model.version(),
                        query::ModelOriginName(model.origin))};
  }
  if (!options_.enabled) return {Code::kInvalidArgument, "learning is off"};
  const std::lock_guard lock(learning_mutex_);
  log_.Info("a cost model of the CBO Engine serves", {{"version", model.version()}});
  query::ShapeTable shapes;
  shapes.Restore(model.shapes);
  Serve(std::move(model), shapes.Corrections());
  Keep();
  return Status::Ok();
}

std::vector<QueryFeedback> QueryLearner::TakeOutbox(std::size_t most) {
  const std::lock_guard lock(serving_mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, outbox_.size()));
  std::vector<QueryFeedback> taken(std::make_move_iterator(outbox_.begin()),
                                   std::make_move_iterator(outbox_.begin() + count));
  outbox_.erase(outbox_.begin(), outbox_.begin() + count);
  return taken;
}

void QueryLearner::ReturnToOutbox(std::vector<QueryFeedback> records) {
  const std::lock_guard lock(serving_mutex_);
  while (!records.empty() && outbox_.size() < options_.outbox_records) {
    outbox_.push_front(std::move(records.back()));
    records.pop_back();
  }
  counts_.dropped += records.size();
}

LearnedModel QueryLearner::model() const {
  const std::lock_guard lock(serving_mutex_);
  return model_;
}

std::vector<std::string> QueryLearner::distrusted() const {
  const std::lock_guard lock(serving_mutex_);
  return distrusted_;
}

LearnerCounts QueryLearner::counts() const {
  const std::lock_guard lock(serving_mutex_);
  LearnerCounts counts = counts_;
  counts.dropped += ring_.refused();
  return counts;
}

}  // namespace granary
