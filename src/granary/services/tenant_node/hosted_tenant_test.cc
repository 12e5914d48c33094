#include "granary/services/tenant_node/hosted_tenant.h"

#include <gtest/gtest.h>

namespace granary::services {
namespace {

HostedTenant Named(std::string_view id) {
  HostedTenant out;
  out.id = *TenantId::Parse(id);
  return out;
}

TEST(HostedTenantTest, AnAnswerSaysWhomANodeServesAndHow) {
  const auto hosting = ReadHosting(
      R"({"node_id":"n","tenants":["acme","globex"],"heartbeat_seconds":2,"later":1,)"
      R"("placed":[{"tenant_id":"acme","name":"Acme","state":"active","keeps_data":false,)"
      R"("changed_us":7,"quota":{"sources":3,"memory_mb":null,"workers":2,"searches":null}},)"
      R"({"tenant_id":"globex","name":"","state":"deleting","keeps_data":true,"quota":null}],)"
      R"("unreadable":["initech"]})");
  ASSERT_TRUE(hosting.ok()) << hosting.status().ToString();
  ASSERT_TRUE(*hosting);
  HostedTenant acme = Named("acme"), globex = Named("globex");
  acme.name = "Acme";
  acme.changed_us = 7;
  acme.quota = {.sources = 3, .memory_mb = {}, .workers = 2, .searches = {}};
  globex.state = HostedState::kDeleting;
  globex.keeps_data = true;
  EXPECT_EQ((*hosting)->tenants, (std::vector<HostedTenant>{acme, globex}));
  EXPECT_EQ((*hosting)->unknown, std::vector<TenantId>{*TenantId::Parse("initech")});
}

TEST(HostedTenantTest, AnAnswerOfAnEarlierVersionSaysNothing) {
  const auto hosting = ReadHosting(R"({"node_id":"n","tenants":["acme"]})");
  ASSERT_TRUE(hosting.ok());
  EXPECT_FALSE(*hosting);
}

TEST(HostedTenantTest, WhatNoOperationNodeSaysIsRefusedWithItsPlace) {
  const auto why = [](std::string_view one) {
    const auto read = ReadHosting(std::string(R"({"placed":[)").append(one).append("]}"));
    return std::string(CodeName(read.status().code())) + " " + std::string(read.status().message());
  };
  EXPECT_NE(why(R"({"tenant_id":"../x","state":"active"})").find("INVALID_IDENTIFIER"),
            std::string::npos);
  EXPECT_NE(why(R"({"tenant_id":"a","state":"gone"})").find("/placed/0/state"), std::string::npos);
  EXPECT_NE(why(R"({"state":"active"})").find("/placed/0/tenant_id"), std::string::npos);
  EXPECT_NE(why(R"({"tenant_id":"a","state":"active","quota":3})").find("/placed/0/quota"),
            std::string::npos);
  EXPECT_FALSE(ReadHosting("[").ok());
}

TEST(HostedTenantTest, TheFileHoldsWhatWasSaid) {
  HostedTenant acme = Named("acme");
  acme.name = "Ac\"me";
  acme.state = HostedState::kSuspended;
  acme.changed_us = 12;
  acme.quota.memory_mb = 128;
  const std::vector<HostedTenant> all = {acme, Named("globex")};
  const auto read = ReadHostedFile(HostedFileText(all));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(*read, all);
  EXPECT_EQ(*ReadHostedFile(HostedFileText({})), std::vector<HostedTenant>());
  EXPECT_EQ(ReadHostedFile("{\"tenants\":[{}]}").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadHostedFile("").status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::services
