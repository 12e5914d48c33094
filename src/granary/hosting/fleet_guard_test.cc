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

net::HttpRequest Page(const char* header, const char* value) {
  net::HttpRequest request = From(true);
  request.headers.Set(header, value);
  return request;
}

ServerConfig WithKey(const std::string& key) {
  ServerConfig config;
  config.operation_node_key = key;
  return config;
}

Code Program(const net::HttpRequest& request, const ServerConfig& config) {
  return CheckFleetProgram(request, config).code();
}
Code Operator(const net::HttpRequest& request, const ServerConfig& config,
              OwnMachine own = OwnMachine::kIsTrusted) {
  return CheckFleetOperator(request, config, own).code();
}

TEST(FleetGuardTest, WithoutAKeyThisMachineAloneMayCall) {
  ServerConfig config;
  EXPECT_EQ(Program(From(true), config), Code::kOk);
  EXPECT_EQ(Program(From(false), config), Code::kUnauthenticated);
  EXPECT_EQ(Program(From(true, "Bearer guess"), config), Code::kUnauthenticated);
  EXPECT_EQ(Operator(From(true), config), Code::kOk);
  EXPECT_EQ(Operator(From(false), config), Code::kUnauthenticated);
  // Data may be open to everybody; what operators see is not.
  config.allow_anonymous = true;
  EXPECT_EQ(Program(From(false), config), Code::kOk);
  EXPECT_EQ(Operator(From(false), config), Code::kUnauthenticated);
}

TEST(FleetGuardTest, WhoeverShowsTheKeyMayCallFromAnywhere) {
  const ServerConfig config = WithKey(kKey);
  for (const bool loopback : {false, true}) {
    for (const char* scheme : {"Bearer ", "bearer "}) {
      EXPECT_EQ(Program(From(loopback, scheme + kKey), config), Code::kOk);
      EXPECT_EQ(Operator(From(loopback, scheme + kKey), config), Code::kOk);
    }
    const std::string shown[] = {kKey,
                                 "Basic " + kKey,
                                 "Bearer ",
                                 "Bearer",
                                 "Bearer " + kKey + "x",
                                 "Bearer " + kKey.substr(1),
                                 "Bearer " + kKey + " "};
    for (const std::string& bad : shown) {
      EXPECT_EQ(Program(From(loopback, bad), config), Code::kUnauthenticated) << bad;
      EXPECT_EQ(Operator(From(loopback, bad), config), Code::kUnauthenticated) << bad;
    }
  }
}

TEST(FleetGuardTest, AKeyOfTheGatewayIsNeverPassedOver) {
  net::HttpRequest request = From(true);
  request.headers.Set("X-API-Key", "gk_0123456789abcdef_x");
  for (const std::string& key : {kKey, std::string()})
    EXPECT_EQ(Program(request, WithKey(key)), Code::kUnauthenticated);
  request.headers.Set("Authorization", "Bearer " + kKey);
  EXPECT_EQ(Program(request, WithKey(kKey)), Code::kUnauthenticated) << "which one counts?";
}

TEST(FleetGuardTest, WithAKeyEverybodyShowsIt) {
  ServerConfig config = WithKey(kKey);
  for (const bool loopback : {false, true}) {
    EXPECT_EQ(Program(From(loopback), config), Code::kUnauthenticated);
    EXPECT_EQ(Operator(From(loopback), config), Code::kUnauthenticated);
  }
  config.allow_anonymous = true;  // Data may be open to everybody; what operators see is not.
  EXPECT_EQ(Program(From(false), config), Code::kOk);
  EXPECT_EQ(Operator(From(true), config), Code::kUnauthenticated);
}

TEST(FleetGuardTest, APageOfABrowserShowsTheKeyOrIsRefused) {
  for (const std::string& key : {kKey, std::string()}) {
    const ServerConfig config = WithKey(key);
    for (const net::HttpRequest& page :
         {Page("Origin", "http://elsewhere.example"), Page("Host", "elsewhere.example:8083")}) {
      EXPECT_EQ(Program(page, config), Code::kUnauthenticated);
      EXPECT_EQ(Operator(page, config), Code::kUnauthenticated);
    }
  }
  net::HttpRequest with_key = Page("Origin", "http://elsewhere.example");
  with_key.headers.Set("Authorization", "Bearer " + kKey);
  EXPECT_EQ(Program(with_key, WithKey(kKey)), Code::kOk);
}

TEST(FleetGuardTest, AServiceThatAsksItsOwnMachineForCredentialsAnswersNobodyWithoutAKey) {
  EXPECT_EQ(Operator(From(true), WithKey(""), OwnMachine::kShowsCredentials),
            Code::kUnauthenticated);
  EXPECT_EQ(Operator(From(true, "Bearer " + kKey), WithKey(kKey), OwnMachine::kShowsCredentials),
            Code::kOk);
}

}  // namespace
}  // namespace granary::hosting
