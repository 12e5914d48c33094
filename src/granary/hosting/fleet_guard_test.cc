#include "granary/hosting/fleet_guard.h"

#include <gtest/gtest.h>

namespace granary::hosting {
namespace {

constexpr const char* kKey = "a secret of a fleet";

net::HttpRequest From(bool loopback, const char* authorization = nullptr) {
  net::HttpRequest request;
  request.peer_is_loopback = loopback;
  if (authorization != nullptr) request.headers.Set("Authorization", authorization);
  return request;
}

Code CodeOf(const Status& status) { return status.code(); }

TEST(FleetGuardTest, WithoutAKeyThisMachineAloneMayCall) {
  const ServerConfig config;
  EXPECT_TRUE(CheckFleetCaller(From(true), config).ok());
  EXPECT_EQ(CodeOf(CheckFleetCaller(From(false), config)), Code::kUnauthenticated);
  EXPECT_EQ(CodeOf(CheckFleetCaller(From(true, "Bearer guess"), config)), Code::kUnauthenticated);
}

TEST(FleetGuardTest, WhoeverShowsTheKeyMayCallFromAnywhere) {
  ServerConfig config;
  config.operation_node_key = kKey;
  EXPECT_TRUE(CheckFleetCaller(From(false, "Bearer a secret of a fleet"), config).ok());
  EXPECT_TRUE(CheckFleetCaller(From(false, "bearer a secret of a fleet"), config).ok());
  EXPECT_TRUE(CheckFleetCaller(From(true), config).ok());
  for (const char* wrong : {"Bearer a secret of a flee", "Bearer a secret of a fleet ", "Bearer ",
                            "Basic a secret of a fleet", "a secret of a fleet", ""}) {
    EXPECT_EQ(CodeOf(CheckFleetCaller(From(true, wrong), config)), Code::kUnauthenticated) << wrong;
  }
  EXPECT_EQ(CodeOf(CheckFleetCaller(From(false), config)), Code::kUnauthenticated);
}

TEST(FleetGuardTest, APageOfABrowserShowsTheKeyOrIsRefused) {
  ServerConfig config;
  config.operation_node_key = kKey;
  net::HttpRequest page = From(true);
  page.headers.Set("Origin", "http://elsewhere.example");
  EXPECT_TRUE(CheckFleetCaller(page, config).ok());
  EXPECT_EQ(CodeOf(CheckFleetProgram(page, config)), Code::kUnauthenticated);
  net::HttpRequest renamed = From(true);
  renamed.headers.Set("Host", "elsewhere.example:8083");
  EXPECT_EQ(CodeOf(CheckFleetProgram(renamed, config)), Code::kUnauthenticated);
  page.headers.Set("Authorization", "Bearer a secret of a fleet");
  EXPECT_TRUE(CheckFleetProgram(page, config).ok());
}

}  // namespace
}  // namespace granary::hosting
