#include "granary/services/operation_node/fleet.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::operation {
namespace {

using metadata::Change;

/// A store that a test takes away, and into which somebody else writes.
class MovableStore final : public metadata::MetadataStore {
 public:
  explicit MovableStore(const std::string& file) {
    metadata::Options options;
    options.file = file;
    inner = metadata::MakeMetadataStore(options);
  }
  Result<std::uint64_t> Commit(const std::vector<Change>& changes,
                               std::optional<std::uint64_t> seen) override {
    const std::lock_guard passing(gate);
    ++calls;
    if (away) return Status(Code::kUnavailable, "nobody there");
    if (before_commit) before_commit(*inner);
    return inner->Commit(changes, seen);
  }
  Result<metadata::ChangeSet> Changes(std::uint64_t after) override {
    const std::lock_guard passing(gate);
    ++calls;
    if (away) return Status(Code::kUnavailable, "nobody there");
    return inner->Changes(after);
  }
  const std::string& where() const override { return inner->where(); }

  std::unique_ptr<metadata::MetadataStore> inner;
  std::mutex gate;  // Whoever holds it keeps the store from answering.
  bool away = false;
  std::atomic<int> calls = 0;
  std::function<void(metadata::MetadataStore&)> before_commit;
};

struct FleetTest : ::testing::Test {
  FleetTest() {
    auto made = std::make_unique<MovableStore>(folder.Join("metadata.sqlite"));
    store = made.get();
    fleet = std::make_unique<Fleet>(std::move(made), clock, Logger::Null());
  }
  static Fleet::Changes New(const std::string& id, const std::string& name = "") {
    Tenant tenant;
    tenant.name = name;
    return {{std::string(kTenantKind), id, 0, TenantBody(tenant)}};
  }
  Result<FleetViewPtr> Add(const std::string& id) {
    return fleet->Change([&](const FleetView&) -> Result<Fleet::Changes> { return New(id); });
  }
  void AdvanceMs(std::int64_t ms) { clock.AdvanceMicros(ms * 1000); }

  testing::TempDirectory folder;
  testing::FakeClock clock;
  MovableStore* store = nullptr;
  std::unique_ptr<Fleet> fleet;
};

TEST_F(FleetTest, AChangeIsSeenByItsMakerAndByOthers) {
  const auto after = Add("acme");
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_NE((*after)->FindTenant("acme"), nullptr);
  Fleet other(std::make_unique<MovableStore>(folder.Join("metadata.sqlite")), clock,
              Logger::Null());
  ASSERT_TRUE(other.Look().ok());
  EXPECT_NE(other.Last()->FindTenant("acme"), nullptr);
  ASSERT_TRUE(Add("globex").ok());
  EXPECT_NE((*other.Fresh())->FindTenant("globex"), nullptr);
}

TEST_F(FleetTest, WhoeverWasOvertakenDecidesAgain) {
  int others = 2;
  store->before_commit = [&](metadata::MetadataStore& inner) {
    if (others-- <= 0) return;
    ASSERT_TRUE(inner.Commit(New("other" + std::to_string(others))).ok());
  };
  int decisions = 0;
  const auto after = fleet->Change([&](const FleetView& now) -> Result<Fleet::Changes> {
    ++decisions;
    return New("mine", std::to_string(now.tenants().size()));
  });
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_EQ(decisions, 3);
  EXPECT_EQ((*after)->FindTenant("mine")->value.name, "2");
}

TEST_F(FleetTest, GivesUpWhenOthersNeverStop) {
  int made = 0;
  store->before_commit = [&](metadata::MetadataStore& inner) {
    ASSERT_TRUE(inner.Commit(New("other" + std::to_string(made++))).ok());
  };
  EXPECT_EQ(Add("mine").status().code(), Code::kOverloaded);
  EXPECT_EQ(made, Fleet::kAttempts);
}

TEST_F(FleetTest, ARefusalOfTheDecisionIsTheAnswerAndNothingIsCommitted) {
  const auto refused = fleet->Change(
      [](const FleetView&) -> Result<Fleet::Changes> { return Status(Code::kNotFound, "no"); });
  EXPECT_EQ(refused.status().code(), Code::kNotFound);
  EXPECT_EQ((*fleet->Fresh())->version(), 0u);
}

TEST_F(FleetTest, AStoreThatIsAwayLeavesTheLastStateAndComesBackByItself) {
  ASSERT_TRUE(Add("acme").ok());
  store->away = true;
  AdvanceMs(2'500);
  const auto seen = fleet->Look();
  ASSERT_TRUE(seen.ok());
  EXPECT_NE(seen->view->FindTenant("acme"), nullptr);
  EXPECT_EQ(seen->stale_ms, 2'500);
  EXPECT_EQ(fleet->Fresh().status().code(), Code::kUnavailable);
  EXPECT_EQ(Add("globex").status().code(), Code::kUnavailable);
  EXPECT_NE(fleet->status().message().find("nobody there"), std::string::npos);
  store->away = false;
  AdvanceMs(Fleet::kRetryMs);
  ASSERT_TRUE(Add("globex").ok());
  EXPECT_TRUE(fleet->status().ok());
  EXPECT_EQ(fleet->Look()->stale_ms, 0);
}

TEST_F(FleetTest, AStoreThatIsAwayIsAskedOnceASecond) {
  store->away = true;
  EXPECT_EQ(fleet->Look().status().code(), Code::kUnavailable);
  const int calls = store->calls;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(fleet->Fresh().ok());
    EXPECT_FALSE(fleet->Note(New("x")).ok());
  }
  EXPECT_EQ(store->calls, calls);
  AdvanceMs(Fleet::kRetryMs);
  EXPECT_FALSE(fleet->Fresh().ok());
  EXPECT_EQ(store->calls, calls + 1);
}

TEST_F(FleetTest, ARowThatNoStoreTakesDoesNotMakeTheStoreOneThatIsAway) {
  ASSERT_TRUE(Add("acme").ok());
  const std::string fits(metadata::kBodyBytesMax, ' ');
  EXPECT_TRUE(fleet->Note({{"other", "fits", 0, fits}}).ok());
  EXPECT_EQ(fleet->Note({{"other", "x", 0, fits + " "}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(fleet->Note({{"other", "no/key", 0, "1"}}).code(), Code::kInvalidIdentifier);
  EXPECT_TRUE(fleet->status().ok());
  EXPECT_TRUE(Add("globex").ok());
}

TEST_F(FleetTest, NobodyWaitsForAStoreThatTakesAndDoesNotAnswer) {
  ASSERT_TRUE(Add("acme").ok());
  std::unique_lock held(store->gate);
  const Fleet::Deadline over = io::SystemClock().MonotonicNanos();
  for (int i = 0; i < 3; ++i) {
    const auto seen = fleet->Look(over);
    ASSERT_TRUE(seen.ok());
    EXPECT_GT(seen->stale_ms, 0);
    EXPECT_NE(seen->view->FindTenant("acme"), nullptr);
  }
  EXPECT_EQ(fleet->Fresh(over).status().code(), Code::kDeadlineExceeded);
  const auto nothing = [](const FleetView&) -> Result<Fleet::Changes> { return New("globex"); };
  EXPECT_EQ(fleet->Change(nothing, over).status().code(), Code::kDeadlineExceeded);
  EXPECT_GT(fleet->Look()->stale_ms, 0);  // Without a deadline not for ever, either.
  held.unlock();
  const auto seen = fleet->Look();
  EXPECT_EQ(seen->stale_ms, 0);
  EXPECT_EQ(seen->view->FindTenant("globex"), nullptr);
}

TEST_F(FleetTest, AllWhoWaitAreServedByOneQuestion) {
  ASSERT_TRUE(Add("acme").ok());
  const int now = store->calls;
  std::unique_lock held(store->gate);
  const Fleet::Deadline over = io::SystemClock().MonotonicNanos();
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(fleet->Fresh(over).ok());
  held.unlock();
  EXPECT_TRUE(fleet->Fresh().ok());
  EXPECT_LE(store->calls - now, 3);
}

TEST_F(FleetTest, WhatIsRecentIsNotAskedForAgainAndHasWhatWasChangedHere) {
  ASSERT_TRUE(Add("acme").ok());
  ASSERT_TRUE(fleet->Look().ok());
  const int calls = store->calls;
  AdvanceMs(Fleet::kRecentMs);
  for (int i = 0; i < 10; ++i) EXPECT_NE(fleet->Recent()->view->FindTenant("acme"), nullptr);
  EXPECT_EQ(store->calls, calls);
  AdvanceMs(1);
  ASSERT_TRUE(store->inner->Commit(New("other")).ok());
  EXPECT_NE(fleet->Recent()->view->FindTenant("other"), nullptr);
  EXPECT_EQ(store->calls, calls + 1);
  ASSERT_TRUE(Add("globex").ok());
  EXPECT_NE(fleet->Recent()->view->FindTenant("globex"), nullptr);
  store->away = true;
  AdvanceMs(Fleet::kRecentMs + 1);
  EXPECT_GT(fleet->Recent()->stale_ms, 0);
}

TEST_F(FleetTest, ADamagedRowThatNothingHangsOnStopsNothingAndIsOverwritten) {
  ASSERT_TRUE(Add("acme").ok());
  ASSERT_TRUE(store->inner
                  ->Commit({{std::string(kDecisionKind), "d001", 0, "{}"},
                            {std::string(kScalingKind), std::string(kPolicyKey), 0, "[]"}})
                  .ok());
  const auto after = Add("globex");
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_EQ((*after)->damaged().size(), 2u);
  EXPECT_TRUE((*after)->Decisions().empty());
  EXPECT_EQ((*after)->policy()->value, FleetPolicy());
  const MadeDecision made{.number = 1, .at_us = 5};
  const auto mended = fleet->Change([&](const FleetView& now) -> Result<Fleet::Changes> {
    return Fleet::Changes{{std::string(kDecisionKind), "d001",
                           now.decision_rows().at("d001").version, MadeDecisionBody(made)}};
  });
  ASSERT_TRUE(mended.ok()) << mended.status().ToString();
  EXPECT_EQ((*mended)->Decisions(), std::vector<MadeDecision>{made});
  EXPECT_EQ((*mended)->damaged().size(), 1u);
}

TEST_F(FleetTest, ADamagedRowStopsNobodyElse) {
  ASSERT_TRUE(Add("acme").ok());
  ASSERT_TRUE(
      store->inner->Commit({{std::string(kTenantKind), "bad", 0, "{\"state\":\"odd\"}"}}).ok());
  const auto after = Add("globex");
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_TRUE(fleet->status().ok());
  EXPECT_NE((*after)->FindTenant("acme"), nullptr);
  EXPECT_EQ((*after)->CheckTenant("bad").code(), Code::kCorruption);
}

}  // namespace
}  // namespace granary::operation
