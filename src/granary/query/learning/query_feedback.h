// QueryFeedback: what a query planned to read of one source, and what that really took.
//
// Units      rows are counts, times nanoseconds that all workers spent together: waiting for a slot
//            or for memory is not among them.
// Threads    a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/query/optimizer/plan_facts.h"

namespace granary::query {

struct QueryFeedback {
  std::int64_t at_us = 0;  ///< Since the Unix epoch.
  std::string source;
  std::string model_version;  ///< That chose.
  std::uint64_t shape = 0;    ///< Of the predicate (predicate_shape.h); 0: there is none.
  std::string shape_text;
  double rows_by_statistics = 0;  ///< Estimated, without what was learned.
  double correction = 1;          ///< By what that was multiplied in `facts`.
  double rows_estimated = 0;
  double rows = 0;
  bool rows_known = false;  ///< False: the query ended before it had seen all.
  double ns_estimated = 0;
  double ns = 0;

  /// An index that was asked wherever it was planned to be.
  struct Question {
    std::uint64_t shape = 0;
    std::string text;
    std::uint16_t place = 0;  ///< Among facts.questions.
    double rows_by_statistics = 0;
    double correction = 1;
    double rows = 0;
  };
  std::vector<Question> questions;

  /// Segments that were read alike.
  struct Operator {
    AccessPath path = AccessPath::kFullScan;
    Way way = kScan;
    std::uint64_t segments = 0;
    double rows_estimated = 0, ns_estimated = 0;
    double rows = 0, ns = 0;
    Work work;  ///< That was done.
  };
  std::vector<Operator> operators;
  std::vector<Alternative> rejected;
  PlanFacts facts;
};

}  // namespace granary::query
