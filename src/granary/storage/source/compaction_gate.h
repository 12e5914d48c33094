// CompactionGate: merges of one source come in and go out; whoever drops the source, or closes the
// store, stops them and waits until none is inside.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "granary/base/status.h"

namespace granary::storage {

class CompactionGate {
 public:
  /// Inside for as long as it lives.
  class Pass {
   public:
    explicit Pass(CompactionGate* gate) : gate_(gate) {}
    ~Pass() {
      if (gate_ != nullptr) gate_->Leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    bool inside() const { return gate_ != nullptr; }

   private:
    CompactionGate* const gate_;
  };
  /// Not inside while somebody stops them.
  Pass Enter() {
    const std::lock_guard lock(mutex_);
    if (stops_ > 0) return Pass(nullptr);
    ++inside_;
    return Pass(this);
  }
  /// kCancelled when whoever is inside should leave.
  Status Check() const {
    if (stops_ == 0) return Status::Ok();
    return {Code::kCancelled, "the source is being dropped, or the node stops"};
  }

  /// Returns once nobody is inside; from then on nobody comes in until Open.
  void Stop() {
    std::unique_lock lock(mutex_);
    ++stops_;
    left_.wait(lock, [this] { return inside_ == 0; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    --stops_;
  }

 private:
  void Leave() {
    const std::lock_guard lock(mutex_);
    if (--inside_ == 0) left_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable left_;
  int inside_ = 0;
  std::atomic<int> stops_ = 0;
};

}  // namespace granary::storage
