// ClickHouse's TabSeparated format: a row a line, a tab between values, a backslash before what
// would not be one of these.
//
// Source     ClickHouse's documentation of the format, "Data formatting".
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::metadata {

void AppendTabSeparated(std::string_view value, std::string& out);

/// kCorruption for a text that ends in the middle of a row or of an escape, or whose rows have not
/// `columns` values each.
Result<std::vector<std::vector<std::string>>> ParseTabSeparated(std::string_view text,
                                                                std::size_t columns);

}  // namespace granary::metadata
