#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_clock.h"

namespace granary::storage {
namespace {

using StoreFlushTest = StoreTest;

TEST_F(StoreFlushTest, WritesAFileForEachPartition) {
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  Open();
  const auto source = Add(definition);
  Write(*source, {Row(1, "a"), Row(2, "../b"), {3, std::nullopt, "v"}, Row(4, "a")});
  Write(*source, {Row(5, "../b")});
  Flush(*source);
  const SourceSnapshot snapshot = source->Snapshot();
  EXPECT_TRUE(snapshot.hot.empty());
  ASSERT_EQ(snapshot.segments.size(), 3u);
  EXPECT_EQ(RowsOf(snapshot).size(), 5u);
  for (const auto& segment : snapshot.segments) {
    EXPECT_EQ(std::count(segment->meta().path.begin(), segment->meta().path.end(), '/'), 1);
    EXPECT_EQ(segment->meta().partition.size(), 1u);
  }
  EXPECT_EQ(source->Stats().partitions, 3u);
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 3u);
}

TEST_F(StoreFlushTest, ClustersBySortColumnsAndElseKeepsTheOrder) {
  SourceDefinition definition = TestDefinition("s");
  definition.sort_columns = {"part", "id"};
  Open();
  const auto source = Add(definition);
  Write(*source, {Row(3, "b"), Row(1, "a"), {9, std::nullopt, "v"}, Row(1, "a", "later")});
  Write(*source, {Row(2, "b"), Row(0, "a")});
  Flush(*source);
  const auto reader = source->Snapshot().segments.at(0)->Reader();
  ASSERT_TRUE(reader.ok());
  const std::vector<ColumnId> columns = {1, kSequenceColumnId};
  const auto batch = (*reader)->Read(0, columns, *source->schema()).Take();
  std::vector<std::int64_t> ids, sequences;
  for (std::int64_t i = 0; i < batch->num_rows(); ++i) {
    ids.push_back(static_cast<const arrow::Int64Array&>(*batch->column(0)).Value(i));
    sequences.push_back(static_cast<const arrow::Int64Array&>(*batch->column(1)).Value(i));
  }
  EXPECT_EQ(ids, (std::vector<std::int64_t>{0, 1, 1, 2, 3, 9}));
  EXPECT_EQ(sequences, (std::vector<std::int64_t>{6, 2, 4, 5, 1, 3}));
}

TEST_F(StoreFlushTest, SplitsFilesAtTheirSize) {
  SourceDefinition definition = TestDefinition("s");
  definition.max_file_size_mb = 1;
  definition.compression.codec = Codec::kNone;
  options_.row_group_rows = 500;
  Open();
  const auto source = Add(definition);
  std::vector<TestRow> rows;
  for (int i = 0; i < 4000; ++i)
    rows.push_back(Row(i, "p", std::to_string(i) + std::string(1000, 'x')));
  Write(*source, rows);
  Flush(*source);
  EXPECT_GE(source->Snapshot().segments.size(), 3u);
  EXPECT_EQ(Rows(*source), rows);
}

TEST_F(StoreFlushTest, DoesNotReplayWhatWasFlushed) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1), Row(2)});
  Flush(*source);
  Write(*source, {Row(3)});
  Open();
  const SourceSnapshot snapshot = Find("s")->Snapshot();
  ASSERT_EQ(snapshot.hot.size(), 1u);
  EXPECT_EQ(snapshot.hot[0].batch->num_rows(), 1);
  EXPECT_EQ(RowsOf(snapshot).size(), 3u);
}

TEST_F(StoreFlushTest, KeepsRowsReadableAndNoFilesWhenItFails) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  for (const char* point : {"flush.before_segments", "flush.after_segments",
                            "flush.before_manifest", "manifest.before_commit"}) {
    ASSERT_TRUE(failpoints_.Arm(std::string(point) + "=error@1").ok());
  }
  std::vector<TestRow> expected = {Row(1)};
  // Each round gets one point further.
  for (int failures = 0; failures < 3; ++failures) {
    EXPECT_EQ(source->Flush().code(), Code::kIoError) << failures;
    EXPECT_TRUE(ParquetFiles(source->folder()).empty());
    EXPECT_EQ(Rows(*source), expected);
    expected.push_back(Row(failures + 2));
    Write(*source, {expected.back()});
    EXPECT_EQ(Rows(*source), expected);
  }
  while (!source->Flush().ok()) {
  }
  EXPECT_EQ(Rows(*source), expected);
  EXPECT_TRUE(source->Snapshot().hot.empty());
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 1u);
}

TEST_F(StoreFlushTest, LeavesItsFilesWhenNobodyKnowsTheOutcome) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1), Row(2)});
  // Segment ids are taken by a commit of their own.
  ASSERT_TRUE(failpoints_.Arm("manifest.after_commit=error@2").ok());
  EXPECT_FALSE(source->Flush().ok());
  EXPECT_FALSE(source->Flush().ok());
  EXPECT_EQ(Rows(*source), (std::vector<TestRow>{Row(1), Row(2)}));
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 1u);
  Write(*source, {Row(3)});
  Open();
  EXPECT_EQ(Rows(*Find("s")), (std::vector<TestRow>{Row(1), Row(2), Row(3)}));
  EXPECT_EQ(Find("s")->Snapshot().segments.size(), 1u);
}

TEST_F(StoreFlushTest, RunsByItselfWhenATierIsFull) {
  options_.flush_rows = 10;
  Open();
  const auto source = Add(TestDefinition("s"));
  for (int i = 0; i < 10; ++i) Write(*source, {Row(i)});
  EXPECT_TRUE(Eventually([&] { return source->Stats().hot_rows == 0; }));
  EXPECT_EQ(Rows(*source).size(), 10u);
}

TEST_F(StoreFlushTest, IsTriedAgainAfterAFailure) {
  options_.flush_rows = 1;
  ASSERT_TRUE(failpoints_.Arm("flush.before_manifest=error@1").ok());
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  EXPECT_TRUE(Eventually([&] { return source->Stats().hot_rows == 0; }));
}

class StoreClockTest : public StoreTest {
 protected:
  StoreDeps Deps() override { return {files_, fake_clock_, failpoints_, Logger::Null(), pool_}; }
  testing::FakeClock fake_clock_;
};

TEST_F(StoreClockTest, FlushesWhatIsOld) {
  options_.flush_age_us = 1'000'000;
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  EXPECT_EQ(source->Stats().hot_rows, 1u);
  EXPECT_EQ(source->Stats().last_write_us, fake_clock_.WallMicros());
  fake_clock_.AdvanceMicros(1'000'000);
  EXPECT_TRUE(Eventually([&] { return source->Stats().hot_rows == 0; }));
}

}  // namespace
}  // namespace granary::storage
