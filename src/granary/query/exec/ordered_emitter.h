// OrderedEmitter: results that are computed side by side, handed to the sink in their order.
//
// How        whoever delivers the next one in turn calls the sink, and goes on while later ones are
// there;
//            the others compute on, at most `window` ahead, then wait. The oldest result that is
//            not delivered is always being computed by a thread that does not wait, so nobody waits
//            forever.
// Threads    fully safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "granary/base/status.h"
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
  OrderedEmitter(const SearchSink& sink, std::optional<std::uint64_t> limit,
                 std::int64_t batch_rows, std::size_t window);

  /// Waits until result `index` may be computed. False when no more are wanted.
  bool WaitForTurn(std::size_t index);
  /// Hands over result `index`; nothing when it has no rows. Each index exactly once.
  void Deliver(std::size_t index, std::optional<MorselRows> rows);
  /// No more results are wanted: something else went wrong.
  void Stop();

  /// True when the results before it are all at the sink.
  bool IsNext(std::size_t index) const;
  bool stopped() const;
  /// The sink's failure.
  Status status() const;

  /// The last row that went to the sink, once all is done.
  struct Last {
    std::size_t index = 0;   ///< Of its result.
    std::int32_t row = 0;    ///< In its morsel.
    bool more_rows = false;  ///< The result had more rows than the limit left room for.
  };
  const std::optional<Last>& last() const { return last_; }

 private:
  Status Emit(std::size_t index, const MorselRows& morsel);

  const SearchSink& sink_;
  const std::int64_t batch_rows_;
  const std::size_t window_;

  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::size_t, std::optional<MorselRows>> ready_;
  std::size_t next_ = 0;
  bool emitting_ = false;
  bool stopped_ = false;
  Status status_;
  std::optional<std::uint64_t>
      left_;                  ///< Rows until the limit; only the emitting thread touches it.
  std::optional<Last> last_;  ///< Likewise.
};

}  // namespace granary::query
