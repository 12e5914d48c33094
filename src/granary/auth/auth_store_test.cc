#include "granary/auth/auth_store.h"

#include <gtest/gtest.h>

#include "granary/testing/temp_directory.h"

namespace granary::auth {
namespace {

TEST(AuthStoreTest, AFileThatAnotherProgramHoldsIsOverloadedAndNamesNoFile) {
  const testing::TempDirectory folder;
  const auto store = AuthStore::Open(folder.path() + "/auth", /*busy_ms=*/1);
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  auto other = OpenAuthFile(folder.path() + "/auth");
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Execute("BEGIN IMMEDIATE").ok());
  const auto change = [&] {
    return (*store)->Write([](AuthRows& rows) { return rows.PutRole({"acme", "r", {}}); });
  };
  const Status held = change();
  EXPECT_EQ(held.code(), Code::kOverloaded);
  EXPECT_EQ(held.message().find(folder.path()), std::string::npos) << held.message();
  ASSERT_TRUE(other->Execute("COMMIT").ok());
  EXPECT_TRUE(change().ok());
}

}  // namespace
}  // namespace granary::auth
