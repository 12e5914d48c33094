#include "learning_course.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "bench_queries.h"
#include "granary/tenant/query_learner.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/memory_file_system.h"

namespace granary::bench {
namespace {

constexpr std::size_t kWindow = 50;

StageResult Summary(std::string stage, std::span<const RaceResult> races) {
  std::vector<double> regrets, q_errors;
  StageResult out{.stage = std::move(stage), .queries = races.size()};
  for (const RaceResult& race : races) {
    regrets.push_back(race.regret());
    if (race.q_error) q_errors.push_back(*race.q_error);
    out.plans += race.plans;
  }
  std::vector<const RaceResult*> order;
  for (const RaceResult& race : races) order.push_back(&race);
  std::ranges::sort(order, std::greater(), &RaceResult::regret);
  for (std::size_t i = 0; i < std::min<std::size_t>(order.size(), 12); ++i)
    out.worst.push_back(fmt::format("{:.2f} {}", order[i]->regret(), order[i]->note));
  out.regret_median = Quantile(regrets, 0.5);
  out.regret_p95 = Quantile(regrets, 0.95);
  out.q_error_median = Quantile(q_errors, 0.5);
  out.q_error_p95 = Quantile(q_errors, 0.95);
  return out;
}

class Course {
 public:
  explicit Course(const CourseOptions& options)
      : options_(options),
        race_(pool_, options.race),
        learner_(files_, clock_, Logger::Null(), "/cost_model", "bench", {.model = options.start},
                 {.enabled = true, .calibrate = false}) {
    for (std::size_t i = 0; i < options.shapes.size(); ++i)
      sources_.push_back(std::make_unique<BenchSource>(options.shapes[i], options.seed * 100 + i));
    for (const auto& source : sources_) poisoned_.push_back(source->Poisoned());
  }

  CourseResult Run() {
    CourseResult out;
    const auto before = Stage(options_.queries, 1, /*poisoned=*/false, /*learns=*/false);
    out.stages.push_back(Summary("before learning", before));
    Teach();
    const auto after = Stage(options_.queries, 1, false, false);
    out.stages.push_back(Summary("after learning", after));
    const auto wrong = Stage(options_.queries, 3, true, true);
    const auto first = std::span(wrong).first(std::min<std::size_t>(wrong.size(), 20));
    out.stages.push_back(Summary("wrong statistics, the first 20", first));
    if (wrong.size() >= 2 * kWindow) {
      out.stages.push_back(
          Summary("wrong statistics, from the 51st", std::span(wrong).subspan(kWindow)));
      out.back_within = BackWithin(wrong, out.stages[1]);
    }
    out.model_version = learner_.model().version();
    out.learned = learner_.Current()->model;
    return out;
  }

 private:
  std::vector<RaceResult> Stage(std::size_t count, std::uint64_t seed, bool poisoned, bool learns) {
    std::vector<std::vector<query::SearchRequest>> queries;
    const std::size_t each = (count + sources_.size() - 1) / sources_.size();
    for (const auto& source : sources_)
      queries.push_back(BenchQueries(*source, each, options_.seed * 1000 + seed));
    std::vector<RaceResult> results;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = i % sources_.size();
      const auto& snapshot = poisoned ? poisoned_[at] : sources_[at]->snapshot();
      results.push_back(race_.Run(queries[at][i / sources_.size()], snapshot, *learner_.Current()));
      if (!learns) continue;
      learner_.Note(std::move(results.back().feedback));
      learner_.Learn();
    }
    return results;
  }

  void Teach() { Stage(options_.lessons, 2, false, /*learns=*/true); }

  static std::optional<std::size_t> BackWithin(std::span<const RaceResult> races,
                                               const StageResult& before) {
    const double median = std::max(1.1, before.regret_median * 1.1);
    const double p95 = std::max(1.5, before.regret_p95 * 1.1);
    for (std::size_t begin = 0; begin + kWindow <= races.size(); ++begin) {
      const StageResult window = Summary("", races.subspan(begin, kWindow));
      if (window.regret_median <= median && window.regret_p95 <= p95) return begin;
    }
    return std::nullopt;
  }

  const CourseOptions options_;
  runtime::WorkerPool pool_{{.threads = 1}};
  testing::MemoryFileSystem files_;
  testing::FakeClock clock_;
  PlanRace race_;
  QueryLearner learner_;
  std::vector<std::unique_ptr<BenchSource>> sources_;
  std::vector<storage::SourceSnapshot> poisoned_;
};

}  // namespace

CourseResult RunCourse(const CourseOptions& options) { return Course(options).Run(); }

}  // namespace granary::bench
