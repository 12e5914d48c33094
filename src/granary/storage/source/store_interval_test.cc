// Sources whose writes are answered before the disk has them. Power cuts: store_power_test.cc.
#include "granary/storage/source/store_test_support.h"
#include "granary/testing/faulty_file_system.h"

namespace granary::storage {
namespace {

class StoreIntervalTest : public StoreTest {
 protected:
  StoreDeps Deps() override { return {faulty_, clock_, failpoints_, Logger::Null(), pool_}; }
  void SetUp() override {
    options_.wal_lanes = 1;
    options_.durability_interval_us = std::int64_t{3600} * 1'000'000;
    Open();
    SourceDefinition definition = TestDefinition("late");
    definition.durability = Durability::kInterval;
    Add(definition);
  }
  WalLaneStats Lane() { return store_->wal_stats()[0]; }
  void Use(Durability durability) {
    SourceChange change;
    change.durability = durability;
    const auto changed = Find("late")->Change(change);
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
    EXPECT_EQ(changed->definition->durability, durability);
  }

  testing::FaultyFileSystem faulty_{files_};
};

TEST_F(StoreIntervalTest, AnswersWithoutASyncAndSaysSo) {
  const WriteOutcome outcome = Write(*Find("late"), {Row(1)});
  EXPECT_FALSE(outcome.durable);
  EXPECT_EQ(outcome.first_sequence, 1u);
  EXPECT_EQ(Lane().syncs, 0u);
  EXPECT_GT(Lane().unsynced_bytes, 0u);
  EXPECT_EQ(Rows(*Find("late")), std::vector<TestRow>{Row(1)}) << "visible at once";
}

TEST_F(StoreIntervalTest, IsSyncedByItselfAfterTheInterval) {
  options_.durability_interval_us = 1000;
  Open();
  Write(*Find("late"), {Row(1)});
  EXPECT_TRUE(Eventually([&] { return Lane().unsynced_bytes == 0; }));
  EXPECT_EQ(Lane().syncs, 1u);
}

TEST_F(StoreIntervalTest, CanBeChangedBothWaysAndOutlivesRestarts) {
  Write(*Find("late"), {Row(1)});
  Use(Durability::kSync);
  EXPECT_EQ(Lane().unsynced_bytes, 0u) << "nothing is left behind";
  EXPECT_TRUE(Write(*Find("late"), {Row(2)}).durable);
  Open();
  EXPECT_EQ(Find("late")->definition()->durability, Durability::kSync);
  Use(Durability::kInterval);
  EXPECT_FALSE(Write(*Find("late"), {Row(3)}).durable);
  Open();
  EXPECT_EQ(Find("late")->definition()->durability, Durability::kInterval);
  EXPECT_EQ(Rows(*Find("late")), (std::vector<TestRow>{Row(1), Row(2), Row(3)}));
}

TEST_F(StoreIntervalTest, NeedsALog) {
  SourceDefinition definition = TestDefinition("none");
  definition.wal_enabled = false;
  definition.durability = Durability::kInterval;
  const auto refused = store_->AddSource(definition);
  ASSERT_EQ(refused.status().code(), Code::kInvalidDefinition);
  EXPECT_EQ(refused.status().fields().at(0).pointer, "/durability");
  definition.durability = Durability::kSync;
  SourceChange change;
  change.durability = Durability::kInterval;
  EXPECT_EQ(Add(definition)->Change(change).status().code(), Code::kInvalidDefinition);
}

TEST_F(StoreIntervalTest, AFailedSyncMakesItReadOnlyUntilARestart) {
  options_.durability_interval_us = 1000;
  for (const Code code : {Code::kIoError, Code::kDiskFull}) {
    Open();
    const auto source = Find("late");
    const std::vector<TestRow> before = Rows(*source);
    faulty_.FailChange({.nth = 2, .code = code});  // The write passes.
    Write(*source, {Row(1)});
    EXPECT_TRUE(Eventually([&] { return faulty_.changes() >= 2; }));
    EXPECT_TRUE(faulty_.failed_call().starts_with("sync")) << faulty_.failed_call();
    faulty_.Heal();
    const Status refused = WriteRows(*source, {Row(3)}).status();
    EXPECT_EQ(refused.code(), Code::kUnavailable);
    EXPECT_NE(refused.message().find("read-only, since its log failed"), std::string::npos)
        << refused.message();
    SourceChange change;
    change.name = "other";
    EXPECT_EQ(source->Change(change).status().code(), Code::kUnavailable);
    EXPECT_EQ(Rows(*source).at(before.size()), Row(1)) << "what was acknowledged stays";
    Flush(*source);
    const std::vector<TestRow> acknowledged = Rows(*source);
    Open();
    EXPECT_EQ(Rows(*Find("late")), acknowledged);
    Write(*Find("late"), {Row(4)});
  }
}

TEST_F(StoreIntervalTest, AKeyIsAsDurableAsItsRecords) {
  const WriteKey key{"k", Digest128{1, 1}};
  const auto source = Find("late");
  const SchemaPtr schema = source->schema();
  {
    const auto turn = source->TakeKey(key, runtime::CancelToken());
    ASSERT_TRUE(turn.ok());
    const auto outcome = source->Write(schema, TestBatch(*schema, {Row(1)}), &*turn);
    ASSERT_TRUE(outcome.ok());
    EXPECT_FALSE(outcome->durable);
  }
  for (const bool restarted : {false, true}) {
    if (restarted) Open();
    const auto again = Find("late")->TakeKey(key, runtime::CancelToken());
    ASSERT_TRUE(again.ok() && again->first().has_value());
    EXPECT_EQ(again->first()->first_sequence, 1u);
    EXPECT_EQ(again->first()->durable, restarted) << "opening the log synced it";
  }
}

TEST_F(StoreIntervalTest, ACursorOverHotRowsEndsWithTheProcessThatHadThem) {
  Write(*Find("late"), {Row(1)});
  const SourceSnapshot then = Find("late")->Snapshot();
  EXPECT_TRUE(Rewind(Find("late")->Snapshot(), MarkOf(then), *then.schema).ok());
  Open();
  EXPECT_EQ(Rewind(Find("late")->Snapshot(), MarkOf(then), *then.schema).status().code(),
            Code::kCursorExpired);
  Flush(*Find("late"));
  const SourceSnapshot flushed = Find("late")->Snapshot();
  Open();
  EXPECT_TRUE(Rewind(Find("late")->Snapshot(), MarkOf(flushed), *flushed.schema).ok());
  // Rows that were on the disk stay there, whatever the source promises from now on.
  Use(Durability::kSync);
  Write(*Find("late"), {Row(2)});
  const SourceSnapshot synced = Find("late")->Snapshot();
  Use(Durability::kInterval);
  EXPECT_TRUE(Rewind(Find("late")->Snapshot(), MarkOf(synced), *synced.schema).ok());
}

}  // namespace
}  // namespace granary::storage
