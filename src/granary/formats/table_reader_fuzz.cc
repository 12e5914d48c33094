// A body of records: NDJSON, CSV, an Arrow stream or a Parquet file. The first byte chooses format,
// mode, schema, limits and whether wrong records are left out; the second is the size of the pieces
// in which the body comes.
//
// Promises   what comes in pieces is what comes whole, wrong or right; every batch is valid and in
//            the columns of its schema, and each row of it is one line of JSON; a chunk may be
//            parsed again, with what the schema became; each record is either there or among the
//            rejected; what was accepted is the same when it is written out and read again; a
//            refusal points into the body and is text; no body takes more memory or gives more
//            records than its limits say.
#include <arrow/api.h>
#include <simdjson.h>

#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/check.h"
#include "granary/base/utf8.h"
#include "granary/formats/memory_body_test_support.h"
#include "granary/formats/table_reader.h"
#include "granary/formats/table_writer.h"
#include "granary/json/batch_writer.h"
#include "granary/json/every_type_test_support.h"
#include "granary/testing/fuzz_target.h"

namespace granary::formats {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;

struct Plan {
  TableFormat format = TableFormat::kNdjson;
  json::SchemaMode mode = json::SchemaMode::kStrict;
  SchemaPtr schema;
  bool skips_wrong = false;
  ReadLimits limits;
};

struct Outcome {
  Status status;
  SchemaPtr schema;
  /// Goes last: the batches are in its memory.
  std::unique_ptr<TableReader> reader;
  std::vector<std::pair<SchemaPtr, BatchPtr>> batches;  ///< One of each chunk.
  json::RejectedRecords rejected;
  std::uint64_t records = 0;
};

bool Same(const arrow::RecordBatch& a, const arrow::RecordBatch& b) {
  const auto exactly = arrow::EqualOptions::Defaults().nans_equal(true).signed_zeros_equal(false);
  return a.Equals(b, /*check_metadata=*/false, exactly);
}

void CheckText(std::string_view text) {
  GRANARY_CHECK(IsValidUtf8(text), "a refusal that is not UTF-8");
}

void CheckRefused(const Status& refusal, std::uint64_t records) {
  switch (refusal.code()) {
    case Code::kInvalidJson:
    case Code::kInvalidRequest:
    case Code::kInvalidRecord:
    case Code::kTooLarge: break;
    default: GRANARY_CHECK(false, "{}", refusal.ToString());
  }
  CheckText(refusal.message());
  for (const FieldError& field : refusal.fields()) {
    CheckText(field.pointer);
    CheckText(field.detail);
    GRANARY_CHECK(field.pointer.starts_with('/'), "{}", refusal.ToString());
    if (!field.detail.starts_with("line ")) continue;
    std::uint64_t index = records;
    std::from_chars(field.pointer.data() + 1, field.pointer.data() + field.pointer.size(), index);
    GRANARY_CHECK(index < records, "{} of {} records", refusal.ToString(), records);
  }
}

/// What an answer in NDJSON makes of it.
void CheckRowsAreLines(const Schema& schema, const arrow::RecordBatch& batch) {
  const json::BatchWriter writer(schema.columns());
  simdjson::dom::parser parser;
  std::string line;
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    line.clear();
    writer.AppendRow(batch, row, line);
    GRANARY_CHECK(line.find('\n') == std::string::npos, "{}", line);
    const auto error = parser.parse(line).error();
    GRANARY_CHECK(error == simdjson::SUCCESS, "{}: {}", simdjson::error_message(error), line);
  }
}

void CheckParsed(const json::ParsedRecords& parsed, const Plan& plan) {
  const auto valid = parsed.batch->ValidateFull();
  GRANARY_CHECK(valid.ok(), "{}", valid.ToString());
  GRANARY_CHECK(parsed.batch->schema()->Equals(*parsed.schema->ToArrow()), "{}",
                parsed.batch->schema()->ToString());
  GRANARY_CHECK(parsed.schema->columns().size() <=
                std::max(plan.limits.columns_max, plan.schema->columns().size()));
  GRANARY_CHECK(plan.mode == json::SchemaMode::kEvolve || parsed.schema == plan.schema);
  CheckRowsAreLines(*parsed.schema, *parsed.batch);
}

/// Whoever writes a chunk parses it again when the source's schema moved on meanwhile.
void CheckParsesAgain(TableChunk& chunk, const json::ParsedRecords& parsed, const Plan& plan) {
  const auto again = chunk.Parse(parsed.schema, plan.mode, nullptr);
  GRANARY_CHECK(again.ok(), "{}", again.status().ToString());
  GRANARY_CHECK(again->schema == parsed.schema && Same(*again->batch, *parsed.batch),
                "{} became {}", parsed.batch->ToString(), again->batch->ToString());
}

Status ReadChunk(TableChunk& chunk, const Plan& plan, Outcome& outcome) {
  GRANARY_CHECK(chunk.rows() > 0 && chunk.rows() <= plan.limits.chunk_rows, "{}", chunk.rows());
  outcome.records += chunk.rows();
  json::RejectedRecords rejected;
  auto parsed = chunk.Parse(outcome.schema, plan.mode, plan.skips_wrong ? &rejected : nullptr);
  GRANARY_TRY(parsed.status());
  CheckParsed(*parsed, plan);
  GRANARY_CHECK(
      static_cast<std::uint64_t>(parsed->batch->num_rows()) + rejected.size() == chunk.rows(),
      "{} and {} of {}", parsed->batch->num_rows(), rejected.size(), chunk.rows());
  for (const auto& [index, detail] : rejected) {
    GRANARY_CHECK(index >= static_cast<std::int64_t>(outcome.records - chunk.rows()) &&
                  index < static_cast<std::int64_t>(outcome.records));
    CheckText(detail);
  }
  if (rejected.empty()) CheckParsesAgain(chunk, *parsed, plan);
  outcome.rejected.merge(rejected);
  outcome.schema = parsed->schema;
  outcome.batches.emplace_back(parsed->schema, parsed->batch);
  return Status::Ok();
}

Outcome Read(const Plan& plan, std::string_view body, std::size_t piece_bytes) {
  Outcome outcome;
  outcome.schema = plan.schema;
  auto reader = ReaderOf(plan.format, std::string(body), plan.limits, piece_bytes);
  outcome.status = reader.status();
  if (!reader.ok()) return outcome;
  outcome.reader = reader.Take();
  while (outcome.status.ok()) {
    auto chunk = outcome.reader->Next();
    outcome.status = chunk.status();
    if (!chunk.ok() || *chunk == nullptr) break;
    outcome.status = ReadChunk(**chunk, plan, outcome);
  }
  return outcome;
}

void CheckSame(const Outcome& whole, const Outcome& pieces) {
  GRANARY_CHECK(whole.status.ToString() == pieces.status.ToString(), "whole: {}, in pieces: {}",
                whole.status.ToString(), pieces.status.ToString());
  GRANARY_CHECK(whole.records == pieces.records && whole.rejected == pieces.rejected);
  GRANARY_CHECK(whole.batches.size() == pieces.batches.size());
  for (std::size_t i = 0; i < whole.batches.size(); ++i)
    GRANARY_CHECK(Same(*whole.batches[i].second, *pieces.batches[i].second), "chunk {}", i);
}

/// All records in the columns that the schema has in the end.
BatchPtr TableOf(const Outcome& outcome) {
  arrow::RecordBatchVector all;
  for (const auto& [schema, batch] : outcome.batches) {
    auto projected = ProjectBatch(*batch, *schema, *outcome.schema);
    GRANARY_CHECK(projected.ok(), "{}", projected.status().ToString());
    all.push_back(projected.Take());
  }
  auto table = arrow::ConcatenateRecordBatches(all);
  GRANARY_CHECK(table.ok(), "{}", table.status().ToString());
  return table.MoveValueUnsafe();
}

std::string NdjsonOf(const Schema& schema, const arrow::RecordBatch& table) {
  const json::BatchWriter writer(schema.columns());
  std::string out;
  for (std::int64_t row = 0; row < table.num_rows(); ++row) {
    writer.AppendRow(table, row, out);
    out.push_back('\n');
  }
  return out;
}

/// Nothing for values that the format does not have.
std::optional<std::string> Written(TableFormat format, const Schema& schema,
                                   const BatchPtr& table) {
  if (format == TableFormat::kNdjson) return NdjsonOf(schema, *table);
  TableShape shape;
  for (const Column& column : schema.columns()) shape.columns.push_back({column.name, column.type});
  const auto writer = MakeTableWriter(format);
  std::string out;
  Status status = writer->Begin(shape, out);
  if (status.ok()) status = writer->Add({"s", schema.columns(), table}, out);
  if (status.ok()) status = writer->Finish(out);
  if (status.code() == Code::kInvalidRecord) return std::nullopt;
  GRANARY_CHECK(status.ok(), "{}", status.ToString());
  return out;
}

void CheckComesBack(const Plan& plan, const Outcome& outcome) {
  const BatchPtr table = TableOf(outcome);
  if (table->num_rows() == 0) return;             // All were wrong.
  if (outcome.schema->columns().empty()) return;  // Only NDJSON has rows of nothing.
  const auto written = Written(plan.format, *outcome.schema, table);
  if (!written) return;
  Plan back = plan;
  back.schema = outcome.schema;
  back.mode = json::SchemaMode::kStrict;
  back.skips_wrong = false;
  back.limits = {};
  const Outcome again = Read(back, *written, written->size() + 1);
  GRANARY_CHECK(again.status.ok(), "{}", again.status.ToString());
  GRANARY_CHECK(again.records == static_cast<std::uint64_t>(table->num_rows()));
  GRANARY_CHECK(Same(*TableOf(again), *table), "{} became {}", table->ToString(),
                TableOf(again)->ToString());
}

Plan PlanOf(std::uint8_t choice) {
  static const SchemaPtr every_type = json::EveryTypeSchema();
  static const auto no_columns = std::make_shared<const Schema>();
  constexpr TableFormat kFormats[] = {TableFormat::kNdjson, TableFormat::kCsv, TableFormat::kArrow,
                                      TableFormat::kParquet};
  Plan plan;
  plan.format = kFormats[choice & 3];
  plan.mode = (choice & 4) != 0 ? json::SchemaMode::kEvolve : json::SchemaMode::kStrict;
  plan.schema = (choice & 8) != 0 ? no_columns : every_type;
  plan.skips_wrong = (choice & 16) != 0;
  plan.limits.decode_bytes_max = 64 << 20;
  if ((choice & 32) != 0) {
    plan.limits = {.chunk_rows = 2,
                   .chunk_bytes = 100,
                   .decode_bytes_max = 1 << 20,
                   .columns_max = 26,
                   .depth_max = 4};
  }
  return plan;
}

void Run(testing::FuzzInput input) {
  const Plan plan = PlanOf(input.Byte());
  const std::size_t piece_bytes = std::size_t{input.Byte()} + 1;
  const std::string_view body = input.rest();
  const Outcome whole = Read(plan, body, body.size() + 1);
  if (!whole.status.ok()) CheckRefused(whole.status, whole.records);
  if (plan.format != TableFormat::kParquet) CheckSame(whole, Read(plan, body, piece_bytes));
  if (whole.status.ok() && !whole.batches.empty()) CheckComesBack(plan, whole);
}

}  // namespace
}  // namespace granary::formats

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::formats::Run({data, size});
  return 0;
}
