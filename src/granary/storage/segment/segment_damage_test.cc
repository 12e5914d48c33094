// Goal: a damaged byte never gives a wrong answer, and a write that fails leaves nothing behind.
#include <gtest/gtest.h>

#include <arrow/compute/initialize.h>

#include "granary/storage/segment/segment_test_support.h"
#include "granary/testing/faulty_file_system.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using sample::kFile;
using sample::kFolder;
using sample::Rows;

const std::string kPath = io::JoinPath(kFolder, kFile);

struct SegmentDamageTest : ::testing::Test {
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  void MakeSegment(io::FileSystem& into) {
    schema = sample::SchemaOf({TypeKind::kInt64, TypeKind::kString, TypeKind::kFloat64,
                               DataType::Timestamp(TimeUnit::kNano)});
    rows = sample::RandomRows(random, *schema, 120);
    auto written = sample::WriteSegment(into, schema, rows, {.row_group_rows = 50});
    ASSERT_TRUE(written.ok()) << written.status().ToString();
    meta = written.Take();
  }

  sample::Generator random{testing::SeedFromEnvironment()};
  testing::MemoryFileSystem files;
  SchemaPtr schema;
  Rows rows;
  SegmentMeta meta;
};

TEST_F(SegmentDamageTest, AFlippedByteAnywhereIsNoticed) {
  MakeSegment(files);
  for (std::uint64_t at = 4; at < meta.bytes;
       at += static_cast<std::uint64_t>(sample::Between(random, 1, 5))) {
    const auto mask = static_cast<std::uint8_t>(sample::Between(random, 1, 255));
    ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
    const Status status = sample::ReadBack(files, meta, schema, rows);
    EXPECT_EQ(status.code(), Code::kCorruption) << at;
    EXPECT_NE(status.message().find(kPath), std::string_view::npos) << status.message();
    ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
  }
  EXPECT_TRUE(sample::ReadBack(files, meta, schema, rows).ok());
}

TEST_F(SegmentDamageTest, TheMagicInFrontIsReadByNobody) {
  MakeSegment(files);
  ASSERT_TRUE(files.FlipBits(kPath, 0, 1).ok());
  EXPECT_TRUE(sample::ReadBack(files, meta, schema, rows).ok());
}

TEST_F(SegmentDamageTest, WithoutTheFootersChecksumColumnsAreStillGuarded) {
  MakeSegment(files);
  const std::uint64_t columns_end = meta.bytes - meta.footer_bytes;
  meta.footer_bytes = 0;
  ASSERT_TRUE(sample::ReadBack(files, meta, schema, rows).ok());
  for (std::uint64_t at = 4; at < columns_end;
       at += static_cast<std::uint64_t>(sample::Between(random, 1, 40))) {
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x10).ok());
    EXPECT_EQ(sample::ReadBack(files, meta, schema, rows).code(), Code::kCorruption) << at;
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x10).ok());
  }
}

// Parquet's own parser has the footer then. What it reads may be wrong; that it must not be, only
// the checksum can promise. It may not take the process along.
TEST_F(SegmentDamageTest, WithoutItsChecksumAFootersBytesAreReadOrAreDamage) {
  MakeSegment(files);
  const std::uint64_t columns_end = meta.bytes - meta.footer_bytes;
  meta.footer_bytes = 0;
  std::size_t damaged = 0;
  for (std::uint64_t at = columns_end; at < meta.bytes; ++at) {
    for (const std::uint8_t mask : {0x01, 0x02, 0x06, 0x40, 0x80}) {
      ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
      const auto reader = SegmentReader::Open(files, kFolder, meta, schema);
      Status status = reader.status();
      for (int group = 0; status.ok() && group < (*reader)->row_groups(); ++group) {
        EXPECT_GE((*reader)->rows(group), 0);
        for (const Column& column : schema->columns())
          (void)(*reader)->RowGroupStats(group, column.id, column.type);
        status = (*reader)->Read(group, sample::AllIds(*schema), *schema).status();
      }
      EXPECT_TRUE(status.ok() || status.code() == Code::kCorruption) << status.ToString();
      damaged += status.ok() ? 0 : 1;
      std::string text;
      const Status dumped = DumpSegment(files, kPath, text);
      EXPECT_TRUE(dumped.ok() || dumped.code() == Code::kCorruption) << dumped.ToString();
      ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
    }
  }
  EXPECT_GT(damaged, 100u);
}

TEST_F(SegmentDamageTest, AFileOfAnotherLengthOrRowCountIsRefused) {
  MakeSegment(files);
  for (const std::uint64_t bytes :
       {meta.bytes - 1, meta.bytes / 2, std::uint64_t{8}, std::uint64_t{0}}) {
    ASSERT_TRUE(files.OpenForWrite(kPath, io::OpenMode::kExisting).Take()->Truncate(bytes).ok());
    EXPECT_EQ(SegmentReader::Open(files, kFolder, meta, schema).status().code(), Code::kCorruption);
    SegmentMeta unknown;
    unknown.path = meta.path;
    EXPECT_EQ(SegmentReader::Open(files, kFolder, unknown, schema).status().code(),
              Code::kCorruption);
    std::string text;
    EXPECT_EQ(DumpSegment(files, kPath, text).code(), Code::kCorruption);
    EXPECT_NE(text.find("no readable Parquet footer"), std::string::npos);
  }
  ASSERT_TRUE(files.RemoveTree(kFolder).ok());
  MakeSegment(files);
  ++meta.rows;
  EXPECT_EQ(SegmentReader::Open(files, kFolder, meta, schema).status().code(), Code::kCorruption);
  meta.path = "gone.parquet";
  EXPECT_EQ(SegmentReader::Open(files, kFolder, meta, schema).status().code(), Code::kCorruption);
}

TEST_F(SegmentDamageTest, DumpNamesTheDamagedColumn) {
  MakeSegment(files);
  ASSERT_TRUE(files.FlipBits(kPath, 30, 1).ok());
  std::string text;
  EXPECT_EQ(DumpSegment(files, kPath, text).code(), Code::kCorruption);
  EXPECT_NE(text.find("DAMAGED"), std::string::npos);
  EXPECT_NE(text.find("row group 2"), std::string::npos) << "it goes on after the damage";
}

TEST_F(SegmentDamageTest, AFailedReadIsItself) {
  MakeSegment(files);
  testing::FaultyFileSystem faulty(files);
  for (std::uint64_t nth = 1;; ++nth) {
    faulty.FailRead({.nth = nth});
    const Status status = sample::ReadBack(faulty, meta, schema, rows);
    if (faulty.reads() < nth) break;
    EXPECT_EQ(status.code(), Code::kIoError) << nth << " " << status.ToString();
  }
}

TEST_F(SegmentDamageTest, EachFailingCallLeavesNoFileAndKeepsItsReason) {
  testing::FaultyFileSystem faulty(files);
  schema = sample::SchemaOf({TypeKind::kString, DataType::Timestamp(TimeUnit::kNano)});
  // The last value is finer: the file is written twice.
  std::vector<Value> times(120, std::int64_t{5'000});
  times.back() = std::int64_t{5'001};
  rows = sample::WithSequences(arrow::RecordBatch::Make(
      schema->ToArrow(), 120,
      {sample::ArrayOf(TypeKind::kString, sample::RandomValues(random, TypeKind::kString, 120)),
       sample::ArrayOf(DataType::Timestamp(TimeUnit::kNano), times)}));
  for (const Code code : {Code::kIoError, Code::kDiskFull}) {
    for (std::uint64_t nth = 1;; ++nth) {
      ASSERT_TRUE(files.RemoveTree(kFolder).ok());
      faulty.FailChange({.nth = nth, .code = code, .short_write = true});
      const auto written = sample::WriteSegment(faulty, schema, rows, {.row_group_rows = 50});
      if (faulty.changes() < nth) {
        EXPECT_GT(nth, 6u);
        ASSERT_TRUE(written.ok());
        EXPECT_TRUE(sample::ReadBack(files, *written, schema, rows).ok());
        break;
      }
      const bool only_cleaning_failed = written.ok();
      if (only_cleaning_failed) continue;
      EXPECT_EQ(written.status().code(), code) << nth << " " << written.status().ToString();
      EXPECT_FALSE(*files.Exists(kPath)) << faulty.failed_call();
      EXPECT_FALSE(*files.Exists(kPath + ".tmp")) << faulty.failed_call();
    }
  }
}

TEST_F(SegmentDamageTest, AFullDiskIsNamedAndLeavesNothing) {
  schema = sample::SchemaOf({TypeKind::kBinary});
  std::vector<Value> values;
  for (int i = 0; i < 100; ++i)
    values.push_back(sample::RandomBytes(random, 90) + std::to_string(i));
  rows = sample::WithSequences(arrow::RecordBatch::Make(
      schema->ToArrow(), 100, {sample::ArrayOf(TypeKind::kBinary, values)}));
  files.SetCapacity(2000);
  EXPECT_EQ(sample::WriteSegment(files, schema, rows, {}).status().code(), Code::kDiskFull);
  EXPECT_FALSE(*files.Exists(kPath));
}

TEST_F(SegmentDamageTest, AfterAFailureTheWriterFailsForGood) {
  schema = sample::SchemaOf({TypeKind::kInt64});
  rows = sample::RandomRows(random, *schema, 10);
  io::Failpoints failpoints;
  ASSERT_TRUE(failpoints.Arm("segment.row_group=error@1").ok());
  const auto writer =
      SegmentWriter::Create(files, failpoints, kFolder, kFile, schema, {.row_group_rows = 10})
          .Take();
  EXPECT_EQ(writer->Append(rows.batch, rows.sequences).code(), Code::kIoError);
  EXPECT_EQ(writer->Append(rows.batch, rows.sequences).code(), Code::kIoError);
  EXPECT_EQ(writer->Finish().status().code(), Code::kIoError);
}

TEST_F(SegmentDamageTest, AnAbandonedSegmentLeavesNoFile) {
  schema = sample::SchemaOf({TypeKind::kInt64});
  rows = sample::RandomRows(random, *schema, 10);
  for (const std::int64_t row_group_rows : {4, 100}) {
    auto writer = SegmentWriter::Create(files, io::Failpoints::None(), kFolder, kFile, schema,
                                        {.row_group_rows = row_group_rows})
                      .Take();
    ASSERT_TRUE(writer->Append(rows.batch, rows.sequences).ok());
    EXPECT_TRUE(*files.Exists(kPath));
    writer.reset();
    EXPECT_FALSE(*files.Exists(kPath));
  }
}

TEST_F(SegmentDamageTest, AFileThatIsThereIsNotOverwritten) {
  MakeSegment(files);
  const auto second =
      SegmentWriter::Create(files, io::Failpoints::None(), kFolder, kFile, schema, {});
  EXPECT_EQ(second.status().code(), Code::kConflict);
  EXPECT_TRUE(sample::ReadBack(files, meta, schema, rows).ok());
}

TEST_F(SegmentDamageTest, AFinishedSegmentSurvivesAPowerCut) {
  MakeSegment(files);
  files.PowerCut();
  EXPECT_TRUE(sample::ReadBack(files, meta, schema, rows).ok());
}

}  // namespace
}  // namespace granary::storage
