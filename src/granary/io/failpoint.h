// Named points where a test can make the process fail or die:
// Failpoints::Hit("flush.before_manifest").
//
// Place      compiled in everywhere, armed only by a test or by `granary … --failpoints`
//            ("flush.before_manifest=kill@3,wal.sync=error@1+": the third pass kills, from the
//            first on fails).
// Cost       one relaxed atomic load until the first Arm().
// Threads    fully safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::io {

class Failpoints {
 public:
  Failpoints();
  ~Failpoints();
  /// `spec` is a comma-separated list of name=action@nth where action is `kill` (SIGKILL to
  /// ourselves), `error` (kIoError) or `full` (kDiskFull), and nth counts passes from 1; a trailing
  /// "+" means "and every later one". kInvalidArgument names the bad part, and then nothing of
  /// `spec` is armed. Adds to what is armed; "" arms nothing and only starts counting passes.
  Status Arm(std::string_view spec);
  /// Counts a pass; OK unless this one is armed.
  Status Hit(std::string_view name);
  /// Names that were hit since the first Arm(), with counts, in order of name; so that a test can
  /// walk them all.
  struct Pass {
    std::string name;
    std::uint64_t count = 0;
  };
  std::vector<Pass> passes() const;

  /// Counts nothing and cannot be armed (kUnsupported).
  static Failpoints& None();

 private:
  struct State;
  explicit Failpoints(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace granary::io
