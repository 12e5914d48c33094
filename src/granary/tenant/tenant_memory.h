// TenantMemory: a tenant's part of the memory tree, who waits for it, and where queries spill.
//
// Shape      tenant > hot_tier, column_cache, index_cache (the store's), partial_cache (the
//            tenant's) and queries > one each, writes.
// Threads    fully safe. Outlives the tenant's store and everything read from it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "granary/runtime/memory_budget.h"
#include "granary/runtime/memory_queue.h"
#include "granary/runtime/spill_space.h"

namespace granary {

struct TenantMemoryOptions {
  std::uint64_t limit_bytes = runtime::MemoryBudget::kNoLimit;  ///< Of all of the tenant.
  std::uint64_t query_bytes = runtime::MemoryBudget::kNoLimit;  ///< QUERY_MEMORY_MB.
  std::uint64_t query_start_bytes = 1u << 20;                   ///< QUERY_START_MEMORY_KB.
  std::chrono::milliseconds wait_max{5000};                     ///< MEMORY_WAIT_MS.
  runtime::SpillOptions spill;                                  ///< SPILL_MAX_MB.
  std::uint64_t kept_bytes = 64u << 20;                         ///< PARTIAL_CACHE_MB.
};

/// Parsed columns, the log frame they are encoded in, and what parsing takes on the way, for each
/// byte of JSON text.
inline constexpr std::uint64_t kWriteBytesPerTextByte = 3;
/// What is left of that once they are parsed.
inline constexpr std::uint64_t kParsedBytesPerTextByte = 2;

struct TenantMemory {
  TenantMemory(const TenantMemoryOptions& options, runtime::MemoryBudget* process)
      : all("tenant", options.limit_bytes, process),
        queries("queries", runtime::MemoryBudget::kNoLimit, &all),
        writes("writes", runtime::MemoryBudget::kNoLimit, &all),
        query_line(options.wait_max),
        write_line(options.wait_max) {}

  runtime::MemoryBudget all;
  runtime::MemoryBudget queries;
  runtime::MemoryBudget writes;
  runtime::MemoryQueue query_line;
  runtime::MemoryQueue write_line;
  std::atomic<bool> waits_for_nulls = false;  ///< A write that holds a part of what it needs.
};

/// What of it is held, and what became of those who asked for more.
struct TenantMemoryStats {
  std::uint64_t limit = 0, reserved = 0, peak = 0, refusals = 0;
  std::uint64_t queries = 0, queries_peak = 0, writes = 0;
  runtime::MemoryQueueCounts query_line, write_line;
  std::uint64_t spill_bytes = 0, spilled_bytes_total = 0;
  std::uint64_t kept = 0;  ///< States of aggregates.
};

}  // namespace granary
