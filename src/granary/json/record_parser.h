// RecordParser: the records of a write, JSON text straight into Arrow column builders.
//
// Place      api (finds the records in the body) -> RecordParser -> Source::Write.
// Promise    every value is stored exactly as sent or the record is refused with a pointer to it:
//            integers never pass through a double, strings keep their bytes, a decimal that does
//            not fit its scale is refused. Missing and null are both null in a typed column. A
//            duplicate key inside one record is refused.
// Errors     kInvalidJson, kInvalidRequest (a record that is not an object, no "fields"),
//            kInvalidRecord with up to kRecordErrorsMax FieldErrors. Nothing is half-parsed.
// Threads    one thread per parser. It may be reused for the chunks of one body: of columns that
//            the schema of its first call lacks the type is still being found out, so that it makes
//            no difference where a chunk ends.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/text_rows.h"
#include "granary/types/schema.h"

namespace granary::json {

inline constexpr std::size_t kRecordErrorsMax = 20;

/// What to do with a field that the schema does not have or cannot hold.
enum class SchemaMode : std::uint8_t {
  kStrict,  ///< Refuse.
  kEvolve,  ///< A new field becomes a column (bool, int64, float64, string; objects and arrays:
            ///< json; nulls alone make no column); integer columns widen
            ///< int8→…→int64→decimal(38,0), and to float64 where every value is exact.
  kJson,    ///< A field that the schema lacks goes into its rest column (types/rest_column.h), as
            ///< does a null; what does not fit its column is refused.
};

/// How a record stands in the text.
enum class RecordShape : std::uint8_t {
  kFields,  ///< {"fields": {…}}, as in POST /data/write.
  kBare,    ///< {…}, as in NDJSON.
};

struct RecordLimits {
  std::size_t records_max = 10'000;
  std::size_t columns_max = 1'000;
  std::size_t depth_max = 64;
  /// Asked, with their sum so far, before nulls of what records lack take memory: no byte of the
  /// text stands for them. Its failure is the reading's. Nobody is asked where it is empty.
  std::function<Status(std::uint64_t bytes)> null_room = {};
};

/// A column of the schema given whose type a value made wider.
struct WidenedColumn {
  ColumnId id = 0;
  std::string name;
  std::int64_t row = 0;  ///< Of the value that needed the type.
  std::string pointer;   ///< To it: /records/3/fields/amount.
};

struct ParsedRecords {
  std::shared_ptr<arrow::RecordBatch> batch;  ///< In `schema`'s columns.
  SchemaPtr schema;                           ///< The one given, or its successor when it evolved.
  /// This batch's values are exact in the wider types. Whether the stored ones are (no integer
  /// beyond ±2^53 in a float64) is for the store to say, which knows them.
  std::vector<WidenedColumn> widened;
};

/// Records that are left out, by their place among all of the text, with what is wrong with them.
using RejectedRecords = std::map<std::int64_t, std::string>;

/// Where a line of text lies.
struct TextLine {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

class RecordParser {
 public:
  explicit RecordParser(RecordLimits limits);
  ~RecordParser();

  /// `array` is the text of a JSON array of records. `pointer` is where it stands in the request
  /// ("/records") and starts every FieldError's pointer: /records/3/fields/amount.
  /// kTooLarge when there are more than records_max.
  /// With `rejected`, records that are wrong are left out and put there, and change nothing, not
  /// the schema either; what is no JSON still fails.
  Result<ParsedRecords> Parse(std::string_view array, std::string_view pointer, RecordShape shape,
                              SchemaMode mode, const SchemaPtr& schema,
                              RejectedRecords* rejected = nullptr);

  /// The same for lines of `text`, each a bare record; a line that is no JSON is a wrong record.
  /// Pointers count lines from 0: /3/amount.
  Result<ParsedRecords> ParseLines(std::string_view text, std::span<const TextLine> lines,
                                   SchemaMode mode, const SchemaPtr& schema,
                                   RejectedRecords* rejected = nullptr);

  /// The same for rows of texts: /3/amount is a cell, /3 a row that could not be read.
  Result<ParsedRecords> ParseRows(TextRows& rows, SchemaMode mode, const SchemaPtr& schema,
                                  RejectedRecords* rejected = nullptr);

 private:
  struct State;
  template <typename Read>
  Result<ParsedRecords> ParseWith(const Read& read, std::string_view pointer, RecordShape shape,
                                  SchemaMode mode, const SchemaPtr& schema,
                                  RejectedRecords* rejected);
  std::unique_ptr<State> state_;
};

}  // namespace granary::json
