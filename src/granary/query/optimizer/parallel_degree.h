// ParallelDegree: how many workers a query is worth.
//
// Threads    pure function.
#pragma once

#include <cstddef>
#include <string>

#include "granary/query/optimizer/cost_model.h"

namespace granary::query {

struct ParallelChoice {
  std::size_t workers = 1;
  std::string reason;
};

/// `work_ns` in `pieces` that can be worked on by themselves, by at most `most` workers. A worker
/// more is called while it takes over twice what calling it costs.
ParallelChoice ParallelDegree(double work_ns, std::size_t pieces, std::size_t most,
                              const CostModel& model);

/// What the query takes, with so many workers.
double ElapsedNs(double work_ns, std::size_t workers, const CostModel& model);

}  // namespace granary::query
