// CancelToken: "stop, nobody waits for this any more", by a deadline, a caller or a closed client.
//
// Threads    fully safe; copies share one state.
// Use        long loops call Check() at least every few milliseconds. So it is also where whoever
//            computes makes way for others: see Paced.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "granary/base/status.h"

namespace granary::runtime {

/// Told by whoever computes, every few milliseconds; may block the caller for a moment.
class Pacer {
 public:
  virtual ~Pacer() = default;
  virtual void Pace() = 0;
};

class CancelToken {
 public:
  /// Never cancelled unless Cancel() is called.
  CancelToken();
  /// Also cancelled once `monotonic_ns` (io::SystemClock's) has passed.
  explicit CancelToken(std::int64_t monotonic_ns);

  void Cancel();
  bool cancelled() const;
  /// OK, kCancelled, or kDeadlineExceeded.
  Status Check() const;
  std::optional<std::int64_t> deadline_ns() const;

  /// The same token, whose Check() tells `pacer`, which outlives it. Not for waiting, and not under
  /// a lock that others need. Null: as it is.
  CancelToken Paced(Pacer* pacer) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  Pacer* pacer_ = nullptr;
};

}  // namespace granary::runtime
