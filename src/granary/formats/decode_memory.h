// DecodeMemory: what Arrow may hold of one body: capped, and asked for before it is taken.
//
// Promise    bytes_allocated() never passes bytes_max nor what the room has granted. It goes last:
//            what is left in it when it goes stops the process.
// Threads    fully safe: what was decoded may be let go of by another thread. Takes that wait for
//            room hold no lock, so that whatever is let go of meanwhile comes back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <arrow/memory_pool.h>

#include "granary/base/status.h"

namespace granary::formats {

/// Whoever says how much memory there is for a body. Fully safe.
class DecodeRoom {
 public:
  virtual ~DecodeRoom() = default;
  /// May wait. A failure is the body's.
  virtual Status Take(std::uint64_t bytes) = 0;
  virtual void GiveBack(std::uint64_t bytes) = 0;
};

class DecodePool final : public arrow::MemoryPool {
 public:
  /// It asks for so much at once.
  static constexpr std::int64_t kStepBytes = 1 << 20;

  /// `room` may be null: then there is only the cap.
  DecodePool(std::int64_t bytes_max, std::shared_ptr<DecodeRoom> room);
  ~DecodePool() override;

  using MemoryPool::Allocate;
  using MemoryPool::Free;
  using MemoryPool::Reallocate;
  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override;
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** ptr) override;
  void Free(std::uint8_t* buffer, std::int64_t size, std::int64_t alignment) override;
  std::int64_t bytes_allocated() const override;
  std::int64_t max_memory() const override;
  std::int64_t total_bytes_allocated() const override { return under_->total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return under_->num_allocations(); }
  std::string backend_name() const override { return under_->backend_name(); }

  /// Why the room had no more, once it had none; OK before.
  Status refusal() const;

 private:
  /// `leaving`: of what is used now, what goes when these are there.
  arrow::Status Take(std::int64_t bytes, std::int64_t leaving);
  void GiveBack(std::int64_t bytes);

  arrow::MemoryPool* const under_;
  const std::int64_t bytes_max_;
  const std::shared_ptr<DecodeRoom> room_;
  mutable std::mutex mutex_;
  std::int64_t used_ = 0;     ///< And about to be.
  std::int64_t granted_ = 0;  ///< By the room.
  std::int64_t peak_ = 0;
  Status refusal_;
};

/// Memory for what a body decodes to.
struct DecodeMemory {
  DecodeMemory(std::int64_t bytes_max, std::shared_ptr<DecodeRoom> room)
      : pool(bytes_max, std::move(room)) {}
  /// `failure`, or why there was no memory where that is behind it.
  Status Explain(Status failure) const {
    if (failure.ok()) return failure;
    Status refusal = pool.refusal();
    return refusal.ok() ? failure : refusal;
  }
  DecodePool pool;
};

}  // namespace granary::formats
