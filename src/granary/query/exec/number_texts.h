// NumberTexts: the numbers of a column that is an integer or a decimal in one source and a float in
// another, as texts that compare exactly: no type holds them all, so none passes through another.
//
// Equal      one text for equal numbers: 1, 1.0 and 1.00 are 1. A whole float stands for itself to
//            the last digit, any other for the digits that it shows, the fewest that read back
//            equal; so a float 0.1 equals a decimal 0.1.
// Order      by number, exactly; infinities below and above all numbers, NaN above everything.
// Shape      JSON: a number, or "NaN", "Infinity", "-Infinity" in quotes, as answers show them.
// Threads    pure functions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/value_block.h"
#include "granary/types/column_stats.h"
#include "granary/types/data_type.h"

namespace granary::query {

/// Appends the text of a block's i-th value, a number that is not null.
void AppendNumberText(const ValueBlock& block, std::int64_t i, std::string& out);
/// Of a numeric `type`; nulls stay null.
Result<std::shared_ptr<arrow::Array>> NumberTexts(const arrow::Array& column, const DataType& type,
                                                  const RowRange& rows);
/// Of a value of a numeric `type` that is not null.
std::string NumberText(const Value& value, const DataType& type);

/// What is known of a column of a numeric `type`, its bounds as texts; no sketch, no histogram.
ColumnStats NumberTextStats(const ColumnStats& known, const DataType& type);

/// Appends bytes that order as the numbers do.
void AppendNumberTextOrder(std::string_view text, std::string& out);

/// The float that has this text; nothing when none does.
std::optional<double> ExactDouble(std::string_view text);

}  // namespace granary::query
