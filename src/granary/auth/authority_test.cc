#include "granary/auth/authority_test_support.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "granary/auth/auth_file.h"
#include "granary/io/posix_file_system.h"
#include "granary/security/key_set.h"
#include "granary/security/token.h"
#include "granary/sqlite/sqlite_db.h"

namespace granary::auth {
namespace {

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
  set("PRAGMA user_version=1; PRAGMA application_id=7; PRAGMA journal_mode=DELETE");
  io::PosixFileSystem files;
  const std::string before = files.ReadFile(AuthFilePath(options_.folder)).value();
  EXPECT_EQ(Authority::Open(options_, clock_, random_).status().code(), Code::kConflict);
  EXPECT_TRUE(files.ReadFile(AuthFilePath(options_.folder)).value() == before) << "not a byte";
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

TEST_F(AuthorityTest, NamesThatNobodyCanHaveAreNotKept) {
  const std::string huge(1'000'000, 'x');
  const Status nobody = LogIn("nobody", "guess").status();
  EXPECT_EQ(LogIn(huge, "guess").status().ToString(), nobody.ToString());
  EXPECT_EQ(LogIn("ada", "guess", huge).status().ToString(), nobody.ToString());
  EXPECT_EQ(LogIn("ada", huge).status().ToString(), nobody.ToString());
  const auto entries = authority_->ListAudit(By(operator_), {});
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->size(), 5u);
  for (const AuditEntry& entry : *entries)
    EXPECT_LT(entry.tenant.size() + entry.target.size() + entry.detail.size(), 200u);
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
  EXPECT_TRUE(Change(By(operator_), ada.id, {.password = "another long one"}).ok());
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
  EXPECT_TRUE(Change(By(operator_), ada.id, {.disabled = true}).ok());
  EXPECT_FALSE(IsKnown(token));
  EXPECT_FALSE(IsKnown(key));
  EXPECT_FALSE(LogIn("ada", "a long password").ok());
  EXPECT_TRUE(Change(By(operator_), ada.id, {.disabled = false}).ok());
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
    return Change(By(who), ada.id, {.password = "brand new password", .current_password = current})
        .status()
        .code();
  };
  EXPECT_EQ(change({}), Code::kPermissionDenied);
  EXPECT_EQ(change("guess"), Code::kPermissionDenied);
  EXPECT_EQ(change("a long password"), Code::kOk);
}

TEST_F(AuthorityTest, GuessingOnesOwnPasswordIsSlowedDownAndSaysForHowLong) {
  const UserRow ada = AddUser("ada", {"reader"});
  const Identity who = Session("ada");
  const auto guess = [&] {
    const UserChange change{.password = "brand new password", .current_password = "guess"};
    return Change(By(who), ada.id, change).status();
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(guess().code(), Code::kPermissionDenied);
  for (const std::int64_t wait_s : {1, 2, 4, 8}) {
    const Status refused = guess();
    EXPECT_EQ(refused.code(), Code::kQuotaExceeded);
    EXPECT_EQ(wait_s_, wait_s);
    EXPECT_NE(refused.message().find(fmt::format("in {} s", wait_s)), std::string::npos);
    clock_.AdvanceMicros(wait_s * kSecond);
    EXPECT_EQ(guess().code(), Code::kPermissionDenied);
  }
}

// Nobody guesses anything by it.
TEST_F(AuthorityTest, APasswordThatCouldNotBeLookedAtIsNoFailedLogin) {
  AddUser("ada", {"reader"});
  auto db = SqliteDb::Open(AuthFilePath(options_.folder), SqliteDb::Access::kReadWrite);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE(db->Execute("CREATE TEMP TABLE kept AS SELECT id, password FROM users;"
                          "UPDATE users SET password='no hash' WHERE name='ada'")
                  .ok());
  for (int i = 0; i < 30; ++i) {
    const auto pair = LogIn("ada", "a long password");
    ASSERT_FALSE(pair.ok());
    EXPECT_NE(pair.status().code(), Code::kUnauthenticated);
    EXPECT_NE(pair.status().code(), Code::kQuotaExceeded) << i;
  }
  ASSERT_TRUE(db->Execute("UPDATE users SET password=(SELECT password FROM kept WHERE "
                          "kept.id=users.id)")
                  .ok());
  EXPECT_TRUE(LogIn("ada", "a long password").ok());
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

TEST_F(AuthorityTest, ATokenThatIsGivenReadsAndWritesNoMoreThanItsHolderMay) {
  const Identity admin = Who(first_key_);
  const auto whole = authority_->GiveToken(By(admin), "tenant-node-grpc/acme", {});
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(whole->grants, std::vector<Grant>{*ParseGrant("rw:*")}) << "administering is not given";
  EXPECT_EQ(whole->expires_in_s, options_.node_token_s);
  const auto keys = security::KeySet::Parse(authority_->Jwks());
  const security::TokenRules rules{.use = security::TokenUse::kNode,
                                   .issuer = "granary",
                                   .audience = "tenant-node-grpc/acme",
                                   .lifetime_max_s = 60};
  const auto claims =
      security::CheckToken(whole->text, *keys, rules, clock_.WallMicros() / kSecond);
  ASSERT_TRUE(claims.ok()) << claims.status().ToString();
  EXPECT_EQ(claims->grants, whole->grants);
  EXPECT_EQ(claims->session, admin.credential);
  EXPECT_FALSE(IsKnown(whole->text));
  AddUser("ada", {"reader"});
  const Identity ada = Session("ada");
  const std::vector<Grant> scope = {*ParseGrant("rwa:sales_*")};
  const auto narrow = authority_->GiveToken(By(ada), "a", scope);
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(narrow->grants, std::vector<Grant>{*ParseGrant("r:sales_*")});
  const std::vector<Grant> none = {*ParseGrant("w:*")};
  EXPECT_EQ(authority_->GiveToken(By(ada), "a", none).status().code(), Code::kPermissionDenied);
  EXPECT_EQ(authority_->GiveToken(By(ada), "a", std::vector<Grant>()).status().code(),
            Code::kPermissionDenied);
  const std::vector<std::string> acts = AuditActions();
  EXPECT_EQ(std::ranges::count(acts, "token.give done"), 2);
}

TEST_F(AuthorityTest, ATokenThatIsGivenEndsWithItsKey) {
  const std::int64_t end_us = clock_.WallMicros() + 10 * kSecond;
  const auto key = authority_->CreateKey(By(operator_), {.name = "k", .expires_us = end_us});
  ASSERT_TRUE(key.ok());
  const auto lasts = [&] {
    const auto given = authority_->GiveToken(By(Who(key->text)), "a", {});
    return given.ok() ? given->expires_in_s : -1;
  };
  EXPECT_EQ(lasts(), 10);
  clock_.AdvanceMicros(7 * kSecond);
  EXPECT_EQ(lasts(), 3);
  clock_.AdvanceMicros(2'500'000);
  EXPECT_EQ(lasts(), 1) << "in whole seconds of the clock";
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

// The public keys are published behind it.
TEST_F(AuthorityTest, TidyingThatFailsLeavesTheSigningKey) {
  auto db = SqliteDb::Open(AuthFilePath(options_.folder), SqliteDb::Access::kReadWrite);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE(db->Execute("ALTER TABLE audit RENAME TO away").ok());
  clock_.AdvanceMicros(31 * 86'400 * kSecond);
  const std::string jwks = authority_->Jwks();
  EXPECT_FALSE(authority_->Tidy().ok());
  EXPECT_EQ(authority_->Jwks(), jwks);
  ASSERT_TRUE(db->Execute("ALTER TABLE away RENAME TO audit").ok());
  EXPECT_TRUE(authority_->Tidy().ok());
  EXPECT_NE(authority_->Jwks(), jwks);
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
