// BodyMemory: what a body that is read as it comes holds of its tenant's memory, taken as it grows:
// for its text, and for what Arrow decodes of it.
//
// Promise    nothing is taken past a limit. Whoever must wait does so for MEMORY_WAIT_MS, then:
//            kOverloaded, or kTooLarge where the body itself holds most of what there is, so that
//            nobody is told to come back with what never fits. Both name the limit in the way.
// Threads    Take and GiveBack are fully safe, TextCame is for one. The budget outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "granary/formats/decode_memory.h"
#include "granary/runtime/cancel.h"
#include "granary/runtime/memory_budget.h"

namespace granary {

class BodyMemory final : public formats::DecodeRoom {
 public:
  BodyMemory(runtime::MemoryBudget& budget, std::chrono::milliseconds wait_max,
             runtime::CancelToken cancel, std::uint64_t text_bytes_max)
      : budget_(budget),
        wait_max_(wait_max),
        cancel_(std::move(cancel)),
        text_bytes_max_(text_bytes_max) {}
  ~BodyMemory() override { GiveBack(held_.load()); }

  /// So much more of the text is about to be there: of text_bytes_max at most, since further text
  /// takes the place of what came before.
  Status TextCame(std::uint64_t bytes);

  Status Take(std::uint64_t bytes) override;
  void GiveBack(std::uint64_t bytes) override;

 private:
  runtime::MemoryBudget& budget_;
  const std::chrono::milliseconds wait_max_;
  const runtime::CancelToken cancel_;
  const std::uint64_t text_bytes_max_;
  std::uint64_t text_bytes_ = 0;  ///< For which memory was taken.
  std::atomic<std::uint64_t> held_ = 0;
};

}  // namespace granary
