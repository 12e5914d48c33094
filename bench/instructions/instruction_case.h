// InstructionCase: a piece of work whose instructions are counted, to see whether a change made it
// slower.
//
// Shape      `prepare` makes what it works on, off the count, and returns the work; that is run
//            once off the count, so that caches are as they will be, then kRepetitions times on it.
// Same       every run of a case executes the same instructions, give or take what threads and
//            addresses change: seeded data, one worker, no clock.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace granary::bench {

inline constexpr int kRepetitions = 10;

struct InstructionCase {
  std::string name;
  std::function<std::function<void()>()> prepare;
};

/// JSON to columns, WAL append and replay, memtable, segments: writing and merging.
std::vector<InstructionCase> WriteCases();
/// Filter kernels, group-by, index probes, top rows, decoding, JSON out.
std::vector<InstructionCase> ReadCases();

}  // namespace granary::bench
