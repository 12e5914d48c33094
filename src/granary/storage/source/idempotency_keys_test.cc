#include "granary/storage/source/idempotency_keys.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "granary/testing/fake_clock.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kHour = 3600ll * 1'000'000;

class IdempotencyKeysTest : public ::testing::Test {
 protected:
  static WriteKey Key(std::string key, std::uint64_t body = 1) {
    return {std::move(key), Digest128{body, body}};
  }
  KeyRecord Record(std::uint64_t first, std::uint32_t records = 1) const {
    KeyRecord record;
    record.first_sequence = first;
    record.records = records;
    record.written_us = clock_.WallMicros();
    return record;
  }
  void Write(const std::string& key, std::uint64_t sequence) {
    auto turn = keys_->Take(Key(key), cancel_);
    ASSERT_TRUE(turn.ok()) << turn.status().ToString();
    ASSERT_FALSE(turn->first().has_value());
    keys_->Remember(*turn, Record(sequence));
  }
  bool Known(const std::string& key) {
    const auto turn = keys_->Take(Key(key), cancel_);
    return turn.ok() && turn->first().has_value();
  }
  void Make(std::size_t keys_max, std::vector<KeyRecord> saved = {}) {
    keys_.emplace(IdempotencyOptions{.retention_us = 24 * kHour, .keys_max = keys_max}, clock_,
                  std::move(saved));
  }

  testing::FakeClock clock_;
  runtime::CancelToken cancel_;
  std::optional<IdempotencyKeys> keys_;
};

TEST_F(IdempotencyKeysTest, ARepetitionIsAnsweredAndAnotherBodyRefused) {
  Make(10);
  Write("k", 7);
  const auto again = keys_->Take(Key("k"), cancel_);
  ASSERT_TRUE(again.ok());
  ASSERT_TRUE(again->first().has_value());
  EXPECT_EQ(again->first()->first_sequence, 7u);
  EXPECT_EQ(keys_->Take(Key("k", 2), cancel_).status().code(), Code::kIdempotencyKeyReused);
  EXPECT_EQ(keys_->Take({"k", Digest128{1, 2}}, cancel_).status().code(),
            Code::kIdempotencyKeyReused);
}

TEST_F(IdempotencyKeysTest, AFailureIsNotRemembered) {
  Make(10);
  { const auto turn = keys_->Take(Key("k"), cancel_); }
  const auto next = keys_->Take(Key("k", 2), cancel_);
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->first().has_value());
}

TEST_F(IdempotencyKeysTest, AKeyIsKnownUntilItsTimeIsOver) {
  Make(10);
  Write("k", 1);
  clock_.AdvanceMicros(24 * kHour - 1);
  EXPECT_TRUE(Known("k"));
  clock_.AdvanceMicros(1);
  EXPECT_FALSE(Known("k"));
}

TEST_F(IdempotencyKeysTest, PastTheLimitTheOldestGoes) {
  Make(3);
  for (std::uint64_t i = 1; i <= 3; ++i) Write("k" + std::to_string(i), i);
  EXPECT_EQ(keys_->size(), 3u);
  EXPECT_EQ(keys_->TakeEvicted(), 0u);
  Write("k4", 4);
  EXPECT_EQ(keys_->TakeEvicted(), 1u);
  EXPECT_FALSE(Known("k1"));
  EXPECT_TRUE(Known("k2"));
  EXPECT_TRUE(Known("k4"));
}

TEST_F(IdempotencyKeysTest, WaitersAreGivenTheAnswerOfTheFirst) {
  Make(10);
  std::optional<KeyTurn> first(keys_->Take(Key("k"), cancel_).Take());
  std::atomic<int> answered{0}, turns{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      const auto turn = keys_->Take(Key("k"), cancel_);
      ASSERT_TRUE(turn.ok());
      ++(turn->first().has_value() ? answered : turns);
    });
  }
  keys_->Remember(*first, Record(5));
  first.reset();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(turns, 0);
}

TEST_F(IdempotencyKeysTest, AWaiterLeavesWhenItIsCancelled) {
  Make(10);
  const auto first = keys_->Take(Key("k"), cancel_);
  runtime::CancelToken gone;
  std::thread waiter(
      [&] { EXPECT_EQ(keys_->Take(Key("k"), gone).status().code(), Code::kCancelled); });
  gone.Cancel();
  waiter.join();
}

TEST_F(IdempotencyKeysTest, SavesWhatAFlushTakesAlongAndForgetsWhatWent) {
  Make(2);
  Write("a", 1);
  Write("b", 2);
  KeyChanges changes = keys_->ChangesUpTo(1);
  ASSERT_EQ(changes.added.size(), 1u);
  EXPECT_EQ(changes.added[0].key, "a");
  EXPECT_TRUE(changes.forgotten.empty());
  keys_->Saved(changes);
  EXPECT_TRUE(keys_->ChangesUpTo(1).empty());

  Write("c", 3);  // "a" goes, and is in the manifest.
  changes = keys_->ChangesUpTo(3);
  ASSERT_EQ(changes.forgotten.size(), 1u);
  EXPECT_EQ(changes.forgotten[0].key, "a");
  EXPECT_EQ(changes.added.size(), 2u);
  Write("d", 4);  // "b" goes while it is being saved.
  keys_->Saved(changes);
  changes = keys_->ChangesUpTo(3);
  ASSERT_EQ(changes.forgotten.size(), 1u);
  EXPECT_EQ(changes.forgotten[0].key, "b");
  EXPECT_TRUE(changes.added.empty());
}

TEST_F(IdempotencyKeysTest, AnExpiredKeyThatComesAgainReplacesItsSavedRow) {
  Make(10);
  Write("k", 1);
  keys_->Saved(keys_->ChangesUpTo(1));
  clock_.AdvanceMicros(25 * kHour);
  Write("k", 2);
  const KeyChanges changes = keys_->ChangesUpTo(2);
  ASSERT_EQ(changes.forgotten.size(), 1u);
  EXPECT_EQ(changes.forgotten[0].first_sequence, 1u);
  ASSERT_EQ(changes.added.size(), 1u);
  EXPECT_EQ(changes.added[0].first_sequence, 2u);
}

TEST_F(IdempotencyKeysTest, WhatAReplayBroughtBackWinsOverAnOpenTurn) {
  Make(10);
  const auto turn = keys_->Take(Key("k"), cancel_);
  EXPECT_FALSE(keys_->FirstOf(*turn)->has_value());
  KeyRecord replayed = Record(9);
  replayed.key = "k";
  replayed.body = {1, 1};
  keys_->Restore(replayed);
  ASSERT_TRUE(keys_->FirstOf(*turn)->has_value());
  EXPECT_EQ((*keys_->FirstOf(*turn))->first_sequence, 9u);
}

}  // namespace
}  // namespace granary::storage
