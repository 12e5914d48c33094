// Explain: the plan of a search or aggregate, what it was chosen over, and, when the query is run
// for it, what each step really took.
//
// Units      milliseconds; `cost` is the estimated work in microseconds of one worker, whatever the
//            number of workers. `ms` of the root is the time until the answer is there; that of
//            other steps is what all workers spent in it together.
// Threads    as RunSearch and RunAggregate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// At most so many pruned segments are named one by one.
inline constexpr std::size_t kPrunedNamedMax = 20;
/// At most so many things that were not believed, too.
inline constexpr std::size_t kDistrustedNamedMax = 10;

struct StepFigures {
  double rows = 0;  ///< That come out of it.
  double ms = 0;
};

struct PlanStep {
  std::string name;    ///< "top_n", "hash_index", …
  std::string detail;  ///< For people.
  StepFigures estimated;
  std::optional<StepFigures> actual;  ///< When the query was run.
  double cost = 0;                    ///< With the steps below it.
  std::vector<PlanStep> steps;        ///< What it takes its rows from.
};

struct RejectedPlan {
  std::string plan;
  double cost = 0;
  std::string reason;
};

struct NamedPruned {
  SourceId source;
  SegmentId segment;
  std::string by;  ///< "partition", "statistics" or "deletions".
  std::string reason;
};

struct PruningReport {
  std::uint64_t segments_total = 0;
  std::uint64_t by_partition = 0;
  std::uint64_t by_statistics = 0;
  std::uint64_t by_deletions = 0;  ///< Of which every row is deleted.
  /// Whose indexes or row groups left nothing; known when the query was run.
  std::optional<std::uint64_t> by_index;
  std::uint64_t pages_total = 0;      ///< Of the segments that are read by their page indexes.
  std::uint64_t pages_pruned = 0;     ///< Of those, whose bounds rule them out.
  std::vector<NamedPruned> segments;  ///< The first kPrunedNamedMax.
};

struct Explanation {
  PlanStep plan;
  std::vector<RejectedPlan> rejected;  ///< The cheapest first.
  PruningReport pruning;
  std::string model_version;
  /// What was not believed of the model and of statistics, in sentences.
  std::vector<std::string> distrusted;
};

enum class Analyze : std::uint8_t {
  kNo,
  kRun,  ///< The query is run, and its rows are dropped.
};

/// RunSearch's errors.
Result<Explanation> ExplainSearch(const SearchRequest& request,
                                  const std::vector<storage::SourceSnapshot>& sources,
                                  const QueryContext& context, Analyze analyze);
/// RunAggregate's errors.
Result<Explanation> ExplainAggregate(const AggregateRequest& request,
                                     const std::vector<storage::SourceSnapshot>& sources,
                                     const QueryContext& context, Analyze analyze);

}  // namespace granary::query
