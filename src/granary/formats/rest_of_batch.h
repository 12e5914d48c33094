// RestOfBatch: the columns of an Arrow batch that no declared column takes, as the rest of its
// records (types/rest_column.h).
//
// Threads    pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/formats/plain_array.h"
#include "granary/json/record_parser.h"
#include "granary/types/schema.h"

namespace granary::formats {

struct RestOfBatch {
  /// The rest under its name, and the declared columns that came inside a column of that name.
  std::map<std::string, PlainArray> columns;
};

/// `positions` are columns of the batch. A member is left out where the column is null.
/// kInvalidRecord with a pointer to a text that is no JSON object (/3/_granary_rest), a member that
/// is there twice, or one that does not fit its declared column; with `rejected` such records are
/// put there, by their place in the batch.
Result<RestOfBatch> MakeRestOfBatch(const arrow::RecordBatch& batch, std::span<const int> positions,
                                    const Schema& schema, std::uint64_t first_record,
                                    json::RejectedRecords* rejected, arrow::MemoryPool* pool);

}  // namespace granary::formats
