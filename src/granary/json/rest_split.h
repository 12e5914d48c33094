// What a column that was declared later takes over from the rest of older records
// (types/rest_column.h): where the rest has a member of the column's name whose value fits its
// type, the value moves into the column. So nothing that was written is lost by declaring a column,
// and nothing is there twice. What does not fit (a null, too) stays in the rest.
//
// Place      whoever brings stored rows into a newer schema: SegmentReader, hot chunks.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/schema.h"

namespace granary::json {

struct SplitRest {
  arrow::ArrayVector columns;          ///< In the order asked for, of their types.
  std::shared_ptr<arrow::Array> rest;  ///< Without what moved; null where nothing is left.
  /// The first value that is no null and does not fit its column.
  struct Unfit {
    std::int64_t row = -1;  ///< -1: all fit.
    std::string column;
    std::string detail;  ///< "expected int64, found string …"
  };
  Unfit unfit;
};

/// `rest` is of utf8. kCorruption for a document that is no JSON object.
Result<SplitRest> SplitFromRest(const arrow::Array& rest, std::span<const Column> columns);

/// As ProjectBatch, and columns that `from` lacks take over from the rest when both schemas have
/// one.
Result<std::shared_ptr<arrow::RecordBatch>> ProjectRecords(
    const std::shared_ptr<arrow::RecordBatch>& batch, const Schema& from, const Schema& to);

}  // namespace granary::json
