// PathLanes: what lies at one path of a column's documents, as a struct array that travels like any
// column: a child for each lane, and "document" for the rows whose answer no lane has, holding the
// document itself.
//
// Rules      a row has a value in one child at most. In none: nothing lies there, or a null.
// Equal      whoever asks gets what EvaluatePath and ExtractPath say of the documents.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/lane_value.h"
#include "granary/types/predicate.h"

namespace granary::json {

using LaneArrays = std::vector<std::pair<Lane, std::shared_ptr<arrow::Array>>>;

/// `lanes` have `rows` rows and the types of their lanes, strings also coded; `documents`, of utf8,
/// may be null.
std::shared_ptr<arrow::Array> MakePathLanes(const LaneArrays& lanes,
                                            std::shared_ptr<arrow::Array> documents,
                                            std::int64_t rows);
bool IsPathLanes(const arrow::Array& array);

/// out[i] = 1 where the leaf's outcome over row first + i is `looked_for`, which is neither
/// unknown. `wanted`, when given, says which rows matter. EvaluatePath's errors.
Status EvaluateLanes(const arrow::Array& lanes, const Predicate& leaf, bool looked_for,
                     std::int64_t first, std::int64_t count, const std::uint8_t* wanted,
                     std::uint8_t* out);

/// As ExtractPath.
Result<std::shared_ptr<arrow::Array>> ExtractLanes(const arrow::Array& lanes,
                                                   const std::vector<std::string>& path);
/// The same, coded where all values are strings that are.
Result<std::shared_ptr<arrow::Array>> ExtractCodedLanes(const arrow::Array& lanes,
                                                        const std::vector<std::string>& path);
/// The numbers among the values as float64, others null. Nothing where documents have to be opened.
std::shared_ptr<arrow::Array> NumbersOfLanes(const arrow::Array& lanes);

}  // namespace granary::json
