// Goal: what is written comes back, in the shape of a newer schema too, whatever the codec and the
// form in the file.
#include <gtest/gtest.h>

#include <thread>

#include <arrow/compute/initialize.h>

#include "granary/storage/segment/segment_test_support.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using sample::kFile;
using sample::kFolder;
using sample::Rows;

Value Int(std::int64_t value) { return value; }

struct SegmentTest : ::testing::Test {
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  std::string Dump() {
    std::string text;
    const Status status = DumpSegment(files, io::JoinPath(kFolder, kFile), text);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return text;
  }
  std::size_t FileCount() { return files.List(io::JoinPath(kFolder, "p=1")).Take().size(); }

  testing::MemoryFileSystem files;
};

TEST_F(SegmentTest, EveryTypeComesBackWithEveryCodec) {
  sample::Generator random(testing::SeedFromEnvironment());
  const auto schema = sample::SchemaOfAllTypes();
  for (const char* name : {"snappy", "zstd", "lz4", "gzip", "brotli", "none"}) {
    const Rows rows = sample::RandomRows(random, *schema, 250);
    SegmentWriterOptions options{.row_group_rows = 100};
    options.compression.codec = *ParseCodec(name);
    const auto meta = sample::WriteSegment(files, schema, rows, options);
    ASSERT_TRUE(meta.ok()) << meta.status().ToString();
    EXPECT_EQ(meta->path, kFile);
    EXPECT_EQ(meta->rows, 250u);
    EXPECT_EQ(meta->schema_version, 1u);
    EXPECT_EQ(meta->min_sequence, 100u);
    EXPECT_EQ(meta->max_sequence, 100u + 249 * 3);
    EXPECT_EQ(meta->columns.size(), schema->columns().size());
    EXPECT_EQ(meta->bytes, files.ReadFile(io::JoinPath(kFolder, kFile))->size());
    const Status read = sample::ReadBack(files, *meta, schema, rows);
    EXPECT_TRUE(read.ok()) << name << ": " << read.ToString();
    ASSERT_TRUE(files.RemoveTree(kFolder).ok());
  }
}

TEST_F(SegmentTest, RowGroupsAreFullWhateverThePieces) {
  sample::Generator random(1);
  const auto schema = sample::SchemaOf({TypeKind::kInt64});
  const auto meta = sample::WriteSegment(files, schema, sample::RandomRows(random, *schema, 250),
                                         {.row_group_rows = 100});
  const auto reader = SegmentReader::Open(files, kFolder, *meta, schema).Take();
  ASSERT_EQ(reader->row_groups(), 3);
  EXPECT_EQ(reader->rows(0), 100);
  EXPECT_EQ(reader->rows(1), 100);
  EXPECT_EQ(reader->rows(2), 50);
}

TEST_F(SegmentTest, ASegmentMayBeEmpty) {
  const auto schema = sample::SchemaOfAllTypes();
  sample::Generator random(1);
  const Rows none = sample::RandomRows(random, *schema, 0);
  const auto meta = sample::WriteSegment(files, schema, none, {});
  ASSERT_TRUE(meta.ok()) << meta.status().ToString();
  EXPECT_TRUE(sample::ReadBack(files, *meta, schema, none).ok());
}

TEST_F(SegmentTest, RowGroupStatisticsBoundEveryValue) {
  sample::Generator random(testing::SeedFromEnvironment());
  const auto schema = sample::SchemaOf(sample::ScalarTypes());
  const Rows rows = sample::RandomRows(random, *schema, 300);
  const auto meta = sample::WriteSegment(files, schema, rows, {.row_group_rows = 64}).Take();
  const auto reader = SegmentReader::Open(files, kFolder, meta, schema).Take();
  std::int64_t start = 0;
  for (int group = 0; group < reader->row_groups(); ++group) {
    for (const Column& column : schema->columns()) {
      SCOPED_TRACE(column.type.ToString());
      const ColumnStats stats = reader->RowGroupStats(group, column.id, column.type);
      const auto& array = *rows.batch->column(column.id - 1);
      std::uint64_t nulls = 0;
      for (std::int64_t i = start; i < start + reader->rows(group); ++i) {
        const Value value = ValueAt(array, i);
        const auto* real = std::get_if<double>(&value);
        nulls += IsNull(value);
        if (IsNull(value) || (real != nullptr && *real != *real)) continue;
        EXPECT_TRUE(IsNull(stats.min) || Compare(stats.min, value) <= 0);
        EXPECT_TRUE(IsNull(stats.max) || Compare(stats.max, value) >= 0);
        EXPECT_FALSE(IsNull(stats.min) || IsNull(stats.max));
      }
      EXPECT_EQ(stats.nulls, nulls);
      EXPECT_EQ(stats.may_have_nan, column.type.IsFloat());
    }
    const ColumnStats sequences = reader->RowGroupStats(group, kSequenceColumnId, TypeKind::kInt64);
    EXPECT_EQ(sequences.min, Int(100 + start * 3));
    EXPECT_EQ(sequences.max, Int(100 + (start + reader->rows(group) - 1) * 3));
    start += reader->rows(group);
  }
}

TEST_F(SegmentTest, OlderFilesReadInANewerSchema) {
  const auto old_schema =
      sample::SchemaOf({TypeKind::kInt32, TypeKind::kFloat32, TypeKind::kInt64});
  const auto rows = sample::WithSequences(arrow::RecordBatch::Make(
      old_schema->ToArrow(), 2,
      {sample::ArrayOf(TypeKind::kInt32, {Int(-7), {}}),
       sample::ArrayOf(TypeKind::kFloat32, {1.5, 2.5}),
       sample::ArrayOf(TypeKind::kInt64, {Int((std::int64_t{1} << 60)), Int(3)})}));
  const auto meta = sample::WriteSegment(files, old_schema, rows, {}).Take();
  const Schema newer(2, 4,
                     {{4, "added", TypeKind::kString},
                      {1, "renamed", TypeKind::kInt64},
                      {2, "c2", TypeKind::kFloat64},
                      {3, "c3", DataType::Decimal(38, 2)}});
  const auto reader = SegmentReader::Open(files, kFolder, meta, old_schema).Take();
  const auto batch = reader->Read(0, std::vector<ColumnId>{4, 3, kSequenceColumnId, 1, 2}, newer);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  EXPECT_EQ((*batch)->schema()->field_names(),
            (std::vector<std::string>{"added", "c3", "_seq", "renamed", "c2"}));
  EXPECT_EQ((*batch)->column(0)->null_count(), 2);
  EXPECT_EQ(ValueAt(*(*batch)->column(1), 0), Value(Int128{std::int64_t{1} << 60} * 100));
  EXPECT_EQ(ValueAt(*(*batch)->column(2), 1), Int(103));
  EXPECT_EQ(ValueAt(*(*batch)->column(3), 0), Int(-7));
  EXPECT_EQ(ValueAt(*(*batch)->column(3), 1), Value{});
  EXPECT_EQ(ValueAt(*(*batch)->column(4), 1), Value(2.5));

  EXPECT_EQ(reader->RowGroupStats(0, 4, TypeKind::kString),
            (ColumnStats{.rows = 2, .nulls = 2, .may_have_nan = false}));
  EXPECT_EQ(reader->RowGroupStats(0, 3, DataType::Decimal(38, 2)).min, Value(Int128{300}));

  // An int64 column may become float64 while its values are exact, also beyond 2^53.
  const Schema floats(2, 3, {{3, "c3", TypeKind::kFloat64}});
  const auto exact = reader->Read(0, std::vector<ColumnId>{3}, floats);
  ASSERT_TRUE(exact.ok()) << exact.status().ToString();
  EXPECT_EQ(ValueAt(*(*exact)->column(0), 0), Value(0x1p60));
}

TEST_F(SegmentTest, ReadsOnlyTheColumnsThatAreAskedFor) {
  sample::Generator random(1);
  const auto schema = sample::SchemaOfAllTypes();
  const auto meta =
      sample::WriteSegment(files, schema, sample::RandomRows(random, *schema, 500), {}).Take();
  const auto reader = SegmentReader::Open(files, kFolder, meta, schema).Take();
  std::uint64_t one = 0;
  std::uint64_t all = 0;
  ASSERT_TRUE(reader->Read(0, std::vector<ColumnId>{3}, *schema, &one).ok());
  ASSERT_TRUE(reader->Read(0, sample::AllIds(*schema), *schema, &all).ok());
  EXPECT_GT(one, 0u);
  EXPECT_LT(one * 4, all);
  const auto none = reader->Read(0, std::vector<ColumnId>{}, *schema);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ((*none)->num_rows(), 500);
  EXPECT_EQ(reader->Read(0, std::vector<ColumnId>{99}, *schema).status().code(), Code::kInternal);
}

TEST_F(SegmentTest, ManyThreadsReadOneReader) {
  sample::Generator random(testing::SeedFromEnvironment());
  const auto schema = sample::SchemaOfAllTypes();
  const Rows rows = sample::RandomRows(random, *schema, 200);
  const auto meta = sample::WriteSegment(files, schema, rows, {.row_group_rows = 50}).Take();
  const auto reader = SegmentReader::Open(files, kFolder, meta, schema).Take();
  std::vector<std::thread> threads;
  std::vector<Status> outcomes(4);
  for (std::size_t t = 0; t < outcomes.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 12; ++i) {
        const int group = (i + static_cast<int>(t)) % reader->row_groups();
        const auto batch = reader->Read(group, sample::AllIds(*schema), *schema);
        if (!batch.ok()) outcomes[t] = batch.status();
        reader->RowGroupStats(group, 1 + i, schema->columns()[static_cast<std::size_t>(i)].type);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome.ok()) << outcome.ToString();
}

struct TimestampFormTest : SegmentTest {
  /// One value a row group.
  void Check(TimeUnit unit, const std::vector<Value>& values, const std::string& form) {
    const auto schema = sample::SchemaOf({DataType::Timestamp(unit), TypeKind::kString});
    std::vector<Value> names;
    for (std::size_t i = 0; i < values.size(); ++i) names.push_back("row " + std::to_string(i));
    const Rows rows = sample::WithSequences(
        arrow::RecordBatch::Make(schema->ToArrow(), std::ssize(values),
                                 {sample::ArrayOf(DataType::Timestamp(unit), values),
                                  sample::ArrayOf(TypeKind::kString, names)}));
    const auto writer = SegmentWriter::Create(files, io::Failpoints::None(), kFolder, kFile, schema,
                                              {.row_group_rows = 1})
                            .Take();
    for (std::int64_t i = 0; i < rows.count(); ++i) {
      ASSERT_TRUE(writer->Append(rows.Slice(i, 1).batch, rows.Slice(i, 1).sequences).ok());
    }
    const auto meta = writer->Finish();
    ASSERT_TRUE(meta.ok()) << meta.status().ToString();
    EXPECT_EQ(meta->rows, values.size());
    EXPECT_EQ(FileCount(), 1u);
    const Status read = sample::ReadBack(files, *meta, schema, rows);
    EXPECT_TRUE(read.ok()) << read.ToString();
    EXPECT_NE(Dump().find(form), std::string::npos) << Dump();
    const auto reader = SegmentReader::Open(files, kFolder, *meta, schema).Take();
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      const ColumnStats stats = reader->RowGroupStats(i, 1, DataType::Timestamp(unit));
      EXPECT_EQ(stats.min, values[static_cast<std::size_t>(i)]);
      EXPECT_EQ(stats.max, values[static_cast<std::size_t>(i)]);
    }
    ASSERT_TRUE(files.RemoveTree(kFolder).ok());
  }
};

TEST_F(TimestampFormTest, WholeMicrosecondsAreWrittenAsSuch) {
  Check(TimeUnit::kNano, {Int(1'700'000'000'000'001'000), {}, Int(-5000)}, "timeUnit=microseconds");
}

TEST_F(TimestampFormTest, AFinerValueMakesTheFileFinerWhereverItStands) {
  for (std::size_t at = 0; at < 4; ++at) {
    std::vector<Value> values = {Int(1'000'000), {}, Int(-3000), Int(7000)};
    values[at] = Int(-1'500);
    Check(TimeUnit::kNano, values, "timeUnit=nanoseconds");
  }
}

TEST_F(TimestampFormTest, SecondsAreMillisecondsUnlessTheyDoNotFit) {
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  Check(TimeUnit::kSecond, {Int(1'700'000'000), Int(-1), {}}, "timeUnit=milliseconds");
  Check(TimeUnit::kSecond, {Int(1'700'000'000), Int(kLast), Int(-kLast)},
        "c1                               INT64\n");
}

TEST_F(SegmentTest, ALevelIsForItsOwnCodec) {
  sample::Generator random(1);
  const auto schema =
      sample::SchemaOf({TypeKind::kString, TypeKind::kInt64, DataType::List(TypeKind::kInt64)});
  const Rows rows = sample::RandomRows(random, *schema, 100);
  SegmentWriterOptions options;
  options.compression = {
      .codec = Codec::kZstd, .level = 19, .columns = {{"c2", Codec::kGzip}, {"c3", Codec::kNone}}};
  const auto meta = sample::WriteSegment(files, schema, rows, options);
  ASSERT_TRUE(meta.ok()) << meta.status().ToString();
  EXPECT_TRUE(sample::ReadBack(files, *meta, schema, rows).ok());
  const std::string text = Dump();
  EXPECT_NE(text.find("zstd", text.find("\n  c1 ")), std::string::npos);
  const auto codec_of = [&](const std::string& column) {
    const std::size_t line = text.find("\n  " + column + " ", text.find("row group 0"));
    return text.substr(line + 1, text.find('\n', line + 1) - line);
  };
  EXPECT_NE(codec_of("c1").find(" zstd "), std::string::npos) << text;
  EXPECT_NE(codec_of("c2").find(" gzip "), std::string::npos) << text;
  EXPECT_NE(codec_of("c3.list.element").find(" uncompressed "), std::string::npos) << text;
  EXPECT_NE(codec_of("_seq").find("DELTA_BINARY_PACKED"), std::string::npos) << text;
}

TEST(CompressionTest, LevelsAreCheckedAgainstTheCodec) {
  struct Case {
    const char* codec;
    int level;
    bool ok;
  };
  for (const Case& c : {Case{"zstd", 1, true},
                        {"zstd", 22, true},
                        {"zstd", 23, false},
                        {"zstd", 0, false},
                        {"gzip", 1, true},
                        {"gzip", 9, true},
                        {"gzip", 10, false},
                        {"brotli", 0, true},
                        {"brotli", 11, true},
                        {"brotli", 12, false},
                        {"snappy", 1, false},
                        {"none", 1, false}}) {
    const Compression compression{.codec = *ParseCodec(c.codec), .level = c.level};
    EXPECT_EQ(CheckCompression(compression).ok(), c.ok) << c.codec << " " << c.level;
  }
  for (const char* name : {"snappy", "zstd", "lz4", "gzip", "brotli", "none"}) {
    EXPECT_EQ(CodecName(*ParseCodec(name)), name);
  }
  EXPECT_EQ(ParseCodec("lzma").status().code(), Code::kInvalidDefinition);
}

TEST_F(SegmentTest, DumpNamesColumnsRowGroupsAndStatistics) {
  sample::Generator random(1);
  const auto schema = sample::SchemaOf({TypeKind::kInt64, TypeKind::kUuid});
  const Rows rows = sample::RandomRows(random, *schema, 10);
  ASSERT_TRUE(sample::WriteSegment(files, schema, rows, {}).ok());
  const std::string text = Dump();
  for (const char* part :
       {"10 rows", "1 row groups", "c1", "UUID", "_seq", "2147483540", "100 to 127"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace granary::storage
