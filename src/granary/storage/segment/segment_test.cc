// Goal: what is written comes back, in the shape of a newer schema too, and a damaged byte never
// gives a wrong answer.
#include <gtest/gtest.h>

#include <random>

#include <arrow/api.h>

#include "granary/io/posix_file_system.h"
#include "granary/storage/segment/segment_reader.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"
#include "granary/testing/temp_directory.h"

namespace granary::storage {
namespace {

const std::vector<DataType>& AllTypes() {
  static const std::vector<DataType> types = {TypeKind::kString,
                                              TypeKind::kBool,
                                              TypeKind::kInt8,
                                              TypeKind::kInt16,
                                              TypeKind::kInt32,
                                              TypeKind::kInt64,
                                              TypeKind::kUInt8,
                                              TypeKind::kUInt16,
                                              TypeKind::kUInt32,
                                              TypeKind::kUInt64,
                                              TypeKind::kFloat32,
                                              TypeKind::kFloat64,
                                              DataType::Decimal(20, 4),
                                              TypeKind::kDate,
                                              DataType::Timestamp(TimeUnit::kSecond),
                                              DataType::Timestamp(TimeUnit::kMilli),
                                              DataType::Timestamp(TimeUnit::kMicro),
                                              DataType::Timestamp(TimeUnit::kNano),
                                              TypeKind::kTime,
                                              TypeKind::kBinary,
                                              TypeKind::kUuid,
                                              TypeKind::kJson,
                                              DataType::List(TypeKind::kInt64)};
  return types;
}

SchemaPtr SchemaOf(const std::vector<DataType>& types) {
  std::vector<Column> columns;
  for (const DataType& type : types) {
    const auto id = static_cast<ColumnId>(columns.size() + 1);
    columns.push_back({id, "c" + std::to_string(id), type});
  }
  return std::make_shared<Schema>(1, static_cast<ColumnId>(columns.size()), columns);
}

Value RandomValue(const DataType& type, std::mt19937_64& random) {
  const auto bits = random();
  switch (type.kind()) {
    case TypeKind::kBool: return bits % 2 == 0;
    case TypeKind::kInt8: return static_cast<std::int64_t>(static_cast<std::int8_t>(bits));
    case TypeKind::kInt16: return static_cast<std::int64_t>(static_cast<std::int16_t>(bits));
    case TypeKind::kInt32: return static_cast<std::int64_t>(static_cast<std::int32_t>(bits));
    case TypeKind::kDate: return static_cast<std::int64_t>(bits % 100'000) - 50'000;
    case TypeKind::kTime: return static_cast<std::int64_t>(bits % 86'400'000'000ull);
    case TypeKind::kTimestamp:
      return type.unit() == TimeUnit::kSecond ? static_cast<std::int64_t>(bits % 4'000'000'000ull)
                                              : static_cast<std::int64_t>(bits);
    case TypeKind::kInt64: return static_cast<std::int64_t>(bits);
    case TypeKind::kUInt8: return static_cast<std::uint64_t>(static_cast<std::uint8_t>(bits));
    case TypeKind::kUInt16: return static_cast<std::uint64_t>(static_cast<std::uint16_t>(bits));
    case TypeKind::kUInt32: return static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits));
    case TypeKind::kUInt64: return static_cast<std::uint64_t>(bits);
    case TypeKind::kFloat32:
      return static_cast<double>(static_cast<float>(bits % 1'000'003) / 7.0f);
    case TypeKind::kFloat64: return static_cast<double>(bits) / 7.0;
    case TypeKind::kDecimal: return static_cast<Int128>(static_cast<std::int64_t>(bits)) * 3;
    case TypeKind::kUuid:
      return std::string(8, static_cast<char>(bits)) + std::string(8, static_cast<char>(bits >> 8));
    case TypeKind::kJson: return "{\"n\":" + std::to_string(bits) + "}";
    default: return std::string(bits % 20, 'x') + std::to_string(bits % 1000);
  }
}

std::shared_ptr<arrow::Array> RandomArray(const DataType& type, std::int64_t rows,
                                          std::mt19937_64& random) {
  if (type.kind() == TypeKind::kList) {
    auto values = std::make_shared<arrow::Int64Builder>();
    arrow::ListBuilder builder(arrow::default_memory_pool(), values, type.ToArrow());
    for (std::int64_t i = 0; i < rows; ++i) {
      if (random() % 5 == 0) {
        EXPECT_TRUE(builder.AppendNull().ok());
        continue;
      }
      EXPECT_TRUE(builder.Append().ok());
      for (auto n = random() % 4; n > 0; --n)
        EXPECT_TRUE(values->Append(static_cast<std::int64_t>(random())).ok());
    }
    return builder.Finish().ValueOrDie();
  }
  arrow::ArrayVector parts;
  for (std::int64_t i = 0; i < rows; ++i) {
    const Value value = random() % 5 == 0 ? Value() : RandomValue(type, random);
    auto part = MakeConstantArray(type, value, 1);
    EXPECT_TRUE(part.ok()) << part.status().ToString();
    parts.push_back(*part);
  }
  return arrow::Concatenate(parts).ValueOrDie();
}

struct Rows {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::shared_ptr<arrow::Int64Array> sequences;
};

Rows RandomRows(const Schema& schema, std::int64_t rows, std::mt19937_64& random) {
  arrow::ArrayVector arrays;
  for (const Column& column : schema.columns())
    arrays.push_back(RandomArray(column.type, rows, random));
  arrow::Int64Builder sequences;
  for (std::int64_t i = 0; i < rows; ++i) EXPECT_TRUE(sequences.Append(100 + i * 3).ok());
  return {arrow::RecordBatch::Make(schema.ToArrow(), rows, arrays),
          std::static_pointer_cast<arrow::Int64Array>(sequences.Finish().ValueOrDie())};
}

std::vector<ColumnId> AllIds(const Schema& schema) {
  std::vector<ColumnId> ids;
  for (const Column& column : schema.columns()) ids.push_back(column.id);
  ids.push_back(kSequenceColumnId);
  return ids;
}

struct SegmentTest : ::testing::Test {
  Result<SegmentMeta> Write(io::FileSystem& files, const SchemaPtr& schema, const Rows& rows,
                            SegmentWriterOptions options) {
    auto writer = SegmentWriter::Create(files, io::Failpoints::None(), folder.path(),
                                        "p=1/s.parquet", schema, options);
    if (!writer.ok()) return writer.status();
    for (std::int64_t at = 0; at < rows.batch->num_rows(); at += 37) {
      GRANARY_TRY((*writer)->Append(
          rows.batch->Slice(at, 37),
          std::static_pointer_cast<arrow::Int64Array>(rows.sequences->Slice(at, 37))));
    }
    return (*writer)->Finish();
  }

  void ExpectReadsBack(io::FileSystem& files, const SegmentMeta& meta, const SchemaPtr& schema,
                       const Rows& rows) {
    auto reader = SegmentReader::Open(files, folder.path(), meta, schema);
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    std::int64_t at = 0;
    for (int group = 0; group < (*reader)->row_groups(); ++group) {
      auto batch = (*reader)->Read(group, AllIds(*schema), *schema);
      ASSERT_TRUE(batch.ok()) << batch.status().ToString();
      for (int i = 0; i < rows.batch->num_columns(); ++i) {
        EXPECT_TRUE(
            (*batch)->column(i)->Equals(rows.batch->column(i)->Slice(at, (*batch)->num_rows())))
            << schema->columns()[static_cast<std::size_t>(i)].type.ToString();
      }
      EXPECT_TRUE(
          (*batch)->columns().back()->Equals(rows.sequences->Slice(at, (*batch)->num_rows())));
      at += (*batch)->num_rows();
    }
    EXPECT_EQ(at, rows.batch->num_rows());
  }

  testing::TempDirectory folder;
  io::PosixFileSystem disk;
};

TEST_F(SegmentTest, EveryTypeComesBackWithEveryCodec) {
  std::mt19937_64 random(testing::SeedFromEnvironment("GRANARY_SEED"));
  const auto schema = SchemaOf(AllTypes());
  const Rows rows = RandomRows(*schema, 250, random);
  for (const char* name : {"snappy", "zstd", "lz4", "gzip", "brotli", "none"}) {
    SegmentWriterOptions options{.row_group_rows = 100};
    options.compression.codec = *ParseCodec(name);
    auto meta = Write(disk, schema, rows, options);
    ASSERT_TRUE(meta.ok()) << meta.status().ToString();
    EXPECT_EQ(meta->rows, 250u);
    EXPECT_EQ(meta->min_sequence, 100u);
    EXPECT_EQ(meta->max_sequence, 100u + 249 * 3);
    ExpectReadsBack(disk, *meta, schema, rows);
    ASSERT_TRUE(disk.RemoveTree(folder.path() + "/p=1").ok());
  }
}

TEST_F(SegmentTest, RowGroupStatisticsBoundEveryValue) {
  std::mt19937_64 random(testing::SeedFromEnvironment("GRANARY_SEED"));
  const auto schema = SchemaOf(AllTypes());
  const Rows rows = RandomRows(*schema, 200, random);
  auto meta = Write(disk, schema, rows, {.row_group_rows = 64});
  ASSERT_TRUE(meta.ok());
  auto reader = SegmentReader::Open(disk, folder.path(), *meta, schema);
  ASSERT_TRUE(reader.ok());
  std::int64_t start = 0;
  for (int group = 0; group < (*reader)->row_groups(); ++group) {
    for (const Column& column : schema->columns()) {
      if (column.type.kind() == TypeKind::kList) continue;
      const auto stats = (*reader)->RowGroupStats(group, column.id, column.type);
      const auto& array = *rows.batch->column(column.id - 1);
      std::uint64_t nulls = 0;
      for (std::int64_t i = start; i < start + (*reader)->rows(group); ++i) {
        const Value value = ValueAt(array, i);
        nulls += IsNull(value);
        if (IsNull(value)) continue;
        ASSERT_FALSE(IsNull(stats.min)) << column.type.ToString();
        EXPECT_TRUE(Compare(stats.min, value) <= 0) << column.type.ToString();
        EXPECT_TRUE(Compare(stats.max, value) >= 0) << column.type.ToString();
      }
      EXPECT_EQ(stats.nulls, nulls) << column.type.ToString();
    }
    start += (*reader)->rows(group);
  }
}

TEST_F(SegmentTest, OlderFilesReadInANewerSchema) {
  std::mt19937_64 random(1);
  const auto old_schema = SchemaOf({TypeKind::kInt32, TypeKind::kFloat32});
  const Rows rows = RandomRows(*old_schema, 50, random);
  auto meta = Write(disk, old_schema, rows, {});
  ASSERT_TRUE(meta.ok());
  const Schema newer(2, 3,
                     {{3, "added", TypeKind::kString},
                      {1, "renamed", TypeKind::kInt64},
                      {2, "c2", TypeKind::kFloat64}});
  auto reader = SegmentReader::Open(disk, folder.path(), *meta, old_schema);
  ASSERT_TRUE(reader.ok());
  const std::vector<ColumnId> ids = {3, 1, 2};
  auto batch = (*reader)->Read(0, ids, newer);
  ASSERT_TRUE(batch.ok()) << batch.status().ToString();
  EXPECT_EQ((*batch)->column(0)->null_count(), 50);
  EXPECT_EQ((*batch)->schema()->field(1)->name(), "renamed");
  for (std::int64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(ValueAt(*(*batch)->column(1), i), ValueAt(*rows.batch->column(0), i));
    EXPECT_EQ(ValueAt(*(*batch)->column(2), i), ValueAt(*rows.batch->column(1), i));
  }
  EXPECT_EQ((*reader)->RowGroupStats(0, 3, TypeKind::kString).nulls, 50u);
}

TEST_F(SegmentTest, AFlippedByteAnywhereIsNoticedOrHarmless) {
  std::mt19937_64 random(7);
  const auto schema = SchemaOf({TypeKind::kInt64, TypeKind::kString, TypeKind::kFloat64});
  const Rows rows = RandomRows(*schema, 120, random);
  auto meta = Write(disk, schema, rows, {.row_group_rows = 50});
  ASSERT_TRUE(meta.ok());
  const std::string path = folder.path() + "/" + meta->path;
  const std::string good = *disk.ReadFile(path);
  std::size_t noticed = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (random() % 8)));
    {
      auto file = disk.OpenForWrite(path, io::OpenMode::kTruncate);
      ASSERT_TRUE(file.ok() && (*file)->WriteAt(0, bad).ok());
    }
    auto reader = SegmentReader::Open(disk, folder.path(), *meta, schema);
    if (!reader.ok()) {
      EXPECT_EQ(reader.status().code(), Code::kCorruption) << at;
      ++noticed;
      continue;
    }
    std::int64_t row = 0;
    bool refused = false;
    for (int group = 0; group < (*reader)->row_groups() && !refused; ++group) {
      auto batch = (*reader)->Read(group, AllIds(*schema), *schema);
      if (!batch.ok()) {
        EXPECT_EQ(batch.status().code(), Code::kCorruption) << at;
        EXPECT_NE(batch.status().message().find(path), std::string_view::npos);
        refused = true;
        break;
      }
      for (int i = 0; i < rows.batch->num_columns(); ++i) {
        ASSERT_TRUE(
            (*batch)->column(i)->Equals(rows.batch->column(i)->Slice(row, (*batch)->num_rows())))
            << "flipped byte " << at;
      }
      row += (*batch)->num_rows();
    }
    noticed += refused;
  }
  // Only the four bytes of magic in front belong to nothing that is read.
  EXPECT_GE(noticed, good.size() - 4);
}

TEST_F(SegmentTest, AnAbandonedSegmentLeavesNoFile) {
  std::mt19937_64 random(1);
  const auto schema = SchemaOf({TypeKind::kInt64});
  const Rows rows = RandomRows(*schema, 10, random);
  {
    auto writer =
        SegmentWriter::Create(disk, io::Failpoints::None(), folder.path(), "s.parquet", schema, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(rows.batch, rows.sequences).ok());
    EXPECT_TRUE(*disk.Exists(folder.path() + "/s.parquet"));
  }
  EXPECT_FALSE(*disk.Exists(folder.path() + "/s.parquet"));
}

TEST_F(SegmentTest, AFinishedSegmentSurvivesAPowerCut) {
  std::mt19937_64 random(1);
  testing::MemoryFileSystem memory;
  ASSERT_TRUE(memory.CreateDirectories(folder.path()).ok());
  const auto schema = SchemaOf({TypeKind::kInt64, TypeKind::kString});
  const Rows rows = RandomRows(*schema, 100, random);
  auto meta = Write(memory, schema, rows, {});
  ASSERT_TRUE(meta.ok()) << meta.status().ToString();
  memory.PowerCut();
  ExpectReadsBack(memory, *meta, schema, rows);
}

TEST(CompressionTest, LevelsAreCheckedAgainstTheCodec) {
  for (const auto& [codec, level, ok] :
       std::vector<std::tuple<const char*, int, bool>>{{"zstd", 1, true},
                                                       {"zstd", 22, true},
                                                       {"zstd", 23, false},
                                                       {"zstd", 0, false},
                                                       {"gzip", 9, true},
                                                       {"gzip", 10, false},
                                                       {"brotli", 0, true},
                                                       {"brotli", 12, false},
                                                       {"snappy", 1, false}}) {
    EXPECT_EQ(CheckCompression({.codec = *ParseCodec(codec), .level = level}).ok(), ok)
        << codec << level;
  }
  EXPECT_EQ(ParseCodec("lzma").status().code(), Code::kInvalidDefinition);
}

TEST_F(SegmentTest, DumpNamesColumnsAndRowGroups) {
  std::mt19937_64 random(1);
  const auto schema = SchemaOf({TypeKind::kInt64});
  auto meta = Write(disk, schema, RandomRows(*schema, 10, random), {});
  ASSERT_TRUE(meta.ok());
  std::string text;
  ASSERT_TRUE(DumpSegment(disk, folder.path() + "/" + meta->path, text).ok());
  EXPECT_NE(text.find("10 rows"), std::string::npos);
  EXPECT_NE(text.find("c1"), std::string::npos);
}

}  // namespace
}  // namespace granary::storage
