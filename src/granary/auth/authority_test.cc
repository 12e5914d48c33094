#include "granary/auth/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fmt/format.h>

#include "granary/auth/auth_file.h"
#include "granary/security/key_set.h"
#include "granary/security/token.h"
#include "granary/sqlite/sqlite_db.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/temp_directory.h"

namespace granary::auth {
namespace {

using security::Grant;
using security::ParseGrant;

constexpr std::int64_t kSecond = 1'000'000;

class AuthorityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    const auto first = authority_->MakeFirstKey();
    ASSERT_TRUE(first.ok() && *first) << first.status().ToString();
    first_key_ = (*first)->text;
    operator_ = Who(first_key_);
  }

  void Open() {
    authority_.reset();
    auto opened = Authority::Open(options_, clock_, random_);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    authority_ = opened.Take();
  }

  AuthorityOptions CheapOptions() const {
    AuthorityOptions options;
    options.folder = folder_.path() + "/auth";
    options.tenant = "acme";
    options.password_cost = {.memory_kib = 64, .passes = 1, .lanes = 1};
    return options;
  }
  Identity Who(std::string_view credential) {
    const auto who = authority_->Authenticate(credential);
    EXPECT_TRUE(who.ok()) << who.status().ToString();
    return who.ok() ? *who : Identity{};
  }
  static Act By(const Identity& who) { return {who, "192.0.2.7", "req-1"}; }

  UserRow AddUser(const std::string& name, std::vector<std::string> roles,
                  const std::string& tenant = "acme") {
    const auto user = authority_->CreateUser(
        By(operator_),
        {.tenant = tenant, .name = name, .password = "a long password", .roles = std::move(roles)});
    EXPECT_TRUE(user.ok()) << user.status().ToString();
    return user.ok() ? *user : UserRow{};
  }
  Result<TokenPair> LogIn(const std::string& name, const std::string& password,
                          const std::string& tenant = "acme") {
    return authority_->LogIn({.tenant = tenant,
                              .name = name,
                              .password = password,
                              .address = "192.0.2.7",
                              .request_id = "req-2"},
                             wait_s_);
  }
  Identity Session(const std::string& name, const std::string& tenant = "acme") {
    const auto pair = LogIn(name, "a long password", tenant);
    EXPECT_TRUE(pair.ok()) << pair.status().ToString();
    return pair.ok() ? Who(pair->access_token) : Identity{};
  }
  std::string KeyOf(const Identity& who, std::optional<std::vector<Grant>> scope = {}) {
    const auto key = authority_->CreateKey(By(who), {.name = "k", .scope = std::move(scope)});
    EXPECT_TRUE(key.ok()) << key.status().ToString();
    return key.ok() ? key->text : std::string();
  }
  bool IsKnown(std::string_view credential) {
    const auto who = authority_->Authenticate(credential);
    if (!who.ok()) {
      EXPECT_EQ(who.status().code(), Code::kUnauthenticated);
    }
    return who.ok();
  }
  std::vector<std::string> AuditActions() {
    std::vector<std::string> out;
    const auto entries = authority_->ListAudit(By(operator_), {});
    EXPECT_TRUE(entries.ok());
    for (const AuditEntry& entry : *entries) out.push_back(entry.action + " " + entry.outcome);
    return out;
  }

  testing::TempDirectory folder_;
  testing::FakeClock clock_;
  testing::FakeRandom random_{42};
  AuthorityOptions options_ = CheapOptions();
  std::unique_ptr<Authority> authority_;
  std::string first_key_;
  Identity operator_;
  std::int64_t wait_s_ = 0;
};

TEST_F(AuthorityTest, TheFirstStartMakesOneKeyWithAllRights) {
  EXPECT_EQ(operator_.tenant, "acme");
  EXPECT_EQ(operator_.grants, std::vector<Grant>{*ParseGrant("rwa:*")});
  EXPECT_TRUE(operator_.is_operator);
  EXPECT_FALSE(*authority_->MakeFirstKey());
  Open();
  EXPECT_FALSE(*authority_->MakeFirstKey());
  EXPECT_TRUE(IsKnown(first_key_)) << "after a restart";
}

TEST_F(AuthorityTest, TheFileIsItsOwnersAlone) {
  struct stat found {};
  ASSERT_EQ(::stat(options_.folder.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  for (const char* name : {"/auth.sqlite", "/auth.sqlite-wal", "/auth.sqlite-shm"}) {
    ASSERT_EQ(::stat((options_.folder + name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(AuthorityTest, NoSecretIsInTheFile) {
  AddUser("ada", {"reader"});
  const auto pair = LogIn("ada", "a long password");
  ASSERT_TRUE(pair.ok());
  authority_.reset();
  std::string bytes;
  for (const char* name : {"/auth.sqlite", "/auth.sqlite-wal"}) {
    std::FILE* file = std::fopen((options_.folder + name).c_str(), "rb");
    if (file == nullptr) continue;
    char piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, file)) > 0;) bytes.append(piece, n);
    std::fclose(file);
  }
  ASSERT_NE(bytes.find("ada"), std::string::npos);
  for (const std::string& secret : {std::string("a long password"), first_key_.substr(20),
                                    pair->refresh_token, pair->access_token}) {
    EXPECT_EQ(bytes.find(secret), std::string::npos);
  }
}

TEST_F(AuthorityTest, AFileOfSomethingElseOrOfALaterFormatIsLeftAlone) {
  authority_.reset();
  const auto set = [&](const char* sql) {
    auto db = SqliteDb::Open(AuthFilePath(options_.folder), SqliteDb::Access::kReadWrite);
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE(db->Execute(sql).ok());
  };
  set("PRAGMA user_version=2");
  EXPECT_EQ(Authority::Open(options_, clock_, random_).status().code(), Code::kConflict);
  set("PRAGMA user_version=1; PRAGMA application_id=7");
  EXPECT_EQ(Authority::Open(options_, clock_, random_).status().code(), Code::kConflict);
}

// ---- Logins

TEST_F(AuthorityTest, APasswordGivesTokensThatNameItsUser) {
  const UserRow ada = AddUser("ada", {"writer"});
  const auto pair = LogIn("ada", "a long password");
  ASSERT_TRUE(pair.ok()) << pair.status().ToString();
  EXPECT_EQ(pair->expires_in_s, 900);
  const Identity who = Who(pair->access_token);
  EXPECT_EQ(who.user_id, ada.id);
  EXPECT_EQ(who.grants, std::vector<Grant>{*ParseGrant("rw:*")});
  EXPECT_TRUE(who.credential.starts_with("session:"));
  clock_.AdvanceMicros(905 * kSecond);
  EXPECT_FALSE(IsKnown(pair->access_token));
}

TEST_F(AuthorityTest, WrongNamesAndWrongPasswordsAreToldAlike) {
  AddUser("ada", {"writer"});
  const Status wrong = LogIn("ada", "another password").status();
  const Status nobody = LogIn("bob", "another password").status();
  const Status elsewhere = LogIn("ada", "a long password", "globex").status();
  const Status no_password = LogIn("admin", "").status();
  EXPECT_EQ(wrong.code(), Code::kUnauthenticated);
  for (const Status& status : {nobody, elsewhere, no_password})
    EXPECT_EQ(status.ToString(), wrong.ToString());
}

TEST_F(AuthorityTest, GuessingIsSlowedDownAndAudited) {
  AddUser("ada", {"writer"});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(LogIn("ada", "guess").status().code(), Code::kUnauthenticated);
  EXPECT_EQ(LogIn("ada", "a long password").status().code(), Code::kQuotaExceeded);
  EXPECT_EQ(wait_s_, 1);
  clock_.AdvanceMicros(kSecond);
  EXPECT_TRUE(LogIn("ada", "a long password").ok());
  EXPECT_EQ(std::ranges::count(AuditActions(), "login refused"), 5);
}

TEST_F(AuthorityTest, ALoginMakesAnOutdatedHashAnew) {
  AddUser("ada", {"writer"});
  options_.password_cost.passes = 2;
  Open();
  EXPECT_TRUE(LogIn("ada", "a long password").ok());
  options_.password_cost.passes = 3;
  Open();
  const auto stored = [&] {
    auto db = SqliteDb::Open(AuthFilePath(options_.folder), SqliteDb::Access::kReadWrite);
    return db->QueryText("SELECT password FROM users WHERE name='ada'").Take();
  };
  EXPECT_NE(stored().find("t=2"), std::string::npos) << stored();
  EXPECT_TRUE(LogIn("ada", "a long password").ok());
  EXPECT_NE(stored().find("t=3"), std::string::npos) << stored();
}

TEST_F(AuthorityTest, ARefreshTokenIsGoodOnce) {
  AddUser("ada", {"writer"});
  const auto first = LogIn("ada", "a long password");
  const auto second = authority_->Refresh(first->refresh_token, "192.0.2.7", "r");
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_NE(second->refresh_token, first->refresh_token);
  EXPECT_TRUE(IsKnown(second->access_token));
  EXPECT_TRUE(IsKnown(first->access_token));
  // Used again: nobody knows who the thief is, so both are out.
  EXPECT_EQ(authority_->Refresh(first->refresh_token, "203.0.113.9", "r").status().code(),
            Code::kUnauthenticated);
  EXPECT_FALSE(authority_->Refresh(second->refresh_token, "192.0.2.7", "r").ok());
  EXPECT_FALSE(IsKnown(second->access_token));
  EXPECT_FALSE(IsKnown(first->access_token));
  EXPECT_EQ(std::ranges::count(AuditActions(), "refresh refused"), 1);
}

TEST_F(AuthorityTest, AForgedRefreshTokenEndsNobodysSession) {
  AddUser("ada", {"writer"});
  const auto pair = LogIn("ada", "a long password");
  std::string forged = pair->refresh_token;
  forged.back() = forged.back() == 'A' ? 'B' : 'A';
  for (const std::string& bad : {forged, std::string(), std::string("gr_"), first_key_})
    EXPECT_EQ(authority_->Refresh(bad, "a", "r").status().code(), Code::kUnauthenticated);
  EXPECT_TRUE(authority_->Refresh(pair->refresh_token, "a", "r").ok());
}

TEST_F(AuthorityTest, ASessionEndsWithALogoutANewPasswordAndItsTime) {
  const UserRow ada = AddUser("ada", {"writer"});
  const auto out = LogIn("ada", "a long password");
  EXPECT_TRUE(authority_->LogOut(By(Who(out->access_token))).ok());
  EXPECT_FALSE(IsKnown(out->access_token));
  EXPECT_FALSE(authority_->Refresh(out->refresh_token, "a", "r").ok());

  const auto changed = LogIn("ada", "a long password");
  EXPECT_TRUE(authority_->ChangeUser(By(operator_), ada.id, {.password = "another long one"}).ok());
  EXPECT_FALSE(IsKnown(changed->access_token));
  EXPECT_FALSE(LogIn("ada", "a long password").ok());

  const auto old = LogIn("ada", "another long one");
  clock_.AdvanceMicros(options_.session_s * kSecond);
  EXPECT_FALSE(authority_->Refresh(old->refresh_token, "a", "r").ok());
  EXPECT_EQ(authority_->LogOut(By(operator_)).code(), Code::kInvalidRequest);
}

TEST_F(AuthorityTest, ADisabledOrDeletedUserIsOutAtOnce) {
  const UserRow ada = AddUser("ada", {"writer"});
  const std::string token = LogIn("ada", "a long password")->access_token;
  const std::string key = KeyOf(Who(token));
  EXPECT_TRUE(authority_->ChangeUser(By(operator_), ada.id, {.disabled = true}).ok());
  EXPECT_FALSE(IsKnown(token));
  EXPECT_FALSE(IsKnown(key));
  EXPECT_FALSE(LogIn("ada", "a long password").ok());
  EXPECT_TRUE(authority_->ChangeUser(By(operator_), ada.id, {.disabled = false}).ok());
  EXPECT_TRUE(IsKnown(key));
  EXPECT_FALSE(IsKnown(token)) << "the session was ended";
  EXPECT_TRUE(authority_->DeleteUser(By(operator_), ada.id).ok());
  EXPECT_FALSE(IsKnown(key));
  // A new user of that name is somebody else.
  EXPECT_NE(AddUser("ada", {"writer"}).id, ada.id);
  EXPECT_FALSE(IsKnown(key));
}

TEST_F(AuthorityTest, PasswordsHaveALeastAndAMostLength) {
  const auto add = [&](std::size_t bytes) {
    return authority_
        ->CreateUser(By(operator_), {.tenant = {},
                                     .name = fmt::format("u{}", bytes),
                                     .password = std::string(bytes, 'x'),
                                     .roles = {}})
        .status()
        .code();
  };
  EXPECT_EQ(add(9), Code::kInvalidRequest);
  EXPECT_EQ(add(10), Code::kOk);
  EXPECT_EQ(add(11), Code::kOk);
  EXPECT_EQ(add(511), Code::kOk);
  EXPECT_EQ(add(512), Code::kOk);
  EXPECT_EQ(add(513), Code::kInvalidRequest);
}

TEST_F(AuthorityTest, OnesOwnPasswordNeedsTheOldOne) {
  const UserRow ada = AddUser("ada", {"reader"});
  const Identity who = Session("ada");
  const auto change = [&](std::optional<std::string> current) {
    return authority_
        ->ChangeUser(By(who), ada.id,
                     {.password = "brand new password", .current_password = current})
        .status()
        .code();
  };
  EXPECT_EQ(change({}), Code::kPermissionDenied);
  EXPECT_EQ(change("guess"), Code::kPermissionDenied);
  EXPECT_EQ(change("a long password"), Code::kOk);
}

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
  EXPECT_EQ(
      authority_
          ->ChangeUser(By(narrow), ada.id,
                       {.password = "brand new password", .current_password = "a long password"})
          .status()
          .code(),
      Code::kPermissionDenied);
  EXPECT_TRUE(authority_->RevokeKey(By(narrow), narrow.credential.substr(4)).ok()) << "itself";
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
  EXPECT_TRUE(authority_->ChangeUser(By(operator_), ada.id, {.roles = {{"reader"}}}).ok());
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
  expect_denied(authority_->ChangeUser(act, bob.id, {.disabled = true}).status());
  expect_denied(authority_->ChangeUser(act, ada.user_id, {.roles = {{"admin"}}}).status());
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
  on_users([&](const std::string& id) {
    return authority_->ChangeUser(act, id, {.disabled = true}).status();
  });
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
    EXPECT_TRUE(authority_->ListAudit(act, {.tenant = tenant})->empty());
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
  EXPECT_EQ(authority_->ChangeUser(act, boss.user_id, {.roles = {{"operator"}}}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->ChangeUser(act, root, {.password = "a long password"}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->CreateKey(act, {.user = root, .name = "k"}).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->RotateKey(act, first_key_.substr(3, 16), 0).status().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(authority_->RevokeKey(act, first_key_.substr(3, 16)).code(), Code::kPermissionDenied);
  EXPECT_EQ(authority_->DeleteUser(act, root).code(), Code::kPermissionDenied);
  EXPECT_TRUE(IsKnown(first_key_));
}

// ---- Tokens for nodes, and signing keys

TEST_F(AuthorityTest, ANodeTokenIsCheckedWithThePublicKeysAlone) {
  AddUser("ada", {"writer"});
  const Identity ada = Session("ada");
  const std::string token = authority_->NodeToken(ada, "tenant-node/acme").Take();
  const auto keys = security::KeySet::Parse(authority_->Jwks());
  ASSERT_TRUE(keys.ok());
  security::TokenRules rules{.use = security::TokenUse::kNode,
                             .issuer = "granary",
                             .audience = "tenant-node/acme",
                             .lifetime_max_s = 60};
  const std::int64_t now_s = clock_.WallMicros() / kSecond;
  const auto claims = security::CheckToken(token, *keys, rules, now_s);
  ASSERT_TRUE(claims.ok()) << claims.status().ToString();
  EXPECT_EQ(claims->subject, ada.user_id);
  EXPECT_EQ(claims->tenant, "acme");
  EXPECT_EQ(claims->session, ada.credential);
  EXPECT_EQ(claims->grants, ada.grants);
  EXPECT_FALSE(IsKnown(token)) << "the gateway itself takes none of them";
  rules.audience = "tenant-node/globex";
  EXPECT_FALSE(security::CheckToken(token, *keys, rules, now_s).ok());
}

TEST_F(AuthorityTest, ANodeTokenServesManyRequestsAndNeverOtherRights) {
  AddUser("ada", {"writer"});
  Identity ada = Session("ada");
  const auto token = [&] { return authority_->NodeToken(ada, "tenant-node/acme").Take(); };
  const std::string first = token();
  EXPECT_EQ(token(), first);
  clock_.AdvanceMicros(30 * kSecond);
  const std::string second = token();
  EXPECT_NE(second, first) << "half its time is over";
  ada.grants = {*ParseGrant("r:a")};
  EXPECT_NE(token(), second);
  EXPECT_NE(authority_->NodeToken(ada, "tenant-node/b").Take(), token());
}

TEST_F(AuthorityTest, ANewSigningKeyLeavesTheOldTokensGood) {
  AddUser("ada", {"writer"});
  const std::string before = LogIn("ada", "a long password")->access_token;
  clock_.AdvanceMicros(kSecond);
  ASSERT_TRUE(authority_->RotateSigningKey().ok());
  const std::string after = LogIn("ada", "a long password")->access_token;
  EXPECT_EQ(security::KeySet::Parse(authority_->Jwks())->keys().size(), 2u);
  EXPECT_TRUE(IsKnown(before));
  EXPECT_TRUE(IsKnown(after));
  Open();
  EXPECT_TRUE(IsKnown(before));
  // Once no token of the old key can be good, it is forgotten.
  clock_.AdvanceMicros(3600 * kSecond);
  ASSERT_TRUE(authority_->RotateSigningKey().ok());
  EXPECT_EQ(security::KeySet::Parse(authority_->Jwks())->keys().size(), 2u);
}

TEST_F(AuthorityTest, TidyingReplacesOldKeysAndForgetsWhatEnded) {
  AddUser("ada", {"writer"});
  ASSERT_TRUE(LogIn("ada", "a long password").ok());
  const std::string jwks = authority_->Jwks();
  ASSERT_TRUE(authority_->Tidy().ok());
  EXPECT_EQ(authority_->Jwks(), jwks);
  clock_.AdvanceMicros(31 * 86'400 * kSecond);
  ASSERT_TRUE(authority_->Tidy().ok());
  EXPECT_NE(authority_->Jwks(), jwks);
  EXPECT_FALSE(AuditActions().empty());
  clock_.AdvanceMicros(366 * 86'400 * kSecond);
  ASSERT_TRUE(authority_->Tidy().ok());
  EXPECT_TRUE(AuditActions().empty());
  auto db = SqliteDb::Open(AuthFilePath(options_.folder), SqliteDb::Access::kReadWrite);
  EXPECT_EQ(db->QueryInteger("SELECT count(*) FROM sessions").Take(), 0);
  EXPECT_EQ(db->QueryInteger("SELECT count(*) FROM refresh_tokens").Take(), 0);
}

TEST_F(AuthorityTest, TheAuditSaysWhoDidWhatFromWhere) {
  const UserRow ada = AddUser("ada", {"writer"});
  const auto entries = authority_->ListAudit(By(operator_), {.action = "user.create"});
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 1u);
  const AuditEntry& entry = entries->front();
  EXPECT_EQ(entry.actor, operator_.user_id);
  EXPECT_EQ(entry.target, ada.id);
  EXPECT_EQ(entry.tenant, "acme");
  EXPECT_EQ(entry.address, "192.0.2.7");
  EXPECT_EQ(entry.request_id, "req-1");
  EXPECT_EQ(entry.detail, "ada: writer");
  // Pages, the newest first.
  for (int i = 0; i < 5; ++i) AddUser(fmt::format("u{}", i), {});
  std::vector<std::int64_t> seen;
  std::int64_t before = 0;
  for (;;) {
    const auto page = authority_->ListAudit(By(operator_), {.before_seq = before, .limit = 2});
    if (page->empty()) break;
    for (const AuditEntry& one : *page) seen.push_back(one.seq);
    before = page->back().seq;
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater()));
}

}  // namespace
}  // namespace granary::auth
