// CpuShares: who computes, while several (tenants) want to and there are not CPUs for all their
// threads: each gets its part, however many threads it brings.
//
// How        a thread that computes calls its share's Pace every few milliseconds. It then has a
//            slice of kSliceMs, which counts until it calls again, until EndSlice, or for 50 ms: one
//            that does not come back still computes, or waits for something. While one share alone
//            has slices nothing is held back. With more (one that had a slice 100 ms ago is one of
//            them) a share has at most `width` / shares slices at once, at least one, and more only
//            while all together have fewer than `width`; who comes for another one waits,
//            kWaitMaxMs at most: so nothing can stop for good, whatever a thread waits for in its
//            slice.
// Cost       alone: a look at the clock and, each slice, a lock.
// Threads    fully safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "granary/runtime/cancel.h"

namespace granary::runtime {

class CpuShares {
 public:
  static constexpr int kSliceMs = 4;
  static constexpr int kWaitMaxMs = 100;

  /// `width` says how many threads should compute at once; asked often.
  explicit CpuShares(std::function<std::size_t()> width);
  ~CpuShares();

  /// Somebody's part; outlived by this.
  std::unique_ptr<Pacer> NewShare();

  /// What the calling thread has left of its slice is for others: it has nothing to compute now.
  static void EndSlice();

 private:
  struct State;
  class Share;
  std::shared_ptr<State> state_;
};

}  // namespace granary::runtime
