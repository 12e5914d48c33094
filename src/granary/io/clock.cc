#include "granary/io/clock.h"

#include <sys/random.h>

#include <cerrno>
#include <ctime>

#include "granary/base/check.h"

namespace granary::io {
namespace {

struct ::timespec Now(clockid_t clock) {
  struct ::timespec now {};
  const int result = ::clock_gettime(clock, &now);
  GRANARY_CHECK(result == 0, "clock={} errno={}", clock, errno);
  return now;
}

}  // namespace

std::int64_t SystemClock::WallMicros() const {
  const auto now = Now(CLOCK_REALTIME);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

std::int64_t SystemClock::MonotonicNanos() const {
  const auto now = Now(CLOCK_MONOTONIC);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Up to 256 bytes getrandom is never cut short; it can only be interrupted before the kernel's pool
// is ready, early at boot.
std::uint64_t SystemRandom::Next64() {
  std::uint64_t value = 0;
  for (;;) {
    const ssize_t n = ::getrandom(&value, sizeof(value), 0);
    if (n == static_cast<ssize_t>(sizeof(value))) return value;
    GRANARY_CHECK(n < 0 && errno == EINTR, "n={} errno={}", n, errno);
  }
}

}  // namespace granary::io
