// Bulks: records that go around the log, all of them in one step or none.
#include <atomic>
#include <thread>

#include "granary/storage/source/store_test_support.h"

namespace granary::storage {
namespace {

class StoreBulkTest : public StoreTest {
 protected:
  void SetUp() override {
    options_.flush_rows = 4;  // A set of files for every four records.
    Open();
  }

  std::string Folder() const { return options_.root; }
  static std::unique_ptr<BulkWrite> Start(Source& source) {
    auto bulk = source.StartBulk();
    EXPECT_TRUE(bulk.ok()) << bulk.status().ToString();
    return bulk.ok() ? bulk.Take() : nullptr;
  }
  static void Append(BulkWrite& bulk, const std::vector<TestRow>& rows) {
    const Status appended = bulk.Append(bulk.schema(), TestBatch(*bulk.schema(), rows));
    ASSERT_TRUE(appended.ok()) << appended.ToString();
  }
  static std::vector<TestRow> Ids(std::int64_t first, std::int64_t count) {
    std::vector<TestRow> rows;
    for (std::int64_t i = 0; i < count; ++i) rows.push_back(Row(first + i));
    return rows;
  }
  /// A bulk of three sets and a rest.
  static WriteOutcome Bulk(Source& source, std::int64_t first) {
    const auto bulk = Start(source);
    for (std::int64_t i = 0; i < 5; ++i) Append(*bulk, Ids(first + 3 * i, 3));
    const auto outcome = bulk->Commit();
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? *outcome : WriteOutcome{};
  }
  static Result<KeyTurn> Take(Source& source, std::optional<Digest128> body) {
    return source.TakeKey({"k", body}, runtime::CancelToken());
  }
  static SourceChange Widening(const std::string& name, DataType type) {
    SourceChange change;
    change.widen_columns = {{name, type}};
    return change;
  }
  // What the manifest may hold has its sequences, whether it is there or not.
  void FailWithUnknownOutcome(std::int64_t hot) {
    options_.flush_rows = 1000;
    Open();
    const auto source = Add(TestDefinition("s"));
    if (hot > 0) Write(*source, Ids(0, hot));
    const auto bulk = Start(*source);
    Append(*bulk, Ids(100, 9));
    // Segment ids are taken by a commit of their own.
    ASSERT_TRUE(failpoints_.Arm("manifest.after_commit=error@2").ok());
    EXPECT_FALSE(bulk->Commit().ok());
    EXPECT_EQ(Rows(*source).size(), static_cast<std::size_t>(hot));
    EXPECT_EQ(Write(*source, {Row(200)}).first_sequence, static_cast<std::uint64_t>(hot) + 10);
    Open();
    std::vector<TestRow> all = Ids(0, hot);
    for (const TestRow& row : Ids(100, 9)) all.push_back(row);
    all.push_back(Row(200));
    EXPECT_EQ(Rows(*Find("s")), all);
  }
};

TEST_F(StoreBulkTest, IsInvisibleUntilItsCommitAndWholeAfterIt) {
  const auto source = Add(TestDefinition("s"));
  const auto bulk = Start(*source);
  for (std::int64_t i = 0; i < 5; ++i) {
    Append(*bulk, Ids(3 * i, 3));
    EXPECT_TRUE(Rows(*source).empty());
  }
  EXPECT_FALSE(ParquetFiles(Folder()).empty());  // It did not wait in memory.
  const auto outcome = bulk->Commit();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->first_sequence, 1u);
  EXPECT_EQ(outcome->last_sequence, 15u);
  EXPECT_TRUE(outcome->durable);
  EXPECT_EQ(Rows(*source), Ids(0, 15));
  EXPECT_EQ(Write(*source, {Row(15)}).first_sequence, 16u);
  Open();
  EXPECT_EQ(Rows(*Find("s")), Ids(0, 16));
}

TEST_F(StoreBulkTest, LeavesNoFileWhenItIsDropped) {
  const auto source = Add(TestDefinition("s"));
  {
    const auto bulk = Start(*source);
    Append(*bulk, Ids(0, 9));
    Append(*bulk, Ids(9, 9));  // It waits for the set before it to be written.
    EXPECT_FALSE(ParquetFiles(Folder()).empty());
  }
  EXPECT_TRUE(ParquetFiles(Folder()).empty());
  {
    ASSERT_TRUE(failpoints_.Arm("bulk.before_manifest=error@1").ok());
    const auto bulk = Start(*source);
    Append(*bulk, Ids(0, 9));
    EXPECT_FALSE(bulk->Commit().ok());
  }
  EXPECT_TRUE(ParquetFiles(Folder()).empty());
  EXPECT_TRUE(Rows(*source).empty());
  EXPECT_EQ(Write(*source, {Row(1)}).first_sequence, 1u);
}

TEST_F(StoreBulkTest, NothingAtAllIsACommitToo) {
  const auto source = Add(TestDefinition("s"));
  const auto outcome = Start(*source)->Commit();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_LT(outcome->last_sequence, outcome->first_sequence);
  EXPECT_EQ(Write(*source, {Row(1)}).first_sequence, 1u);
}

TEST_F(StoreBulkTest, HotRowsOnBothSidesOutliveARestart) {
  const auto source = Add(TestDefinition("s"));
  options_.flush_rows = 1000;
  Open();
  std::vector<TestRow> all = Ids(100, 3);
  Write(*Find("s"), all);
  EXPECT_EQ(Bulk(*Find("s"), 0).first_sequence, 4u);
  Write(*Find("s"), {Row(200)});
  for (const TestRow& row : Ids(0, 15)) all.push_back(row);
  all.push_back(Row(200));
  EXPECT_EQ(Rows(*Find("s")), all);
  for (const bool flush : {false, true, false}) {
    if (flush) Flush(*Find("s"));
    Open();
    EXPECT_EQ(Rows(*Find("s")), all);
  }
  EXPECT_EQ(Write(*Find("s"), {Row(201)}).first_sequence, 20u);
}

TEST_F(StoreBulkTest, ReplayStartsBehindItWhenNothingIsHot) {
  const auto source = Add(TestDefinition("s"));
  EXPECT_EQ(Bulk(*source, 0).last_sequence, 15u);
  EXPECT_EQ(source->Snapshot().flushed_sequence, 15u);
  Write(*source, {Row(50)});
  Bulk(*source, 100);
  const SourceSnapshot hot = source->Snapshot();
  EXPECT_EQ(hot.flushed_sequence, 15u);
  EXPECT_EQ(hot.visible_sequence, 31u);
  Flush(*source);
  Bulk(*source, 200);
  EXPECT_EQ(source->Snapshot().flushed_sequence, 46u);
  Open();
  EXPECT_EQ(Find("s")->Snapshot().flushed_sequence, 46u);
}

TEST_F(StoreBulkTest, AnEarlierSnapshotNeverShowsIt) {
  options_.flush_rows = 1000;
  Open();
  const auto source = Add(TestDefinition("s"));
  Write(*source, Ids(0, 2));
  const SourceSnapshot before = source->Snapshot();
  Bulk(*source, 100);
  Write(*source, Ids(300, 2));
  Flush(*source);
  const auto then = Rewind(source->Snapshot(), MarkOf(before), *before.schema);
  ASSERT_TRUE(then.ok()) << then.status().ToString();
  std::vector<TestRow> seen;
  for (const auto& [sequence, row] : RowsOf(*then)) {
    if (sequence <= then->visible_sequence) seen.push_back(row);
  }
  EXPECT_EQ(seen, Ids(0, 2));
  for (const auto& segment : then->segments) EXPECT_NE(segment->meta().min_sequence, 3u);
}

TEST_F(StoreBulkTest, ItsKeyIsRememberedByTheSameCommit) {
  const auto source = Add(TestDefinition("s"));
  {
    ASSERT_TRUE(failpoints_.Arm("bulk.before_manifest=error@1").ok());
    auto turn = Take(*source, std::nullopt);
    ASSERT_TRUE(turn.ok());
    const auto bulk = Start(*source);
    Append(*bulk, Ids(0, 9));
    turn->set_body({7, 7});
    EXPECT_FALSE(bulk->Commit(&*turn).ok());
  }
  {
    auto turn = Take(*source, std::nullopt);
    ASSERT_TRUE(turn.ok());
    ASSERT_FALSE(turn->first().has_value());  // What failed is not remembered.
    const auto bulk = Start(*source);
    Append(*bulk, Ids(0, 9));
    turn->set_body({7, 7});
    turn->set_note("note");
    ASSERT_TRUE(bulk->Commit(&*turn).ok());
  }
  for (int round = 0; round < 2; ++round) {
    const auto again = Take(*Find("s"), std::nullopt);
    ASSERT_TRUE(again.ok());
    ASSERT_TRUE(again->first().has_value());
    EXPECT_EQ(again->first()->records, 9u);
    EXPECT_EQ(again->first()->first_sequence, 1u);
    EXPECT_EQ(again->first()->body, (Digest128{7, 7}));
    EXPECT_EQ(again->first()->note, "note");
    EXPECT_TRUE(Take(*Find("s"), Digest128{7, 7}).ok());
    EXPECT_EQ(Take(*Find("s"), Digest128{8, 7}).status().code(), Code::kIdempotencyKeyReused);
    Open();
  }
  EXPECT_EQ(Rows(*Find("s")).size(), 9u);
}

TEST_F(StoreBulkTest, BringsItsColumnsUnlessOthersDidMeanwhile) {
  const auto source = Add(TestDefinition("s"));
  const auto bulk = Start(*source), second = Start(*source);
  for (BulkWrite* each : {bulk.get(), second.get()}) {
    Append(*each, Ids(0, 6));
    const auto grown =
        std::make_shared<const Schema>(each->schema()->WithColumn("x", TypeKind::kInt64).Take());
    ASSERT_TRUE(each->Append(grown, TestBatch(*grown, {Row(6)})).ok());
    EXPECT_EQ(source->schema()->version(), 1u);
  }
  const auto outcome = bulk->Commit();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->schema_version, 2u);
  EXPECT_NE(source->schema()->Find("x"), nullptr);
  EXPECT_EQ(source->schema_history().size(), 2u);
  EXPECT_GT(source->schema_history().back().made_us, 0);
  const Status late = second->Commit().status();
  EXPECT_EQ(late.code(), Code::kConflict);
  EXPECT_EQ(late.message(),
            "the schema of source \"s\" was changed by others while these records came in, and the "
            "records change it too: send them again");
  Open();
  EXPECT_EQ(Rows(*Find("s")).size(), 7u);
  EXPECT_EQ(Find("s")->schema()->version(), 2u);
}

TEST_F(StoreBulkTest, RefusesTypesThatDoNotHoldItsValues) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 53;
  for (const std::int64_t value : {kLimit, kLimit + 1}) {
    const auto source = Add(TestDefinition("s" + std::to_string(value)));
    const auto bulk = Start(*source);
    Append(*bulk, {Row(1), Row(2), Row(3), Row(value)});
    Append(*bulk, {Row(5)});
    ASSERT_TRUE(source->Change(Widening("id", TypeKind::kFloat64)).ok());
    const auto outcome = bulk->Commit();
    EXPECT_EQ(outcome.ok(), value == kLimit) << outcome.status().ToString();
    if (!outcome.ok()) {
      EXPECT_EQ(outcome.status().code(), Code::kConflict);
      EXPECT_NE(outcome.status().message().find(
                    "while these records came in, and what they hold at /id does not fit it any "
                    "more: send them again"),
                std::string::npos)
          << outcome.status().message();
    }
  }
  // Its own change is its own fault.
  const auto source = Add(TestDefinition("own"));
  const auto bulk = Start(*source);
  Append(*bulk, {Row(1), Row(2), Row(3), Row(kLimit + 1)});
  const Schema& schema = *bulk->schema();
  const auto wider = std::make_shared<const Schema>(
      schema.WithWidened(schema.Find("id")->id, TypeKind::kFloat64).Take());
  const auto doubles = ProjectBatch(*TestBatch(schema, {Row(5)}), schema, *wider);
  ASSERT_TRUE(doubles.ok());
  ASSERT_TRUE(bulk->Append(wider, *doubles).ok());
  EXPECT_EQ(bulk->Commit().status().code(), Code::kInvalidRecord);
  EXPECT_EQ(source->schema()->version(), 1u);
}

TEST_F(StoreBulkTest, FollowsChangesThatDoNotTouchItsValues) {
  SourceDefinition definition = TestDefinition("s");
  definition.sort_columns = {"value"};
  definition.indexes = {{"part", std::nullopt}};
  const auto source = Add(definition);
  const auto bulk = Start(*source);
  Append(*bulk, Ids(0, 5));
  SourceChange change;
  change.rename_columns = {{"value", "text"}, {"part", "portion"}};
  change.add_columns = {{"late", TypeKind::kInt64}};
  change.sort_columns = std::vector<std::string>{"late", "text"};
  ASSERT_TRUE(source->Change(change).ok());
  Append(*bulk, Ids(5, 5));
  const auto outcome = bulk->Commit();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->schema_version, 2u);
  EXPECT_EQ(source->Stats().rows, 10u);
  change = {};
  change.schema_mode = SchemaMode::kStrict;
  const auto grows = Start(*source);
  const auto grown =
      std::make_shared<const Schema>(grows->schema()->WithColumn("x", TypeKind::kInt64).Take());
  ASSERT_TRUE(grows->Append(grown, TestBatch(*grown, {Row(1)})).ok());
  ASSERT_TRUE(source->Change(change).ok());
  const Status strict = grows->Commit().status();
  EXPECT_EQ(strict.code(), Code::kConflict);
  EXPECT_NE(strict.message().find("and it is strict now, while the records add to it: send them"),
            std::string::npos)
      << strict.message();
}

TEST_F(StoreBulkTest, ADroppedSourceTakesNoMore) {
  const auto source = Add(TestDefinition("s"));
  const auto bulk = Start(*source);
  Append(*bulk, Ids(0, 5));
  ASSERT_TRUE(store_->DropSource(source->definition()->id, false).ok());
  EXPECT_EQ(bulk->Append(bulk->schema(), TestBatch(*bulk->schema(), Ids(0, 5))).code(),
            Code::kSourceNotFound);
  EXPECT_EQ(bulk->Commit().status().code(), Code::kSourceNotFound);
}

TEST_F(StoreBulkTest, IsRefusedWhileTheLogIsClosed) {
  const auto source = Add(TestDefinition("s"));
  Write(*source, {Row(1)});
  const auto bulk = Start(*source);
  Append(*bulk, Ids(0, 5));
  ASSERT_TRUE(failpoints_.Arm("wal.after_write=error@1").ok());
  EXPECT_FALSE(WriteRows(*source, {Row(2)}).ok());
  EXPECT_EQ(bulk->Commit().status().code(), Code::kUnavailable);
  EXPECT_EQ(Rows(*source).size(), 1u);
}

TEST_F(StoreBulkTest, ACommitWhoseOutcomeNobodyKnowsKeepsItsSequences) {
  FailWithUnknownOutcome(0);
}

TEST_F(StoreBulkTest, ACommitWhoseOutcomeNobodyKnowsKeepsItsSequencesBehindHotRows) {
  FailWithUnknownOutcome(2);
}

TEST_F(StoreBulkTest, WithoutALogItIsDurableAllTheSame) {
  SourceDefinition definition = TestDefinition("s");
  definition.wal_enabled = false;
  const auto source = Add(definition);
  EXPECT_TRUE(Bulk(*source, 0).durable);
  Open();
  EXPECT_EQ(Rows(*Find("s")), Ids(0, 15));
}

// Whoever saw a sequence has seen all below it.
TEST_F(StoreBulkTest, NoSnapshotShowsARowBehindItWithoutIt) {
  options_.flush_rows = 50;
  Open();
  const auto source = Add(TestDefinition("s"));
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!done) Write(*source, {Row(1)});
  });
  threads.emplace_back([&] {
    while (!done) Flush(*source);
  });
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const SourceSnapshot snapshot = source->Snapshot();
        EXPECT_EQ(RowsOf(snapshot).size(), snapshot.visible_sequence);
      }
    });
  }
  for (int i = 0; i < 30; ++i) Bulk(*source, 0);
  done = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace granary::storage
