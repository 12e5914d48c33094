// What inside JSON documents is grouped, ordered and added up by: texts of single JSON values, as
// json::ExtractPath gives them.
//
// Equal      1, 1.0 and 1e0 are one number; objects are equal whatever the order of their keys.
// Order      numbers (exactly, by their digits), strings (by bytes), booleans (false first), then
//            arrays and objects by their text.
// Threads    pure functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::query {

/// One text for values that are equal; nulls stay null.
Result<std::shared_ptr<arrow::Array>> CanonicalTexts(const arrow::Array& texts);

/// The numbers among the texts as float64; null for anything else.
Result<std::shared_ptr<arrow::Array>> NumbersOf(const arrow::Array& texts);

bool IsNumberText(std::string_view text);

/// Appends bytes that order as the values do.
void AppendJsonOrder(std::string_view text, std::string& out);

}  // namespace granary::query
