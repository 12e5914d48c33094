// Calibration: what units of work cost here and now, by doing some of each.
//
// How        two small segments are written into memory, with indexes, and asked designed queries
//            by the very code that answers others; each gives an amount of work and the time that
//            it took, as queries do later on.
// Promise    no file is touched. Measuring ends about `most` after the segments were made (some
//            milliseconds of work) at the latest, with what it has by then; nothing when they
//            cannot be made.
// Threads    one call uses one thread, but for the moment in which it calls a worker of `pool`.
#pragma once

#include <chrono>
#include <utility>
#include <vector>

#include "granary/query/optimizer/coefficients.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/worker_pool.h"

namespace granary {

using WorkTiming = std::pair<query::Work, double>;  ///< And nanoseconds.

std::vector<WorkTiming> MeasureWork(runtime::WorkerPool& pool, std::chrono::milliseconds most);

}  // namespace granary
