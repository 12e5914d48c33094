#include "granary/services/operation_node/identity_claim.h"

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::operation {
namespace {

TEST(IdentityClaimTest, IsTakenWhenItIsFreeOrNobodyRenewsIt) {
  EXPECT_EQ(DecideClaim({}), ClaimStep::kWrite);
  EXPECT_EQ(DecideClaim({true, false, 0}), ClaimStep::kRefused);
  EXPECT_EQ(DecideClaim({true, false, kClaimMs - 1}), ClaimStep::kRefused);
  EXPECT_EQ(DecideClaim({true, false, kClaimMs}), ClaimStep::kWrite);
  EXPECT_EQ(DecideClaim({true, true, kClaimRenewMs - 1}), ClaimStep::kHold);
  EXPECT_EQ(DecideClaim({true, true, kClaimRenewMs}), ClaimStep::kWrite);
}

struct CopiesTest : ::testing::Test {
  struct Copy {
    Copy(const std::string& file, const std::string& instance, const io::Clock& clock)
        : fleet(metadata::MakeMetadataStore({.file = file}), clock, Logger::Null()),
          claim("op-1", instance, "in " + instance, fleet, clock, Logger::Null()) {}
    Status Work() {
      claim.Work(*fleet.Look()->view);
      return claim.status();
    }
    Fleet fleet;
    IdentityClaim claim;
  };
  void AdvanceMs(std::int64_t ms) { clock.AdvanceMicros(ms * 1000); }

  testing::TempDirectory folder;
  testing::FakeClock clock;
  const std::string file = folder.Join("metadata.sqlite");
};

TEST_F(CopiesTest, ASecondOneIsToldWhoIsAtWorkForAsLongAsThatLives) {
  Copy first(file, "a", clock), second(file, "b", clock);
  EXPECT_TRUE(first.Work().ok());
  for (int i = 0; i < 10; ++i) {
    AdvanceMs(kClaimRenewMs);
    EXPECT_TRUE(first.Work().ok());
    const Status refused = second.Work();
    EXPECT_EQ(refused.code(), Code::kUnavailable);
    EXPECT_EQ(refused.message().find("in a"), std::string::npos) << refused.message();
    EXPECT_EQ(second.fleet.Last()->FindClaim("op-1")->value.where, "in a");
  }
  // It dies, and the other one acts only once it has been silent for long enough.
  AdvanceMs(kClaimMs - 1);
  EXPECT_FALSE(second.Work().ok());
  AdvanceMs(1);
  EXPECT_TRUE(second.Work().ok());
  // It was not dead: it reads that another one took over.
  EXPECT_EQ(first.Work().code(), Code::kUnavailable);
  EXPECT_EQ(first.fleet.Last()->FindClaim("op-1")->value.where, "in b");
}

TEST_F(CopiesTest, TheSameOneBeginsAnewAtOnceAndAReleaseLeavesItToAnother) {
  { EXPECT_TRUE(Copy(file, "a", clock).Work().ok()); }
  Copy again(file, "a", clock);
  EXPECT_TRUE(again.Work().ok());
  EXPECT_TRUE(again.Work().ok());  // It has read its own row.
  Copy second(file, "b", clock);
  EXPECT_FALSE(second.Work().ok());
  again.claim.Release();
  EXPECT_TRUE(second.Work().ok());
}

TEST_F(CopiesTest, ARowThatCannotBeReadIsRespectedLikeAnyOther) {
  Copy one(file, "a", clock);
  ASSERT_TRUE(one.fleet.Look().ok());
  ASSERT_TRUE(one.fleet.Note({{std::string(kClaimKind), "op-1", 0, "[]"}}).ok());
  EXPECT_EQ(one.Work().code(), Code::kUnavailable);
  AdvanceMs(kClaimMs);
  EXPECT_TRUE(one.Work().ok());
}

TEST(InstanceTest, IsAnotherForAnotherFolder) {
  testing::TempDirectory first, second;
  EXPECT_EQ(*InstanceOf(first.path()), *InstanceOf(first.path()));
  EXPECT_NE(*InstanceOf(first.path()), *InstanceOf(second.path()));
  EXPECT_FALSE(InstanceOf(first.Join("none")).ok());
}

}  // namespace
}  // namespace granary::operation
