// Findings: everything that is wrong with a definition, so that a user mends it in one go.
//
// Threads    one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::storage {

/// A member's name as one step of a JSON Pointer (RFC 6901): ~ and / are written ~0 and ~1.
std::string PointerStep(std::string_view name);

class Findings {
 public:
  void Add(std::string pointer, std::string_view detail);
  /// Nothing for an OK status.
  void Add(std::string pointer, const Status& status);
  bool empty() const { return errors_.empty(); }

  /// kInvalidDefinition with all of them, the first one as the message; OK when there are none.
  Status Take();

 private:
  std::vector<FieldError> errors_;
};

}  // namespace granary::storage
