#include "granary/services/monitoring/access.h"

#include <gmock/gmock.h>

namespace granary::services {
namespace {

net::HttpRequest RequestWith(std::initializer_list<std::pair<std::string, std::string>> headers) {
  net::HttpRequest request;
  request.peer_is_loopback = true;
  request.path = "/alerts";
  for (const auto& [name, value] : headers) request.headers.Set(name, value);
  return request;
}

TEST(MonitoringAccessTest, WhatIsMeasuredIsForOperators) {
  const MonitoringCaller operator_caller{.tenant = "a", .is_operator = true};
  const MonitoringCaller admin{.tenant = "a", .is_tenant_admin = true};
  const MonitoringCaller reader{.tenant = "a"};
  for (const char* path : {"/alerts", "/api/series", "/status", "/usage/b", "/usage/a"}) {
    EXPECT_TRUE(MayAsk(operator_caller, path).ok()) << path;
    EXPECT_EQ(MayAsk(reader, path).code(), Code::kPermissionDenied) << path;
  }
  EXPECT_TRUE(MayAsk(admin, "/usage/a").ok());
  EXPECT_TRUE(MayAsk(admin, "/v1/usage/a").ok());
  for (const char* path : {"/alerts", "/usage/b", "/usage/", "/usage/a/b", "/usage", "/usage/A"})
    EXPECT_EQ(MayAsk(admin, path).code(), Code::kPermissionDenied) << path;
}

TEST(MonitoringAccessTest, ACredentialIsNeverPassedOver) {
  io::SystemClock clock;
  GatewayLink nowhere("", clock);
  hosting::ServerConfig config;
  config.allow_anonymous = true;
  const auto check = [&](const net::HttpRequest& request) {
    return CheckMonitoringAccess(request, config, nowhere).status.code();
  };
  EXPECT_EQ(check(RequestWith({{"Authorization", "Bearer x"}})), Code::kUnavailable);
  EXPECT_EQ(check(RequestWith({{"X-API-Key", "x"}})), Code::kUnavailable);
  EXPECT_EQ(check(RequestWith({{"X-API-Key", "x"}, {"Authorization", "Bearer x"}})),
            Code::kUnauthenticated);
  EXPECT_EQ(check(RequestWith({})), Code::kOk) << "the operator opened it";
  config.allow_anonymous = false;
  net::HttpRequest far = RequestWith({});
  far.peer_is_loopback = false;
  EXPECT_EQ(check(far), Code::kUnauthenticated);
}

TEST(MonitoringAccessTest, LogsAndTenantsAreForWhoRunsAllServicesHoweverOpenTheRestIs) {
  io::SystemClock clock;
  GatewayLink nowhere("", clock);
  hosting::ServerConfig config;
  config.allow_anonymous = true;
  for (const char* path : {"/logs/monitoring", "/v1/logs/monitoring", "/console/fleet/tenants"}) {
    const auto check = [&](net::HttpRequest request, bool loopback) {
      request.path = path;
      request.peer_is_loopback = loopback;
      return CheckMonitoringAccess(request, config, nowhere).status.code();
    };
    const std::string key = "0123456789abcdef";
    config.operation_node_key = "";
    EXPECT_EQ(check(RequestWith({}), true), Code::kOk) << path;
    EXPECT_EQ(check(RequestWith({}), false), Code::kUnauthenticated) << path;
    EXPECT_EQ(check(RequestWith({{"Origin", "http://localhost"}}), true), Code::kUnauthenticated);
    // Asked about at the gateway, which is nowhere.
    EXPECT_EQ(check(RequestWith({{"Authorization", "Bearer x"}}), true), Code::kUnavailable);
    config.operation_node_key = key;
    EXPECT_EQ(check(RequestWith({}), true), Code::kUnauthenticated);
    EXPECT_EQ(check(RequestWith({{"Authorization", "Bearer " + key}}), false), Code::kOk);
    EXPECT_EQ(check(RequestWith({{"Authorization", "Bearer " + key + "x"}}), true),
              Code::kUnavailable);
  }
  const MonitoringCaller admin{.tenant = "a", .is_tenant_admin = true};
  EXPECT_EQ(MayAsk(admin, "/logs/tenant-node").code(), Code::kPermissionDenied);
  EXPECT_EQ(MayAsk(admin, "/console/fleet/tenants").code(), Code::kPermissionDenied);
}

TEST(MonitoringAccessTest, TheGatewayDecidesAboutWhatIsForwarded) {
  io::SystemClock clock;
  GatewayLink nowhere("", clock);
  net::HttpRequest request = RequestWith({{"Origin", "http://x"}});
  request.peer_is_loopback = false;
  const auto check = [&](std::string path) {
    request.path = std::move(path);
    return CheckMonitoringAccess(request, {}, nowhere).status.code();
  };
  EXPECT_EQ(check("/console/api/sources"), Code::kOk);
  EXPECT_EQ(check("/v1/console/api/sources"), Code::kOk);
  for (const char* path : {"/console/apiary", "/console/api", "/x/console/api/sources", "/alerts"})
    EXPECT_EQ(check(path), Code::kUnauthenticated) << path;
}

TEST(MonitoringAccessTest, OnlyWhomTheGatewayKnowsSendsMoreThanALogin) {
  io::SystemClock clock;
  GatewayLink nowhere("", clock);
  const auto check = [&](std::initializer_list<std::pair<std::string, std::string>> headers) {
    net::HttpRequest request = RequestWith(headers);
    request.path = "/console/api/data/search";
    return CheckMonitoringAccess(request, {}, nowhere);
  };
  EXPECT_TRUE(check({}).status.ok());
  EXPECT_TRUE(check({}).anybody);
  EXPECT_EQ(check({{"Authorization", "Bearer x"}}).status.code(), Code::kUnavailable)
      << "the gateway is asked";
  EXPECT_EQ(check({{"X-API-Key", "x"}, {"Authorization", "Bearer x"}}).status.code(),
            Code::kUnauthenticated);
}

TEST(MonitoringAccessTest, ReadsWhatTheGatewaySaysOfACaller) {
  const auto caller = ParseCaller(
      R"({"user_id":"u","tenant_id":"acme","operator":true,"grants":[{"verbs":["read","admin"],"source":"*"}],"new":1})");
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->tenant, "acme");
  EXPECT_TRUE(caller->is_operator);
  EXPECT_TRUE(caller->is_tenant_admin);
  const auto reader = ParseCaller(
      R"({"tenant_id":"acme","operator":false,"grants":[{"verbs":["read"],"source":"*"},{"verbs":["admin"],"source":"a"}]})");
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE(reader->is_operator);
  EXPECT_FALSE(reader->is_tenant_admin);
  for (const char* body : {"", "{}", "[]", R"({"tenant_id":5})", R"({"operator":true})"})
    EXPECT_FALSE(ParseCaller(body).ok()) << body;
}

}  // namespace
}  // namespace granary::services
