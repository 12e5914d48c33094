#include "granary/query/optimizer/parallel_degree.h"

#include <fmt/format.h>

#include <algorithm>

namespace granary::query {
namespace {

// Work is not cut into equal parts, and the machine has other queries: another worker must save a
// multiple of what it costs.
constexpr double kMustSave = 2;

}  // namespace

double ElapsedNs(double work_ns, std::size_t workers, const CostModel& model) {
  const auto n = static_cast<double>(std::max<std::size_t>(workers, 1));
  return work_ns / n + (n - 1) * model.worker_ns;
}

ParallelChoice ParallelDegree(double work_ns, std::size_t pieces, std::size_t most,
                              const CostModel& model) {
  const std::size_t limit = std::max<std::size_t>(std::min(most, pieces), 1);
  std::size_t workers = 1;
  while (workers < limit) {
    const auto n = static_cast<double>(workers);
    const double saves = work_ns / n - work_ns / (n + 1);
    // Work that nobody knows is taken to be much.
    if (saves < kMustSave * model.worker_ns) break;
    ++workers;
  }
  std::string reason;
  if (workers == most)
    reason = "as many as a query may have";
  else if (workers == limit)
    reason = fmt::format("the work is in {} pieces", std::max<std::size_t>(pieces, 1));
  else
    reason = "another one would cost more than it saves";
  return {workers, std::move(reason)};
}

}  // namespace granary::query
