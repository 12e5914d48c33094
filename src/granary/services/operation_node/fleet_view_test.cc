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
}

TEST(FleetRowsTest, WhatALaterVersionAddsIsPassedOverAndDamageIsNamed) {
  EXPECT_TRUE(ReadTenant(R"({"state":"active","colour":"red"})").ok());
  EXPECT_EQ(ReadTenant(R"({"state":"odd"})").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadPlacement("{}").status().code(), Code::kCorruption);
  EXPECT_EQ(ReadNode("no").status().code(), Code::kCorruption);
}

TEST(FleetViewTest, TakesWhatIsNewerAndForgetsWhatIsGone) {
  FleetView view;
  ASSERT_TRUE(view.Apply({1,
                          {RowOf(kTenantKind, "a", 1, TenantBody({})),
                           RowOf(kPlacementKind, "a", 1, PlacementBody({.node = "n"})),
                           RowOf("later", "x", 1, "?")}})
                  .ok());
  EXPECT_EQ(view.version(), 1u);
  EXPECT_EQ(view.PlacedCounts().at("n"), 1u);
  ASSERT_TRUE(view.Apply({2, {{std::string(kTenantKind), "a", 2, true, ""}}}).ok());
  EXPECT_EQ(view.FindTenant("a"), nullptr);
  EXPECT_NE(view.FindPlacement("a"), nullptr);
}

TEST(FleetViewTest, AChangeSetWithADamagedRowIsNotTakenInPart) {
  FleetView view;
  ASSERT_TRUE(view.Apply({1, {RowOf(kTenantKind, "a", 1, TenantBody({}))}}).ok());
  const Status damaged = view.Apply(
      {3, {RowOf(kTenantKind, "b", 2, TenantBody({})), RowOf(kTenantKind, "c", 3, "{}")}});
  EXPECT_EQ(damaged.code(), Code::kCorruption);
  EXPECT_EQ(view.version(), 1u);
  EXPECT_EQ(view.FindTenant("b"), nullptr);
}

}  // namespace
}  // namespace granary::operation
