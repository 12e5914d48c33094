#include "granary/api/response_json.h"

#include <cmath>
#include <limits>

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "granary/api/request_json.h"
#include "granary/api/value_json.h"

namespace granary::api {
namespace {

std::string JsonOf(const Value& value, const DataType& type) {
  std::string out;
  AppendValueJson(value, type, out);
  return out;
}

TEST(ValueJsonTest, WritesEachTypeAsTheContractSays) {
  EXPECT_EQ(JsonOf(Value(), TypeKind::kInt64), "null");
  EXPECT_EQ(JsonOf(true, TypeKind::kBool), "true");
  EXPECT_EQ(JsonOf(std::int64_t{-9007199254740993}, TypeKind::kInt64), "-9007199254740993");
  EXPECT_EQ(JsonOf(std::numeric_limits<std::uint64_t>::max(), TypeKind::kUInt64),
            "18446744073709551615");
  EXPECT_EQ(JsonOf(100.5, TypeKind::kFloat64), "100.5");
  EXPECT_EQ(JsonOf(static_cast<double>(0.1f), TypeKind::kFloat32), "0.1");
  EXPECT_EQ(JsonOf(std::nan(""), TypeKind::kFloat64), "\"NaN\"");
  EXPECT_EQ(JsonOf(-std::numeric_limits<double>::infinity(), TypeKind::kFloat64), "\"-Infinity\"");
  EXPECT_EQ(JsonOf(Int128{12345}, DataType::Decimal(10, 2)), "\"123.45\"");
  EXPECT_EQ(JsonOf(std::int64_t{19737}, TypeKind::kDate), "\"2024-01-15\"");
  EXPECT_EQ(JsonOf(std::int64_t{1705276800000}, DataType::Timestamp(TimeUnit::kMilli)),
            "\"2024-01-15T00:00:00Z\"");
  EXPECT_EQ(JsonOf(std::int64_t{3'600'000'000}, TypeKind::kTime), "\"01:00:00\"");
  EXPECT_EQ(JsonOf(std::string("a\"b"), TypeKind::kString), "\"a\\\"b\"");
  EXPECT_EQ(JsonOf(std::string("\x00\xff", 2), TypeKind::kBinary), "\"AP8=\"");
  EXPECT_EQ(
      JsonOf(std::string("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0", 16),
             TypeKind::kUuid),
      "\"12345678-9abc-def0-1234-56789abcdef0\"");
  EXPECT_EQ(JsonOf(std::string("{\"a\":1.10}"), TypeKind::kJson), "{\"a\":1.10}");
}

query::ResultBatch Rows(std::int64_t first, std::int64_t count) {
  arrow::Int64Builder numbers;
  arrow::StringBuilder texts;
  for (std::int64_t i = first; i < first + count; ++i) {
    EXPECT_TRUE(numbers.Append(i).ok());
    EXPECT_TRUE((i % 2 == 0 ? texts.Append("t\n") : texts.AppendNull()).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("i", arrow::int64()), arrow::field("t \"x\"", arrow::utf8())});
  query::ResultBatch out;
  out.source = SourceId::Parse("s").Take();
  out.columns = {{1, "i", TypeKind::kInt64}, {2, "t \"x\"", TypeKind::kString}};
  out.batch = arrow::RecordBatch::Make(
      schema, count, {numbers.Finish().ValueOrDie(), texts.Finish().ValueOrDie()});
  return out;
}

TEST(SearchJsonTest, CollectsRecordsOfSeveralBatches) {
  SearchJson search;
  search.Add(Rows(0, 1));
  search.Add(Rows(0, 0));
  search.Add(Rows(1, 1));
  query::QueryStats stats{.rows_scanned = 7,
                          .segments_total = 12,
                          .segments_pruned = 11,
                          .bytes_read = 65536,
                          .access_paths = {"hot", "full_scan"}};
  EXPECT_EQ(
      search.Finish(stats, 0.2149),
      R"({"records":[{"source_id":"s","fields":{"i":0,"t \"x\"":"t\n"}},{"source_id":"s","fields":{"i":1,"t \"x\"":null}}],)"
      R"("count":2,"next_cursor":null,"stats":{"elapsed_ms":0.215,"rows_scanned":7,"segments_total":12,"segments_pruned":11,)"
      R"("bytes_read":65536,"access_paths":["full_scan","hot"]}})");
}

TEST(SearchJsonTest, HasNoRecordsWhenThereAreNone) {
  EXPECT_TRUE(SearchJson().Finish({}, 1).starts_with(
      R"({"records":[],"count":0,"next_cursor":null,"stats":{"elapsed_ms":1.000,)"));
}

TEST(NdjsonTest, WritesOneRecordALine) {
  std::string out;
  AppendNdjson(Rows(0, 2), out);
  EXPECT_EQ(out,
            "{\"source_id\":\"s\",\"fields\":{\"i\":0,\"t \\\"x\\\"\":\"t\\n\"}}\n"
            "{\"source_id\":\"s\",\"fields\":{\"i\":1,\"t \\\"x\\\"\":null}}\n");
}

TEST(AggregateJsonTest, WritesIntegerSumsExactly) {
  query::AggregateAnswer answer;
  answer.columns = {{"region", TypeKind::kString, false},
                    {"total", DataType::Decimal(38, 0), true},
                    {"money", DataType::Decimal(38, 2), false}};
  answer.rows = {{std::string("eu"), Int128{1} << 64, Int128{150}}, {Value(), Value(), Value()}};
  EXPECT_TRUE(
      AggregateJson(answer, 1.5)
          .starts_with(
              R"({"results":[{"region":"eu","total":18446744073709551616,"money":"1.50"},{"region":null,"total":null,"money":null}],"stats":{"elapsed_ms":1.500,)"))
      << AggregateJson(answer, 1.5);
}

TEST(WriteJsonTest, HasNoSequenceWithoutRecords) {
  WriteAnswer answer;
  answer.source = SourceId::Parse("s").Take();
  answer.outcome = {
      .first_sequence = 41, .last_sequence = 40, .schema_version = 2, .durable = true};
  EXPECT_EQ(WriteJson(answer),
            R"({"source_id":"s","written":0,"sequence":null,"schema_version":2,"durable":true})");
  answer.written = 2;
  answer.outcome.last_sequence = 42;
  EXPECT_EQ(
      WriteJson(answer),
      R"({"source_id":"s","written":2,"sequence":{"first":41,"last":42},"schema_version":2,"durable":true})");
}

SourceInfo MakeSource(std::string_view definition) {
  SourceInfo out;
  auto parsed = ParseSource(definition);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  out.definition = parsed.Take();
  std::vector<Column> columns;
  for (const auto& column : out.definition.columns)
    columns.push_back({static_cast<ColumnId>(columns.size() + 1), column.name, column.type});
  out.schema = std::make_shared<const Schema>(1, static_cast<ColumnId>(columns.size()), columns);
  out.created_us = 1'705'276'800'000'000;
  return out;
}

TEST(SourceJsonTest, ShowsWhatWasSaid) {
  EXPECT_EQ(
      SourceJson(MakeSource(
          R"({"source_id":"s","schema_definition":{"b":"bigint","d":"date"},"partition_columns":["d",{"column":"b","transform":"bucket[4]"}],
      "index_columns":["b",{"column":"d","kind":"btree"}],"sort_columns":["b"],"compression":{"default":"zstd","columns":{"b":"none"}}})")),
      R"({"source_id":"s","name":"s","connection_string":"","data_path":"","schema_definition":{"b":"int64","d":"date"},)"
      R"("partition_columns":["d",{"column":"b","transform":"bucket[4]"}],"index_columns":["b",{"column":"d","kind":"btree"}],)"
      R"("sort_columns":["b"],"compression":{"default":"zstd","columns":{"b":"none"}},"compression_level":null,"max_file_size_mb":256,)"
      R"("wal_enabled":true,"schema_mode":"evolve","durability":"sync","primary_key":[],"retention":null,"schema_version":1,"created_at":"2024-01-15T00:00:00Z"})");
  const std::string late = SourceJson(MakeSource(R"({"source_id":"s","durability":"interval"})"));
  EXPECT_NE(late.find(R"("durability":"interval","primary_key")"), std::string::npos) << late;
  EXPECT_EQ(SourcesJson({}), R"({"sources":[]})");
  EXPECT_EQ(SourcesJson({{}, {{SourceId::Parse("d").Take(), Status::Corruption("byte 7")}}}),
            R"({"sources":[],"damaged_sources":[{"source_id":"d","detail":"byte 7"}]})");
}

TEST(StatsJsonTest, ShowsExactBoundsAndHidesTruncatedOnes) {
  const SourceInfo source = MakeSource(
      R"({"source_id":"s","schema_definition":{"a":"float64","t":"string","u":"int64"}})");
  SourceStatsInfo info{source.definition.id, source.schema, {}};
  info.stats.schema = source.schema;
  info.stats.rows = 1000;
  info.stats.segments = 3;
  ColumnStats amount{.rows = 1000,
                     .nulls = 2,
                     .min = 1.5,
                     .max = 100.5,
                     .min_exact = true,
                     .max_exact = true,
                     .may_have_nan = false};
  amount.values = std::vector<Value>{1.5, 100.5};
  info.stats.columns[1] = amount;
  info.stats.columns[2] = {.rows = 1000,
                           .nulls = 0,
                           .min = std::string("aaa"),
                           .max = std::string("zz"),
                           .min_exact = true,
                           .max_exact = false};
  const std::string text = StatsJson(info);
  EXPECT_TRUE(text.starts_with(
      R"({"source_id":"s","rows":1000,"bytes":0,"hot_rows":0,"deleted_rows":0,"segments":3,"files":3,"partitions":0,"schema_version":1,)"
      R"("wal_bytes":0,"index_bytes":0,"last_write":null,"last_compaction":null,"columns":{"a":{"type":"float64","nulls":2,)"
      R"("min":1.5,"max":100.5,"distinct":2,"values":[1.5,100.5],"indexes":[]},)"))
      << text;
  EXPECT_NE(text.find(R"("t":{"type":"string","nulls":0,"min":"aaa","max":null,)"),
            std::string::npos)
      << text;
  EXPECT_NE(
      text.find(
          R"("u":{"type":"int64","nulls":null,"min":null,"max":null,"distinct":null,"values":null,"indexes":[]})"),
      std::string::npos)
      << text;
}

}  // namespace
}  // namespace granary::api
