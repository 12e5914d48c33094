// Filters: read, bound to a column of every type, evaluated over a few rows.
//
// Promises   a refusal points into the filter; a filter and its negation are never both true of a
//            row; statistics of a row, and of all rows, allow what is true of them (else a search
//            would prune what it should find).
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "granary/api/code_table.h"
#include "granary/api/filter_json.h"
#include "granary/api/json_node.h"
#include "granary/base/check.h"
#include "granary/json/every_type_test_support.h"
#include "granary/json/record_parser.h"
#include "granary/query/exec/predicate_evaluator.h"
#include "granary/query/plan/filter.h"
#include "granary/storage/stats/prune.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/json_place.h"

namespace granary::api {
namespace {

constexpr std::size_t kDepthMax = 64;

constexpr std::string_view kRows = R"([
  {},
  {"s": "a", "b": true, "i8": 1, "i16": 1, "i32": 1, "i": 1, "u8": 1, "u16": 1, "u32": 1, "u": 1,
   "f32": 1, "f": 1, "d": "1.00", "big": "1", "day": "2024-01-15", "sec": "2024-01-15T10:00:00Z",
   "at": "2024-01-15T10:00:00.5Z", "ns": "2024-01-15T10:00:00.000000001Z", "t": "10:00:00",
   "bin": "AA==", "id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "j": {"a": 1, "b": ["x", null]},
   "l": [1, null], "ll": [["a"], []]},
  {"s": "", "b": false, "i8": -128, "i16": -32768, "i32": -2147483648, "i": -9223372036854775808,
   "u8": 0, "u16": 0, "u32": 0, "u": 0, "f32": -0.0, "f": "-Infinity", "d": "-99999999.99",
   "big": "-99999999999999999999999999999999999999", "day": "0001-01-01",
   "sec": "0001-01-01T00:00:00Z", "at": "0001-01-01T00:00:00Z", "ns": "1677-09-22T00:00:00Z",
   "t": "00:00:00", "bin": "", "id": "00000000-0000-0000-0000-000000000000", "j": "x", "l": []},
  {"s": "a%_\\ü", "b": null, "i8": 127, "i16": 32767, "i32": 2147483647, "i": 9223372036854775807,
   "u8": 255, "u16": 65535, "u32": 4294967295, "u": 18446744073709551615, "f32": "NaN", "f": "NaN",
   "d": "99999999.99", "big": "99999999999999999999999999999999999999", "day": "9999-12-31",
   "sec": "9999-12-31T23:59:59Z", "at": "9999-12-31T23:59:59.999999Z",
   "ns": "2262-04-11T23:47:16.854775807Z", "t": "23:59:59.999999", "bin": "//8=",
   "id": "ffffffff-ffff-ffff-ffff-ffffffffffff", "j": [1, 1.0, {"a": {"b": true}}], "l": [null],
   "ll": null}
])";

using Stats = std::map<ColumnId, ColumnStats>;

struct Table {
  SchemaPtr schema = json::EveryTypeSchema();
  std::vector<ColumnId> columns;  ///< `_seq` first.
  std::shared_ptr<arrow::RecordBatch> batch;
  Stats all;
  std::vector<Stats> rows;

  Stats StatsOf(std::int64_t first, std::int64_t count) const {
    Stats stats;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Column* column = schema->FindId(columns[i]);
      storage::StatsBuilder builder(column == nullptr ? DataType(TypeKind::kInt64) : column->type);
      builder.Add(*batch->column(static_cast<int>(i))->Slice(first, count));
      stats.emplace(columns[i], builder.Finish());
    }
    return stats;
  }
};

Table MakeTable() {
  Table table;
  auto parsed = json::RecordParser({}).Parse(kRows, "", json::RecordShape::kBare,
                                             json::SchemaMode::kStrict, table.schema);
  GRANARY_CHECK(parsed.ok(), "{}", parsed.status().ToString());
  const std::int64_t rows = parsed->batch->num_rows();
  arrow::Int64Builder sequences;
  for (std::int64_t i = 0; i < rows; ++i) GRANARY_CHECK(sequences.Append(i + 1).ok());
  table.batch =
      parsed->batch->AddColumn(0, std::string(kSequenceColumnName), sequences.Finish().ValueOrDie())
          .ValueOrDie();
  table.columns.push_back(kSequenceColumnId);
  for (const Column& column : table.schema->columns()) table.columns.push_back(column.id);
  table.all = table.StatsOf(0, rows);
  for (std::int64_t i = 0; i < rows; ++i) table.rows.push_back(table.StatsOf(i, 1));
  return table;
}

const Table& Rows() {
  static const Table table = MakeTable();
  return table;
}

void CheckRefused(const Status& refusal, std::string_view body) {
  const CodeRow& row = RowOf(refusal.code());
  GRANARY_CHECK(row.http >= 400 && row.http < 500, "{}", refusal.ToString());
  testing::CheckRefusal(refusal, body);
}

query::ByteMask TruthOf(const Predicate& predicate) {
  const auto evaluator = query::PredicateEvaluator::Make(predicate, Rows().columns);
  GRANARY_CHECK(evaluator.ok(), "{}", evaluator.status().ToString());
  query::ByteMask truth;
  const std::int64_t rows = Rows().batch->num_rows();
  const Status s = evaluator->Evaluate(*Rows().batch, 0, rows, truth);
  GRANARY_CHECK(s.ok(), "{}", s.ToString());
  GRANARY_CHECK(truth.size() == static_cast<std::size_t>(rows));
  return truth;
}

storage::Outcomes Allowed(const Predicate& predicate, const Stats& stats) {
  return storage::PossibleOutcomes(predicate, [&stats](ColumnId id) -> const ColumnStats* {
    const auto at = stats.find(id);
    return at == stats.end() ? nullptr : &at->second;
  });
}

void CheckAllowed(const storage::Outcomes& allowed, bool is_true, bool is_false, std::size_t row,
                  const Predicate& predicate) {
  const bool fits = is_true    ? allowed.may_be_true
                    : is_false ? allowed.may_be_false
                               : allowed.may_be_unknown;
  GRANARY_CHECK(fits, "row {} is {}, which the statistics exclude: {}", row,
                is_true    ? "true"
                : is_false ? "false"
                           : "unknown",
                predicate.ToString(*Rows().schema));
}

void Evaluate(const Predicate& predicate) {
  const query::ByteMask is_true = TruthOf(predicate);
  const query::ByteMask is_false = TruthOf(Predicate::Not(predicate));
  const storage::Outcomes of_all = Allowed(predicate, Rows().all);
  for (std::size_t row = 0; row < is_true.size(); ++row) {
    GRANARY_CHECK(!is_true[row] || !is_false[row], "row {}: {}", row,
                  predicate.ToString(*Rows().schema));
    CheckAllowed(of_all, is_true[row], is_false[row], row, predicate);
    CheckAllowed(Allowed(predicate, Rows().rows[row]), is_true[row], is_false[row], row, predicate);
  }
}

void Run(std::string_view text) {
  const auto node = ParseJsonObject(text, kDepthMax);
  if (!node.ok()) return CheckRefused(node.status(), text);
  const auto filter = ReadFilter(*node, "");
  if (!filter.ok()) return CheckRefused(filter.status(), text);
  const auto bound = query::BindFilter(*filter, *Rows().schema);
  if (!bound.ok()) return CheckRefused(bound.status(), text);
  if (*bound) Evaluate(**bound);
}

}  // namespace
}  // namespace granary::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::api::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
