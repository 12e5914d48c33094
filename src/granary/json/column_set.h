// ColumnSet: the columns of one batch while its records are read, and how they change when the
// schema may evolve.
//
// Place      RecordParser reads keys and cells; ColumnSet finds the column, appends, widens.
// Shape      a column is as long as the last row that had a value for it; nulls are filled in when
//            the next value comes, and at the end. So a sparse column costs nothing per row.
// Threads    one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "granary/json/cell.h"
#include "granary/json/plain_key.h"
#include "granary/json/record_parser.h"
#include "granary/json/value_sink.h"
#include "granary/types/schema.h"

namespace granary::json {

class ColumnSet {
 public:
  /// Types of columns later than `last_declared` are still being found out (NumberRule::kByKind).
  /// `limits` outlives this.
  ColumnSet(SchemaPtr schema, SchemaMode mode, const RecordLimits& limits, ColumnId last_declared);

  struct Column;

  /// A record's fields follow.
  void StartRow() {
    expected_ = &first_;
    if (rest_ != nullptr) rest_text_.clear();
  }
  /// They are all there.
  Taken EndRow(std::int64_t row, CellContext& context) {
    return rest_ == nullptr || rest_text_.empty() ? Taken::kYes : AppendRest(row, context);
  }

  /// What has no column is kept (SchemaMode::kJson).
  bool keeps_rest() const { return rest_ != nullptr; }

  /// The column that comes next when this record repeats the order of the last, if `raw`, the text
  /// behind a key's opening quote, is its name; else nullptr. Spares reading and finding the key.
  Column* Expected(std::string_view raw) const;

  /// nullptr when no value for it came yet and the schema lacks it.
  Column* Find(std::string_view name);

  /// Appends the value of field `name` in row `row`; rows never go back. Refuses a second value for
  /// the same row, an unknown name (kStrict) and what the column cannot hold.
  Taken Append(std::string_view name, Cell& cell, std::int64_t row, CellContext& context);
  Taken Append(Column& column, Cell& cell, std::int64_t row, CellContext& context);

  /// The pointers of widened columns are left empty.
  Result<ParsedRecords> Finish(std::int64_t rows);

 private:
  Column* Add(std::string_view name);
  void NameColumns();
  /// Nulls up to row `rows`.
  Status FillTo(Column& column, std::int64_t rows);
  bool IsFoundOut(const Column& column) const;
  Taken AppendToRest(Column& column, Cell& cell, CellContext& context);
  Taken AppendRest(std::int64_t row, CellContext& context);
  Taken AppendWider(Column& column, Cell& cell, std::int64_t row, CellContext& context);
  Taken StartColumn(Column& column, Cell& cell, CellContext& context);
  /// Another type that holds the column's values so far and the number in `cell`.
  std::optional<DataType> WiderType(const Column& column, const Cell& cell) const;
  /// Moves the column over to `type`; false when a value of it has no equal there.
  bool Widen(Column& column, const DataType& type);
  SchemaPtr FinalSchema(ParsedRecords& parsed) const;

  const SchemaPtr schema_;
  const SchemaMode mode_;
  const RecordLimits& limits_;
  const ColumnId last_declared_;
  bool evolved_ = false;
  std::deque<Column> columns_;  ///< The schema's, then new ones. A deque: names are keys below.
  bool is_named_ = false;
  std::unordered_map<std::string_view, Column*> by_name_;  ///< Filled when it is first needed.
  Column* first_ = nullptr;                                ///< Of the last record.
  Column** expected_ = &first_;                            ///< What followed the field before it.
  Column* rest_ = nullptr;  ///< Set in kJson: where all goes that has no column.
  std::string rest_text_;   ///< Of this record, without its closing brace.
  std::uint64_t null_bytes_ = 0, null_bytes_granted_ = 0;
};

struct ColumnSet::Column {
  std::string name;
  PlainKey key;
  DataType type;
  ColumnId id = 0;                         ///< 0: not in the schema.
  std::int64_t last_row = -1;              ///< Where its name stood last, with a value or null.
  std::int64_t widened_row = -1;           ///< Where a value needed its type.
  std::unique_ptr<ValueSink> sink;         ///< None while only nulls were seen.
  arrow::ArrayBuilder* builder = nullptr;  ///< The sink's.
  std::uint64_t null_bytes = 0;            ///< What one takes there.
  Column* follower = nullptr;              ///< Records mostly repeat the order of their keys.

  std::string lead;  ///< Of a member of the rest: "name": as JSON. A column's when it is needed.

  bool is_new() const { return id == 0; }
  void Start(std::unique_ptr<ValueSink> with);
};

inline bool ColumnSet::IsFoundOut(const Column& column) const {
  return column.is_new() || column.id > last_declared_;
}

inline ColumnSet::Column* ColumnSet::Expected(std::string_view raw) const {
  Column* column = *expected_;
  return column != nullptr && column->key.Begins(raw) ? column : nullptr;
}

}  // namespace granary::json
