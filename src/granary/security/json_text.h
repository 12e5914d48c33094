// The few JSON texts that this room writes, without the columns that the room json is about.
//
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>

namespace granary::security {

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void AppendJsonText(std::string_view text, std::string& out);

}  // namespace granary::security
