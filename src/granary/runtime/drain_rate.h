// DrainRate: how fast a line of waiting ones gets shorter, of the last seconds, and so when it is
// worth coming again.
//
// Threads    one at a time. Pure: the caller says what time it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace granary::runtime {

/// Clients are asked to come again within this, whatever was measured.
inline constexpr std::int64_t kRetryAfterMaxSeconds = 60;

class DrainRate {
 public:
  /// A line begins to form: what was before it says nothing about it.
  void Begin(std::int64_t now_ns);
  /// So many of the line got what they waited for.
  void Count(std::int64_t now_ns, double got = 1);
  /// Nothing before the first; later ones count more.
  std::optional<double> PerSecond(std::int64_t now_ns) const;
  /// When `waiting` ones will be gone, at least 1 and at most kRetryAfterMaxSeconds.
  std::int64_t RetryAfterSeconds(std::size_t waiting, std::int64_t now_ns) const;

 private:
  double Decayed(std::int64_t now_ns) const;

  std::int64_t began_ns_ = 0;
  std::int64_t counted_ns_ = 0;
  double count_ = 0;
};

}  // namespace granary::runtime
