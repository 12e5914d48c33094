// A source's columns against those of the table that its rows go into.
#pragma once

#include <memory>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/formats/table_writer.h"

namespace granary::formats {

/// For each column of the shape its position among `columns`, by name; -1: there is none.
std::vector<int> MatchColumns(const TableShape& shape, const std::vector<Column>& columns);

/// The shape as an Arrow schema. kTypeMismatch for a column without a type.
Result<std::shared_ptr<arrow::Schema>> ArrowSchemaOf(const TableShape& shape);

/// The rows in that schema, exactly. kInvalidRecord when a value does not fit.
Result<std::shared_ptr<arrow::RecordBatch>> FitRows(const TableShape& shape,
                                                    const std::shared_ptr<arrow::Schema>& schema,
                                                    const TableRows& rows);

}  // namespace granary::formats
