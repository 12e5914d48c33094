// Writes with idempotency keys: once, whatever happens between the attempts.
#include <atomic>
#include <thread>

#include "granary/storage/source/store_test_support.h"
#include "granary/testing/fake_clock.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kHour = 3600ll * 1'000'000;

class StoreIdempotencyTest : public StoreTest {
 protected:
  ~StoreIdempotencyTest() override { store_.reset(); }  // Before its clock.
  StoreDeps Deps() override { return {files_, fake_clock_, failpoints_, Logger::Null(), pool_}; }

  void SetUp() override {
    options_.wal_retention_us = 0;
    options_.wal_retention_bytes = 0;
    Open();
    Add(TestDefinition("a"));
  }

  struct Answer {
    WriteOutcome outcome;
    bool repeated = false;
  };
  Result<Answer> WriteOnce(Source& source, const std::string& key, const std::vector<TestRow>& rows,
                           std::uint64_t body) {
    GRANARY_ASSIGN(const KeyTurn turn,
                   source.TakeKey({key, Digest128{body, body}}, runtime::CancelToken()));
    if (const auto& first = turn.first()) {
      return Answer{
          {first->first_sequence, first->last_sequence(), first->schema_version, first->durable},
          true};
    }
    const SchemaPtr schema = source.schema();
    GRANARY_ASSIGN(const WriteOutcome outcome,
                   source.Write(schema, TestBatch(*schema, rows), &turn));
    return Answer{outcome, false};
  }
  Answer Once(const std::string& key, std::int64_t id, std::uint64_t body = 1) {
    const auto answer = WriteOnce(*Find("a"), key, {Row(id)}, body);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? *answer : Answer{};
  }

  testing::FakeClock fake_clock_;
};

TEST_F(StoreIdempotencyTest, TheSameKeyWritesOnceAlsoAcrossRestartsAndFlushes) {
  const Answer first = Once("k", 1);
  EXPECT_FALSE(first.repeated);
  for (const bool flush : {false, true, false}) {
    if (flush) Flush(*Find("a"));
    Open();
    const Answer again = Once("k", 1);
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.outcome.first_sequence, first.outcome.first_sequence);
    EXPECT_EQ(again.outcome.last_sequence, first.outcome.last_sequence);
    EXPECT_EQ(again.outcome.durable, first.outcome.durable);
    EXPECT_EQ(Rows(*Find("a")).size(), 1u);
    EXPECT_EQ(WriteOnce(*Find("a"), "k", {Row(2)}, 2).status().code(), Code::kIdempotencyKeyReused);
  }
}

TEST_F(StoreIdempotencyTest, KeysOutliveTheirLogFiles) {
  options_.wal_file_bytes = 4096;
  Open();
  for (int i = 0; i < 40; ++i) Once("k" + std::to_string(i), i);
  Flush(*Find("a"));
  Open();  // Files without records that are not flushed are given up here.
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(Once("k" + std::to_string(i), i).repeated) << i;
  EXPECT_EQ(Rows(*Find("a")).size(), 40u);
}

TEST_F(StoreIdempotencyTest, FiftyAtOnceWriteOnce) {
  const auto source = Find("a");
  std::vector<std::thread> writers;
  std::atomic<int> repeated{0};
  for (int i = 0; i < 50; ++i) {
    writers.emplace_back([&] {
      const auto answer = WriteOnce(*source, "k", {Row(1), Row(2)}, 1);
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      EXPECT_EQ(answer->outcome.first_sequence, 1u);
      EXPECT_EQ(answer->outcome.last_sequence, 2u);
      repeated += answer->repeated;
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(repeated, 49);
  EXPECT_EQ(Rows(*source).size(), 2u);
}

TEST_F(StoreIdempotencyTest, ABatchWithoutRecordsIsRememberedToo) {
  ASSERT_TRUE(WriteOnce(*Find("a"), "k", {}, 1).ok());
  Open();
  const auto again = WriteOnce(*Find("a"), "k", {}, 1);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->repeated);
  EXPECT_LT(again->outcome.last_sequence, again->outcome.first_sequence);
  EXPECT_EQ(WriteOnce(*Find("a"), "k", {Row(1)}, 2).status().code(), Code::kIdempotencyKeyReused);
}

TEST_F(StoreIdempotencyTest, KeysExpireByTheClockAlsoAcrossARestart) {
  Once("hot", 1);
  Open();
  fake_clock_.AdvanceMicros(24 * kHour - 1);
  EXPECT_TRUE(Once("hot", 1).repeated);
  fake_clock_.AdvanceMicros(1);
  EXPECT_FALSE(Once("hot", 2, 2).repeated);
  Flush(*Find("a"));
  fake_clock_.AdvanceMicros(24 * kHour);
  Open();
  EXPECT_FALSE(Once("hot", 3, 3).repeated);
  Flush(*Find("a"));
  Open();
  EXPECT_TRUE(Once("hot", 3, 3).repeated);
  EXPECT_EQ(Rows(*Find("a")).size(), 3u);
}

TEST_F(StoreIdempotencyTest, TheOldestKeysGoAlsoFromTheManifest) {
  options_.idempotency_keys_max = 2;
  Open();
  for (int i = 1; i <= 3; ++i) {
    Once("k" + std::to_string(i), i);
    Flush(*Find("a"));
  }
  Open();
  EXPECT_TRUE(Once("k3", 3).repeated);
  EXPECT_TRUE(Once("k2", 2).repeated);
  EXPECT_FALSE(Once("k1", 1).repeated);
}

TEST_F(StoreIdempotencyTest, AFailedWriteIsNotRemembered) {
  const auto source = Find("a");
  const SchemaPtr schema = source->schema();
  {
    const auto turn = source->TakeKey({"k", Digest128{1, 1}}, runtime::CancelToken());
    ASSERT_TRUE(turn.ok());
    const Schema strange(7, 99, {{98, "other", TypeKind::kInt64}});
    EXPECT_FALSE(
        source->Write(std::make_shared<const Schema>(strange), TestBatch(strange, {Row(1)}), &*turn)
            .ok());
  }
  EXPECT_FALSE(Once("k", 1, 2).repeated);
}

TEST_F(StoreIdempotencyTest, ADroppedSourceTakesItsKeysAlong) {
  Once("k", 1);
  Flush(*Find("a"));
  ASSERT_TRUE(store_->DropSource(SourceId::Parse("a").Take(), false).ok());
  Add(TestDefinition("a"));
  EXPECT_FALSE(Once("k", 5, 2).repeated);
}

TEST_F(StoreIdempotencyTest, WithoutALogKeysAreAsDurableAsTheirRecords) {
  SourceDefinition definition = TestDefinition("u");
  definition.wal_enabled = false;
  Add(definition);
  const auto write = [&](const std::string& key, std::int64_t id) {
    return WriteOnce(*Find("u"), key, {Row(id)}, 1).Take().repeated;
  };
  EXPECT_FALSE(write("flushed", 1));
  EXPECT_TRUE(write("flushed", 1));
  Flush(*Find("u"));
  Open();
  EXPECT_TRUE(write("flushed", 1));
  EXPECT_EQ(Rows(*Find("u")).size(), 1u);
}

TEST_F(StoreIdempotencyTest, LengthsAreHeldTo) {
  const auto source = Find("a");
  const auto take = [&](std::size_t bytes) {
    return source->TakeKey({std::string(bytes, 'k'), {}}, runtime::CancelToken()).status().code();
  };
  EXPECT_EQ(take(0), Code::kInvalidArgument);
  EXPECT_EQ(take(1), Code::kOk);
  EXPECT_EQ(take(kWriteKeyMaxBytes), Code::kOk);
  EXPECT_EQ(take(kWriteKeyMaxBytes + 1), Code::kInvalidArgument);
}

}  // namespace
}  // namespace granary::storage
