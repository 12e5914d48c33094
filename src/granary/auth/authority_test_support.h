// What the tests of Authority share: one on a folder of its own, with a clock to turn by hand,
// after its first start.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "granary/auth/authority.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/fake_random.h"
#include "granary/testing/temp_directory.h"

namespace granary::auth {

using security::Grant;
using security::ParseGrant;

inline constexpr std::int64_t kSecond = 1'000'000;

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
  Result<UserRow> Change(const Act& act, std::string_view id, const UserChange& change) {
    return authority_->ChangeUser(act, id, change, wait_s_);
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

}  // namespace granary::auth
