#include "granary/auth/authority_test_support.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace granary::auth {
namespace {

// ---- Keys

TEST_F(AuthorityTest, AKeyIsKnownUntilItEndsOrIsRevoked) {
  AddUser("ada", {"writer"});
  const Identity ada = Session("ada");
  const auto made = authority_->CreateKey(
      By(ada), {.name = "job", .expires_us = clock_.WallMicros() + 10 * kSecond});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(Who(made->text).grants, ada.grants);
  std::string wrong = made->text;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(IsKnown(wrong));
  clock_.AdvanceMicros(10 * kSecond - 1);
  EXPECT_TRUE(IsKnown(made->text));
  clock_.AdvanceMicros(1);
  EXPECT_FALSE(IsKnown(made->text));

  const std::string other = KeyOf(ada);
  const std::string id = other.substr(3, 16);
  EXPECT_TRUE(authority_->RevokeKey(By(ada), id).ok());
  EXPECT_FALSE(IsKnown(other));
  EXPECT_EQ(authority_->CreateKey(By(ada), {.name = "x", .expires_us = clock_.WallMicros()})
                .status()
                .code(),
            Code::kInvalidRequest);
}

TEST_F(AuthorityTest, ARotatedKeyGoesOnForItsGrace) {
  const std::string old = KeyOf(operator_);
  const std::string id = old.substr(3, 16);
  const auto made = authority_->RotateKey(By(operator_), id, 60);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->row.id, id);
  EXPECT_TRUE(IsKnown(old));
  EXPECT_TRUE(IsKnown(made->text));
  clock_.AdvanceMicros(60 * kSecond - 1);
  EXPECT_TRUE(IsKnown(old));
  clock_.AdvanceMicros(1);
  EXPECT_FALSE(IsKnown(old));
  EXPECT_TRUE(IsKnown(made->text));
  // Without grace at once; two rotations back is never good.
  const auto next = authority_->RotateKey(By(operator_), id, 0);
  EXPECT_FALSE(IsKnown(made->text));
  EXPECT_TRUE(authority_->RevokeKey(By(operator_), id).ok());
  EXPECT_FALSE(IsKnown(next->text));
  EXPECT_EQ(authority_->RotateKey(By(operator_), id, 0).status().code(), Code::kConflict);
}

TEST_F(AuthorityTest, AKeysScopeNarrowsItsOwnersRights) {
  AddUser("ada", {"writer"});
  const Identity ada = Session("ada");
  const Identity narrow = Who(KeyOf(ada, {{*ParseGrant("rwa:sales_*")}}));
  EXPECT_EQ(narrow.grants, std::vector<Grant>{*ParseGrant("rw:sales_*")}) << "ada is no admin";
  EXPECT_EQ(Who(KeyOf(ada, std::vector<Grant>{})).grants, std::vector<Grant>{});
  EXPECT_FALSE(Who(KeyOf(operator_, {{*ParseGrant("rwa:*")}})).is_operator);
}

TEST_F(AuthorityTest, ANarrowKeyDoesNotBecomeAWideOne) {
  const UserRow ada = AddUser("ada", {"writer"});
  const std::string wide = KeyOf(Session("ada"));
  const Identity narrow = Who(KeyOf(Session("ada"), {{*ParseGrant("r:sales")}}));
  EXPECT_EQ(Who(KeyOf(narrow)).grants, narrow.grants);
  EXPECT_EQ(Who(KeyOf(narrow, {{*ParseGrant("rw:*")}})).grants, narrow.grants);
  EXPECT_EQ(authority_->RotateKey(By(narrow), wide.substr(3, 16), 0).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->RevokeKey(By(narrow), wide.substr(3, 16)).code(), Code::kPermissionDenied);
  EXPECT_EQ(Change(By(narrow), ada.id,
                   {.password = "brand new password", .current_password = "a long password"})
                .status()
                .code(),
            Code::kPermissionDenied);
  EXPECT_TRUE(authority_->RevokeKey(By(narrow), narrow.credential.substr(4)).ok()) << "itself";
}

// Who was told to take the new one does; who goes on with the old one may be a thief.
TEST_F(AuthorityTest, TheOldSecretOfARotatedKeyChangesNothing) {
  const UserRow bob = AddUser("bob", {"writer"});
  const std::string text = KeyOf(operator_);
  const std::string id = text.substr(3, 16);
  const auto made = authority_->RotateKey(By(operator_), id, 60);
  ASSERT_TRUE(made.ok());
  const Identity old = Who(text);
  EXPECT_EQ(old.grants, operator_.grants) << "it is still good for requests";
  const auto refused = [](const Status& status) {
    return status.code() == Code::kPermissionDenied;
  };
  EXPECT_TRUE(refused(authority_->RotateKey(By(old), id, 0).status()));
  EXPECT_TRUE(refused(authority_->RevokeKey(By(old), id)));
  EXPECT_TRUE(refused(authority_->CreateKey(By(old), {.name = "k"}).status()));
  EXPECT_TRUE(refused(authority_->CreateUser(By(old), {.name = "eve"}).status()));
  EXPECT_TRUE(refused(Change(By(old), bob.id, {.password = "brand new password"}).status()));
  EXPECT_TRUE(refused(authority_->DeleteUser(By(old), bob.id)));
  EXPECT_TRUE(refused(authority_->PutRole(By(old), {}, "r", {*ParseGrant("r:a")}).status()));
  EXPECT_TRUE(refused(authority_->DeleteRole(By(old), {}, "r")));
  EXPECT_TRUE(IsKnown(made->text));
  EXPECT_TRUE(authority_->RotateKey(By(Who(made->text)), id, 0).ok()) << "the new one may";
}

TEST_F(AuthorityTest, AKeyThatAKeyMakesNeverOutlivesIt) {
  const auto eternal = authority_->CreateKey(By(operator_), {.name = "eternal"});
  const std::int64_t end = clock_.WallMicros() + 100 * kSecond;
  const auto brief = authority_->CreateKey(By(operator_), {.name = "brief", .expires_us = end});
  ASSERT_TRUE(eternal.ok() && brief.ok());
  const Identity who = Who(brief->text);
  const auto made = authority_->CreateKey(By(who), {.name = "no end"});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->row.expires_us, end);
  EXPECT_TRUE(authority_->CreateKey(By(who), {.name = "same", .expires_us = end}).ok());
  EXPECT_EQ(
      authority_->CreateKey(By(who), {.name = "later", .expires_us = end + 1}).status().code(),
      Code::kInvalidRequest);
  EXPECT_EQ(authority_->RotateKey(By(who), eternal->row.id, 0).status().code(),
            Code::kPermissionDenied);
  EXPECT_TRUE(authority_->RotateKey(By(who), brief->row.id, 0).ok()) << "its end stays";
  EXPECT_EQ(Change(By(who), who.user_id, {.password = "brand new password"}).status().code(),
            Code::kPermissionDenied)
      << "a password would have no end";
}

// Neither the scope nor the roles have too many grants; what they have in common has.
TEST_F(AuthorityTest, AScopeThatMakesTooManyGrantsOfTheRolesIsRefused) {
  constexpr std::size_t kOther = security::kGrantsMax - 1;
  std::vector<Grant> scope = {*ParseGrant("w:*")};
  for (std::size_t i = 0; i < kOther; ++i) scope.push_back(*ParseGrant(fmt::format("r:c{:03}", i)));
  std::vector<Grant> role = {*ParseGrant("r:*")};
  const auto put = [&] { EXPECT_TRUE(authority_->PutRole(By(operator_), {}, "wide", role).ok()); };
  put();
  AddUser("ada", {"wide"});
  const std::string key = KeyOf(Session("ada"), scope);
  EXPECT_EQ(Who(key).grants.size(), kOther);
  role.push_back(*ParseGrant("w:b000"));
  put();
  EXPECT_EQ(Who(key).grants.size(), security::kGrantsMax);
  EXPECT_FALSE(KeyOf(Session("ada"), scope).empty());
  role.push_back(*ParseGrant("w:b001"));
  put();
  EXPECT_EQ(authority_->Authenticate(key).status().code(), Code::kPermissionDenied);
  const Identity ada = Session("ada");
  EXPECT_EQ(authority_->CreateKey(By(ada), {.name = "k", .scope = scope}).status().code(),
            Code::kTooLarge);
}

TEST_F(AuthorityTest, LimitsOfUsersKeysAndRolesHoldToTheLast) {
  options_.users_max = 3;
  options_.keys_max = 2;
  options_.roles_max = 1;
  Open();
  AddUser("u2", {});
  AddUser("u3", {});
  EXPECT_EQ(authority_->CreateUser(By(operator_), {.name = "u4"}).status().code(),
            Code::kQuotaExceeded);
  KeyOf(operator_);
  EXPECT_EQ(authority_->CreateKey(By(operator_), {.name = "k"}).status().code(),
            Code::kQuotaExceeded);
  EXPECT_TRUE(authority_->PutRole(By(operator_), {}, "a", {*ParseGrant("r:a")}).ok());
  EXPECT_TRUE(authority_->PutRole(By(operator_), {}, "a", {*ParseGrant("r:b")}).ok());
  EXPECT_EQ(authority_->PutRole(By(operator_), {}, "b", {*ParseGrant("r:a")}).status().code(),
            Code::kQuotaExceeded);
}

TEST_F(AuthorityTest, KeysAreListedInPagesAndForgottenLongAfterTheirEnd) {
  std::vector<std::string> seen;
  for (int i = 0; i < 4; ++i) KeyOf(operator_);
  for (std::string after;;) {
    const auto page = authority_->ListKeys(By(operator_), {}, after, 2);
    ASSERT_TRUE(page.ok());
    if (page->empty()) break;
    for (const KeyRow& key : *page) seen.push_back(key.id);
    after = page->back().id;
  }
  EXPECT_EQ(seen.size(), 5u) << "with the first one";
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  const std::string gone = *std::ranges::find_if(
      seen, [this](const std::string& id) { return id != first_key_.substr(3, 16); });
  ASSERT_TRUE(authority_->RevokeKey(By(operator_), gone).ok());
  clock_.AdvanceMicros(364 * 86'400 * kSecond);
  ASSERT_TRUE(authority_->Tidy().ok());
  EXPECT_EQ(authority_->ListKeys(By(operator_), {})->size(), 5u);
  clock_.AdvanceMicros(2 * 86'400 * kSecond);
  ASSERT_TRUE(authority_->Tidy().ok());
  EXPECT_EQ(authority_->ListKeys(By(operator_), {})->size(), 4u);
}

// ---- Roles

TEST_F(AuthorityTest, AChangedRoleCountsAtOnce) {
  ASSERT_TRUE(authority_->PutRole(By(operator_), {}, "sales", {*ParseGrant("r:sales_*")}).ok());
  AddUser("ada", {"sales"});
  const std::string token = LogIn("ada", "a long password")->access_token;
  EXPECT_EQ(Who(token).grants, std::vector<Grant>{*ParseGrant("r:sales_*")});
  ASSERT_TRUE(authority_->PutRole(By(operator_), {}, "sales", {*ParseGrant("w:log")}).ok());
  EXPECT_EQ(Who(token).grants, std::vector<Grant>{*ParseGrant("w:log")});
}

TEST_F(AuthorityTest, ARoleInUseAndABuiltInOneStay) {
  ASSERT_TRUE(authority_->PutRole(By(operator_), {}, "sales", {*ParseGrant("r:sales")}).ok());
  const UserRow ada = AddUser("ada", {"sales"});
  EXPECT_EQ(authority_->DeleteRole(By(operator_), {}, "sales").code(), Code::kConflict);
  EXPECT_TRUE(Change(By(operator_), ada.id, {.roles = {{"reader"}}}).ok());
  EXPECT_TRUE(authority_->DeleteRole(By(operator_), {}, "sales").ok());
  EXPECT_EQ(authority_->DeleteRole(By(operator_), {}, "sales").code(), Code::kNotFound);
  EXPECT_EQ(authority_->PutRole(By(operator_), {}, "admin", {}).status().code(), Code::kConflict);
  EXPECT_EQ(authority_->DeleteRole(By(operator_), {}, "reader").code(), Code::kConflict);
  EXPECT_EQ(
      authority_->CreateUser(By(operator_), {.name = "bob", .roles = {"sales"}}).status().code(),
      Code::kInvalidRequest);
}

TEST_F(AuthorityTest, ManyGrantsGoUpToTheLimit) {
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < security::kGrantsMax; ++i)
    grants.push_back(*ParseGrant(fmt::format("r:s{:03}", i)));
  ASSERT_TRUE(authority_->PutRole(By(operator_), {}, "many", grants).ok());
  AddUser("ada", {"many"});
  EXPECT_EQ(Session("ada").grants.size(), security::kGrantsMax);
  grants.push_back(*ParseGrant("r:more"));
  EXPECT_EQ(authority_->PutRole(By(operator_), {}, "more", grants).status().code(),
            Code::kTooLarge);
  EXPECT_EQ(authority_->CreateUser(By(operator_), {.name = "bob", .roles = {"many", "reader"}})
                .status()
                .code(),
            Code::kTooLarge);
}

// ---- Who may administer whom

TEST_F(AuthorityTest, OnlyAdministratorsAdminister) {
  const UserRow bob = AddUser("bob", {"writer"});
  AddUser("ada", {"writer"});
  const Identity ada = Session("ada");
  const Act act = By(ada);
  const auto expect_denied = [](const Status& status) {
    EXPECT_EQ(status.code(), Code::kPermissionDenied) << status.ToString();
  };
  expect_denied(authority_->CreateUser(act, {.name = "eve"}).status());
  expect_denied(authority_->ListUsers(act, {}, "", 10).status());
  expect_denied(authority_->GetUser(act, bob.id).status());
  expect_denied(authority_->GetUser(act, "u_nobody").status());
  expect_denied(Change(act, bob.id, {.disabled = true}).status());
  expect_denied(Change(act, ada.user_id, {.roles = {{"admin"}}}).status());
  expect_denied(authority_->DeleteUser(act, bob.id));
  expect_denied(authority_->PermissionsOf(act, bob.id).status());
  expect_denied(authority_->PutRole(act, {}, "x", {}).status());
  expect_denied(authority_->ListRoles(act, {}).status());
  expect_denied(authority_->DeleteRole(act, {}, "x"));
  expect_denied(authority_->CreateKey(act, {.user = bob.id, .name = "k"}).status());
  expect_denied(authority_->ListKeys(act, bob.id).status());
  expect_denied(authority_->ListAudit(act, {}).status());
  EXPECT_TRUE(authority_->GetUser(act, ada.user_id).ok());
  EXPECT_TRUE(authority_->PermissionsOf(act, ada.user_id).ok());
  const std::string bobs = KeyOf(Session("bob"));
  EXPECT_EQ(authority_->RotateKey(act, bobs.substr(3, 16), 0).status().code(), Code::kNotFound);
  EXPECT_EQ(authority_->RevokeKey(act, bobs.substr(3, 16)).code(), Code::kNotFound);
  EXPECT_TRUE(authority_->ListKeys(act, {})->empty());
}

// Every call with every id of another tenant answers as for an id that nobody has.
TEST_F(AuthorityTest, AnotherTenantIsAsOneThatIsNotThere) {
  const UserRow bob = AddUser("bob", {"writer"}, "globex");
  AddUser("boss", {"admin"}, "acme");
  ASSERT_TRUE(authority_->PutRole(By(operator_), "globex", "secret", {*ParseGrant("r:x")}).ok());
  const std::string bobs = KeyOf(Session("bob", "globex"));
  const std::string key = bobs.substr(3, 16);
  const Identity boss = Session("boss");
  const Act act = By(boss);
  const auto same = [](const Status& theirs, const Status& nobodys, std::string_view their_id,
                       std::string_view no_id) {
    EXPECT_FALSE(theirs.ok());
    std::string expected = nobodys.ToString();
    if (const auto at = expected.find(no_id); at != std::string::npos)
      expected.replace(at, no_id.size(), their_id);
    EXPECT_EQ(theirs.ToString(), expected);
  };
  const std::string no_user = "u_nobody", no_key = "0000000000000000";
  const auto on_users = [&](const auto& call) {
    same(call(bob.id), call(no_user), bob.id, no_user);
  };
  const auto on_keys = [&](const auto& call) { same(call(key), call(no_key), key, no_key); };
  on_users([&](const std::string& id) { return authority_->GetUser(act, id).status(); });
  on_users([&](const std::string& id) { return Change(act, id, {.disabled = true}).status(); });
  on_users([&](const std::string& id) { return authority_->DeleteUser(act, id); });
  on_users([&](const std::string& id) { return authority_->PermissionsOf(act, id).status(); });
  on_users([&](const std::string& id) { return authority_->ListKeys(act, id).status(); });
  on_users([&](const std::string& id) {
    return authority_->CreateKey(act, {.user = id, .name = "k"}).status();
  });
  on_keys([&](const std::string& id) { return authority_->RotateKey(act, id, 0).status(); });
  on_keys([&](const std::string& id) { return authority_->RevokeKey(act, id); });
  // Naming the tenant is refused, whether there is one or not.
  for (const char* tenant : {"globex", "nobody"}) {
    EXPECT_EQ(authority_->ListUsers(act, tenant, "", 10).status().code(), Code::kPermissionDenied);
    EXPECT_EQ(authority_->CreateUser(act, {.tenant = tenant, .name = "x"}).status().code(),
              Code::kPermissionDenied);
    EXPECT_EQ(authority_->ListRoles(act, tenant).status().code(), Code::kPermissionDenied);
    EXPECT_EQ(authority_->PutRole(act, tenant, "x", {}).status().code(), Code::kPermissionDenied);
    EXPECT_EQ(authority_->ListAudit(act, {.tenant = tenant}).status().code(),
              Code::kPermissionDenied);
  }
  EXPECT_EQ(authority_->CreateUser(act, {.name = "x", .roles = {"secret"}}).status().code(),
            Code::kInvalidRequest);
  const auto entries = authority_->ListAudit(act, {});
  ASSERT_TRUE(entries.ok());
  EXPECT_FALSE(entries->empty());
  for (const AuditEntry& entry : *entries) EXPECT_EQ(entry.tenant, "acme");
  EXPECT_TRUE(IsKnown(bobs)) << "and nothing happened to it";
}

TEST_F(AuthorityTest, AdministratorsHaveNoWayToOperators) {
  AddUser("boss", {"admin"});
  const Identity boss = Session("boss");
  const Act act = By(boss);
  const std::string root = operator_.user_id;
  EXPECT_EQ(authority_->CreateUser(act, {.name = "x", .roles = {"operator"}}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(Change(act, boss.user_id, {.roles = {{"operator"}}}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(Change(act, root, {.password = "a long password"}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->CreateKey(act, {.user = root, .name = "k"}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->RotateKey(act, first_key_.substr(3, 16), 0).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->RevokeKey(act, first_key_.substr(3, 16)).code(), Code::kPermissionDenied);
  EXPECT_EQ(authority_->DeleteUser(act, root).code(), Code::kPermissionDenied);
  EXPECT_TRUE(IsKnown(first_key_));
}

}  // namespace
}  // namespace granary::auth
