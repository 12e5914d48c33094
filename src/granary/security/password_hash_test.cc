#include "granary/security/password_hash.h"

#include <gtest/gtest.h>

#include <future>

#include "granary/security/digest.h"
#include "granary/security/hash_gate.h"
#include "granary/testing/fake_random.h"

namespace granary::security {
namespace {

constexpr PasswordCost kCheap{.memory_kib = 64, .passes = 1, .lanes = 1};
constexpr std::string_view kSalt = "0123456789abcdef";

TEST(PasswordHashTest, KnowsItsPasswordAndNoOther) {
  const std::string encoded = HashPassword("correct horse", kSalt, kCheap).Take();
  EXPECT_TRUE(encoded.starts_with("$argon2id$v=19$m=64,t=1,p=1$")) << encoded;
  EXPECT_TRUE(IsPassword(encoded, "correct horse").Take());
  for (const char* wrong : {"", "correct hors", "correct horse ", "Correct horse"})
    EXPECT_FALSE(IsPassword(encoded, wrong).Take()) << wrong;
}

TEST(PasswordHashTest, BytesAfterANulCount) {
  const std::string encoded = HashPassword(std::string_view("a\0b", 3), kSalt, kCheap).Take();
  EXPECT_FALSE(IsPassword(encoded, std::string_view("a\0c", 3)).Take());
  EXPECT_FALSE(IsPassword(encoded, "a").Take());
}

TEST(PasswordHashTest, EqualPasswordsHaveDifferentHashes) {
  testing::FakeRandom random(1);
  const auto hash = [&] {
    return HashPassword("same", RandomBytes(random, kPasswordSaltBytes), kCheap).Take();
  };
  EXPECT_NE(hash(), hash());
}

TEST(PasswordHashTest, OldParametersWorkAndAreOutdated) {
  const std::string old = HashPassword("pw", kSalt, kCheap).Take();
  PasswordCost now = kCheap;
  EXPECT_FALSE(IsOutdated(old, now));
  now.passes = 2;
  EXPECT_TRUE(IsOutdated(old, now));
  now = kCheap;
  now.memory_kib = 65;
  EXPECT_TRUE(IsOutdated(old, now));
  now.memory_kib = 32;  // What costs more than asked for stays.
  EXPECT_FALSE(IsOutdated(old, now));
  EXPECT_TRUE(IsPassword(old, "pw").Take());
}

TEST(PasswordHashTest, NothingIsComputedFromADamagedHash) {
  const std::string good = HashPassword("pw", kSalt, kCheap).Take();
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string bad = good;
    return bad.replace(bad.find(from), from.size(), to);
  };
  for (const std::string& bad :
       {std::string(), std::string("$argon2id$v=19$"), with("argon2id", "argon2i"),
        with("v=19", "v=16"), with("m=64", "m=4294967295"), with("m=64", "m=1048577"),
        with("t=1", "t=0"), with("t=1", "t=65"), with("p=1", "p=17"), with("m=64", "m=-1"),
        with("m=64,", "m=64"), good.substr(0, good.size() - 1), good + "A",
        std::string(300, '$')}) {
    const auto verdict = IsPassword(bad, "pw");
    EXPECT_FALSE(verdict.ok() && *verdict) << bad;
    if (!CostOf(bad)) {
      EXPECT_EQ(verdict.status().code(), Code::kCorruption) << bad;
    }
  }
}

TEST(HashGateTest, RefusesWhoWouldWaitTooLong) {
  HashGate gate({.at_once = 2, .waiting_max = 0});
  auto first = gate.Enter();
  {
    const auto second = gate.Enter();
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_EQ(gate.Enter().status().code(), Code::kOverloaded);
  }
  EXPECT_TRUE(gate.Enter().ok());
}

TEST(HashGateTest, GivesUpAfterTheLongestWait) {
  HashGate gate({.at_once = 1, .waiting_max = 1, .wait_max = std::chrono::milliseconds(1)});
  const auto first = gate.Enter();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(gate.Enter().status().code(), Code::kOverloaded);
}

TEST(HashGateTest, WhoWaitsGetsTheNextSlot) {
  HashGate gate({.at_once = 1, .waiting_max = 1, .wait_max = std::chrono::minutes(1)});
  auto first = std::make_unique<Result<HashGate::Slot>>(gate.Enter());
  ASSERT_TRUE(first->ok());
  auto second = std::async(std::launch::async, [&] { return gate.Enter().ok(); });
  first.reset();
  EXPECT_TRUE(second.get());
}

}  // namespace
}  // namespace granary::security
