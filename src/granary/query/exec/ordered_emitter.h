// OrderedEmitter: results that are computed side by side, handed to the sink in their order.
//
// How        the caller's thread hands over the next result, and computes it when nobody does yet.
//            Workers of the pool compute ahead, a bounded number of results past the one that is
//            next, and then leave: a sink that waits for a slow client holds the caller's thread
//            and no worker.
// Threads    one Run at a time; `compute` runs on several threads at once, the sink on the
//            caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search.h"

namespace granary::query {

/// A morsel's rows, and which of the morsel's they are.
struct MorselRows {
  ResultBatch rows;
  /// Ascending; at least as many as `rows`. Nothing: the first ones.
  std::optional<std::vector<std::int32_t>> chosen;
  runtime::MemoryReservation memory = {};  ///< Of the rows.
};

class OrderedEmitter {
 public:
  /// Result `index`; nothing when it has no rows. Adds what it took to `stats`, its own.
  /// `goes_first` turns true once the results before it are at the sink: those behind it hold what
  /// memory they have until then. kOverloaded ahead of its turn is no failure: it is computed again
  /// when it is next.
  using ComputeFn = std::function<Result<std::optional<MorselRows>>(
      std::size_t index, const std::function<bool()>& goes_first, QueryStats& stats)>;

  OrderedEmitter(const SearchSink& sink, std::optional<std::uint64_t> limit,
                 const QueryContext& context);

  /// Results 0 … count - 1, as far as the limit wants them. Returns the first failure in their
  /// order, the sink's among them; nothing is computed any more by then.
  Status Run(std::size_t count, const ComputeFn& compute, QueryStats& stats);

  /// The last row that went to the sink, once all is done.
  struct Last {
    std::size_t index = 0;   ///< Of its result.
    std::int32_t row = 0;    ///< In its morsel.
    bool more_rows = false;  ///< The result had more rows than the limit left room for.
  };
  const std::optional<Last>& last() const { return last_; }

 private:
  class Ahead;
  Status Emit(std::size_t index, const MorselRows& morsel);

  const SearchSink& sink_;
  const QueryContext& context_;
  std::optional<std::uint64_t> left_;  ///< Rows until the limit.
  std::optional<Last> last_;
};

}  // namespace granary::query
