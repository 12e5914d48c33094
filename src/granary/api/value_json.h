// One Value as JSON, the way search shows a column of that type (api.md §1).
#pragma once

#include <string>

#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::api {

void AppendValueJson(const Value& value, const DataType& type, std::string& out);

}  // namespace granary::api
