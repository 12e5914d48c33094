#include "granary/services/cbo_engine/trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "granary/query/learning/learn_shapes.h"

namespace granary::services {
namespace {

using query::LearnedModel;
using query::QueryFeedback;

constexpr std::string_view kOwner = "cbo-engine";
constexpr std::string_view kServing = "serving";
constexpr std::size_t kHeldOutOf = 4;
// A price or correction that moved by less makes no other model.
constexpr double kMoves = 0.05;
constexpr std::string_view kPromoted = "promote", kForced = "force", kRolledBack = "rollback";

/// What everything begins with: the builtin prices, as a model that nodes take from an engine.
LearnedModel Baseline(std::int64_t now_us) {
  LearnedModel model;
  model.parent = model.version();
  model.origin = query::ModelOrigin::kEngine;
  model.owner = kOwner;
  model.made_us = now_us;
  model.costs.version = query::VersionOf(model, 0);
  return model;
}

/// Prices and corrections on top of `parent`, of `records`.
LearnedModel FitTo(const LearnedModel& parent, std::span<const QueryFeedback> records) {
  LearnedModel next;
  next.costs = query::HindsightPrices(records, parent.costs);
  query::ShapeTable shapes;
  shapes.Restore(parent.shapes);
  for (const QueryFeedback& record : records) query::LearnShapes(record, shapes);
  next.shapes = shapes.shapes();
  next.parent = parent.version();
  next.origin = query::ModelOrigin::kEngine;
  next.owner = kOwner;
  next.queries = parent.queries + records.size();
  return next;
}

bool Differs(const LearnedModel& a, const LearnedModel& b) {
  const bool prices = std::ranges::any_of(query::Coefficients(), [&](const auto& each) {
    return std::abs(std::log(a.costs.*each.ns / (b.costs.*each.ns))) > kMoves;
  });
  const auto corrections = [](const LearnedModel& of) {
    query::ShapeTable shapes;
    shapes.Restore(of.shapes);
    return shapes.Corrections();
  };
  const auto mine = corrections(a), theirs = corrections(b);
  const auto differ = [](const auto& one, const auto& other) {
    return std::ranges::any_of(one.factors(), [&](const auto& factor) {
      return std::abs(std::log(factor.times / other.FactorOf(factor.shape))) > kMoves;
    });
  };
  return prices || differ(mine, theirs) || differ(theirs, mine);
}

}  // namespace

Result<std::unique_ptr<Trainer>> Trainer::Open(EngineStore& store, const io::Clock& clock,
                                               Logger& log, TrainerOptions options) {
  std::unique_ptr<Trainer> trainer(new Trainer(store, clock, log, options));
  GRANARY_ASSIGN(trainer->models_, store.Models());
  if (trainer->models_.empty()) {
    trainer->models_.push_back(Baseline(clock.WallMicros()));
    GRANARY_TRY(store.AddModel(trainer->models_.back()));
  }
  GRANARY_ASSIGN(trainer->promotions_, store.Promotions());
  // A model that cannot be read any more serves nobody.
  std::erase_if(trainer->promotions_, [&](const Promotion& promotion) {
    const bool is_lost = !trainer->Has(promotion.version);
    if (is_lost) log.Warn("a promoted cost model is lost", {{"version", promotion.version}});
    return is_lost;
  });
  trainer->ForgetCandidates();
  GRANARY_ASSIGN(const auto records, store.LatestFeedback(options.window_records));
  trainer->window_.assign(records.begin(), records.end());
  if (!trainer->promotions_.empty()) {
    trainer->BeginWatch();
    for (const QueryFeedback& record : records) {
      if (record.model_version == trainer->promotions_.back().version)
        trainer->watch_->Judge(record);
    }
  }
  trainer->new_records_ = records.size();
  return trainer;
}

bool Trainer::Has(std::string_view version) const {
  return std::ranges::any_of(models_,
                             [&](const LearnedModel& model) { return model.version() == version; });
}

bool Trainer::WasPromoted(std::string_view version) const {
  return std::ranges::any_of(
      promotions_, [&](const Promotion& promotion) { return promotion.version == version; });
}

// The builtin prices are kept from the beginning.
bool Trainer::IsKept(std::string_view version) const {
  return version == models_.front().version() || WasPromoted(version);
}

const LearnedModel& Trainer::FindLocked(std::string_view version) const {
  const auto at = std::ranges::find_if(
      models_, [&](const LearnedModel& model) { return model.version() == version; });
  return at == models_.end() ? models_.front() : *at;
}

const LearnedModel& Trainer::ServingLocked() const {
  return promotions_.empty() ? models_.front() : FindLocked(promotions_.back().version);
}

void Trainer::ForgetCandidates() {
  const auto never_served = [&](const LearnedModel& model) { return !IsKept(model.version()); };
  const auto candidates = static_cast<std::size_t>(std::ranges::count_if(models_, never_served));
  // The oldest go first.
  std::size_t surplus = candidates > kCandidatesMax ? candidates - kCandidatesMax : 0;
  std::erase_if(models_, [&](const LearnedModel& model) {
    return surplus > 0 && never_served(model) && surplus-- > 0;
  });
}

Status Trainer::Take(const api::FeedbackBody& feedback) {
  GRANARY_TRY(store_.AddFeedback(feedback, clock_.WallMicros()));
  const std::lock_guard lock(mutex_);
  for (const QueryFeedback& record : feedback.records) {
    window_.push_back(record);
    if (window_.size() > options_.window_records) window_.pop_front();
    if (!watch_) continue;
    watch_->Learn(record);
    if (record.model_version == promotions_.back().version) watch_->Judge(record);
  }
  new_records_ += feedback.records.size();
  return WatchLive();
}

void Trainer::BeginWatch() {
  const std::vector<QueryFeedback> all(window_.begin(), window_.end());
  watch_.emplace(query::HindsightPrices(all, ServingLocked().costs), kLiveMost);
}

Status Trainer::WatchLive() {
  if (!watch_ || watch_->records() < kLiveLeast) return Status::Ok();
  const Promotion& serving = promotions_.back();
  // What came back by force or by itself is not taken away again by the same measure.
  if (serving.action != kPromoted || serving.regret_before <= 0) return Status::Ok();
  const query::ReplayResult live = watch_->result();
  if (live.queries < kLiveLeast || live.regret_mean <= serving.regret_before * (1 + kRises))
    return Status::Ok();
  const std::string reason =
      fmt::format("live regret rose to {:.3f} over {} queries; it was {:.3f} before",
                  live.regret_mean, live.queries, serving.regret_before);
  return RollbackLocked(reason).status();
}

std::vector<QueryFeedback> Trainer::Part(bool held_out) const {
  std::vector<QueryFeedback> part;
  for (std::size_t i = 0; i < window_.size(); ++i) {
    if ((i % kHeldOutOf == kHeldOutOf - 1) == held_out) part.push_back(window_[i]);
  }
  return part;
}

Trainer::Replayed Trainer::ReplayLocked(const LearnedModel& model) const {
  const std::vector<QueryFeedback> all(window_.begin(), window_.end());
  const auto held_out = Part(true);
  const LearnedModel& serving = ServingLocked();
  const query::CostModel hindsight = query::HindsightPrices(all, serving.costs);
  return {query::Replay(held_out, model, hindsight), query::Replay(held_out, serving, hindsight)};
}

bool Trainer::Falls(const Replayed& replayed) {
  return replayed.model.queries >= kReplayedLeast &&
         replayed.model.regret_mean < replayed.serving.regret_mean * (1 - kFalls);
}

Result<std::optional<std::string>> Trainer::Fit() {
  const std::lock_guard lock(mutex_);
  if (new_records_ < options_.fit_records) return std::optional<std::string>();
  new_records_ = 0;
  LearnedModel candidate = FitTo(ServingLocked(), Part(false));
  candidate.made_us = clock_.WallMicros();
  if (!Differs(candidate, ServingLocked())) return std::optional<std::string>();
  candidate.costs.version =
      query::VersionOf(candidate, query::CountOf(models_.back().version()) + 1);
  const std::string version = candidate.version();
  models_.push_back(std::move(candidate));
  ForgetCandidates();
  const Replayed replayed = ReplayLocked(models_.back());
  const bool falls = Falls(replayed);
  log_.Info("a candidate was replayed", {{"version", version},
                                         {"queries", replayed.model.queries},
                                         {"regret", replayed.model.regret_mean},
                                         {"regret_of_serving", replayed.serving.regret_mean},
                                         {"promoted", falls}});
  if (falls) {
    GRANARY_TRY(
        PromoteLocked(version, std::string(kPromoted),
                      fmt::format("replayed regret falls from {:.3f} to {:.3f} over {} queries",
                                  replayed.serving.regret_mean, replayed.model.regret_mean,
                                  replayed.model.queries),
                      replayed)
            .status());
  }
  return std::optional(version);
}

Result<Promotion> Trainer::PromoteLocked(const std::string& version, std::string action,
                                         std::string reason, const Replayed& replayed) {
  const std::vector<QueryFeedback> all(window_.begin(), window_.end());
  const query::ReplayResult ran =
      query::ReplayAsRun(all, query::HindsightPrices(all, FindLocked(version).costs));
  Promotion promotion{version,
                      std::move(action),
                      std::move(reason),
                      ran.queries < kReplayedLeast ? 0 : ran.regret_mean,
                      replayed.model.regret_mean,
                      clock_.WallMicros()};
  // A candidate is kept from when it serves; another fit makes the others again.
  if (!IsKept(version)) GRANARY_TRY(store_.AddModel(FindLocked(version)));
  GRANARY_TRY(store_.AddPromotion(promotion));
  promotions_.push_back(promotion);
  BeginWatch();
  log_.Info("another cost model serves",
            {{"version", version}, {"action", promotion.action}, {"reason", promotion.reason}});
  return promotion;
}

Result<Promotion> Trainer::RollbackLocked(std::string reason) {
  // What served, one on top of the other: a rollback took the uppermost away.
  std::vector<std::string> served = {models_.front().version()};
  for (const Promotion& each : promotions_) {
    if (each.action == kRolledBack && served.size() > 1)
      served.pop_back();
    else if (each.version != served.back())
      served.push_back(each.version);
  }
  if (served.size() < 2) return Status(Code::kConflict, "no model served before");
  served.pop_back();
  return PromoteLocked(served.back(), std::string(kRolledBack), std::move(reason),
                       ReplayLocked(FindLocked(served.back())));
}

Result<Promotion> Trainer::Rollback(std::string reason) {
  const std::lock_guard lock(mutex_);
  return RollbackLocked(std::move(reason));
}

Result<Promotion> Trainer::Promote(const std::string& version, Force force) {
  const std::lock_guard lock(mutex_);
  if (!Has(version)) return Status(Code::kNotFound, fmt::format("no model {}", version));
  if (!promotions_.empty() && promotions_.back().version == version) return promotions_.back();
  const Replayed replayed = ReplayLocked(FindLocked(version));
  const bool falls = Falls(replayed);
  if (!falls && force == Force::kNo) {
    return Status(Code::kConflict,
                  replayed.model.queries < kReplayedLeast
                      ? fmt::format("{} queries can be replayed, too few to tell (at least {}); "
                                    "with force it is promoted all the same",
                                    replayed.model.queries, kReplayedLeast)
                      : fmt::format("replayed regret would not fall: {:.3f} with it, {:.3f} with "
                                    "the model that serves; with force it is promoted all the same",
                                    replayed.model.regret_mean, replayed.serving.regret_mean));
  }
  return PromoteLocked(version, std::string(falls ? kPromoted : kForced),
                       falls ? fmt::format("asked for; replayed regret falls from {:.3f} to {:.3f}",
                                           replayed.serving.regret_mean, replayed.model.regret_mean)
                             : "forced",
                       replayed);
}

std::vector<ModelInfo> Trainer::Models() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelInfo> out;
  for (const LearnedModel& model : models_) {
    out.push_back({model, StateLocked(model)});
  }
  return out;
}

std::string Trainer::StateLocked(const LearnedModel& model) const {
  if (!promotions_.empty() && promotions_.back().version == model.version()) return "serving";
  return WasPromoted(model.version()) ? "retired" : "candidate";
}

std::size_t Trainer::model_count() const {
  const std::lock_guard lock(mutex_);
  return models_.size();
}

std::vector<Promotion> Trainer::Promotions() const {
  const std::lock_guard lock(mutex_);
  return promotions_;
}

Result<ModelInfo> Trainer::Find(std::string_view version) const {
  const std::lock_guard lock(mutex_);
  if (version == kServing && promotions_.empty())
    return Status(Code::kNotFound, "no model was promoted yet");
  const std::string_view wanted = version == kServing ? promotions_.back().version : version;
  if (!Has(wanted)) return Status(Code::kNotFound, fmt::format("no model {}", wanted));
  const LearnedModel& model = FindLocked(wanted);
  return ModelInfo{model, StateLocked(model)};
}

std::string Trainer::serving() const {
  const std::lock_guard lock(mutex_);
  return promotions_.empty() ? std::string() : promotions_.back().version;
}

Result<Trainer::Replayed> Trainer::Replay(std::string_view version) const {
  GRANARY_ASSIGN(const ModelInfo info, Find(version));
  const std::lock_guard lock(mutex_);
  return ReplayLocked(info.model);
}

query::ReplayResult Trainer::Live() const {
  const std::lock_guard lock(mutex_);
  return watch_ ? watch_->result() : query::ReplayResult();
}

std::size_t Trainer::records() const {
  const std::lock_guard lock(mutex_);
  return window_.size();
}

}  // namespace granary::services
