#include "granary/services/auth_gateway/fleet_placement.h"

#include <atomic>
#include <future>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include "granary/testing/fake_clock.h"
#include "granary/testing/forwarding_file_system.h"
#include "granary/testing/memory_file_system.h"

namespace granary::gateway {
namespace {

using Kind = FleetAnswer::Kind;

struct FleetPlacementTest : ::testing::Test {
  std::unique_ptr<FleetPlacement> Make() {
    auto own_clock = std::make_unique<testing::FakeClock>();
    clock = own_clock.get();
    const auto fixed = [](std::string_view list) {
      return std::make_unique<FixedPlacement>(*ParseNodeList(list), net::UpstreamOptions());
    };
    return std::make_unique<FleetPlacement>(
        FleetPlacementOptions{.cache_ms = 2'000, .upstream = {}, .file = "placements"},
        [this](const std::string& tenant) -> Result<FleetAnswer> {
          ++asked;
          asked.notify_all();
          const std::lock_guard passing(gate);
          if (away) return Status(Code::kUnavailable, "nobody there");
          if (of_no_use) return Status(Code::kInternal, "HTTP 500");
          const auto found = answers.find(tenant);
          return found == answers.end() ? FleetAnswer() : found->second;
        },
        fixed("listed=http://127.0.0.1:1"), fixed("own=http://127.0.0.1:2"), std::move(own_clock),
        std::make_unique<testing::ForwardingFileSystem>(files), Logger::Null());
  }
  static std::string Where(FleetPlacement& placement, const std::string& tenant) {
    const auto node = placement.NodeOf(tenant, {});
    return node.ok() ? node->name : std::string(CodeName(node.status().code()));
  }

  testing::MemoryFileSystem files;
  testing::FakeClock* clock = nullptr;
  void AwaitAsked(int count) {
    for (int seen = asked; seen < count; seen = asked) asked.wait(seen);
  }

  std::map<std::string, FleetAnswer> answers;
  std::mutex gate;  // Whoever holds it keeps the Operation Node from answering.
  std::atomic<bool> away = false, of_no_use = false;
  std::atomic<int> asked = 0;
};

TEST_F(FleetPlacementTest, AsksOnceAndKeepsTheAnswer) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  const auto link = placement->NodeOf("acme", {})->link;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(placement->NodeOf("acme", {})->link, link);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(placement->NodeOf("acme", {})->audience, "tenant-node/acme");
}

TEST_F(FleetPlacementTest, WhetherThereIsATenantIsAskedForEachTime) {
  auto placement = Make();
  EXPECT_EQ(placement->CheckTenant("listed", {}).code(), Code::kOk);
  EXPECT_EQ(placement->CheckTenant("own", {}).code(), Code::kOk);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kNotFound);
  EXPECT_EQ(Where(*placement, "acme"), "NOT_FOUND");  // Which is kept for a while.
  for (const Kind kind : {Kind::kNotReady, Kind::kSuspended}) {
    answers["acme"] = {kind, {}};
    EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kOk);
  }
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kOk);
  EXPECT_EQ(placement->CheckTenant("../acme", {}).code(), Code::kInvalidIdentifier);
}

TEST_F(FleetPlacementTest, WhetherThereIsATenantIsNotGuessed) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  of_no_use = true;
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kUnavailable);
  of_no_use = false;
  away = true;
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kUnavailable);
  const int before = asked;
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kUnavailable);
  EXPECT_EQ(asked, before);  // It is known to be away.
  away = false;
  clock->AdvanceMicros(FleetPlacement::kRetryMs * 1000);
  EXPECT_EQ(placement->CheckTenant("acme", {}).code(), Code::kOk);
  // What was asked about a user's tenant is nothing to keep.
  EXPECT_EQ(placement->CheckTenant("nobody", {}).code(), Code::kNotFound);
  placement.reset();
  const auto kept = files.ReadFile("placements");
  EXPECT_TRUE(!kept.ok() || kept->find("nobody") == std::string::npos);
}

TEST_F(FleetPlacementTest, WhatTheOperatorListsComesFirstAndTheOwnNodeLast) {
  answers["listed"] = answers["own"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "listed"), "127.0.0.1:1");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(Where(*placement, "own"), "127.0.0.1:9");
  placement.reset();
  answers.erase("own");
  auto other = Make();
  EXPECT_EQ(Where(*other, "own"), "127.0.0.1:9");  // As before the restart, at first.
  other->Refresh();
  EXPECT_EQ(Where(*other, "own"), "127.0.0.1:2");
  EXPECT_EQ(Where(*other, "nobody"), "NOT_FOUND");
}

TEST_F(FleetPlacementTest, AMovedTenantIsFoundAfterTheNextLook) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  answers["acme"].url = "http://127.0.0.1:10";
  clock->AdvanceMicros(1'999'000);
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  placement->Refresh();
  EXPECT_EQ(asked, 1);
  clock->AdvanceMicros(1'000);
  Where(*placement, "acme");  // It is due now, and the old answer serves.
  placement->Refresh();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:10");
}

TEST_F(FleetPlacementTest, AnOperationNodeThatIsAwayChangesNothingAlsoAfterARestart) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  away = true;
  clock->AdvanceMicros(60'000'000);
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  placement->Refresh();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  placement.reset();
  auto again = Make();
  EXPECT_EQ(Where(*again, "acme"), "127.0.0.1:9");
  EXPECT_EQ(Where(*again, "own"), "127.0.0.1:2");
  EXPECT_EQ(Where(*again, "new"), "UNAVAILABLE");
}

TEST_F(FleetPlacementTest, OneThatIsAwayIsAskedOnceASecondAndNobodyWaitsForIt) {
  away = true;
  auto placement = Make();
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(Where(*placement, "new" + std::to_string(i)), "UNAVAILABLE");
  EXPECT_EQ(Where(*placement, "own"), "127.0.0.1:2");
  EXPECT_EQ(asked, 1);
  away = false;
  answers["new0"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  placement->Refresh();
  EXPECT_EQ(asked, 1);
  clock->AdvanceMicros(FleetPlacement::kRetryMs * 1000);
  placement->Refresh();
  EXPECT_EQ(Where(*placement, "new0"), "127.0.0.1:9");
}

TEST_F(FleetPlacementTest, OneThatIsHungStallsNobodyWhoIsKnownNorTheEnd) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  std::unique_lock hung(gate);
  clock->AdvanceMicros(60'000'000);
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");  // It is asked for meanwhile.
  AwaitAsked(2);
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  // A new one waits as long as its request does, and one whose time is over not at all.
  const std::int64_t until_ns = io::SystemClock().MonotonicNanos() + 50'000'000;
  EXPECT_EQ(placement->NodeOf("new", runtime::CancelToken(until_ns)).status().code(),
            Code::kDeadlineExceeded);
  EXPECT_GE(io::SystemClock().MonotonicNanos(), until_ns);
  auto waits = std::async(std::launch::async, [&] { return Where(*placement, "new"); });
  away = true;
  hung.unlock();
  EXPECT_EQ(waits.get(), "UNAVAILABLE");
  EXPECT_EQ(asked, 2);  // All learn from one question that it is away.
}

TEST_F(FleetPlacementTest, AnAnswerOfNoUseIsNotOneThatIsAwayAndChangesNothing) {
  answers["acme"] = answers["new"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  of_no_use = true;
  clock->AdvanceMicros(60'000'000);
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  placement->Refresh();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  EXPECT_EQ(Where(*placement, "new"), "UNAVAILABLE");
  of_no_use = false;
  EXPECT_EQ(Where(*placement, "new"), "UNAVAILABLE");  // For a second.
  EXPECT_EQ(Where(*placement, "other"), "NOT_FOUND");
  clock->AdvanceMicros(FleetPlacement::kRetryMs * 1000);
  EXPECT_EQ(Where(*placement, "new"), "127.0.0.1:9");
}

TEST_F(FleetPlacementTest, WhoIsSuspendedIsSoAfterARestartWithNobodyToAsk) {
  answers["own"] = {Kind::kSuspended, ""};
  answers["young"] = {Kind::kNotReady, ""};
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "own"), "PERMISSION_DENIED");
  for (const std::string tenant : {"young", "acme", "nobody"}) Where(*placement, tenant);
  placement.reset();
  EXPECT_EQ(*files.ReadFile("placements"),
            "acme=http://127.0.0.1:9,nobody=unknown,own=suspended,young=waiting");
  away = true;
  placement = Make();
  EXPECT_EQ(Where(*placement, "own"), "PERMISSION_DENIED");
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
}

TEST_F(FleetPlacementTest, ASuspendedTenantIsRefusedAndOneWithoutANodeIsToldToWait) {
  answers["acme"] = {Kind::kSuspended, ""};
  answers["young"] = {Kind::kNotReady, ""};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "PERMISSION_DENIED");
  EXPECT_EQ(Where(*placement, "young"), "UNAVAILABLE");
}

TEST_F(FleetPlacementTest, ATenantThatThereIsNotIsNotFound) {
  answers["nobody"] = {Kind::kUnknown, {}};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "nobody"), "NOT_FOUND");
  const auto again = placement->NodeOf("nobody", {}).status();
  EXPECT_EQ(again.message().find("TENANT_NODE"), std::string::npos) << again.message();
}

TEST_F(FleetPlacementTest, ADamagedFileIsPassedOver) {
  ASSERT_TRUE(files.ReplaceFile("placements", "acme=ftp://x").ok());
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "NOT_FOUND");
}

TEST(FleetAnswerTest, IsReadOrRefused) {
  const auto read = [](int status, std::string_view body) {
    return ReadFleetAnswer("acme", status, body);
  };
  const auto says = [&](std::string_view rest) {
    return read(200, std::string(R"({"tenant_id":"acme",)").append(rest));
  };
  EXPECT_EQ(*says(R"("state":"active","placement":{"url":"http://a:1"}})"),
            (FleetAnswer{Kind::kPlaced, "http://a:1"}));
  EXPECT_EQ(says(R"("state":"active","placement":null})")->kind, Kind::kNotReady);
  EXPECT_EQ(says(R"("state":"active","placement":{"url":null}})")->kind, Kind::kNotReady);
  EXPECT_EQ(says(R"("state":"suspended"})")->kind, Kind::kSuspended);
  EXPECT_EQ(says(R"("state":"deleting"})")->kind, Kind::kSuspended);
  EXPECT_EQ(read(404, R"({"code":"NOT_FOUND"})")->kind, Kind::kUnknown);
  for (const auto& bad :
       {read(200, ""), read(200, "[]"), read(200, "{}"), read(503, "{}"), read(404, ""),
        read(404, "<html>"), read(404, R"({"code":"SOURCE_NOT_FOUND"})"),
        read(401, R"({"tenant_id":"acme","state":"active"})"), says(R"("state":7})"),
        read(200, R"({"tenant_id":"globex","state":"active","placement":{"url":"http://a:1"}})"),
        says(R"("state":"active","placement":{"url":"x y"}})"),
        says(R"("state":"active","placement":{"url":"https://a:1"}})")})
    EXPECT_EQ(bad.status().code(), Code::kInternal) << bad.status().ToString();
}

TEST_F(FleetPlacementTest, WhatANodeDeniesIsAskedForBeforeAnybodyIsSentThereAgain) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  answers["acme"].url = "http://127.0.0.1:8";
  placement->Mistrust("acme");  // The answer is too young: the node has not heard of it.
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  clock->AdvanceMicros(FleetPlacement::kMistrustMs * 1000);
  placement->Mistrust("acme");
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:8");
  EXPECT_EQ(asked, 2);
}

TEST_F(FleetPlacementTest, ADenialWhileTheOperationNodeIsAwayChangesNothing) {
  answers["acme"] = {Kind::kPlaced, "http://127.0.0.1:9"};
  auto placement = Make();
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
  away = true;
  clock->AdvanceMicros(FleetPlacement::kMistrustMs * 1000);
  placement->Mistrust("acme");
  placement->Mistrust("stranger");
  EXPECT_EQ(Where(*placement, "acme"), "127.0.0.1:9");
}

}  // namespace
}  // namespace granary::gateway
