// Whether a refusal of a request points at something that is there, found by other code than the
// product's own: simdjson's document parser and its JSON Pointers.
//
// Threads    pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "granary/base/status.h"

namespace granary::testing {

/// What a JSON Pointer leads to.
enum class JsonPlace {
  kValue,    ///< A value of the text.
  kMissing,  ///< Nothing, but the object that it would be a member of is there.
  kNowhere,
};

/// Nothing when `json` is not one JSON text.
std::optional<JsonPlace> FindPlace(std::string_view json, std::string_view pointer);

/// Stops the process when the refusal is none that a client can understand: text that is not UTF-8,
/// a pointer that leads nowhere in `body`. `body` may be no JSON; then pointers are not looked at.
void CheckRefusal(const Status& refusal, std::string_view body);

}  // namespace granary::testing
