// Writes the seeds of the binary formats with the code that writes them for real:
//
//   build/release/fuzzers/granary_fuzz_seeds tests/fuzz/corpus
//
// Run it when a format changes, and keep the old files: what an older version wrote must go on
// being read. Its output is the same in every run.
#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/writer.h>
#include <storage.pb.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "granary/base/base64.h"
#include "granary/base/check.h"
#include "granary/formats/table_writer.h"
#include "granary/io/failpoint.h"
#include "granary/json/every_type_test_support.h"
#include "granary/json/record_parser.h"
#include "granary/security/hmac.h"
#include "granary/storage/index/index_builder.h"
#include "granary/storage/manifest/manifest_rows.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/wal/batch_codec.h"
#include "granary/storage/wal/keyed_payload.h"
#include "granary/storage/wal/wal_format.h"
#include "granary/storage/wal/wal_testbed.h"
#include "granary/storage/wal/wal_writer.h"
#include "granary/tenant/search_cursor.h"
#include "granary/testing/memory_file_system.h"

namespace granary {
namespace {

using storage::IndexKind;
using storage::WalFrame;

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void Add(const std::string& target, const std::string& name, std::string_view bytes) {
    std::filesystem::create_directories(folder_ / target);
    std::ofstream out(folder_ / target / name, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    GRANARY_CHECK(!out.fail(), "cannot write {}/{}", target, name);
    bytes_ += bytes.size();
    ++files_;
  }
  void Report() const { std::printf("%zu files, %zu bytes\n", files_, bytes_); }

 private:
  std::filesystem::path folder_;
  std::size_t files_ = 0;
  std::size_t bytes_ = 0;
};

template <typename T>
T Must(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}
void Must(const Status& status) { GRANARY_CHECK(status.ok(), "{}", status.ToString()); }

std::shared_ptr<arrow::RecordBatch> BatchOf(const SchemaPtr& schema, std::string_view records) {
  return Must(json::RecordParser({}).Parse(records, "", json::RecordShape::kBare,
                                           json::SchemaMode::kStrict, schema))
      .batch;
}

constexpr std::string_view kRecords =
    R"([{"n": 1, "s": "a", "l": [1, null, 3], "d": "1.50"}, {}, {"n": -9223372036854775808, "s": "é",
        "l": [], "d": "-99999999.99"}])";

// ---- Log

SchemaPtr LogSchema() {
  return std::make_shared<const Schema>(
      1, 4,
      std::vector<Column>{{1, "n", TypeKind::kInt64},
                          {2, "s", TypeKind::kString},
                          {3, "l", DataType::List(TypeKind::kInt64)},
                          {4, "d", DataType::Decimal(10, 2)}});
}

/// Frames in groups, in a file that has a little room behind them.
std::string LogOf(const std::vector<std::vector<WalFrame>>& groups) {
  testing::MemoryFileSystem files;
  const std::string path = "/wal/000007.wal";
  Must(files.CreateDirectories("/wal"));
  auto file = Must(files.OpenForWrite(path, io::OpenMode::kCreateNew));
  const storage::WalFileHeader header{.lane = 0,
                                      .file_number = 7,
                                      .salt = 0xFEED,
                                      .created_us = 1,
                                      .previous_file = 0,
                                      .previous_end = 0};
  auto writer = Must(storage::WalWriter::Start(std::move(file), header, io::Failpoints::None()));
  for (const auto& group : groups) {
    for (const WalFrame& frame : group) writer->Add(frame, storage::FramePayloadCrc(frame));
    Must(writer->Commit());
  }
  return Must(files.ReadFile(path));
}

WalFrame Keyed(std::uint64_t sequence, std::string batch) {
  WalFrame frame = storage::MakeFrame(1, sequence, std::move(batch));
  frame.kind = storage::FrameKind::kKeyedRecords;
  frame.idempotency_key = "key-1";
  frame.body_hash = 42;
  storage::AppendKeyedPayload({.written_us = 5, .body_hash_high = 6, .note = "note", .batch = {}},
                              frame.payload);
  return frame;
}

WalFrame EndOfLane() {
  WalFrame frame;
  frame.kind = storage::FrameKind::kEndOfLane;
  return frame;
}

void AddLogs(Corpus& corpus) {
  const std::string batch = Must(storage::EncodeBatch(*BatchOf(LogSchema(), kRecords)));
  const std::string none = Must(storage::EncodeBatch(*BatchOf(LogSchema(), "[]")));
  corpus.Add("batch_codec", "three_rows", batch);
  corpus.Add("batch_codec", "no_rows", none);

  const auto frame = [](std::uint64_t sequence, std::string payload) {
    return storage::MakeFrame(1, sequence, std::move(payload));
  };
  const std::string groups =
      LogOf({{frame(1, "a")}, {frame(2, ""), frame(3, "0123456789"), frame(4, "bcd")}});
  corpus.Add("wal_reader", "empty_file", "");
  corpus.Add("wal_reader", "header_alone", LogOf({}));
  corpus.Add("wal_reader", "groups", groups);
  corpus.Add("wal_reader", "cut_in_a_frame", groups.substr(0, groups.size() - 40));
  std::string damaged = groups;
  damaged[storage::kWalFileHeaderBytes + 90] ^= 1;
  corpus.Add("wal_reader", "damaged_first_frame", damaged);
  damaged = groups;
  damaged[20] ^= 1;
  corpus.Add("wal_reader", "damaged_header", damaged);
  corpus.Add("wal_reader", "records_keyed_and_end",
             LogOf({{frame(1, batch)}, {Keyed(4, batch), Keyed(7, "")}, {EndOfLane()}}));
  corpus.Add("wal_reader", "frames_behind_the_end",
             LogOf({{frame(1, "a"), EndOfLane()}, {frame(2, "b")}}));
}

// ---- Indexes

std::shared_ptr<arrow::Array> Integers(int count, int different) {
  arrow::Int64Builder builder;
  for (int i = 0; i < count; ++i) {
    const auto appended = i % 11 == 10 ? builder.AppendNull() : builder.Append(i * 7 % different);
    GRANARY_CHECK(appended.ok());
  }
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Texts(int count, std::size_t pad) {
  arrow::StringBuilder builder;
  for (int i = 0; i < count; ++i)
    GRANARY_CHECK(builder.Append("row " + std::to_string(i) + std::string(pad, 'x')).ok());
  return builder.Finish().ValueOrDie();
}

std::string IndexOf(IndexKind kind, const DataType& type, const arrow::Array& values) {
  testing::MemoryFileSystem files;
  Must(files.CreateDirectories("dir"));
  const auto builder = storage::IndexBuilder::Make({3, kind}, type);
  builder->Add(values);
  const storage::IndexMeta meta = Must(builder->Write(files, "dir", "0007.parquet", SegmentId{7}));
  return Must(files.ReadFile(io::JoinPath("dir", storage::IndexPath("0007.parquet", meta.key))));
}

void AddIndexes(Corpus& corpus) {
  const DataType integer = TypeKind::kInt64, text = TypeKind::kString;
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree, IndexKind::kBloom}) {
    const std::string name(storage::IndexKindName(kind));
    corpus.Add("index_reader", name + "_nothing", IndexOf(kind, integer, *Integers(0, 1)));
    corpus.Add("index_reader", name + "_integers", IndexOf(kind, integer, *Integers(30, 20)));
    corpus.Add("index_reader", name + "_texts", IndexOf(kind, text, *Texts(20, 0)));
  }
  corpus.Add("index_reader", "btree_one_key",
             IndexOf(IndexKind::kBtree, integer, *Integers(600, 1)));
  corpus.Add("index_reader", "btree_two_levels",
             IndexOf(IndexKind::kBtree, integer, *Integers(700, 700)));
  corpus.Add("index_reader", "btree_keys_cut", IndexOf(IndexKind::kBtree, text, *Texts(20, 300)));
  corpus.Add("index_reader", "bloom_two_blocks",
             IndexOf(IndexKind::kBloom, integer, *Integers(3100, 3100)));
}

// ---- Segments

SchemaPtr SegmentSchema() {
  return std::make_shared<const Schema>(
      1, 5,
      std::vector<Column>{{1, "n", TypeKind::kInt64},
                          {2, "s", TypeKind::kString},
                          {3, "l", DataType::List(TypeKind::kInt64)},
                          {4, "d", DataType::Decimal(10, 2)},
                          {5, "id", TypeKind::kUuid}});
}

storage::SegmentMeta WriteSegment(io::FileSystem& files, storage::Codec codec) {
  storage::SegmentWriterOptions options;
  options.compression.codec = codec;
  options.row_group_rows = 2;
  const auto batch = BatchOf(SegmentSchema(), kRecords);
  arrow::Int64Builder sequences;
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) GRANARY_CHECK(sequences.Append(i + 1).ok());
  auto writer = Must(storage::SegmentWriter::Create(files, io::Failpoints::None(), "/data",
                                                    "0001.parquet", SegmentSchema(), options));
  Must(writer->Append(
      batch, std::static_pointer_cast<arrow::Int64Array>(sequences.Finish().ValueOrDie())));
  return Must(writer->Finish());
}

void AddSegments(Corpus& corpus) {
  for (const storage::Codec codec :
       {storage::Codec::kNone, storage::Codec::kSnappy, storage::Codec::kZstd}) {
    testing::MemoryFileSystem files;
    WriteSegment(files, codec);
    const std::string file = Must(files.ReadFile("/data/0001.parquet"));
    const std::string name(storage::CodecName(codec));
    corpus.Add("segment_reader", name + "_checked", "\x02" + file);
    corpus.Add("segment_reader", name + "_not_ours", "\x01" + file);
  }
}

// ---- Manifest

void AddManifestRows(Corpus& corpus) {
  storage::SourceDefinition definition;
  definition.id = Must(SourceId::Parse("sales"));
  definition.name = "Sales";
  definition.columns = {{"n", TypeKind::kInt64}, {"day", TypeKind::kDate}};
  definition.partitions = {{"day", Must(storage::Transform::Parse("month"))}, {"n", std::nullopt}};
  definition.indexes = {{"n", IndexKind::kBtree}, {"day", std::nullopt}};
  definition.sort_columns = {"n"};
  definition.compression.level = 3;
  definition.compression.columns = {{"n", storage::Codec::kNone}};
  std::string bytes(1, '\0');
  definition.EncodeTo(bytes);
  corpus.Add("manifest_rows", "definition", bytes);
  corpus.Add("manifest_rows", "schema",
             "\x01" + storage::SchemaRow::Of(1, *SegmentSchema(), 1'705'276'800'000'000).schema);

  testing::MemoryFileSystem files;
  storage::SegmentMeta meta = WriteSegment(files, storage::Codec::kSnappy);
  meta.partition = {Value(std::int64_t{5}), Value(std::string("eu")), Value()};
  meta.indexes = {{{1, IndexKind::kHash}, 100, 7}};
  const auto row = storage::SegmentRow::Of(1, meta);
  GRANARY_CHECK(row.partition.size() < 256 && row.indexes.size() < 256);
  corpus.Add("manifest_rows", "segment_with_distributions",
             "\x02" + std::string(1, static_cast<char>(row.partition.size())) + row.partition +
                 std::string(1, static_cast<char>(row.indexes.size())) + row.indexes + row.columns);
}

// ---- Statistics

void AddDistributions(Corpus& corpus) {
  arrow::Int64Builder numbers;
  arrow::StringBuilder texts;
  for (std::int64_t i = 0; i < 400; ++i) {
    const std::int64_t number = i % 5 == 0 ? 7 : i * i;
    GRANARY_CHECK(numbers.Append(number).ok());
    GRANARY_CHECK(texts.Append("key-" + std::to_string(number)).ok());
  }
  const auto add = [&](const std::string& name, const DataType& type, const arrow::Array& values) {
    storage::StatsBuilder builder(type);
    builder.Add(values);
    const ColumnStats stats = builder.Finish();
    corpus.Add("distribution", name, stats.distribution);
    std::string bytes;
    storage::EncodeStats(stats, bytes);
    corpus.Add("distribution", name + "_statistics", bytes);
  };
  add("numbers", TypeKind::kInt64, *numbers.Finish().ValueOrDie());
  add("texts", TypeKind::kString, *texts.Finish().ValueOrDie());
}

// ---- Bodies

std::string TableOf(formats::TableFormat format, const Schema& schema, std::string_view records) {
  const auto batch = BatchOf(std::make_shared<const Schema>(schema), records);
  formats::TableShape shape;
  for (const Column& column : schema.columns()) shape.columns.push_back({column.name, column.type});
  const auto writer = formats::MakeTableWriter(format);
  std::string out;
  Must(writer->Begin(shape, out));
  Must(writer->Add({"s", schema.columns(), batch}, out));
  Must(writer->Add({"s", schema.columns(), batch->Slice(0, 1)}, out));
  Must(writer->Finish(out));
  return out;
}

/// Columns that none of ours holds as they come.
std::string NestedStream() {
  arrow::Int64Builder integers;
  GRANARY_CHECK(integers.AppendValues({1, 2}).ok());
  const auto numbers = integers.Finish().ValueOrDie();
  const auto record =
      arrow::StructArray::Make({numbers, Texts(2, 0)}, std::vector<std::string>{"n", "s"})
          .ValueOrDie();
  const auto words =
      arrow::DictionaryArray::FromArrays(arrow::dictionary(arrow::int64(), arrow::utf8()),
                                         Integers(2, 2), Texts(8, 0))
          .ValueOrDie();
  const auto schema =
      arrow::schema({arrow::field("new", record->type()), arrow::field("s", words->type()),
                     arrow::field("at", arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin")),
                     arrow::field("nothing", arrow::null())});
  const auto times = numbers->View(schema->field(2)->type()).ValueOrDie();
  const auto batch = arrow::RecordBatch::Make(
      schema, 2, {record, words, times, std::make_shared<arrow::NullArray>(2)});
  const auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  const auto writer = arrow::ipc::MakeStreamWriter(out, schema).ValueOrDie();
  GRANARY_CHECK(writer->WriteRecordBatch(*batch).ok() && writer->Close().ok());
  return out->Finish().ValueOrDie()->ToString();
}

/// In front of each: what table_reader_fuzz.cc takes them for.
void AddBodies(Corpus& corpus) {
  constexpr char kArrow = 2, kParquet = 3, kEvolve = 4, kNoColumns = 8;
  constexpr std::string_view kEveryType =
      R"([{"s": "a", "b": true, "i8": -128, "i": 5, "u": 6, "f32": 0.5, "f": "NaN", "d": "1.50",
           "big": "1", "day": "2024-01-15", "sec": "2024-01-15T00:00:00Z", "t": "10:00:00",
           "at": "2024-01-15T00:00:00.000001Z", "ns": "2024-01-15T00:00:00.000000001Z",
           "bin": "AAE=", "id": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "j": {"a": [1, null]},
           "l": [1, null], "ll": [["x"], null]}, {}])";
  const auto add = [&](const std::string& name, int choice, const std::string& body) {
    corpus.Add("table_reader", name, std::string(1, static_cast<char>(choice)) + "\x06" + body);
  };
  for (const auto& [format, name, choice] :
       {std::tuple(formats::TableFormat::kArrow, "arrow", kArrow),
        std::tuple(formats::TableFormat::kParquet, "parquet", kParquet)}) {
    const std::string prefix = name;
    const std::string all = TableOf(format, *json::EveryTypeSchema(), kEveryType);
    const std::string few = TableOf(format, *SegmentSchema(), kRecords);
    add(prefix + "_every_type", choice, all);
    add(prefix + "_new_columns", choice | kEvolve | kNoColumns, few);
    add(prefix + "_few_columns", choice | kEvolve, few);
    add(prefix + "_one_column", choice | kEvolve,
        TableOf(format, Schema(1, 1, {{1, "i", TypeKind::kInt16}}), R"([{"i": 1}, {"i": null}])"));
  }
  add("arrow_nested", kArrow | kEvolve, NestedStream());
}

// ---- Cursors

void AddCursor(Corpus& corpus, const std::string& name, const query::SearchPosition& position) {
  const CursorSeal seal(std::string(32, 'k'));
  SearchCursor cursor;
  cursor.began_us = 1'705'276'800'000'000;
  cursor.request = {1, 2};
  cursor.sources = {{SourceUid{7}, 100, 50, 3, 0}, {SourceUid{8}, 9, 9, 1, 77}};
  cursor.position = position;
  const std::string text = Must(seal.Write(cursor));
  corpus.Add("search_cursor", name + "_text", "1" + text);
  std::string plain = text;
  for (char& c : plain) c = c == '-' ? '+' : c == '_' ? '/' : c;
  plain.append((4 - plain.size() % 4) % 4, '=');
  const std::string signed_body = *Base64Decode(plain);
  corpus.Add("search_cursor", name + "_body",
             "0" + signed_body.substr(0, signed_body.size() - security::kHmacBytes));
}

void AddCursors(Corpus& corpus) {
  AddCursor(corpus, "ordered",
            query::OrderedPosition{{{TypeKind::kInt32, Value(std::int64_t{-5})},
                                    {TypeKind::kString, Value()},
                                    {DataType::Decimal(10, 2), Value(Int128{150})},
                                    {TypeKind::kFloat64, Value(1.5)},
                                    {TypeKind::kString, Value(std::string("a"))}},
                                   99,
                                   1});
  AddCursor(corpus, "segment", query::StoredPosition{1, query::RowPlace{5, SegmentId{6}, 7, 8}, 0});
  AddCursor(corpus, "hot", query::StoredPosition{1, std::nullopt, 55});
}

// ---- gRPC

template <typename Message>
void AddMessage(Corpus& corpus, const std::string& name, char kind, const Message& message) {
  corpus.Add("proto_request", name, kind + message.SerializeAsString());
}

v1::Comparison Compare(const char* column, v1::Operator op) {
  v1::Comparison out;
  out.set_column(column);
  out.set_op(op);
  out.mutable_value()->set_int64_value(9007199254740993);
  return out;
}

v1::Record EveryKindOfValue() {
  v1::Record record;
  auto& fields = *record.mutable_fields();
  fields["null"].set_null_value(v1::NULL_VALUE);
  fields["bool"].set_bool_value(true);
  fields["int"].set_int64_value(-5);
  fields["uint"].set_uint64_value(5);
  fields["double"].set_float64_value(1.5);
  fields["float"].set_float32_value(0.1f);
  fields["text"].set_string_value("é\n\"");
  fields["bytes"].set_binary_value("\xFF");
  fields["decimal"].set_decimal_value("-12.50");
  fields["at"].mutable_timestamp_value()->set_value(1'705'276'800);
  fields["at"].mutable_timestamp_value()->set_unit(v1::TIME_UNIT_SECOND);
  fields["day"].set_date_value(19'737);
  fields["time"].set_time_value(36'000'000'000);
  fields["uuid"].set_uuid_value(std::string(16, 'u'));
  fields["json"].set_json_value(R"({"a": [1, null]})");
  fields["list"].mutable_list_value()->add_values()->set_int64_value(1);
  return record;
}

void AddQueries(Corpus& corpus) {
  v1::SearchDataRequest search;
  search.add_source_ids("sales");
  v1::Filter& filter = *search.mutable_filters();
  *filter.add_where() = Compare("n", v1::OPERATOR_GT);
  *filter.add_where() = Compare("n", v1::OPERATOR_LTE);
  *filter.add_any_of()->add_where() = Compare("m.a", v1::OPERATOR_EQ);
  *filter.add_all_of()->mutable_not_of()->add_where() = Compare("m", v1::OPERATOR_IN);
  search.add_columns("n");
  search.add_order_by()->set_column("n");
  search.mutable_order_by(0)->set_direction(v1::DIRECTION_DESC);
  search.set_limit(10);
  search.set_cursor("abc");
  AddMessage(corpus, "search", 's', search);
  v1::SearchDataRequest text;
  text.mutable_filters()->set_json(R"({"n": {"in": [1, 2]}})");
  text.set_stream(true);
  AddMessage(corpus, "search_json_filter", 's', text);

  v1::AggregateDataRequest aggregate;
  aggregate.add_source_ids("sales");
  aggregate.add_group_by()->set_column("region");
  aggregate.add_group_by()->mutable_transform()->set_bucket("0.5");
  aggregate.mutable_group_by(1)->set_column("n");
  v1::Aggregation& percentile = *aggregate.add_aggregations();
  percentile.set_type(v1::AGGREGATION_TYPE_PERCENTILE);
  percentile.set_column("n");
  percentile.set_p(0.9);
  *aggregate.mutable_having()->add_where() = Compare("n", v1::OPERATOR_GT);
  AddMessage(corpus, "aggregate", 'g', aggregate);
}

void AddChanges(Corpus& corpus) {
  v1::WriteDataRequest write;
  write.set_source_id("sales");
  *write.add_records() = EveryKindOfValue();
  write.set_idempotency_key("key-1");
  AddMessage(corpus, "write", 'w', write);
  v1::WriteDataRequest text;
  text.set_records_json(R"([{"fields": {"n": 1}}])");
  AddMessage(corpus, "write_json", 'w', text);

  v1::AddSourceRequest add;
  add.set_source_id("sales");
  v1::ColumnDefinition& column = *add.add_schema_definition();
  column.set_name("n");
  column.set_type("int64");
  add.add_partition_columns()->set_column("n");
  add.add_index_columns()->set_column("n");
  add.add_sort_columns("n");
  add.mutable_compression()->set_default_("zstd");
  (*add.mutable_compression()->mutable_columns())["n"] = "none";
  add.set_schema_mode(v1::SCHEMA_MODE_STRICT);
  AddMessage(corpus, "add_source", 'a', add);

  v1::UpdateSourceRequest update;
  update.set_source_id("sales");
  *update.add_add_columns() = column;
  (*update.mutable_rename_columns())["a"] = "b";
  update.add_drop_columns("d");
  update.set_clear_sort_columns(true);
  AddMessage(corpus, "update_source", 'p', update);

  v1::RemoveSourceRequest remove;
  remove.set_source_id("sales");
  remove.set_keep_data(true);
  AddMessage(corpus, "remove_source", 'r', remove);
}

}  // namespace
}  // namespace granary

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  granary::Corpus corpus(arguments[1]);
  granary::AddLogs(corpus);
  granary::AddIndexes(corpus);
  granary::AddSegments(corpus);
  granary::AddManifestRows(corpus);
  granary::AddDistributions(corpus);
  granary::AddBodies(corpus);
  granary::AddCursors(corpus);
  granary::AddQueries(corpus);
  granary::AddChanges(corpus);
  corpus.Report();
}
