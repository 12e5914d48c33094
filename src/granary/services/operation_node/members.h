// Members of JSON that the shared reader and writer do not have: numbers with a fraction, instants.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/status.h"

namespace granary::operation {

/// kInvalidRequest, with its pointer, unless it is a number within the bounds or not given.
Result<std::optional<double>> ReadNumber(api::ObjectReader& object, std::string_view name,
                                         double min, double max);

/// Three digits behind the point; null when it is not finite.
void AddNumber(api::JsonObject& object, std::string_view name, double value);
void AddInstant(api::JsonObject& object, std::string_view name, std::int64_t wall_us);
/// null for an empty text.
void AddTextOrNull(api::JsonObject& object, std::string_view name, std::string_view text);

}  // namespace granary::operation
