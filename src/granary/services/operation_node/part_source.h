// PartSource: the parts of a query, frame by frame, wherever they come from: nodes (node_parts.h),
// or a test.
//
// Threads    one.
#pragma once

#include <cstddef>
#include <vector>

#include "granary/api/part_frames.h"
#include "granary/base/status.h"

namespace granary::operation {

class PartSource {
 public:
  virtual ~PartSource() = default;
  virtual std::size_t size() const = 0;
  /// The next frame of a part, which has not ended; waits for it. The part's failure, as its node
  /// and it have it; the client's (kCancelled, kDeadlineExceeded).
  virtual Result<api::PartFrame> Next(std::size_t part) = 0;
  /// A part of `some` whose Next does not wait.
  virtual Result<std::size_t> WaitAny(const std::vector<std::size_t>& some) = 0;
};

}  // namespace granary::operation
