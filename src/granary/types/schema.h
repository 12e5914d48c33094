// Schema: the columns of a source, in order, each with an id that never changes or returns, so that
// a renamed column keeps its data and a dropped and re-added name starts empty.
//
// Threads    immutable once shared.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/data_type.h"

namespace granary {

/// From 1; it is also the Parquet/Iceberg field id. 0 and below name system columns.
using ColumnId = std::int32_t;

/// `_seq`: the record's sequence number; int64, never null, not a member of any Schema.
inline constexpr ColumnId kSequenceColumnId = 0;
inline constexpr std::string_view kSequenceColumnName = "_seq";

inline constexpr std::size_t kColumnNameMaxBytes = 255;

struct Column {
  ColumnId id = 0;
  std::string name;
  DataType type;
  bool operator==(const Column&) const = default;
};

class Schema {
 public:
  Schema();  ///< Version 1, no columns.
  Schema(std::uint32_t version, ColumnId last_id, std::vector<Column> columns);

  std::uint32_t version() const { return version_; }
  /// The highest id ever given, also to columns that are gone.
  ColumnId last_id() const { return last_id_; }
  const std::vector<Column>& columns() const { return columns_; }

  /// Position in columns(), or -1. Names compare by bytes.
  int IndexOf(std::string_view name) const;
  int IndexOfId(ColumnId id) const;
  const Column* Find(std::string_view name) const;
  const Column* FindId(ColumnId id) const;

  /// The next version with a column added at the end. kInvalidDefinition for an empty, too long,
  /// non-UTF-8, taken or reserved ("_seq", "_granary…") name.
  Result<Schema> WithColumn(std::string_view name, DataType type) const;
  /// The next version with one column's type widened. kInvalidDefinition unless IsSafeWidening, or
  /// an integer to float64 (then the caller vouches that the data is exact).
  Result<Schema> WithWidened(ColumnId id, DataType type) const;
  /// The same columns under another version, for several changes in one step.
  Schema WithVersion(std::uint32_t version) const;

  /// Fields carry "PARQUET:field_id"; all nullable. Made once, so that a batch may share it
  /// cheaply.
  std::shared_ptr<arrow::Schema> ToArrow() const { return arrow_; }

  void EncodeTo(std::string& out) const;
  static Result<Schema> Decode(std::string_view bytes);

  bool operator==(const Schema& other) const;  ///< Version and columns.

 private:
  std::uint32_t version_ = 1;
  ColumnId last_id_ = 0;
  std::vector<Column> columns_;
  std::shared_ptr<arrow::Schema> arrow_;
  /// Lets a string_view be looked up without a copy.
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  std::unordered_map<std::string, int, NameHash, std::equal_to<>> by_name_;
};

using SchemaPtr = std::shared_ptr<const Schema>;

/// kInvalidDefinition unless `name` may name a column.
Status CheckColumnName(std::string_view name);

/// True when every value of `from` has an exact equal in `to` (int32→int64→decimal, a larger
/// decimal, float32→float64, a finer unit is NOT one: it may overflow).
bool IsSafeWidening(const DataType& from, const DataType& to);

/// The batch in `to`'s columns and order: missing columns become nulls, widened ones are cast,
/// columns are matched by id. `batch` has `from`'s columns in order.
Result<std::shared_ptr<arrow::RecordBatch>> ProjectBatch(const arrow::RecordBatch& batch,
                                                         const Schema& from, const Schema& to);

}  // namespace granary
