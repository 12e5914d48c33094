// QueryContext: what a running query may use, and what it tells of itself afterwards.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"
#include "granary/runtime/spill_space.h"
#include "granary/runtime/worker_pool.h"

namespace granary::query {

/// What a query lets others see while it runs.
struct QueryProgress {
  std::atomic<std::uint64_t> rows_scanned = 0;
};

class KeptAggregates;
struct OptimizerOptions;
struct PlanRecord;

struct QueryContext {
  runtime::WorkerPool& pool;
  std::size_t parallelism = 2;
  runtime::CancelToken cancel;
  /// A batch of work between two looks at `cancel`; tests make it small.
  std::int64_t batch_rows = 16'384;
  QueryProgress* progress = nullptr;  ///< Outlives the query; may be null.
  /// The query's share of memory; null: no limit. Outlives the query.
  runtime::MemoryBudget* memory = nullptr;
  /// So long a query waits for memory that others hold.
  std::chrono::milliseconds memory_wait_max{5000};
  /// True when what is worked on now must be done before the rest of the query can give back what
  /// it holds: then nobody waits for memory. Null: it never must.
  const std::function<bool()>* goes_first = nullptr;
  /// Where what outgrows the share goes; null: a query that outgrows it fails. Outlives the query.
  runtime::SpillSpace* spill = nullptr;
  /// What earlier aggregates found in whole segments; null: nothing is kept. Outlives the query.
  KeptAggregates* kept = nullptr;
  /// How plans are chosen; null: as OptimizerOptions are by default. Outlives the query.
  const OptimizerOptions* optimizer = nullptr;
  /// Told what is planned and what it took; null: nobody wants to know. Outlives the query.
  PlanRecord* record = nullptr;
  /// Of a LIKE, ILIKE or regex pattern.
  std::size_t pattern_bytes_max = 8'192;
  /// An ordered search tells each row's key (ResultBatch::keys).
  bool wants_keys = false;

  void Scanned(std::int64_t rows) const {
    if (progress != nullptr)
      progress->rows_scanned.fetch_add(static_cast<std::uint64_t>(rows), std::memory_order_relaxed);
  }
};

/// The failure of a query that needs more than it can have: kTooLarge when its own share is in
/// the way, kOverloaded when others hold what is above it.
Status Outgrown(const runtime::MemoryBudget& refused_by, const QueryContext& context);

/// What was done, in the units that a cost model has prices for.
enum class Counted : std::uint8_t {
  kChunkDecoded,
  kChunkCached,
  kNumberDecoded,
  kTextDecoded,
  kRowGroup,
  kRowChecked,
  kLookup,
  kIndexRow,
  kBloomLookup,
  kChunkPicked,
  kValuePicked,
  kPageLooked,  ///< Times the comparisons with its bounds.
  kPageChunk,   ///< Of kChunkDecoded, those of which some pages were read.
  kValueTaken,  ///< Copied out of what was decoded already.
};
inline constexpr std::size_t kCounted = 14;

class WorkCounts {
 public:
  std::uint64_t& operator[](Counted what) { return counts_[static_cast<std::size_t>(what)]; }
  std::uint64_t operator[](Counted what) const { return counts_[static_cast<std::size_t>(what)]; }
  void Add(const WorkCounts& more) {
    for (std::size_t i = 0; i < kCounted; ++i) counts_[i] += more.counts_[i];
  }

 private:
  std::array<std::uint64_t, kCounted> counts_{};
};

/// `stats` of an answer; the time is the caller's.
struct QueryStats {
  std::uint64_t rows_scanned = 0;  ///< Rows whose values were examined.
  std::uint64_t segments_total = 0;
  std::uint64_t segments_pruned = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t spilled_bytes = 0;     ///< Written to temporary files.
  std::set<std::string> access_paths;  ///< metadata, full_scan, hot, …
  WorkCounts work;
  std::uint64_t waited_ns = 0;  ///< For memory.

  /// Counts what another part of the same query did.
  void Add(const QueryStats& part) {
    rows_scanned += part.rows_scanned;
    segments_total += part.segments_total;
    segments_pruned += part.segments_pruned;
    bytes_read += part.bytes_read;
    spilled_bytes += part.spilled_bytes;
    work.Add(part.work);
    waited_ns += part.waited_ns;
    access_paths.insert(part.access_paths.begin(), part.access_paths.end());
  }
};

}  // namespace granary::query
