// Goal: rows read by their pages are the rows that reading everything gives, whatever is damaged,
// and the bounds of a page hold for every value in it.
#include <gtest/gtest.h>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>

#include <cmath>

#include "granary/base/crc32c.h"
#include "granary/storage/segment/segment_test_support.h"
#include "granary/testing/memory_file_system.h"
#include "granary/testing/seed.h"

namespace granary::storage {
namespace {

using sample::kFile;
using sample::kFolder;
using sample::Rows;

const std::string kPath = io::JoinPath(kFolder, kFile);

struct SegmentPagesTest : ::testing::Test {
  static void SetUpTestSuite() { ASSERT_TRUE(arrow::compute::Initialize().ok()); }

  void Write(SchemaPtr of, std::int64_t count, SegmentWriterOptions options) {
    schema = std::move(of);
    rows = sample::RandomRows(random, *schema, count);
    auto written = sample::WriteSegment(files, schema, rows, options);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
    meta = written.Take();
  }
  std::shared_ptr<const SegmentReader> Open() const {
    auto opened =
        SegmentReader::Open(const_cast<testing::MemoryFileSystem&>(files), kFolder, meta, schema);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    return opened.Take();
  }
  RowSpans SomeSpans(std::int64_t count) {
    RowSpans spans;
    std::int64_t at = sample::Between(random, 0, count / 2);
    while (at < count) {
      const std::int64_t end = std::min(count, at + sample::Between(random, 1, count / 3 + 1));
      AddSpan(spans, {at, end});
      at = end + sample::Between(random, 0, count / 2);
    }
    return spans;
  }
  /// Equal to what reading everything gives.
  void Expect(const SegmentReader& reader, int group, const RowSpans& spans,
              const std::vector<ColumnId>& columns, TextForm texts = TextForm::kPlain) {
    const auto all = reader.Read(group, columns, *schema, nullptr, {}, texts);
    ASSERT_TRUE(all.ok()) << all.status().ToString();
    const auto some = reader.ReadRows(group, spans, columns, *schema, nullptr, {}, texts);
    ASSERT_TRUE(some.ok()) << some.status().ToString();
    ASSERT_EQ((*some)->num_rows(), CountRows(spans));
    EXPECT_TRUE((*some)->schema()->Equals(*(*all)->schema()));
    for (int i = 0; i < (*all)->num_columns(); ++i) {
      const auto expected = SliceRows((*all)->column(i), spans).Take();
      EXPECT_TRUE(
          (*some)->column(i)->Equals(*expected, arrow::EqualOptions::Defaults().nans_equal(true)))
          << (*all)->schema()->field(i)->ToString();
    }
  }

  sample::Generator random{testing::SeedFromEnvironment()};
  testing::MemoryFileSystem files;
  SchemaPtr schema;
  Rows rows;
  SegmentMeta meta;
};

TEST_F(SegmentPagesTest, SomeRowsOfEveryTypeAreThoseOfTheWhole) {
  for (const Codec codec : {Codec::kSnappy, Codec::kNone, Codec::kZstd}) {
    Write(sample::SchemaOfAllTypes(), 700,
          {.compression = {.codec = codec}, .row_group_rows = 300, .page_rows = 32});
    const auto reader = Open();
    for (int group = 0; group < reader->row_groups(); ++group) {
      for (int i = 0; i < 12; ++i) {
        const RowSpans spans = SomeSpans(reader->rows(group));
        if (spans.empty()) continue;
        Expect(*reader, group, spans, sample::AllIds(*schema),
               i % 2 == 0 ? TextForm::kPlain : TextForm::kCoded);
      }
      Expect(*reader, group, {{0, reader->rows(group)}}, sample::AllIds(*schema));
      Expect(*reader, group, {{reader->rows(group) - 1, reader->rows(group)}}, {1});
    }
    EXPECT_TRUE(reader->page_index_failure().ok()) << reader->page_index_failure().ToString();
    ASSERT_TRUE(files.RemoveTree(kFolder).ok());
  }
}

TEST_F(SegmentPagesTest, AFractionOfTheBytesIsRead) {
  Write(sample::SchemaOf({TypeKind::kInt64}), 20'000, {.page_rows = 1000});
  const auto reader = Open();
  const std::vector<ColumnId> columns = {kSequenceColumnId};
  reader->LoadPages(columns);
  std::uint64_t whole = 0, some = 0;
  ASSERT_TRUE(reader->Read(0, columns, *schema, &whole).ok());
  ASSERT_TRUE(reader->ReadRows(0, {{4'000, 5'000}}, columns, *schema, &some).ok());
  EXPECT_GT(some, 0u);
  EXPECT_LT(some * 10, whole);
}

TEST_F(SegmentPagesTest, WhatIsReadOfTheEndOfTheFileIsCountedOnce) {
  Write(sample::SchemaOf({TypeKind::kInt64}), 1000, {.page_rows = 100});
  const auto reader = Open();
  std::uint64_t read = 0;
  EXPECT_FALSE(reader->HasLoadedPages(std::vector<ColumnId>{1}));
  reader->LoadPages(std::vector<ColumnId>{1}, &read);
  EXPECT_EQ(read, meta.footer_bytes);
  EXPECT_TRUE(reader->HasLoadedPages(std::vector<ColumnId>{1}));
  reader->LoadPages(std::vector<ColumnId>{1}, &read);
  EXPECT_EQ(read, meta.footer_bytes);
}

bool IsNan(const Value& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

TEST_F(SegmentPagesTest, BoundsHoldForEveryValueOfTheirPage) {
  Write(sample::SchemaOfAllTypes(), 900, {.row_group_rows = 400, .page_rows = 25});
  const auto reader = Open();
  std::vector<ColumnId> ids = sample::AllIds(*schema);
  reader->LoadPages(ids);
  std::size_t pages_with_bounds = 0;
  std::int64_t begin = 0;
  for (int group = 0; group < reader->row_groups(); begin += reader->rows(group++)) {
    for (std::size_t at = 0; at < ids.size(); ++at) {
      const auto pages = reader->Pages(group, ids[at]);
      const bool is_sequence = ids[at] == kSequenceColumnId;
      if (!is_sequence && schema->columns()[at].type.kind() == TypeKind::kList) {
        EXPECT_EQ(pages, nullptr);
        continue;
      }
      ASSERT_NE(pages, nullptr);
      EXPECT_GE(pages->count(), 4u);
      EXPECT_EQ(pages->first_rows.back(), reader->rows(group));
      for (std::size_t page = 0; page < pages->stats.size(); ++page) {
        const ColumnStats& stats = pages->stats[page];
        EXPECT_FALSE(stats.min_exact || stats.max_exact);
        std::uint64_t nulls = 0;
        for (std::int64_t row = pages->first_rows[page]; row < pages->first_rows[page + 1]; ++row) {
          const Value value = is_sequence
                                  ? Value(rows.sequences->Value(begin + row))
                                  : ValueAt(*rows.batch->column(static_cast<int>(at)), begin + row);
          nulls += IsNull(value) ? 1 : 0;
          if (IsNull(value)) continue;
          if (IsNan(value)) {
            EXPECT_TRUE(stats.may_have_nan);
            continue;
          }
          if (!IsNull(stats.min)) {
            EXPECT_TRUE(Compare(stats.min, value) <= 0);
            EXPECT_TRUE(Compare(stats.max, value) >= 0);
          }
        }
        EXPECT_EQ(stats.nulls.value_or(nulls), nulls);
        pages_with_bounds += IsNull(stats.min) ? 0 : 1;
      }
    }
  }
  EXPECT_GT(pages_with_bounds, 300u);
}

TEST_F(SegmentPagesTest, AFlippedByteOfAPageIsNoticedOrNotRead) {
  Write(sample::SchemaOf({TypeKind::kInt64, TypeKind::kString}), 400,
        {.row_group_rows = 200, .page_rows = 20});
  const RowSpans spans = {{30, 55}, {120, 121}};
  const auto expected = Open()->ReadRows(1, spans, sample::AllIds(*schema), *schema).Take();
  std::size_t noticed = 0, not_read = 0;
  for (std::uint64_t at = 4; at < meta.bytes - meta.footer_bytes; ++at) {
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x20).ok());
    const auto read = Open()->ReadRows(1, spans, sample::AllIds(*schema), *schema);
    if (read.ok()) {
      EXPECT_TRUE((*read)->Equals(*expected)) << at;
      ++not_read;
    } else {
      EXPECT_EQ(read.status().code(), Code::kCorruption) << at;
      ++noticed;
    }
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x20).ok());
  }
  EXPECT_GT(noticed, 100u);
  EXPECT_GT(not_read, 100u);
}

// The footer is right when the file is opened, and is not when the page index is read.
TEST_F(SegmentPagesTest, ADamagedPageIndexIsToldAndEverythingIsRead) {
  Write(sample::SchemaOf({TypeKind::kInt64, TypeKind::kString}), 300, {.page_rows = 20});
  for (std::uint64_t at = meta.bytes - meta.footer_bytes; at < meta.bytes; at += 3) {
    const auto reader = Open();
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x10).ok());
    Expect(*reader, 0, {{40, 70}}, sample::AllIds(*schema));
    EXPECT_EQ(reader->Pages(0, 1), nullptr);
    EXPECT_EQ(reader->page_index_failure().code(), Code::kCorruption) << at;
    EXPECT_NE(reader->page_index_failure().message().find(kPath), std::string_view::npos);
    ASSERT_TRUE(files.FlipBits(kPath, at, 0x10).ok());
  }
}

TEST_F(SegmentPagesTest, AFileWithoutAChecksumOfItsEndIsReadWhole) {
  Write(sample::SchemaOf({TypeKind::kInt64, TypeKind::kString}), 300, {.page_rows = 20});
  meta.footer_bytes = 0;
  const auto reader = Open();
  Expect(*reader, 0, {{40, 70}}, sample::AllIds(*schema));
  EXPECT_EQ(reader->Pages(0, 1), nullptr);
  EXPECT_FALSE(reader->page_index_failure().ok());
}

// An index that its checksum vouches for, and that is wrong all the same: where it contradicts the
// footer or the pages everything is read. What it says of places is never believed blindly.
TEST_F(SegmentPagesTest, AnIndexThatContradictsThePagesGivesNoOtherRows) {
  Write(sample::SchemaOf({TypeKind::kInt64, TypeKind::kString}), 300, {.page_rows = 20});
  const RowSpans spans = {{35, 64}, {200, 205}};
  const auto expected = Open()->ReadRows(0, spans, sample::AllIds(*schema), *schema).Take();
  std::size_t distrusted = 0;
  const std::uint64_t begin = meta.bytes - meta.footer_bytes;
  for (std::uint64_t at = begin; at < meta.bytes; ++at) {
    for (const std::uint8_t mask : {0x01, 0x02, 0x08, 0x80}) {
      ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
      SegmentMeta other = meta;
      std::string tail(meta.footer_bytes, 0);
      ASSERT_TRUE(files.OpenForRead(kPath).Take()->ReadAt(begin, tail).ok());
      other.footer_crc = Crc32c(tail);
      const auto reader = SegmentReader::Open(files, kFolder, other, schema);
      if (reader.ok() && (*reader)->row_groups() == 1 && (*reader)->rows(0) == 300) {
        (*reader)->LoadPages(sample::AllIds(*schema));
        const auto whole = (*reader)->Read(0, sample::AllIds(*schema), *schema);
        const auto read = (*reader)->ReadRows(0, spans, sample::AllIds(*schema), *schema);
        distrusted += (*reader)->page_index_failure().ok() ? 0 : 1;
        if (whole.ok()) {
          ASSERT_TRUE(read.ok()) << at << " " << read.status().ToString();
          for (int i = 0; i < (*whole)->num_columns(); ++i) {
            EXPECT_TRUE((*read)->column(i)->Equals(*SliceRows((*whole)->column(i), spans).Take()))
                << at - begin << " " << int{mask} << " column " << i;
          }
        } else if (!read.ok()) {
          EXPECT_EQ(read.status().code(), Code::kCorruption);
        }
      }
      ASSERT_TRUE(files.FlipBits(kPath, at, mask).ok());
    }
  }
  EXPECT_GT(distrusted, 50u);
}

// A bulk's file counts from 0; the manifest says where its sequences begin.
TEST_F(SegmentPagesTest, SequencesOfABulkCountFromWhereTheManifestSays) {
  Write(sample::SchemaOf({TypeKind::kInt64}), 300, {.page_rows = 20});
  meta.min_sequence += 1'000'000;
  const auto reader = Open();
  reader->LoadPages(std::vector<ColumnId>{kSequenceColumnId});
  const auto pages = reader->Pages(0, kSequenceColumnId);
  ASSERT_NE(pages, nullptr);
  EXPECT_EQ(pages->stats.front().min, Value(std::int64_t{1'000'100}));
  Expect(*reader, 0, {{100, 120}}, {kSequenceColumnId});
  const auto some =
      reader->ReadRows(0, {{1, 2}}, std::vector<ColumnId>{kSequenceColumnId}, *schema).Take();
  EXPECT_EQ(ValueAt(*some->column(0), 0), Value(std::int64_t{1'000'103}));
}

}  // namespace
}  // namespace granary::storage
