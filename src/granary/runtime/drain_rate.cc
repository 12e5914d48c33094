#include "granary/runtime/drain_rate.h"

#include <algorithm>
#include <cmath>

namespace granary::runtime {
namespace {

constexpr double kRateOfSeconds = 10;

double SecondsBetween(std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<double>(std::max<std::int64_t>(to_ns - from_ns, 0)) / 1e9;
}

}  // namespace

void DrainRate::Begin(std::int64_t now_ns) {
  began_ns_ = counted_ns_ = now_ns;
  count_ = 0;
}

double DrainRate::Decayed(std::int64_t now_ns) const {
  return count_ * std::exp(-SecondsBetween(counted_ns_, now_ns) / kRateOfSeconds);
}

void DrainRate::Count(std::int64_t now_ns, double got) {
  count_ = Decayed(now_ns) + got;
  counted_ns_ = now_ns;
}

// The sum of what decays, divided by what it would be at one a second for as long.
std::optional<double> DrainRate::PerSecond(std::int64_t now_ns) const {
  const double passed = SecondsBetween(began_ns_, now_ns);
  if (count_ <= 0 || passed <= 0) return std::nullopt;
  return Decayed(now_ns) / (kRateOfSeconds * (1 - std::exp(-passed / kRateOfSeconds)));
}

std::int64_t DrainRate::RetryAfterSeconds(std::size_t waiting, std::int64_t now_ns) const {
  const auto rate = PerSecond(now_ns);
  // Nothing came off the line since it formed: then it takes as long again, at least.
  const double seconds = rate ? static_cast<double>(waiting) / std::max(*rate, 1e-9)
                              : SecondsBetween(began_ns_, now_ns);
  if (waiting == 0) return 1;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e6))), 1,
                                  kRetryAfterMaxSeconds);
}

}  // namespace granary::runtime
