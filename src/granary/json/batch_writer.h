// BatchWriter: Arrow columns to JSON text, as api.md §1 writes each type: int64 exact, decimals as
// strings, binary as base64, timestamps RFC 3339, NaN and infinities as strings, json columns as
// the document itself, float64 as the shortest text that reads back equal (100.5, never 100.50).
//
// Rest       where the rest of a record (types/rest_column.h) is among the columns, a row is the
//            document that came in: its members stand beside the others, and a column that is null
//            is left out (one that the document names with null is in the rest).
// Threads    const after construction: one writer serves many threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/types/schema.h"

namespace granary::json {

/// Appends `text` as a JSON string with its quotes. Invalid UTF-8 becomes U+FFFD.
void AppendString(std::string_view text, std::string& out);
void AppendDouble(double value, std::string& out);
void AppendFloat(float value, std::string& out);

class BatchWriter {
 public:
  /// Members are written in the order of `columns`; names are escaped once, here.
  explicit BatchWriter(std::vector<Column> columns);
  ~BatchWriter();

  /// Appends row `row` as an object: {"order_id":"A","amount":1.5}. Null fields are written as
  /// null, unless the rest is there.
  void AppendRow(const arrow::RecordBatch& batch, std::int64_t row, std::string& out) const;
  /// Appends one value; `column` is a position in the batch.
  void AppendValue(const arrow::RecordBatch& batch, int column, std::int64_t row,
                   std::string& out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::json
