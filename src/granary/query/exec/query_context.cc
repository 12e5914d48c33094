#include "granary/query/exec/query_context.h"

#include <fmt/format.h>

namespace granary::query {

Status Outgrown(const runtime::MemoryBudget& refused_by, const QueryContext& context) {
  if (&refused_by != context.memory)
    return runtime::OutOfMemory(refused_by, runtime::MemoryReservation::kSmallStepBytes);
  return {Code::kTooLarge,
          fmt::format("the query needs more memory than its share of {} bytes (QUERY_MEMORY_MB)",
                      refused_by.limit())};
}

}  // namespace granary::query
