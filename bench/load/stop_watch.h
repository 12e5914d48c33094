// StopWatch: wall time and this process's CPU time, from where it was made.
#pragma once

#include <cstdint>
#include <ctime>

namespace granary::bench {

inline std::uint64_t NanosecondsOf(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

inline std::uint64_t NowNs() { return NanosecondsOf(CLOCK_MONOTONIC); }

class StopWatch {
 public:
  double wall_seconds() const { return static_cast<double>(NowNs() - wall_) / 1e9; }
  double cpu_seconds() const {
    return static_cast<double>(NanosecondsOf(CLOCK_PROCESS_CPUTIME_ID) - cpu_) / 1e9;
  }

 private:
  std::uint64_t wall_ = NowNs();
  std::uint64_t cpu_ = NanosecondsOf(CLOCK_PROCESS_CPUTIME_ID);
};

}  // namespace granary::bench
