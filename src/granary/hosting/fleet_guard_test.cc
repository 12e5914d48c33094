#include "granary/hosting/fleet_guard.h"

#include <gtest/gtest.h>

#include <string>

namespace granary::hosting {
namespace {

const std::string kKey = "a secret of 0123456789";

net::HttpRequest From(bool loopback, const std::string& authorization = {}) {
  net::HttpRequest request;
  request.peer_is_loopback = loopback;
  if (!authorization.empty()) request.headers.Set("Authorization", authorization);
  return request;
}

ServerConfig WithKey(const std::string& key) {
  ServerConfig config;
  config.operation_node_key = key;
  return config;
}

Code Check(const net::HttpRequest& request, const ServerConfig& config,
           OwnMachine own = OwnMachine::kIsTrusted) {
  return CheckFleet(request, config, own).code();
}

TEST(FleetGuardTest, WithAKeyItIsShownFromWhereverOneAsks) {
  const ServerConfig config = WithKey(kKey);
  for (const bool loopback : {false, true}) {
    EXPECT_EQ(Check(From(loopback, "Bearer " + kKey), config), Code::kOk);
    EXPECT_EQ(Check(From(loopback, "bearer " + kKey), config), Code::kOk);
    const std::string shown[] = {"",
                                 kKey,
                                 "Basic " + kKey,
                                 "Bearer ",
                                 "Bearer",
                                 "Bearer " + kKey + "x",
                                 "Bearer " + kKey.substr(1)};
    for (const std::string& bad : shown)
      EXPECT_EQ(Check(From(loopback, bad), config), Code::kUnauthenticated) << bad;
  }
}

TEST(FleetGuardTest, WithoutAKeyProgramsOfThisMachineAloneAreAnswered) {
  ServerConfig config = WithKey("");
  EXPECT_EQ(Check(From(true), config), Code::kOk);
  EXPECT_EQ(Check(From(false), config), Code::kUnauthenticated);
  // Data may be open to everybody; this is not.
  config.allow_anonymous = true;
  EXPECT_EQ(Check(From(false), config), Code::kUnauthenticated);
  net::HttpRequest page = From(true);
  page.headers.Set("Origin", "http://elsewhere");
  EXPECT_EQ(Check(page, config), Code::kUnauthenticated);
}

TEST(FleetGuardTest, AServiceThatAsksItsOwnMachineForCredentialsAnswersNobodyWithoutAKey) {
  EXPECT_EQ(Check(From(true), WithKey(""), OwnMachine::kShowsCredentials), Code::kUnauthenticated);
  EXPECT_EQ(Check(From(true, "Bearer " + kKey), WithKey(kKey), OwnMachine::kShowsCredentials),
            Code::kOk);
}

}  // namespace
}  // namespace granary::hosting
