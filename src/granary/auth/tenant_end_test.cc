#include <gtest/gtest.h>

#include "granary/auth/authority_test_support.h"

namespace granary::auth {
namespace {

struct TenantEndTest : AuthorityTest {
  const Identity fleet_{.user_id = "operation-node", .tenant = "globex"};
  Status End(const std::string& tenant) { return authority_->EndTenant(By(fleet_), tenant); }
};

TEST_F(TenantEndTest, NothingOfATenantIsThereForTheNextOfItsId) {
  ASSERT_TRUE(
      authority_->PutRole(By(operator_), "globex", "sales", {*ParseGrant("rw:sales")}).ok());
  AddUser("ada", {"admin", "sales"}, "globex");
  const auto pair = LogIn("ada", "a long password", "globex");
  const Identity ada = Who(pair->access_token);
  const std::string key = KeyOf(ada);
  ASSERT_TRUE(IsKnown(key) && IsKnown(pair->access_token));

  EXPECT_TRUE(End("globex").ok());
  EXPECT_FALSE(IsKnown(key));
  EXPECT_FALSE(IsKnown(pair->access_token));
  EXPECT_FALSE(authority_->Refresh(pair->refresh_token, "192.0.2.7", "r").ok());
  EXPECT_TRUE(IsKnown(first_key_)) << "of another tenant";

  AddUser("boss", {"admin"}, "globex");
  const Identity boss = Session("boss", "globex");
  EXPECT_EQ(authority_->ListUsers(By(boss), {}, "", 10)->size(), 1u);
  EXPECT_EQ(authority_->ListKeys(By(boss), {})->size(), 0u);
  const auto roles = authority_->ListRoles(By(boss), {});
  for (const RoleRow& role : *roles) EXPECT_NE(role.name, "sales");
  const auto seen = authority_->ListAudit(By(boss), {});
  for (const AuditEntry& entry : *seen) EXPECT_NE(entry.actor, ada.user_id) << entry.action;
  EXPECT_EQ(seen->size(), 2u) << "boss was made, and logged in";
  const auto all = authority_->ListAudit(By(operator_), {.action = "tenant.end"});
  ASSERT_EQ(all->size(), 1u) << "operators see what was";
  EXPECT_TRUE((*all)[0].tenant.starts_with("globex#")) << (*all)[0].tenant;
  EXPECT_FALSE(LogIn("ada", "a long password", "globex").ok());
}

TEST_F(TenantEndTest, OfATenantThatIsNotThereNothingIsDoneAndNothingIsWritten) {
  const auto before = AuditActions();
  EXPECT_TRUE(End("nobody").ok());
  EXPECT_TRUE(End("nobody").ok());
  EXPECT_EQ(AuditActions(), before);
}

TEST_F(TenantEndTest, ATenantWithTheLastOperatorDoesNotEnd) {
  EXPECT_EQ(End("acme").code(), Code::kConflict);
  EXPECT_TRUE(IsKnown(first_key_));
  const UserRow other = AddUser("other", {"operator"}, "globex");
  EXPECT_TRUE(End("acme").ok());
  EXPECT_FALSE(IsKnown(first_key_));
  EXPECT_EQ(End("globex").code(), Code::kConflict);
  EXPECT_TRUE(LogIn("other", "a long password", "globex").ok());
}

}  // namespace
}  // namespace granary::auth
