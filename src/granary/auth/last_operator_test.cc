#include <gtest/gtest.h>

#include "granary/auth/authority_test_support.h"

namespace granary::auth {
namespace {

struct LastOperatorTest : AuthorityTest {
  Status Change(const std::string& id, const UserChange& change) {
    return AuthorityTest::Change(By(operator_), id, change).status();
  }
  std::string IdOf(const std::string& key) { return key.substr(3, 16); }
};

TEST_F(LastOperatorTest, NobodyTakesTheLastWayInOfTheLastOperator) {
  EXPECT_EQ(Change(operator_.user_id, {.roles = std::vector<std::string>{}}).code(),
            Code::kConflict);
  EXPECT_EQ(Change(operator_.user_id, {.roles = std::vector<std::string>{"admin"}}).code(),
            Code::kConflict);
  EXPECT_EQ(authority_->RevokeKey(By(operator_), IdOf(first_key_)).code(), Code::kConflict);
  EXPECT_TRUE(Who(first_key_).is_operator);
}

TEST_F(LastOperatorTest, AKeyThatEndsOrIsNarrowIsNoWayInAndAnotherWholeOneIs) {
  KeyOf(operator_, {{*ParseGrant("rwa:*")}});
  ASSERT_TRUE(
      authority_
          ->CreateKey(By(operator_), {.name = "ends", .expires_us = clock_.WallMicros() + kSecond})
          .ok());
  EXPECT_EQ(authority_->RevokeKey(By(operator_), IdOf(first_key_)).code(), Code::kConflict);
  const std::string whole = KeyOf(operator_);
  EXPECT_TRUE(authority_->RevokeKey(By(operator_), IdOf(first_key_)).ok());
  EXPECT_EQ(authority_->RevokeKey(By(Who(whole)), IdOf(whole)).code(), Code::kConflict);
}

TEST_F(LastOperatorTest, APasswordOfAnotherIsAWayInUnlessTheyAreDisabled) {
  const UserRow other = AddUser("other", {"operator"}, "globex");
  EXPECT_TRUE(Change(other.id, {.disabled = true}).ok());
  EXPECT_EQ(authority_->RevokeKey(By(operator_), IdOf(first_key_)).code(), Code::kConflict);
  EXPECT_TRUE(Change(other.id, {.disabled = false}).ok());
  const Identity now = Session("other", "globex");
  EXPECT_TRUE(authority_->RevokeKey(By(operator_), IdOf(first_key_)).ok());
  EXPECT_EQ(AuthorityTest::Change(By(now), other.id, {.roles = std::vector<std::string>{"admin"}})
                .status()
                .code(),
            Code::kConflict);
}

TEST_F(LastOperatorTest, WhoeverMayWriteTheFileMakesOneMore) {
  const auto made = authority_->MakeRecoveryKey();
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  const Identity who = Who(made->text);
  EXPECT_TRUE(who.is_operator && IsTenantAdmin(who));
  EXPECT_EQ(who.tenant, "acme");
  EXPECT_TRUE(authority_->MakeRecoveryKey().ok()) << "of another name each time";
  EXPECT_TRUE(IsKnown(first_key_)) << "nothing is taken from anybody";
}

}  // namespace
}  // namespace granary::auth
