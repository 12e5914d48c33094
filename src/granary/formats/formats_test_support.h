// What the tests of formats share: a batch with every type, and all that a body holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/api.h>
#include <gtest/gtest.h>

#include "granary/formats/memory_body_test_support.h"
#include "granary/formats/table_reader.h"
#include "granary/formats/table_writer.h"
#include "granary/json/record_parser.h"

namespace granary::formats {

inline std::string ToText(const arrow::RecordBatch& batch) {
  std::string text;
  for (int i = 0; i < batch.num_columns(); ++i)
    text += batch.schema()->field(i)->name() + " " + batch.column(i)->ToString() + "\n";
  return text;
}

/// All records of a body, in one text; or what is wrong with it.
struct Got {
  Status status;
  SchemaPtr schema;
  std::shared_ptr<arrow::RecordBatch> batch;  ///< Of all chunks.
  std::uint64_t chunks = 0;
};

inline Got ReadAll(TableReader& reader, SchemaPtr schema, json::SchemaMode mode,
                   json::RejectedRecords* rejected = nullptr) {
  Got got;
  got.schema = std::move(schema);
  std::vector<std::pair<SchemaPtr, std::shared_ptr<arrow::RecordBatch>>> batches;
  for (;;) {
    auto chunk = reader.Next();
    got.status = chunk.status();
    if (!got.status.ok() || *chunk == nullptr) break;
    auto parsed = (*chunk)->Parse(got.schema, mode, rejected);
    got.status = parsed.status();
    if (!got.status.ok()) break;
    got.schema = parsed->schema;
    batches.emplace_back(parsed->schema, parsed->batch);
    ++got.chunks;
  }
  if (!got.status.ok()) return got;
  arrow::RecordBatchVector all;
  for (const auto& [schema, batch] : batches)
    all.push_back(ProjectBatch(*batch, *schema, *got.schema).Take());
  if (!all.empty()) {
    // A copy, so that the reader may go first.
    got.batch = arrow::ConcatenateRecordBatches(all).ValueOrDie();
  }
  return got;
}

inline Got ReadAll(TableFormat format, std::string body, SchemaPtr schema,
                   json::SchemaMode mode = json::SchemaMode::kStrict, const ReadLimits& limits = {},
                   json::RejectedRecords* rejected = nullptr) {
  auto reader = ReaderOf(format, std::move(body), limits);
  if (!reader.ok()) return {reader.status(), nullptr, nullptr, 0};
  Got got = ReadAll(**reader, std::move(schema), mode, rejected);
  if (got.batch != nullptr && got.batch->ValidateFull().ok()) {
    // Buffers of the reader's memory must not outlive it.
    arrow::ArrayVector copies;
    for (const auto& column : got.batch->columns()) {
      auto copy = column->CopyTo(arrow::default_cpu_memory_manager()).ValueOrDie();
      copies.push_back(std::move(copy));
    }
    got.batch = arrow::RecordBatch::Make(got.batch->schema(), got.batch->num_rows(), copies);
  }
  return got;
}

inline SchemaPtr SchemaWith(std::vector<std::pair<std::string, DataType>> columns) {
  std::vector<Column> list;
  for (auto& [name, type] : columns)
    list.push_back({static_cast<ColumnId>(list.size() + 1), name, type});
  const auto last = static_cast<ColumnId>(list.size());
  return std::make_shared<const Schema>(1, last, std::move(list));
}

/// A column of every type of the contract.
inline SchemaPtr EveryType() {
  return SchemaWith({{"string", TypeKind::kString},
                     {"bool", TypeKind::kBool},
                     {"int8", TypeKind::kInt8},
                     {"int16", TypeKind::kInt16},
                     {"int32", TypeKind::kInt32},
                     {"int64", TypeKind::kInt64},
                     {"uint8", TypeKind::kUInt8},
                     {"uint16", TypeKind::kUInt16},
                     {"uint32", TypeKind::kUInt32},
                     {"uint64", TypeKind::kUInt64},
                     {"float32", TypeKind::kFloat32},
                     {"float64", TypeKind::kFloat64},
                     {"decimal", DataType::Decimal(38, 10)},
                     {"date", TypeKind::kDate},
                     {"s", DataType::Timestamp(TimeUnit::kSecond)},
                     {"ms", DataType::Timestamp(TimeUnit::kMilli)},
                     {"us", DataType::Timestamp(TimeUnit::kMicro)},
                     {"ns", DataType::Timestamp(TimeUnit::kNano)},
                     {"time", TypeKind::kTime},
                     {"binary", TypeKind::kBinary},
                     {"uuid", TypeKind::kUuid},
                     {"json", TypeKind::kJson},
                     {"list", DataType::List(TypeKind::kInt64)},
                     {"lists", DataType::List(DataType::List(TypeKind::kString))}});
}

/// Values at the ends of their types, texts that need quoting, and a row of nulls.
inline std::shared_ptr<arrow::RecordBatch> EveryValue() {
  const std::string rows = R"([
{"string":"a,\"b\"\r\nc ","bool":true,"int8":-128,"int16":-32768,"int32":-2147483648,
 "int64":-9223372036854775808,"uint8":255,"uint16":65535,"uint32":4294967295,
 "uint64":18446744073709551615,"float32":0.1,"float64":1.7976931348623157e308,
 "decimal":"9999999999999999999999999999.9999999999","date":"0001-01-01",
 "s":"1969-12-31T23:59:59Z","ms":"2024-01-15T10:00:00.123Z","us":"2024-01-15T10:00:00.123456Z",
 "ns":"2024-01-15T10:00:00.123456789Z","time":"23:59:59.999999","binary":"AAECAwQ=",
 "uuid":"6f9619ff-8b86-d011-b42d-00c04fc964ff","json":{"a":[1,{"b":null}],"c":"x,y"},
 "list":[1,null,-9223372036854775808],"lists":[["a\nb",null],[],null]},
{"string":"","bool":false,"int8":127,"int64":9223372036854775807,"float32":"NaN",
 "float64":"-Infinity","decimal":"-0.0000000001","date":"9999-12-31","s":"2024-01-15T00:00:00Z",
 "binary":"","json":"text","list":[]},
{},
{"string":"käse 🧀","float64":-0.0,"json":null,"uint64":0}])";
  json::RecordParser parser({});
  auto parsed =
      parser.Parse(rows, "", json::RecordShape::kBare, json::SchemaMode::kStrict, EveryType());
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return parsed->batch;
}

inline TableShape ShapeOf(const Schema& schema) {
  TableShape shape;
  for (const Column& column : schema.columns()) shape.columns.push_back({column.name, column.type});
  return shape;
}

inline std::string WriteTable(TableFormat format, const Schema& schema,
                              const std::shared_ptr<arrow::RecordBatch>& batch, int times = 1) {
  const auto writer = MakeTableWriter(format);
  std::string out;
  EXPECT_TRUE(writer->Begin(ShapeOf(schema), out).ok());
  for (int i = 0; i < times; ++i) {
    const Status added = writer->Add({"s", schema.columns(), batch}, out);
    EXPECT_TRUE(added.ok()) << added.ToString();
  }
  EXPECT_TRUE(writer->Finish(out).ok());
  return out;
}

}  // namespace granary::formats
