#include "plan_race.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "granary/base/check.h"
#include "granary/query/exec/plan_record.h"
#include "granary/query/exec/query_feedback_of.h"
#include "granary/query/exec/search.h"

namespace granary::bench {

using query::QueryFeedback;

namespace {

// Where time is counted: what a query costs besides reading, whatever its plan.
constexpr double kBesidesNs = 50'000;

/// Of the process: what else the machine does, and waiting for it, is not the plan's.
double CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

}  // namespace

PlanRace::Lap PlanRace::RunOnce(const query::SearchRequest& request,
                                const storage::SourceSnapshot& source,
                                const query::OptimizerOptions& optimizer) {
  query::PlanRecord record(query::RecordDetail::kWorked);
  const query::QueryContext context{
      .pool = pool_, .parallelism = 1, .cancel = {}, .optimizer = &optimizer, .record = &record};
  const double begin = CpuNs();
  const auto ran = query::RunSearch(request, {source}, context,
                                    [](const query::ResultBatch&) { return Status::Ok(); });
  GRANARY_CHECK(ran.ok(), "{}", ran.status().ToString());
  Lap lap;
  lap.ns = CpuNs() - begin;
  lap.feedback = query::FeedbackOf(record, 0, optimizer.model.version);
  if (!options_.truth) return lap;
  lap.ns = kBesidesNs;
  for (QueryFeedback& of : lap.feedback) {
    for (QueryFeedback::Operator& each : of.operators) {
      each.ns = each.work.Ns(*options_.truth);
      lap.ns += each.ns;
    }
  }
  return lap;
}

RaceResult PlanRace::Run(const query::SearchRequest& request, const storage::SourceSnapshot& source,
                         const query::OptimizerOptions& optimizer) {
  RaceResult result;
  const auto least = [&](const query::OptimizerOptions& options, double& ns, Lap* first) {
    const int runs = options_.truth ? 1 : options_.runs;
    for (int run = 0; run < runs; ++run) {
      Lap lap = RunOnce(request, source, options);
      ns = run == 0 ? lap.ns : std::min(ns, lap.ns);
      if (first != nullptr && run == 0) *first = std::move(lap);
    }
  };
  // Columns come into their cache before anything is timed.
  query::OptimizerOptions scan = optimizer;
  scan.forced = query::kScan;
  RunOnce(request, source, scan);

  Lap chosen;
  least(optimizer, result.chosen_ns, &chosen);
  result.plans = 1;
  result.best_ns = result.chosen_ns;
  std::string best = "the chosen one";
  for (const QueryFeedback& of : chosen.feedback) {
    result.note += fmt::format("{} {}{}: {:.0f} rows of {:.0f} by statistics, {:.0f} corrected;",
                               of.source, of.shape_text, request.limit ? " LIMIT" : "", of.rows,
                               of.rows_by_statistics, of.rows_estimated);
    for (const QueryFeedback::Operator& each : of.operators) {
      result.note += fmt::format(" {}/{} of {}, {:.0f} us for {:.0f};",
                                 query::AccessPathName(each.path), static_cast<int>(each.way),
                                 each.segments, each.ns / 1e3, each.ns_estimated / 1e3);
    }
    for (const QueryFeedback::Question& each : of.questions) {
      result.note += fmt::format(" [{}: {:.0f} rows of {:.0f}]", each.text, each.rows,
                                 each.rows_by_statistics * each.correction);
    }
    for (const query::Alternative& other : of.rejected) {
      query::OptimizerOptions forced = optimizer;
      forced.forced = other.way;
      double ns = 0;
      least(forced, ns, nullptr);
      if (ns < result.best_ns)
        best =
            fmt::format("way {}, {:.0f} us estimated", static_cast<int>(other.way), other.ns / 1e3);
      result.best_ns = std::min(result.best_ns, ns);
      ++result.plans;
    }
    if (!of.rows_known) continue;
    const double estimated = std::max(of.rows_estimated, 1.0), rows = std::max(of.rows, 1.0);
    result.q_error = std::max(estimated / rows, rows / estimated);
  }
  result.note += fmt::format(" best {:.0f} us by {}", result.best_ns / 1e3, best);
  // The chosen one is timed on both sides of the others: neither gains from what they warmed.
  if (!options_.truth) {
    double again = 0;
    least(optimizer, again, nullptr);
    result.chosen_ns = std::min(result.chosen_ns, again);
    result.best_ns = std::min(result.best_ns, again);
  }
  result.feedback = std::move(chosen.feedback);
  return result;
}

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace granary::bench
