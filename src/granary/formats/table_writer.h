// TableWriter: rows of an answer as one table: CSV, an Arrow stream, or a Parquet file.
//
// Shape      the columns are fixed by Begin; rows of a source that lacks one have nulls there.
//            Where several sources are asked, the first column names the source of each row.
// Types      Arrow and Parquet keep the exact type (json and uuid as Arrow's extension types of
//            that name); CSV has the texts of JSON answers without their quotes: null is an empty
//            field, an empty string is "", lists and json are JSON text.
// Memory     a call appends to `out` and keeps at most one row group (Parquet).
// Errors     kTypeMismatch from Begin for a column that Arrow or Parquet cannot hold for all
//            sources; kInvalidRecord for a value that the format cannot hold. After a failure the
//            table is of no more use.
// Threads    one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/formats/table_format.h"
#include "granary/types/schema.h"

namespace granary::formats {

struct TableColumn {
  std::string name;
  /// Holds the values of all sources exactly; nothing when no type does.
  std::optional<DataType> type;
};

struct TableShape {
  std::vector<TableColumn> columns;
  bool names_sources = false;  ///< A column says which source a row is of.
  bool names_tenants = false;  ///< One in front of it, whose.
};

/// Rows of one source; the batch has its columns in order.
struct TableRows {
  std::string_view source;
  const std::vector<Column>& columns;
  const std::shared_ptr<arrow::RecordBatch>& batch;
  std::string_view tenant = {};
};

class TableWriter {
 public:
  virtual ~TableWriter() = default;
  /// Once, before anything else.
  virtual Status Begin(const TableShape& shape, std::string& out) = 0;
  virtual Status Add(const TableRows& rows, std::string& out) = 0;
  /// What makes the table whole.
  virtual Status Finish(std::string& out) = 0;
};

/// For kCsv, kArrow and kParquet; null for the others.
std::unique_ptr<TableWriter> MakeTableWriter(TableFormat format);

/// The columns in front: "tenant_id" and "source_id" as far as the shape has them, with underscores
/// in front while a column of the shape has that name.
std::vector<std::string> NamingColumns(const TableShape& shape);
/// What is in them.
std::vector<std::string_view> NamesOf(const TableShape& shape, const TableRows& rows);

}  // namespace granary::formats
