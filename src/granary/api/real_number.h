// Real numbers of a request's members, within bounds.
//
// Errors     kInvalidRequest with the member's pointer for what is no number, and for one that is
//            out of bounds.
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/status.h"

namespace granary::api {

Result<double> RealNumber(const JsonNode& node, const std::string& pointer, double least,
                          double most);
/// `otherwise` when it is not given.
Result<double> RealMember(ObjectReader& object, std::string_view name, double least, double most,
                          double otherwise);
Result<double> RequiredReal(ObjectReader& object, std::string_view name, double least, double most);

/// Appends the member; what is no number in JSON is 0.
void AddReal(JsonObject& object, std::string_view name, double value);

/// kInvalidRequest at `pointer`.
Status WrongValue(const std::string& pointer, std::string detail);

}  // namespace granary::api
