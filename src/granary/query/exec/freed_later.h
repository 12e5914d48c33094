// FreedLater: a value that, when it is large, a worker frees once its scope ends. A query that ends
// early has a million small pieces to give back, and whoever waits for its end should not wait for
// that.
//
// Threads    as the value; freeing it must touch nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "granary/runtime/worker_pool.h"

namespace granary::query {

/// More pieces than this are worth a task of their own.
inline constexpr std::size_t kFreedAtOnce = 8192;

template <typename T>
class FreedLater {
 public:
  using PiecesFn = std::size_t (*)(const T& value);

  template <typename... Arguments>
  FreedLater(runtime::WorkerPool& pool, PiecesFn pieces, Arguments&&... arguments)
      : pool_(pool),
        pieces_(pieces),
        value_(std::make_shared<T>(std::forward<Arguments>(arguments)...)) {}
  ~FreedLater() {
    if (pieces_(*value_) > kFreedAtOnce)
      pool_.Submit([value = std::move(value_)]() mutable { value.reset(); });
  }
  FreedLater(const FreedLater&) = delete;
  FreedLater& operator=(const FreedLater&) = delete;

  T& operator*() { return *value_; }
  T* operator->() { return value_.get(); }

 private:
  runtime::WorkerPool& pool_;
  const PiecesFn pieces_;
  std::shared_ptr<T> value_;
};

}  // namespace granary::query
