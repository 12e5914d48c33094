// BatchFit: an Arrow batch from outside as records of a source.
//
// Columns    by name. What the schema lacks is added in evolve mode (structs, maps and lists of
//            them as json), refused in strict and put into the rest in json mode, where a null is a
//            member that is not there and a column of the rest's name is its members; a column
//            whose values do not fit is widened in evolve mode where that is safe; what the batch
//            lacks is null.
// Threads    pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/record_parser.h"
#include "granary/types/schema.h"

namespace granary::formats {

struct FitOptions {
  SchemaPtr schema;
  json::SchemaMode mode = json::SchemaMode::kEvolve;
  std::size_t columns_max = 1'000;
  arrow::MemoryPool* pool = nullptr;
  std::uint64_t first_record = 0;  ///< Of the batch, in the body: pointers count from there.
};

/// kInvalidRecord at /amount: what a source that does not evolve says.
Status NoSuchColumn(std::string_view name);

/// kInvalidRecord with a pointer to a value that does not fit (/3/amount), kInvalidRecord at
/// /amount for a column whose type never does. With `rejected` records with such values are left
/// out.
Result<json::ParsedRecords> FitBatch(const arrow::RecordBatch& batch, const FitOptions& options,
                                     json::RejectedRecords* rejected);

}  // namespace granary::formats
