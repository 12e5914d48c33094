#include <atomic>
#include <fstream>

#include "granary/storage/source/folder_check.h"
#include "granary/storage/source/folder_compaction.h"
#include "granary/storage/source/store_compact_test_support.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::storage {
namespace {

TEST_F(StoreCompactTest, MakesOneFileOfManyAndKeepsEveryRowAndSequence) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 50);
  Write(*source, {Row(1'000)});  // Hot, and stays so.
  const TestRows before = RowsOf(source->Snapshot());
  EXPECT_FALSE(source->Stats().last_compaction_us.has_value());
  const CompactionJob job = Compact("s");
  EXPECT_EQ(job.state, JobState::kDone) << job.failure.ToString();
  EXPECT_EQ(job.counts.files_in, 50u);
  EXPECT_EQ(job.counts.files_out, 1u);
  EXPECT_EQ(job.counts.rows, 50u);
  EXPECT_EQ(job.bytes_done, job.bytes_total);
  EXPECT_NE(job.reason.find("50 files"), std::string::npos) << job.reason;
  EXPECT_EQ(source->Stats().segments, 1u);
  EXPECT_EQ(source->Stats().hot_rows, 1u);
  EXPECT_TRUE(source->Stats().last_compaction_us.has_value());
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_EQ(Compact("s").reason, "nothing to merge");
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), before);
  EXPECT_EQ(Find("s")->Stats().segments, 1u);
}

TEST_F(StoreCompactTest, KeepsPartitionsApartAndWhatIsWhole) {
  options_.compaction.target_bytes = 8 << 10;
  options_.compaction.memory_bytes = 64 << 10;
  options_.compaction.workers = 3;
  options_.row_group_rows = 100;
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.partitions = {{"part", std::nullopt}};
  const auto source = Add(definition);
  WriteFiles(*source, 20, 150);
  const TestRows before = RowsOf(source->Snapshot());
  EXPECT_EQ(source->Stats().segments, 60u);
  CompactWell("s");
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_EQ(source->Stats().partitions, 3u);
  EXPECT_LT(source->Stats().segments, 20u);
  std::map<std::string, int> small;
  for (const auto& segment : source->Snapshot().segments) {
    const SegmentMeta& meta = segment->meta();
    if (meta.bytes < 6 << 10)
      ++small[PartitionPath(source->Snapshot().partitions, *source->schema(), meta.partition)];
  }
  for (const auto& [partition, count] : small) EXPECT_LE(count, 1) << partition;
  EXPECT_EQ(Compact("s").counts.merges, 0u);
}

TEST_F(StoreCompactTest, OrdersBySortColumnsOverAllFilesInBoundedMemory) {
  options_.compaction.target_bytes = 60 << 10;
  options_.compaction.memory_bytes = 32 << 10;  // Runs of 4 KB.
  options_.row_group_rows = 100;
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.sort_columns = {"value"};
  const auto source = Add(definition);
  WriteFiles(*source, 30, 300);
  const TestRows before = RowsOf(source->Snapshot());
  const CompactionJob job = Compact("s");
  ASSERT_EQ(job.state, JobState::kDone) << job.failure.ToString();
  EXPECT_EQ(job.counts.merges, 1u);
  EXPECT_GT(job.counts.files_out, 1u);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  const SourceSnapshot snapshot = source->Snapshot();
  auto segments = snapshot.segments;
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a->meta().id < b->meta().id; });
  std::pair<std::string, std::int64_t> last;
  const ColumnId columns[] = {source->schema()->Find("value")->id, kSequenceColumnId};
  for (const auto& segment : segments) {
    const auto reader = segment->Reader().Take();
    for (int group = 0; group < reader->row_groups(); ++group) {
      const auto batch = reader->Read(group, columns, *source->schema()).Take();
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        std::pair<std::string, std::int64_t> now{
            TextAt(*batch->column(0), row).value_or("~"),
            static_cast<const arrow::Int64Array&>(*batch->column(1)).Value(row)};
        ASSERT_LT(last, now);
        last = std::move(now);
      }
    }
  }
}

TEST_F(StoreCompactTest, WritesTheSchemaTheCodecAndTheIndexesOfNow) {
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.columns.push_back({"gone", TypeKind::kInt64});
  definition.columns.push_back({"wide", TypeKind::kInt32});
  const auto source = Add(definition);
  WriteFiles(*source, 3);
  SourceChange change;
  change.drop_columns = {"gone"};
  change.add_columns = {{"late", TypeKind::kString}};
  change.widen_columns = {{"wide", TypeKind::kInt64}};
  change.rename_columns = {{"value", "text"}};
  change.add_indexes = {{"id", IndexKind::kHash}};
  change.compression = Compression{.codec = Codec::kZstd, .level = {}, .columns = {}};
  ASSERT_TRUE(source->Change(change).ok());
  change = {};
  change.rename_columns = {{"text", "value"}};
  ASSERT_TRUE(source->Change(change).ok());
  WriteFiles(*source, 3);
  const TestRows before = RowsOf(source->Snapshot());
  CompactWell("s");
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  ASSERT_EQ(source->Snapshot().segments.size(), 1u);
  const Segment& segment = *source->Snapshot().segments[0];
  EXPECT_EQ(segment.meta().schema_version, source->schema()->version());
  ASSERT_EQ(segment.meta().indexes.size(), 1u);
  EXPECT_NE(segment.Index(segment.meta().indexes[0].key), nullptr);
  EXPECT_EQ(segment.meta().columns.at(source->schema()->Find("id")->id).rows, 6u);
  std::string dump;
  ASSERT_TRUE(DumpSegment(files_, io::JoinPath(source->folder(), segment.meta().path), dump).ok());
  EXPECT_EQ(dump.find("gone"), std::string::npos) << dump;
  EXPECT_NE(dump.find("zstd"), std::string::npos) << dump;
  // One file in the newest schema is as good as it gets; in an older one it is written anew.
  EXPECT_EQ(Compact("s").counts.merges, 0u);
  change = {};
  change.add_columns = {{"later", TypeKind::kString}};
  ASSERT_TRUE(source->Change(change).ok());
  EXPECT_EQ(Compact("s").counts.merges, 1u);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
}

class StoreCompactClockTest : public StoreCompactTest {
 protected:
  ~StoreCompactClockTest() override { store_.reset(); }  // Before its clock.
  StoreDeps Deps() override { return {files_, time_, failpoints_, Logger::Null(), pool_}; }
  testing::FakeClock time_;
};

TEST_F(StoreCompactClockTest, KeepsReplacedFilesForSnapshotsAndForTheRetention) {
  options_.snapshot_retention_us = 1'000;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  std::optional<SourceSnapshot> held = source->Snapshot();
  const SnapshotMark mark = MarkOf(*held);
  const TestRows before = RowsOf(*held);
  CompactWell("s");
  EXPECT_EQ(Files(*source), 5u);
  Open();  // What a restart sweeps is what no manifest names.
  const auto again = Find("s");
  EXPECT_EQ(Files(*again), 5u);
  const auto then = again->SnapshotOf(mark.generation);
  ASSERT_TRUE(then.ok()) << then.status().ToString();
  EXPECT_EQ(then->segments.size(), 4u);
  EXPECT_EQ(RowsOf(*Rewind(*then, mark, *held->schema)), before);
  EXPECT_EQ(Rewind(again->Snapshot(), mark, *held->schema).status().code(), Code::kCursorExpired);
  store_.reset();
  const auto report = CheckDataFolder(files_, options_.root, [](auto&&...) {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->segments, 5u);
  EXPECT_EQ(report->retired, 4u);
  EXPECT_TRUE(report->damage.empty());
  EXPECT_TRUE(report->notes.empty());
}

TEST_F(StoreCompactClockTest, RemovesWhatNobodyLooksBackAt) {
  options_.snapshot_retention_us = 1'000;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const TestRows before = RowsOf(source->Snapshot());
  std::optional<SourceSnapshot> reading = source->Snapshot();
  CompactWell("s");
  time_.AdvanceMicros(1'000);
  EXPECT_EQ(Live(source).RemoveRetired().Take(), 0u) << "too young";
  time_.AdvanceMicros(1);
  EXPECT_EQ(Live(source).RemoveRetired().Take(), 0u) << "they are being read";
  EXPECT_EQ(RowsOf(*reading), before);
  const SnapshotMark mark = MarkOf(*reading);
  reading.reset();
  EXPECT_EQ(Live(source).RemoveRetired().Take(), 4u);
  EXPECT_EQ(Files(*source), 1u);
  EXPECT_EQ(source->SnapshotOf(mark.generation).status().code(), Code::kCursorExpired);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), before);
  EXPECT_EQ(Find("s")->SnapshotOf(mark.generation).status().code(), Code::kCursorExpired);
}

TEST_F(StoreCompactTest, AFolderThatNobodyServesHasTheSamePlan) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  const SourceId id = SourceId::Parse("s").Take();
  const auto of_folder = [&](const SourceId& which) {
    return PlanFolderCompaction(files_, clock_, options_.root, which, options_.compaction,
                                CompactionWish::kWhatPays);
  };
  EXPECT_EQ(of_folder(id).status().code(), Code::kConflict) << "it is served";
  const CompactionPlan served = store_->PlanCompaction(id, CompactionWish::kWhatPays).Take();
  store_.reset();
  const auto plan = of_folder(id);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_EQ(plan->choices.size(), 1u);
  EXPECT_EQ(plan->choices[0].reason, served.choices[0].reason);
  EXPECT_EQ(plan->choices[0].inputs.size(), 4u);
  EXPECT_EQ(of_folder(SourceId::Parse("other").Take()).status().code(), Code::kSourceNotFound);
  EXPECT_EQ(PlanFolderCompaction(files_, clock_, directory_.Join("none"), id, options_.compaction,
                                 CompactionWish::kAll)
                .status()
                .code(),
            Code::kNotFound);
}

TEST_F(StoreCompactTest, AKeptFolderHoldsEveryRowOnce) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 4);
  CompactWell("s");
  EXPECT_EQ(Files(*source), 5u);
  ASSERT_TRUE(store_->DropSource(SourceId::Parse("s").Take(), true).ok());
  EXPECT_EQ(Files(*source), 1u);
}

TEST_F(StoreCompactTest, LeavesOutWhatIsNewerThanTheLastFlush) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 2);
  Write(*source, {Row(100)});  // Hot while the bulk lands: its file lies above what is flushed.
  {
    auto bulk = source->StartBulk().Take();
    ASSERT_TRUE(bulk->Append(source->schema(), TestBatch(*source->schema(), {Row(101)})).ok());
    ASSERT_TRUE(bulk->Commit().ok());
  }
  const TestRows before = RowsOf(source->Snapshot());
  EXPECT_EQ(Compact("s").counts.files_in, 2u);
  const CompactionPlan plan =
      store_->PlanCompaction(SourceId::Parse("s").Take(), CompactionWish::kAll).Take();
  ASSERT_EQ(plan.rest.size(), 2u);
  EXPECT_EQ(plan.rest[1].reason, "newer than what was flushed last");
  Flush(*source);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  WriteFiles(*source, 1);
  EXPECT_EQ(Compact("s").counts.files_in, 4u);
  EXPECT_EQ(RowsOf(source->Snapshot()).size(), before.size() + 1);
}

TEST_F(StoreCompactTest, TakesNoWorkerOfQueries) {
  options_.row_group_rows = 100;
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.indexes = {{"value", std::nullopt}};
  const auto source = Add(definition);
  WriteFiles(*source, 5, 300);
  const TestRows before = RowsOf(source->Snapshot());
  const std::uint64_t started = pool_.use().started;
  const CompactionJob job = Compact("s");
  EXPECT_EQ(job.state, JobState::kDone) << job.failure.ToString();
  EXPECT_EQ(job.counts.files_out, 1u);
  EXPECT_EQ(pool_.use().started, started);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
}

TEST_F(StoreCompactTest, GivesUpWhereItsFilesWereReplaced) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 3);
  const CompactionPlan plan = Live(source).PlanCompaction(CompactionWish::kAll);
  ASSERT_EQ(plan.choices.size(), 1u);
  std::atomic<std::uint64_t> done = 0;
  const CompactionRun run{runtime::CancelToken(), done};
  ASSERT_TRUE(Live(source).Compact(plan.choices[0], run).ok());
  const TestRows before = RowsOf(source->Snapshot());
  EXPECT_EQ(Live(source).Compact(plan.choices[0], run).status().code(), Code::kConflict);
  EXPECT_EQ(RowsOf(source->Snapshot()), before);
  EXPECT_EQ(Files(*source), 4u);
}

TEST_F(StoreCompactTest, NamesADamagedFileLeavesItAsItIsAndMergesTheOthers) {
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 5);
  const std::string victim =
      io::JoinPath(source->folder(), source->Snapshot().segments[2]->meta().path);
  store_.reset();
  std::string bytes = files_.ReadFile(victim).Take();
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  std::ofstream(victim, std::ios::binary) << bytes;
  Open();
  const CompactionJob job = Compact("s");
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.failure.code(), Code::kCorruption);
  EXPECT_NE(job.failure.message().find(victim), std::string::npos) << job.failure.message();
  EXPECT_EQ(job.counts.files_in, 4u);
  EXPECT_EQ(Find("s")->Stats().segments, 2u);
  EXPECT_EQ(files_.ReadFile(victim).Take(), bytes);
  const CompactionJob next = Compact("s");
  EXPECT_EQ(next.state, JobState::kDone) << "it is left out";
}

class StoreCompactFaultTest : public StoreCompactTest {
 protected:
  StoreDeps Deps() override { return {faulty_, clock_, failpoints_, Logger::Null(), pool_}; }
  testing::FaultyFileSystem faulty_{files_};
};

TEST_F(StoreCompactFaultTest, LosesAndChangesNothingWhereverItFails) {
  options_.compaction.memory_bytes = 16 << 10;  // Runs of 2 KB: it also spills.
  Open();
  SourceDefinition definition = TestDefinition("s");
  definition.sort_columns = {"value"};
  definition.indexes = {{"id", IndexKind::kHash}};
  const auto source = Add(definition);
  WriteFiles(*source, 6, 30);
  TestRows before = RowsOf(source->Snapshot());
  std::uint64_t failures = 0;
  for (const bool full : {true, false}) {
    for (std::uint64_t nth = 1;; ++nth) {
      faulty_.FailChange({.nth = nth,
                          .code = full ? Code::kDiskFull : Code::kIoError,
                          .and_later = full,
                          .short_write = true});
      const std::size_t segments = source->Stats().segments;
      const CompactionJob job = Compact("s");
      const bool failed = faulty_.changes() >= nth;
      faulty_.Heal();
      ASSERT_EQ(RowsOf(source->Snapshot()), before) << nth;
      ASSERT_EQ(job.state == JobState::kDone, !failed) << job.failure.ToString();
      if (!failed) break;
      ++failures;
      EXPECT_EQ(job.failure.code(), full ? Code::kDiskFull : Code::kIoError)
          << job.failure.ToString();
      ASSERT_EQ(source->Stats().segments, segments) << nth;
    }
    EXPECT_EQ(source->Stats().segments, 1u);
    WriteFiles(*source, 1, 3);
    before = RowsOf(source->Snapshot());
  }
  EXPECT_GT(failures, 10u);
  Open();
  EXPECT_EQ(RowsOf(Find("s")->Snapshot()), before);
}

TEST_F(StoreCompactFaultTest, NeedsItsMemoryAndGivesItBack) {
  runtime::MemoryBudget budget("tenant", 100 << 20);
  options_.hot_bytes_max = 10 << 20;
  options_.hot_wait_max = std::chrono::milliseconds(1);
  options_.compaction.memory_bytes = 64 << 20;
  auto opened =
      Store::Open({files_, clock_, failpoints_, Logger::Null(), pool_, &budget}, options_);
  ASSERT_TRUE(opened.ok());
  store_ = opened.Take();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 3);
  {
    runtime::MemoryReservation others(&budget);
    ASSERT_EQ(others.GrowTo(50 << 20), nullptr);
    const CompactionJob job = Compact("s");
    EXPECT_EQ(job.state, JobState::kFailed);
    EXPECT_EQ(job.failure.code(), Code::kOverloaded) << job.failure.ToString();
    EXPECT_EQ(source->Stats().segments, 3u);
  }
  CompactWell("s");
  EXPECT_EQ(source->Stats().segments, 1u);
  EXPECT_LT(budget.reserved(), std::uint64_t{10} << 20);
  store_.reset();
}

TEST_F(StoreCompactTest, TheBackgroundMergesASourceThatGotManyFiles) {
  options_.compaction.automatic = true;
  options_.compaction.files_due = 8;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 9);
  EXPECT_TRUE(Eventually([&] { return source->Stats().segments < 8; }));
  ASSERT_FALSE(store_->Jobs().empty());
  EXPECT_EQ(store_->Jobs()[0].wish, CompactionWish::kWhatPays);
  EXPECT_TRUE(Eventually([&] { return store_->compaction_totals().jobs_running == 0; }));
  EXPECT_GE(store_->compaction_totals().counts.files_in, 8u);
}

TEST_F(StoreCompactClockTest, TheBackgroundLooksEveryInterval) {
  options_.compaction.automatic = true;
  options_.compaction.interval_us = 1'000'000;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 5);
  EXPECT_TRUE(store_->Jobs().empty());
  EXPECT_EQ(source->Stats().segments, 5u);
  time_.AdvanceMicros(1'000'000);
  EXPECT_TRUE(Eventually([&] { return source->Stats().segments == 1; }));
}

TEST_F(StoreCompactTest, RemovesOldFilesByItselfWithinAMinute) {
  options_.snapshot_retention_us = 0;
  Open();
  const auto source = Add(TestDefinition("s"));
  WriteFiles(*source, 5);
  CompactWell("s");
  EXPECT_TRUE(Eventually([&] { return Files(*source) == 1; }));
}

}  // namespace
}  // namespace granary::storage
