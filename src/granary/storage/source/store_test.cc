#include "granary/storage/source/store.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "granary/storage/source/store_test_support.h"
#include "granary/storage/stats/stats_builder.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::storage {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> ParquetFiles(const std::string& folder) {
  std::vector<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".parquet")
      names.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Waits for something that a background thread does; the limit only ends a failing test.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

using StoreWriteTest = StoreTest;

TEST_F(StoreWriteTest, ShowsAWriteAtOnceWithItsSequences) {
  Open();
  const auto source = Add(TestDefinition("s"));
  const WriteOutcome first = Write(*source, {Row(1), Row(2)});
  EXPECT_EQ(first.first_sequence, 1u);
  EXPECT_EQ(first.last_sequence, 2u);
  EXPECT_EQ(first.schema_version, 1u);
  EXPECT_TRUE(first.durable);
  const WriteOutcome second = Write(*source, {{3, std::nullopt, std::nullopt}});
  EXPECT_EQ(second.first_sequence, 3u);
  const SourceSnapshot snapshot = source->Snapshot();
  EXPECT_EQ(snapshot.visible_sequence, 3u);
  EXPECT_EQ(InOrder(RowsOf(snapshot)),
            (std::vector<TestRow>{Row(1), Row(2), {3, std::nullopt, std::nullopt}}));
}

TEST_F(StoreWriteTest, TakesAnEmptyBatchWithoutASequence) {
  Open();
  const auto source = Add(TestDefinition("s"));
  const WriteOutcome outcome = Write(*source, {});
  EXPECT_EQ(outcome.first_sequence, 1u);
  EXPECT_EQ(outcome.last_sequence, 0u);
  EXPECT_EQ(Write(*source, {Row(1)}).first_sequence, 1u);
}

TEST_F(StoreWriteTest, KeepsHotAndFlushedRowsOverRestarts) {
  Open();
  Add(TestDefinition("s"));
  std::vector<TestRow> expected;
  for (int round = 0; round < 4; ++round) {
    const auto source = Find("s");
    for (int i = 0; i < 3; ++i) {
      expected.push_back(Row(round * 10 + i));
      Write(*source, {expected.back()});
      if (i == round % 3) Flush(*source);
    }
    EXPECT_EQ(Rows(*source), expected);
    Open();
    EXPECT_EQ(Rows(*Find("s")), expected);
  }
  EXPECT_EQ(Write(*Find("s"), {Row(99)}).first_sequence, expected.size() + 1);
}

TEST_F(StoreWriteTest, LeavesASnapshotAsItWas) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});
  const SourceSnapshot snapshot = source->Snapshot();
  const TestRows before = RowsOf(snapshot);
  Write(*source, {Row(3)});
  Flush(*source);
  Write(*source, {Row(4)});
  EXPECT_EQ(RowsOf(snapshot), before);
  EXPECT_EQ(snapshot.visible_sequence, 2u);
  EXPECT_EQ(Rows(*source).size(), 4u);
}

TEST_F(StoreWriteTest, AsksForANewParseWhenTheSchemaMovedOn) {
  Open();
  const auto source = Add(TestDefinition("s"));
  const SchemaPtr first = source->schema();
  const auto with_a =
      std::make_shared<const Schema>(first->WithColumn("a", TypeKind::kInt64).Take());
  const auto with_b =
      std::make_shared<const Schema>(first->WithColumn("b", TypeKind::kInt64).Take());
  ASSERT_TRUE(source->Write(with_a, TestBatch(*with_a, {Row(1)})).ok());
  EXPECT_EQ(source->Write(with_b, TestBatch(*with_b, {Row(2)})).status().code(), Code::kConflict);
  EXPECT_EQ(source->Write(first, TestBatch(*first, {Row(2)})).status().code(), Code::kConflict);
  EXPECT_EQ(source->schema()->version(), 2u);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(1)});

  const SchemaPtr current = source->schema();
  const auto both =
      std::make_shared<const Schema>(current->WithColumn("b", TypeKind::kInt64).Take());
  EXPECT_TRUE(source->Write(both, TestBatch(*both, {Row(2)})).ok());
  Open();
  EXPECT_EQ(Find("s")->schema()->columns().size(), 5u);
  EXPECT_EQ(Find("s")->schema_history().size(), 3u);
  EXPECT_EQ(Rows(*Find("s")), (std::vector<TestRow>{Row(1), Row(2)}));
}

TEST_F(StoreWriteTest, FlushesRowsOfOlderSchemasInTheNewestOne) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  const auto wider =
      std::make_shared<const Schema>(source->schema()->WithColumn("x", TypeKind::kInt64).Take());
  ASSERT_TRUE(source->Write(wider, TestBatch(*wider, {Row(2)})).ok());
  Flush(*source);
  const SourceSnapshot snapshot = source->Snapshot();
  ASSERT_EQ(snapshot.segments.size(), 1u);
  EXPECT_EQ(snapshot.segments[0]->meta().schema_version, 2u);
  EXPECT_EQ(InOrder(RowsOf(snapshot)), (std::vector<TestRow>{Row(1), Row(2)}));
}

TEST_F(StoreWriteTest, RefusesToRoundStoredIntegers) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row((std::int64_t{1} << 53) + 1)});
  const SchemaPtr schema = source->schema();
  const auto wider =
      std::make_shared<const Schema>(schema->WithWidened(1, TypeKind::kFloat64).Take());
  arrow::ArrayVector columns = TestBatch(*schema, {Row(1)})->columns();
  columns[0] = arrow::MakeArrayOfNull(arrow::float64(), 1).ValueOrDie();
  const auto batch = arrow::RecordBatch::Make(wider->ToArrow(), 1, columns);
  EXPECT_EQ(source->Write(wider, batch).status().code(), Code::kInvalidRecord);
  Flush(*source);
  EXPECT_EQ(source->Write(wider, batch).status().code(), Code::kInvalidRecord);
  EXPECT_EQ(source->schema()->version(), 1u);
}

TEST_F(StoreWriteTest, GivesWhatHasNoLogNoPromise) {
  SourceDefinition definition = TestDefinition("s");
  definition.wal_enabled = false;
  Open();
  const auto source = Add(definition);
  EXPECT_FALSE(Write(*source, {Row(1)}).durable);
  EXPECT_EQ(store_->wal_stats()[0].frames + store_->wal_stats()[1].frames, 0u);
  Flush(*source);
  Write(*source, {Row(2)});
  // A clean stop loses nothing all the same.
  Open();
  EXPECT_EQ(Rows(*Find("s")), (std::vector<TestRow>{Row(1), Row(2)}));
}

TEST_F(StoreWriteTest, RefusesWritesBeyondItsMemoryUntilAFlush) {
  options_.hot_bytes_max = 1 << 20;
  Open();
  const auto source = Add(TestDefinition("s"));
  const std::vector<TestRow> big(100, Row(1, "p", std::string(1000, 'x')));
  Status refused;
  // The background flushes at three quarters; the failpoint holds it off.
  ASSERT_TRUE(failpoints_.Arm("flush.before_segments=error@1+").ok());
  for (int i = 0; i < 40 && refused.ok(); ++i) refused = WriteRows(*source, big).status();
  EXPECT_EQ(refused.code(), Code::kOverloaded);
  EXPECT_LE(store_->hot_bytes(), options_.hot_bytes_max);
  EXPECT_FALSE(Rows(*source).empty());
}

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

using StoreSourcesTest = StoreTest;

TEST_F(StoreSourcesTest, AddsTheSameAgainAndRefusesAnother) {
  Open();
  auto added = store_->AddSource(TestDefinition("s"));
  ASSERT_TRUE(added.ok());
  EXPECT_TRUE(added->created);
  EXPECT_EQ(added->source->definition().name, "s");
  added = store_->AddSource(TestDefinition("s"));
  ASSERT_TRUE(added.ok());
  EXPECT_FALSE(added->created);
  SourceDefinition other = TestDefinition("s");
  other.max_file_size_mb = 7;
  EXPECT_EQ(store_->AddSource(other).status().code(), Code::kSourceConflict);
  Open();
  EXPECT_FALSE(store_->AddSource(TestDefinition("s"))->created);
  EXPECT_EQ(store_->List().size(), 1u);
}

TEST_F(StoreSourcesTest, RefusesFoldersThatOverlap) {
  Open();
  const auto at = [](const char* id, const char* path) {
    SourceDefinition definition = TestDefinition(id);
    definition.data_path = path;
    return definition;
  };
  Add(at("a", "./data/x/y"));
  for (const char* path : {"x/y", "x", "x/y/z", "wal/x", "./data", "tenants/acme/sources"}) {
    EXPECT_EQ(store_->AddSource(at("b", path)).status().code(), Code::kSourceConflict) << path;
  }
  EXPECT_TRUE(store_->AddSource(at("b", "x/z")).ok());
  EXPECT_EQ(store_->AddSource(at("c", "../c")).status().code(), Code::kInvalidPath);
  EXPECT_EQ(store_->List().size(), 2u);
}

TEST_F(StoreSourcesTest, RemovesTheFilesOfADroppedSource) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  ASSERT_FALSE(ParquetFiles(folder).empty());
  std::ofstream(folder + "/letters.txt") << "not ours";
  ASSERT_TRUE(store_->DropSource(source->definition().id, false).ok());
  EXPECT_TRUE(ParquetFiles(folder).empty());
  EXPECT_TRUE(fs::exists(folder + "/letters.txt"));
  EXPECT_EQ(store_->Find(source->definition().id).status().code(), Code::kSourceNotFound);
  EXPECT_EQ(store_->DropSource(source->definition().id, false).code(), Code::kSourceNotFound);
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kSourceNotFound);
  EXPECT_EQ(source->Flush().code(), Code::kSourceNotFound);
}

TEST_F(StoreSourcesTest, KeepsTheFilesWhenAsked) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  ASSERT_TRUE(store_->DropSource(source->definition().id, true).ok());
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 1u);
  EXPECT_EQ(store_->AddSource(TestDefinition("s")).status().code(), Code::kSourceConflict);
  Open();
  EXPECT_EQ(ParquetFiles(source->folder()).size(), 1u);
}

TEST_F(StoreSourcesTest, StartsEmptyWhenAddedAgain) {
  Open();
  auto source = Add(TestDefinition("s"));
  const SourceUid first = source->uid();
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});
  ASSERT_TRUE(store_->DropSource(source->definition().id, false).ok());
  source = Add(TestDefinition("s"));
  EXPECT_NE(source->uid(), first);
  EXPECT_TRUE(Rows(*source).empty());
  Write(*source, {Row(3)});
  // The log still holds frames of the old life.
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(3)});
}

TEST_F(StoreSourcesTest, FinishesADropThatWasCutOff) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  // The files cannot be removed just now: a folder stands where the marker is read.
  const std::string marker = source->folder() + "/.granary-source";
  fs::rename(marker, marker + ".aside");
  fs::create_directory(marker);
  EXPECT_FALSE(store_->DropSource(source->definition().id, false).ok());
  EXPECT_TRUE(store_->List().empty());
  EXPECT_EQ(store_->AddSource(TestDefinition("s")).status().code(), Code::kSourceConflict);
  fs::remove(marker);
  fs::rename(marker + ".aside", marker);
  Open();
  EXPECT_FALSE(fs::exists(source->folder()));
  EXPECT_TRUE(store_->AddSource(TestDefinition("s")).ok());
}

TEST_F(StoreSourcesTest, CountsRowsBytesAndColumns) {
  Open();
  const auto source = Add(TestDefinition("s"));
  EXPECT_EQ(source->Stats().rows, 0u);
  Write(*source, {Row(5, "a"), Row(-3, "b"), {7, std::nullopt, "v"}});
  Flush(*source);
  Write(*source, {Row(100, "c"), {8, std::nullopt, "w"}});
  const SourceStats stats = source->Stats();
  EXPECT_EQ(stats.rows, 5u);
  EXPECT_EQ(stats.hot_rows, 2u);
  EXPECT_EQ(stats.segments, 1u);
  EXPECT_EQ(stats.partitions, 1u);
  EXPECT_GT(stats.bytes, 0u);
  EXPECT_GT(stats.hot_bytes, 0u);
  EXPECT_GT(stats.wal_bytes, 0u);
  EXPECT_TRUE(stats.last_write_us.has_value());
  const ColumnStats& id = stats.columns.at(1);
  EXPECT_EQ(id.rows, 5u);
  EXPECT_EQ(id.nulls, 0u);
  EXPECT_EQ(id.min, Value(std::int64_t{-3}));
  EXPECT_EQ(id.max, Value(std::int64_t{100}));
  EXPECT_EQ(stats.columns.at(2).nulls, 2u);
  EXPECT_EQ(DistinctEstimate(stats.columns.at(2)), 3u);
}

TEST_F(StoreSourcesTest, LimitsTheirNumber) {
  options_.sources_max = 2;
  Open();
  Add(TestDefinition("a"));
  Add(TestDefinition("b"));
  EXPECT_EQ(store_->AddSource(TestDefinition("c")).status().code(), Code::kQuotaExceeded);
}

using StoreOpenTest = StoreTest;

TEST_F(StoreOpenTest, RefusesASecondStoreOnTheFolder) {
  Open();
  const auto second = Store::Open(Deps(), options_);
  EXPECT_EQ(second.status().code(), Code::kConflict);
}

TEST_F(StoreOpenTest, ServesAFolderAgainOnceItWasClosed) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  ASSERT_TRUE(store_->Close().ok());
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(source->Flush().code(), Code::kUnavailable);
  EXPECT_EQ(store_->AddSource(TestDefinition("t")).status().code(), Code::kUnavailable);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(1)});
  auto again = Store::Open(Deps(), options_);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(Rows(**(*again)->Find(source->definition().id)), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, SweepsFilesThatNoManifestNames) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  const auto named = ParquetFiles(folder);
  std::ofstream(folder + "/seg-000000009999.parquet") << "half";
  store_.reset();
  Open();
  EXPECT_EQ(ParquetFiles(folder), named);
}

TEST_F(StoreOpenTest, RefusesASourceWhoseFolderIsGone) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Add(TestDefinition("t"));
  Write(*source, {Row(1)});
  Flush(*source);
  const std::string folder = source->folder();
  store_.reset();
  fs::rename(folder, folder + ".aside");
  Open();
  EXPECT_EQ(store_->Find(source->definition().id).status().code(), Code::kCorruption);
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_EQ(store_->List().size(), 1u);
  store_.reset();
  fs::rename(folder + ".aside", folder);
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, SaysSoWhenTheManifestIsGone) {
  Open();
  Add(TestDefinition("s"));
  store_.reset();
  const std::string manifest = options_.root + "/tenants/acme/manifest.db";
  fs::rename(manifest, manifest + ".aside");
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
  std::ofstream(manifest).close();
  EXPECT_EQ(TryOpen().code(), Code::kCorruption);
  fs::rename(manifest + ".aside", manifest);
  EXPECT_TRUE(TryOpen().ok());
}

TEST_F(StoreOpenTest, KeepsTheRecordsOfAnotherTenantInTheLog) {
  options_.wal_retention_us = 0;
  options_.wal_retention_bytes = 0;
  Open();
  Write(*Add(TestDefinition("s")), {Row(1)});
  store_.reset();
  options_.tenant = TenantId::Parse("other").Take();
  Open();
  const auto theirs = Add(TestDefinition("s"));
  Write(*theirs, {Row(2)});
  Flush(*theirs);
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(2)});
  store_.reset();
  options_.tenant = TenantId::Parse("acme").Take();
  Open();
  EXPECT_EQ(Rows(*Find("s")), std::vector<TestRow>{Row(1)});
}

TEST_F(StoreOpenTest, FindsItsRecordsUnderAnotherNumberOfLanes) {
  options_.wal_lanes = 3;
  Open();
  for (const char* id : {"a", "b", "c", "d"}) Write(*Add(TestDefinition(id)), {Row(1)});
  options_.wal_lanes = 1;
  Open();
  for (const char* id : {"a", "b", "c", "d"}) Write(*Find(id), {Row(2)});
  Add(TestDefinition("e"));
  options_.wal_lanes = 5;
  Open();
  for (const char* id : {"a", "b", "c", "d"})
    EXPECT_EQ(Rows(*Find(id)), (std::vector<TestRow>{Row(1), Row(2)})) << id;
}

TEST_F(StoreOpenTest, CanBeMovedAsAWhole) {
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  Flush(*source);
  Write(*source, {Row(2)});
  store_.reset();
  fs::rename(options_.root, directory_.Join("moved"));
  options_.root = directory_.Join("moved");
  Open();
  EXPECT_EQ(Rows(*Find("s")), (std::vector<TestRow>{Row(1), Row(2)}));
}

class StoreFaultTest : public StoreTest {
 protected:
  StoreDeps Deps() override { return {faulty_, clock_, failpoints_, Logger::Null(), pool_}; }
  testing::FaultyFileSystem faulty_{files_};
};

TEST_F(StoreFaultTest, TurnsReadOnlyWhenTheLogFailsAndKeepsWhatWasAcknowledged) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  Write(*b, {Row(2)});
  faulty_.FailChange({.nth = 1});
  EXPECT_EQ(WriteRows(*a, {Row(3)}).status().code(), Code::kUnavailable);
  faulty_.Heal();
  EXPECT_EQ(WriteRows(*a, {Row(4)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(WriteRows(*b, {Row(5)}).status().code(), Code::kUnavailable);
  EXPECT_EQ(Rows(*a), std::vector<TestRow>{Row(1)});
  Flush(*a);
  EXPECT_EQ(Rows(*a), std::vector<TestRow>{Row(1)});
  Open();
  // The failed write is unknown: it may be there or not. Nothing else changed.
  std::vector<TestRow> rows = Rows(*Find("a"));
  if (rows.size() == 2) {
    EXPECT_EQ(rows.back(), Row(3));
    rows.pop_back();
  }
  EXPECT_EQ(rows, std::vector<TestRow>{Row(1)});
  EXPECT_EQ(Rows(*Find("b")), std::vector<TestRow>{Row(2)});
  Write(*Find("a"), {Row(6)});
}

TEST_F(StoreFaultTest, TakesWritesAgainAfterAFullDisk) {
  options_.wal_lanes = 1;
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  faulty_.FailChange({.nth = 1, .code = Code::kDiskFull, .and_later = true, .short_write = true});
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kDiskFull);
  EXPECT_EQ(WriteRows(*source, {Row(2)}).status().code(), Code::kDiskFull);
  EXPECT_EQ(Rows(*source), std::vector<TestRow>{Row(1)});
  faulty_.Heal();
  EXPECT_TRUE(Eventually([&] { return WriteRows(*source, {Row(3)}).ok(); }));
  const std::vector<TestRow> rows = Rows(*source);
  EXPECT_EQ(rows.back(), Row(3));
  Open();
  EXPECT_EQ(Rows(*Find("s")), rows);
}

TEST_F(StoreFaultTest, FailsAFlushAtEachFileOperationWithoutLoss) {
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  Open();
  const auto source = Add(definition);
  std::vector<TestRow> expected;
  for (std::uint64_t nth = 1;; ++nth) {
    expected.push_back(Row(static_cast<std::int64_t>(nth), nth % 2 == 0 ? "a" : "b"));
    Write(*source, {expected.back()});
    faulty_.FailChange(
        {.nth = nth, .code = nth % 3 == 0 ? Code::kDiskFull : Code::kIoError, .short_write = true});
    const Status flushed = source->Flush();
    const bool failed = faulty_.changes() >= nth;
    faulty_.Heal();
    ASSERT_EQ(Rows(*source), expected) << nth;
    ASSERT_EQ(flushed.ok(), !failed) << flushed.ToString();
    if (!failed) break;
  }
  Open();
  EXPECT_EQ(Rows(*Find("s")), expected);
}

// Flips each byte of the log between two points, and looks at who is refused.
class StoreDamageTest : public StoreTest {
 protected:
  std::string LogFile() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.root + "/wal/lane-0")) {
      if (entry.path().extension() == ".wal") names.push_back(entry.path().string());
    }
    std::sort(names.begin(), names.end());
    return names.front();
  }
};

TEST_F(StoreDamageTest, RefusesTheSourceThatLostRecordsAndServesTheOthers) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  const std::uint64_t begin = 64 + store_->wal_stats()[0].bytes;
  Write(*a, {Row(2)});
  const std::uint64_t end = 64 + store_->wal_stats()[0].bytes;
  Write(*b, {Row(3)});
  Write(*a, {Row(4)});
  Write(*b, {Row(5)});
  store_.reset();
  fs::copy(options_.root, directory_.Join("intact"), fs::copy_options::recursive);
  const std::string log = LogFile();
  const std::string intact = files_.ReadFile(log).Take();
  for (std::uint64_t at = begin; at < end; at += 23) {
    fs::remove_all(options_.root);
    fs::copy(directory_.Join("intact"), options_.root, fs::copy_options::recursive);
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << damaged;
    Open();
    const auto refused = store_->Find(SourceId::Parse("a").Take());
    EXPECT_EQ(refused.status().code(), Code::kCorruption) << at;
    EXPECT_NE(refused.status().message().find(".wal at byte"), std::string::npos)
        << refused.status().message();
    EXPECT_EQ(Rows(*Find("b")), (std::vector<TestRow>{Row(3), Row(5)})) << at;
    EXPECT_EQ(store_->List().size(), 1u);
    if (at != begin) continue;
    // It stays so, and the others go on.
    Write(*Find("b"), {Row(6)});
    Flush(*Find("b"));
    Open();
    EXPECT_EQ(store_->Find(SourceId::Parse("a").Take()).status().code(), Code::kCorruption);
    EXPECT_EQ(Rows(*Find("b")).size(), 3u);
    EXPECT_TRUE(store_->DropSource(SourceId::Parse("a").Take(), false).ok());
  }
}

TEST_F(StoreDamageTest, NoticesTheLossOfASourcesLastRecords) {
  options_.wal_lanes = 1;
  Open();
  const auto a = Add(TestDefinition("a")), b = Add(TestDefinition("b"));
  Write(*a, {Row(1)});
  const std::uint64_t begin = 64 + store_->wal_stats()[0].bytes;
  Write(*a, {Row(2)});
  const std::uint64_t end = 64 + store_->wal_stats()[0].bytes;
  Write(*b, {Row(3)});
  Write(*b, {Row(4)});
  store_.reset();
  fs::copy(options_.root, directory_.Join("intact"), fs::copy_options::recursive);
  const std::string log = LogFile();
  const std::string intact = files_.ReadFile(log).Take();
  for (std::uint64_t at = begin; at < end; at += 31) {
    fs::remove_all(options_.root);
    fs::copy(directory_.Join("intact"), options_.root, fs::copy_options::recursive);
    std::string damaged = intact;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(log, std::ios::binary) << damaged;
    Open();
    EXPECT_EQ(store_->Find(SourceId::Parse("a").Take()).status().code(), Code::kCorruption) << at;
    EXPECT_EQ(Rows(*Find("b")), (std::vector<TestRow>{Row(3), Row(4)})) << at;
  }
}

}  // namespace
}  // namespace granary::storage
