// FromArrowStatus: what Arrow says of values that came from outside.
#pragma once

#include <arrow/status.h>

#include "granary/base/status.h"

namespace granary::formats {

/// kTooLarge when there is no memory or the values are more than an array holds, else
/// kInvalidRecord.
inline Status FromArrowStatus(const arrow::Status& status) {
  if (status.ok()) return Status::Ok();
  if (status.IsOutOfMemory() || status.IsCapacityError())
    return {Code::kTooLarge, status.message()};
  return {Code::kInvalidRecord, status.message()};
}

}  // namespace granary::formats
