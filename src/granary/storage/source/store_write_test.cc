#include "granary/storage/source/store_test_support.h"
#include "granary/storage/wal/batch_codec.h"

namespace granary::storage {
namespace {

class StoreWriteTest : public StoreTest {
 protected:
  StoreDeps Deps() override {
    StoreDeps deps = StoreTest::Deps();
    deps.memory = limited_by_;
    return deps;
  }
  runtime::MemoryBudget* limited_by_ = nullptr;
};

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
  const Status late = source->Write(with_b, TestBatch(*with_b, {Row(2)})).status();
  EXPECT_EQ(late.code(), Code::kConflict);
  EXPECT_EQ(late.message(),
            "the schema of source \"s\" was changed by others while this write was read, and is at "
            "version 2 now: send it again");
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

TEST_F(StoreWriteTest, ABatchThatIsTooLargeForTheLogAddsNoColumns) {
  Open();
  const auto wider = std::make_shared<const Schema>(
      Add(TestDefinition("s"))->schema()->WithColumn("x", TypeKind::kInt64).Take());
  const auto batch = TestBatch(*wider, {Row(1, "p", std::string(1000, 'x'))});
  const std::uint64_t bytes = EncodeBatch(*batch).Take().size();
  for (const auto& [bytes_max, fits] : std::vector<std::pair<std::uint64_t, bool>>{
           {bytes - 1, false}, {bytes, true}, {bytes + 1, true}}) {
    options_.wal_batch_bytes_max = bytes_max;
    Open();
    const auto source = Find("s");
    const std::uint32_t version = source->schema()->version();
    const auto outcome = source->Write(wider, batch);
    EXPECT_EQ(outcome.ok(), fits) << bytes_max;
    if (!fits) {
      EXPECT_EQ(outcome.status().code(), Code::kTooLarge);
      EXPECT_EQ(source->schema()->version(), version);
    }
  }
}

TEST_F(StoreWriteTest, RefusesWritesBeyondItsMemoryWhenNoFlushHelps) {
  options_.hot_bytes_max = 1 << 20;
  options_.hot_wait_max = std::chrono::milliseconds(20);
  Open();
  const auto source = Add(TestDefinition("s"));
  const std::vector<TestRow> big(100, Row(1, "p", std::string(1000, 'x')));
  Status refused;
  // The background flushes at three quarters; the failpoint holds it off.
  ASSERT_TRUE(failpoints_.Arm("flush.before_segments=error@1+").ok());
  for (int i = 0; i < 40 && refused.ok(); ++i) refused = WriteRows(*source, big).status();
  EXPECT_EQ(refused.code(), Code::kOverloaded);
  EXPECT_NE(refused.message().find("\"hot_tier\" holds"), std::string::npos) << refused.message();
  EXPECT_NE(refused.message().find("of the 1048576 that it may take"), std::string::npos)
      << refused.message();
  EXPECT_LE(store_->hot_bytes(), options_.hot_bytes_max);
  EXPECT_FALSE(Rows(*source).empty());
}

TEST_F(StoreWriteTest, NamesTheLimitThatIsInTheWay) {
  runtime::MemoryBudget process("process", 1 << 20);
  limited_by_ = &process;
  options_.hot_wait_max = std::chrono::milliseconds(20);
  Open();
  const auto source = Add(TestDefinition("s"));
  {
    runtime::MemoryReservation others(&process);
    others.ForceTo(process.limit());
    const Status refused = WriteRows(*source, {Row(1)}).status();
    EXPECT_EQ(refused.code(), Code::kOverloaded);
    EXPECT_NE(refused.message().find("\"process\" holds 1048576 of the 1048576"), std::string::npos)
        << refused.message();
  }
  EXPECT_TRUE(WriteRows(*source, {Row(1)}).ok());
  // What never fits is not told to come back.
  const Status never = WriteRows(*source, {Row(2, "p", std::string((1 << 20) + 1, 'x'))}).status();
  EXPECT_EQ(never.code(), Code::kTooLarge) << never.ToString();
  store_.reset();
}

// The limits' own flushes are out of reach: only those help that a write without room asks for.
TEST_F(StoreWriteTest, SlowsAWriterToThePaceOfTheFlushes) {
  runtime::MemoryBudget process("process", 4 << 20);
  struct Limits {
    std::uint64_t hot;
    runtime::MemoryBudget* above;
  };
  for (const Limits& limits : {Limits{2 << 20, nullptr}, Limits{64 << 20, &process}}) {
    limited_by_ = limits.above;
    options_.hot_bytes_max = limits.hot;
    options_.hot_wait_max = std::chrono::seconds(30);
    Open();
    auto source = limits.above == nullptr ? Add(TestDefinition("s")) : Find("s");
    const std::vector<TestRow> big(1000, Row(1, "p", std::string(1000, 'x')));
    for (int i = 0; i < 20; ++i) {
      const Status written = WriteRows(*source, big).status();
      ASSERT_TRUE(written.ok()) << i << ": " << written.ToString();
      EXPECT_LE(store_->hot_bytes(), limits.hot);
    }
    EXPECT_GT(source->Stats().segments, 1u);
    source.reset();
    store_.reset();
    EXPECT_EQ(process.reserved(), 0u);
  }
  limited_by_ = nullptr;
  Open();
  EXPECT_EQ(Rows(*Find("s")).size(), 40'000u);
}

TEST_F(StoreWriteTest, AClientThatLeavesEndsTheWaitForMemory) {
  runtime::MemoryBudget process("process", 1 << 20);
  limited_by_ = &process;
  options_.hot_wait_max = std::chrono::hours(1);
  Open();
  const auto source = Add(TestDefinition("s"));
  runtime::MemoryReservation others(&process);
  others.ForceTo(process.limit());
  runtime::CancelToken cancel;
  std::thread leaves([&] { cancel.Cancel(); });
  const SchemaPtr schema = source->schema();
  EXPECT_EQ(source->Write(schema, TestBatch(*schema, {Row(1)}), nullptr, cancel).status().code(),
            Code::kCancelled);
  leaves.join();
  store_.reset();
}

}  // namespace
}  // namespace granary::storage
