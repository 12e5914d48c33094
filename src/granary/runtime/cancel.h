// CancelToken: "stop, nobody waits for this any more", by a deadline, a caller or a closed client.
//
// Threads    fully safe; copies share one state.
// Use        long loops call Check() at least every few milliseconds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "granary/base/status.h"

namespace granary::runtime {

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

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace granary::runtime
