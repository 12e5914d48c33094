#include "granary/storage/source/write_throttle.h"

#include <fmt/format.h>

#include <algorithm>

namespace granary::storage {

WriteThrottle ThrottleWrites(const CompactionDebt& debt, const DebtLimits& limits) {
  const std::uint64_t slow_files = std::min(limits.slow_files, limits.stop_files);
  WriteThrottle out;
  out.reason = fmt::format(
      "{} files of {} partitions wait to be merged; writes are slowed from {} "
      "on and refused from {} on",
      debt.files, debt.partitions, slow_files, limits.stop_files);
  out.refused = debt.files >= limits.stop_files;
  if (out.refused || debt.files < slow_files) return out;
  const double part = static_cast<double>(debt.files - slow_files + 1) /
                      static_cast<double>(limits.stop_files - slow_files);
  const auto most_us = static_cast<double>(
      std::chrono::duration_cast<std::chrono::microseconds>(limits.delay_max).count());
  out.delay = std::chrono::microseconds(static_cast<std::int64_t>(part * part * most_us));
  return out;
}

}  // namespace granary::storage
