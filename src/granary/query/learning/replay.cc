#include "granary/query/learning/replay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "granary/query/learning/coefficient_fitter.h"

namespace granary::query {
namespace {

// Twice: what the first round found out about one price helps to tell the others apart.
constexpr int kRounds = 2;

double Share(double share, double times) {
  const double product = share * times;
  return product >= 0 ? std::min(product, 1.0) : share;
}

/// The facts with the predicate's share multiplied by `whole`, and those of questions by theirs.
PlanFacts Scaled(const QueryFeedback& of, double whole, const std::vector<double>& questions) {
  PlanFacts facts = of.facts;
  for (FactsClass& each : facts.classes) {
    each.facts.matches = Share(each.facts.matches, whole);
    for (std::size_t i = 0; i < each.named.size(); ++i)
      each.named[i] = Share(each.named[i], questions[i]);
  }
  return facts;
}

/// As the rows that came would have had it.
PlanFacts InTruth(const QueryFeedback& of) {
  const auto off = [](double rows, double estimated) { return (rows + 1) / (estimated + 1); };
  std::vector<double> questions(of.facts.questions.size(), 1);
  for (const QueryFeedback::Question& each : of.questions) {
    if (each.place < questions.size() && each.rows >= 0)
      questions[each.place] = off(each.rows, each.rows_by_statistics * each.correction);
  }
  const double whole = of.rows_known ? off(of.rows, of.rows_by_statistics * of.correction) : 1;
  return Scaled(of, whole, questions);
}

/// As the model would have estimated them.
PlanFacts Estimated(const QueryFeedback& of, const CardinalityCorrections& corrections) {
  std::vector<double> questions(of.facts.questions.size(), 1);
  for (const QueryFeedback::Question& each : of.questions) {
    if (each.place < questions.size())
      questions[each.place] = corrections.FactorOf(each.shape) / each.correction;
  }
  return Scaled(of, corrections.FactorOf(of.shape) / of.correction, questions);
}

/// The true times of the plans of a query, with those of the ways that it has.
struct Plans {
  PlanFacts truth;
  std::vector<Way> ways;
  double best_ns = 0;
};

std::optional<Plans> PlansOf(const QueryFeedback& of, const CostModel& hindsight) {
  if (of.rejected.empty() || !AreSound(of.facts)) return std::nullopt;
  Plans plans{.truth = InTruth(of), .ways = {}, .best_ns = 0};
  const SourceChoices best = Replan(plans.truth, hindsight);
  plans.best_ns = best.ns;
  for (const Alternative& other : best.rejected) {
    plans.ways.push_back(other.way);
    plans.best_ns = std::min(plans.best_ns, other.ns);
  }
  if (!(plans.best_ns > 0) || !std::isfinite(plans.best_ns)) return std::nullopt;
  return plans;
}

/// The way that most segments with a choice are read by.
Way WayOf(std::span<const PathGroup> groups) {
  std::array<std::uint64_t, kWays> segments{};
  for (const PathGroup& group : groups) {
    if (group.path != AccessPath::kHot) segments[group.way] += group.segments;
  }
  return static_cast<Way>(std::ranges::max_element(segments) - segments.begin());
}

Way WayThatRan(const QueryFeedback& of) {
  std::vector<PathGroup> groups;
  for (const QueryFeedback::Operator& each : of.operators) {
    PathGroup& group = groups.emplace_back();
    group.path = each.path;
    group.way = each.way;
    group.segments = each.segments;
  }
  return WayOf(groups);
}

/// Of the way that `choose` takes, which is not called where there is no choice.
template <typename Choose>
RunVerdict Judge(const QueryFeedback& of, const CostModel& hindsight, const Choose& choose) {
  const auto plans = PlansOf(of, hindsight);
  if (!plans) return {};
  const Way way = choose(of);
  const double ns = Replan(plans->truth, hindsight, way).ns;
  return {.left_out = false,
          .log_regret = std::log(std::max(ns / plans->best_ns, 1.0)),
          .same_choice = way == WayThatRan(of)};
}

}  // namespace

void LearnPrices(const QueryFeedback& record, CoefficientFitter& fitter) {
  for (const QueryFeedback::Operator& each : record.operators) {
    if (each.path != AccessPath::kHot && each.way != kMetadata && each.way != kPages && each.ns > 0)
      fitter.Learn(each.work, each.ns);
  }
}

CostModel HindsightPrices(std::span<const QueryFeedback> records, const CostModel& start) {
  CoefficientFitter fitter(start);
  for (int round = 0; round < kRounds; ++round)
    for (const QueryFeedback& of : records) LearnPrices(of, fitter);
  return fitter.model();
}

ReplayResult Summary(std::vector<RunVerdict> verdicts) {
  ReplayResult result;
  result.left_out = std::erase_if(verdicts, [](const RunVerdict& each) { return each.left_out; });
  result.queries = verdicts.size();
  if (verdicts.empty()) return result;
  std::ranges::sort(verdicts, {}, &RunVerdict::log_regret);
  double sum = 0, same = 0;
  for (const RunVerdict& each : verdicts) {
    sum += each.log_regret;
    same += each.same_choice ? 1 : 0;
  }
  const auto count = static_cast<double>(verdicts.size());
  const auto at = [&](double share) {
    return std::exp(verdicts[static_cast<std::size_t>(share * (count - 1) + 0.5)].log_regret);
  };
  result.regret_mean = std::exp(sum / count);
  result.regret_median = at(0.5);
  result.regret_p95 = at(0.95);
  result.same_choice = same / count;
  return result;
}

ReplayResult Replay(std::span<const QueryFeedback> records, const LearnedModel& model,
                    const CostModel& hindsight) {
  ShapeTable shapes;
  shapes.Restore(model.shapes);
  const CardinalityCorrections corrections = shapes.Corrections();
  std::vector<RunVerdict> verdicts;
  for (const QueryFeedback& record : records) {
    verdicts.push_back(Judge(record, hindsight, [&](const QueryFeedback& of) {
      return WayOf(Replan(Estimated(of, corrections), model.costs).groups);
    }));
  }
  return Summary(std::move(verdicts));
}

RunVerdict JudgeAsRun(const QueryFeedback& record, const CostModel& hindsight) {
  return Judge(record, hindsight, WayThatRan);
}

ReplayResult ReplayAsRun(std::span<const QueryFeedback> records, const CostModel& hindsight) {
  std::vector<RunVerdict> verdicts;
  for (const QueryFeedback& record : records) verdicts.push_back(JudgeAsRun(record, hindsight));
  return Summary(std::move(verdicts));
}

}  // namespace granary::query
