#include "granary/services/operation_node/fleet_view.h"

#include <gtest/gtest.h>

namespace granary::operation {
namespace {

metadata::Row RowOf(std::string_view kind, std::string key, std::uint64_t version,
                    std::string body) {
  return {std::string(kind), std::move(key), version, false, std::move(body)};
}

TEST(FleetRowsTest, EveryRowComesBackEqual) {
  const Tenant tenant{"Acmé \"1\"", TenantState::kDeleting, true, 5, 6};
  EXPECT_EQ(*ReadTenant(TenantBody(tenant)), tenant);
  const Placement placement{"n1", "op-1", "so", 7, 8};
  EXPECT_EQ(*ReadPlacement(PlacementBody(placement)), placement);
  const Quota quota{.sources = 1, .workers = 3};
  EXPECT_EQ(*ReadQuota(QuotaBody(quota)), quota);
  EXPECT_EQ(*ReadQuota(QuotaBody({})), Quota());
  const Node node{.url = "http://a:1",
                  .key_digest = "ff",
                  .tenants = {"a", "b"},
                  .capacity = 9,
                  .version = "1",
                  .draining = true,
                  .seen_us = 4,
                  .load = {1.5, 2, 3, 4, 5}};
  EXPECT_EQ(*ReadNode(NodeBody(node)), node);
  const Claim claim{"0f", "the machine \"a\"", 7};
  EXPECT_EQ(*ReadClaim(ClaimBody(claim)), claim);
}

TEST(FleetRowsTest, WhatALaterVersionAddsIsPassedOverAndDamageIsNamed) {
  EXPECT_TRUE(ReadTenant(R"({"state":"active","colour":"red"})").ok());
  EXPECT_EQ(ReadTenant(R"({"state":"odd"})").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadPlacement("{}").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadNode("no").status().code(), Code::kCorruption);
}

TEST(FleetViewTest, TakesWhatIsNewerAndForgetsWhatIsGone) {
  FleetView view;
  view.Apply(
      {1,
       {RowOf(kTenantKind, "a", 1, TenantBody({})),
        RowOf(kPlacementKind, "a", 1, PlacementBody({.node = "n"})), RowOf("later", "x", 1, "?")}});
  EXPECT_EQ(view.version(), 1u);
  EXPECT_EQ(view.PlacedCounts().at("n"), 1u);
  view.Apply({2, {{std::string(kTenantKind), "a", 2, true, ""}}});
  EXPECT_EQ(view.FindTenant("a"), nullptr);
  EXPECT_NE(view.FindPlacement("a"), nullptr);
}

TEST(FleetViewTest, ADamagedRowDisablesWhatItIsAboutAndNothingElse) {
  FleetView view;
  view.Apply(
      {1,
       {RowOf(kTenantKind, "a", 1, TenantBody({})), RowOf(kTenantKind, "b", 1, TenantBody({})),
        RowOf(kNodeKind, "n", 1, NodeBody({.url = "http://a:1"}))}});
  view.Apply({2,
              {RowOf(kTenantKind, "b", 2, R"({"state":"of a later version"})"),
               RowOf(kQuotaKind, "c", 2, R"({"sources":-1})"), RowOf(kNodeKind, "n", 2, "[]"),
               RowOf(kTenantKind, "d", 2, TenantBody({}))}});
  EXPECT_EQ(view.version(), 2u);
  EXPECT_TRUE(view.CheckTenant("a").ok());
  EXPECT_NE(view.FindTenant("d"), nullptr);
  EXPECT_EQ(view.CheckTenant("b").code(), Code::kCorruption);
  EXPECT_NE(view.CheckTenant("b").message().find("'tenant/b'"), std::string::npos);
  EXPECT_EQ(view.FindTenant("b"), nullptr);
  EXPECT_EQ(view.VersionOf(kTenantKind, "b"), 2u);
  EXPECT_EQ(view.CheckRow(kNodeKind, "n").code(), Code::kCorruption);
  EXPECT_EQ(view.FindNode("n"), nullptr);
  EXPECT_EQ(view.DamagedTenants(), (std::set<std::string, std::less<>>{"b", "c"}));
  view.Apply(
      {3,
       {RowOf(kTenantKind, "b", 3, TenantBody({})), {std::string(kQuotaKind), "c", 3, true, ""}}});
  EXPECT_TRUE(view.DamagedTenants().empty());
  EXPECT_EQ(view.VersionOf(kTenantKind, "b"), 3u);
  EXPECT_EQ(view.VersionOf(kQuotaKind, "c"), 0u);
}

}  // namespace
}  // namespace granary::operation
