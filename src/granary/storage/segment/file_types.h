// How our columns look inside the file, and the way there. The way back is a cast
// (segment_reader.cc).
//
//   datetime64[ns]   TIMESTAMP(MICROS) while every value is whole µs, which every reader knows;
//   else NANOS datetime64[s]    TIMESTAMP(MILLIS), Parquet's coarsest; plain INT64 seconds when a
//   value has no
//                    milliseconds in 64 bits
//   json, uuid       the logical types JSON and UUID
//   all others       what Arrow makes of them
#pragma once

#include <memory>
#include <vector>

#include <arrow/result.h>
#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/lane_value.h"
#include "granary/types/schema.h"

namespace granary::storage {

/// For each column of a schema: does the preferred form hold every value? (Only the two kinds of
/// timestamps above can ever lose it.)
using PreferredForms = std::vector<bool>;

/// False when some value needs the other form.
bool FitsPreferredForm(const DataType& type, const arrow::Array& array);

/// The Arrow schema of the file: columns with their field ids, then `_seq`.
std::shared_ptr<arrow::Schema> FileSchema(const Schema& schema, const PreferredForms& preferred);

/// A lane of shredded documents, as a column of the file.
std::shared_ptr<arrow::Field> LaneField(std::string name, json::Lane lane, std::int32_t id);

/// The column's array as its file type, FileSchema's, wants it. Fails only for lack of memory.
arrow::Result<std::shared_ptr<arrow::Array>> ToFileArray(
    const std::shared_ptr<arrow::Array>& array, const std::shared_ptr<arrow::DataType>& file_type);

/// The dotted path of the column's Parquet leaf: "name", "name.list.element".
std::string LeafPath(const Column& column);

}  // namespace granary::storage
