#include "granary/services/operation_node/node_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "granary/io/posix_file_system.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::operation {
namespace {

/// What a launcher was told; its nodes end when the test says so.
struct FakeLauncher final : Launcher {
  Status Start(const NodeSpec& spec) override {
    if (refuses) return Status::IoError("no more processes");
    running[spec.node] = spec;
    ++starts;
    return Status::Ok();
  }
  void Stop(const std::string& node) override { asked.push_back(node); }
  std::vector<NodeExit> TakeExits() override { return std::exchange(exits, {}); }
  bool IsRunning(const std::string& node) const override { return running.contains(node); }

  void End(const std::string& node, std::int64_t lived_ms, bool was_asked = false) {
    running.erase(node);
    exits.push_back({node, "exit code 1", lived_ms, was_asked});
  }

  std::map<std::string, NodeSpec> running;
  std::vector<std::string> asked;
  std::vector<NodeExit> exits;
  int starts = 0;
  bool refuses = false;
};

struct NodeKeeperTest : ::testing::Test {
  NodeKeeperTest() {
    metadata::Options store;
    store.file = folder.Join("metadata.sqlite");
    fleet = std::make_unique<Fleet>(metadata::MakeMetadataStore(store), clock, Logger::Null());
    auto made = std::make_unique<FakeLauncher>();
    launcher = made.get();
    keeper = std::make_unique<NodeKeeper>(
        KeeperOptions{.operation_node = "op-1",
                      .folder = folder.Join("nodes"),
                      .shared_folder = folder.Join("shared"),
                      .capacity = 10,
                      .settings = {{"MEMORY_LIMIT_MB", "100"}},
                      .key_of = [](const std::string& node) { return "key of " + node; },
                      .restarts = {.first_ms = 500, .longest_ms = 4'000, .healthy_ms = 10'000},
                      .ended = [this](const std::string& node) { ended(node); },
                      .is_gone =
                          [this](const std::string& node, const GoneTenant& tenant) {
                            return std::ranges::find(gone[node], tenant) != gone[node].end();
                          },
                      .farewell =
                          [this](const std::string& tenant, bool has_node_ended) {
                            told.push_back(tenant + (has_node_ended ? " last" : " early"));
                            return farewell;
                          }},
        std::move(made), *fleet, files, clock, Logger::Null());
  }

  void Put(std::string_view kind, const std::string& key, const std::string& body) {
    ASSERT_TRUE(
        fleet
            ->Change([&](const FleetView& now) -> Result<Fleet::Changes> {
              return Fleet::Changes{{std::string(kind), key, now.VersionOf(kind, key), body}};
            })
            .ok());
  }
  void PutTenant(const std::string& id, TenantState state, bool keeps_data = false) {
    Put(kTenantKind, id, TenantBody({.state = state, .keeps_data = keeps_data}));
  }
  void Place(const std::string& id, const std::string& launched_by, std::uint64_t turn = 0) {
    Put(kPlacementKind, id,
        PlacementBody({.node = "node-" + id, .launched_by = launched_by, .turn = turn}));
  }
  std::string SettingOf(const std::string& node, const std::string& name) {
    for (const auto& [key, value] : launcher->running.at(node).settings)
      if (key == name) return value;
    return "none";
  }
  void LookAfterMs(std::int64_t ms) {
    clock.AdvanceMicros(ms * 1000);
    keeper->Look();
  }

  std::function<void(const std::string&)> ended = [](const std::string&) {};
  std::vector<std::string> told;
  std::map<std::string, std::vector<GoneTenant>> gone;
  Status farewell;
  testing::TempDirectory folder;
  testing::FakeClock clock;
  io::PosixFileSystem files;
  std::unique_ptr<Fleet> fleet;
  FakeLauncher* launcher = nullptr;
  std::unique_ptr<NodeKeeper> keeper;
};

TEST_F(NodeKeeperTest, RunsANodeForEachActiveTenantOfItsOwnAndNoOther) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  PutTenant("b", TenantState::kActive);
  Place("b", "op-2");
  PutTenant("c", TenantState::kActive);
  Place("c", "");
  PutTenant("d", TenantState::kSuspended);
  Place("d", "op-1");
  keeper->Look();
  keeper->Look();
  ASSERT_EQ(launcher->running.size(), 1u);
  EXPECT_EQ(launcher->starts, 1);
  EXPECT_EQ(SettingOf("node-a", "TENANT_ID"), "a");
  EXPECT_EQ(SettingOf("node-a", "TENANT_NAME"), "a");
  EXPECT_EQ(SettingOf("node-a", "DATA_PATH"), folder.Join("nodes/a"));
  EXPECT_EQ(SettingOf("node-a", "NODE_ID"), "node-a");
  EXPECT_EQ(SettingOf("node-a", "NODE_KEY"), "key of node-a");
  EXPECT_TRUE(keeper->Find("node-a")->runs);
  EXPECT_FALSE(keeper->Find("node-b"));
}

TEST_F(NodeKeeperTest, AQuotaReplacesWhatAllHaveAndTheNodeBeginsAnewWithIt) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  keeper->Look();
  EXPECT_EQ(SettingOf("node-a", "MEMORY_LIMIT_MB"), "100");
  Put(kQuotaKind, "a", QuotaBody({.sources = 7, .memory_mb = 200, .workers = 1, .searches = 3}));
  keeper->Look();
  EXPECT_EQ(launcher->asked, std::vector<std::string>{"node-a"});
  launcher->End("node-a", 5, /*was_asked=*/true);
  keeper->Look();
  EXPECT_EQ(launcher->starts, 2);
  EXPECT_EQ(SettingOf("node-a", "MEMORY_LIMIT_MB"), "200");
  EXPECT_EQ(SettingOf("node-a", "MAX_SOURCES"), "7");
  EXPECT_EQ(SettingOf("node-a", "MAX_WORKERS"), "1");
  EXPECT_EQ(SettingOf("node-a", "MIN_WORKERS"), "1");
  EXPECT_EQ(SettingOf("node-a", "MAX_CONCURRENT_SEARCHES"), "3");
  const auto& settings = launcher->running.at("node-a").settings;
  EXPECT_EQ(
      std::ranges::count(settings, "MEMORY_LIMIT_MB", &std::pair<std::string, std::string>::first),
      1);
}

TEST_F(NodeKeeperTest, OfATenantWhoseRowsCannotBeReadWhatRunsGoesOnAndNothingIsStarted) {
  for (const std::string id : {"a", "b"}) {
    PutTenant(id, TenantState::kActive);
    Place(id, "op-1");
  }
  keeper->Look();
  for (const std::string_view kind : {kTenantKind, kPlacementKind, kQuotaKind}) {
    Put(kind, "a", "damaged");
    keeper->Look();
    EXPECT_TRUE(launcher->asked.empty()) << kind;
    EXPECT_EQ(launcher->starts, 2);
  }
  launcher->End("node-a", 60'000);
  launcher->End("node-b", 60'000);
  keeper->Look();
  LookAfterMs(10'000);
  EXPECT_EQ(launcher->starts, 3);  // The other one's alone.
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  Put(kQuotaKind, "a", QuotaBody({}));
  keeper->Look();
  EXPECT_EQ(launcher->starts, 4);
}

TEST_F(NodeKeeperTest, ANodeThatEndsByItselfIsStartedAgainLaterEachTime) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  keeper->Look();
  for (const std::int64_t wait_ms : {500, 1'000, 2'000, 4'000, 4'000}) {
    const int before = launcher->starts;
    launcher->End("node-a", 10);
    keeper->Look();
    EXPECT_EQ(keeper->Find("node-a")->wait_ms, wait_ms);
    LookAfterMs(wait_ms - 1);
    EXPECT_EQ(launcher->starts, before);
    LookAfterMs(1);
    EXPECT_EQ(launcher->starts, before + 1);
  }
  EXPECT_EQ(keeper->Find("node-a")->last_exit, "exit code 1");
  launcher->End("node-a", 10'000);
  keeper->Look();
  EXPECT_EQ(keeper->Find("node-a")->wait_ms, 500);
}

TEST_F(NodeKeeperTest, AProcessThatHasEndedIsShownAsSuchBeforeAnybodyElseIsTold) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  keeper->Look();
  std::vector<bool> shown;
  ended = [&](const std::string& node) { shown.push_back(keeper->Find(node)->runs); };
  launcher->End("node-a", 10);
  keeper->Look();
  EXPECT_EQ(shown, std::vector<bool>{false});
}

TEST_F(NodeKeeperTest, ANodeThatCannotBeStartedIsTriedAgainLater) {
  launcher->refuses = true;
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  keeper->Look();
  EXPECT_EQ(keeper->Find("node-a")->last_exit, "no more processes");
  launcher->refuses = false;
  LookAfterMs(499);
  EXPECT_EQ(launcher->starts, 0);
  LookAfterMs(1);
  EXPECT_EQ(launcher->starts, 1);
}

TEST_F(NodeKeeperTest, SuspendingEndsANodeAndResumingBeginsItAnew) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  keeper->Look();
  PutTenant("a", TenantState::kSuspended);
  keeper->Look();
  EXPECT_EQ(launcher->asked, std::vector<std::string>{"node-a"});
  launcher->End("node-a", 5, /*was_asked=*/true);
  keeper->Look();
  EXPECT_TRUE(launcher->running.empty());
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/a")));
  PutTenant("a", TenantState::kActive);
  keeper->Look();
  EXPECT_EQ(launcher->starts, 2);
  Place("a", "op-1", /*turn=*/1);
  keeper->Look();
  EXPECT_EQ(launcher->asked.size(), 2u);
}

TEST_F(NodeKeeperTest, ADeletionWaitsForTheNodeThenTakesTheDataThenTheRows) {
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  Put(kNodeKind, "node-a", NodeBody({}));
  keeper->Look();
  ASSERT_TRUE(files.ReplaceFile(folder.Join("nodes/a/file"), "x").ok());
  PutTenant("a", TenantState::kDeleting);
  keeper->Look();
  keeper->Look();
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/a/file")));
  EXPECT_NE(fleet->Last()->FindTenant("a"), nullptr);
  launcher->End("node-a", 5, /*was_asked=*/true);
  keeper->Look();
  EXPECT_FALSE(*files.Exists(folder.Join("nodes/a")));
  EXPECT_EQ(fleet->Last()->FindTenant("a"), nullptr);
  EXPECT_EQ(fleet->Last()->FindPlacement("a"), nullptr);
  EXPECT_EQ(fleet->Last()->FindNode("node-a"), nullptr);
  keeper->Look();
  EXPECT_EQ(launcher->starts, 1);
}

TEST_F(NodeKeeperTest, ADeletionWaitsForWhoeverWorksInTheFolderAndNotOnlyForItsOwnProcess) {
  ASSERT_TRUE(files.CreateDirectories(folder.Join("nodes/a")).ok());
  ASSERT_TRUE(files.ReplaceFile(folder.Join("nodes/a/file"), "x").ok());
  auto orphan = files.Lock(folder.Join("nodes/a/granary.lock"));
  ASSERT_TRUE(orphan.ok());
  PutTenant("a", TenantState::kDeleting);
  Place("a", "op-1");
  keeper->Look();
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/a/file")));
  EXPECT_NE(fleet->Last()->FindTenant("a"), nullptr);
  orphan->reset();
  keeper->Look();
  EXPECT_FALSE(*files.Exists(folder.Join("nodes/a")));
  EXPECT_EQ(fleet->Last()->FindTenant("a"), nullptr);
}

TEST_F(NodeKeeperTest, WhatWasDeletedIsPutAsideAndThenSweptAlsoWhatAnEarlierRunLeft) {
  for (const char* place : {"nodes/a", "nodes/b", "nodes/.deleted-a-1"}) {
    ASSERT_TRUE(files.CreateDirectories(folder.Join(place)).ok());
    ASSERT_TRUE(files.ReplaceFile(folder.Join(std::string(place) + "/file"), "x").ok());
  }
  PutTenant("a", TenantState::kDeleting);
  Place("a", "op-1");
  keeper->Look();
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/.deleted-a-1/file")));
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/.deleted-a-2/file")));
  keeper->Sweep();
  const auto left = files.List(folder.Join("nodes"));
  ASSERT_TRUE(left.ok());
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().name, "b");
}

TEST_F(NodeKeeperTest, ADeletionWaitsForWhoeverElseKeepsSomethingAndSaysSo) {
  farewell = {Code::kUnavailable, "the gateway is away"};
  PutTenant("a", TenantState::kActive);
  Place("a", "op-1");
  PutTenant("b", TenantState::kDeleting);
  Place("b", "");
  PutTenant("c", TenantState::kDeleting);
  PutTenant("d", TenantState::kDeleting);
  Place("d", "op-2");
  keeper->Look();
  EXPECT_EQ(told, (std::vector<std::string>{"b last", "c last"})) << "d is another's";
  PutTenant("a", TenantState::kDeleting);
  keeper->Look();
  EXPECT_EQ(told[2], "a early");
  EXPECT_EQ(keeper->WhyNotDeleted("a"), "its node is ending");
  launcher->End("node-a", 5, /*was_asked=*/true);
  keeper->Look();
  EXPECT_EQ(keeper->WhyNotDeleted("a"), "the gateway is away");
  EXPECT_NE(fleet->Last()->FindTenant("a"), nullptr) << "the next one of that id must wait";
  farewell = Status::Ok();
  keeper->Look();
  for (const char* gone : {"a", "b", "c"}) {
    EXPECT_EQ(fleet->Last()->FindTenant(gone), nullptr) << gone;
    EXPECT_EQ(keeper->WhyNotDeleted(gone), "") << gone;
  }
  EXPECT_NE(fleet->Last()->FindTenant("d"), nullptr);
}

TEST_F(NodeKeeperTest, DataThatIsToBeKeptIsKept) {
  PutTenant("a", TenantState::kDeleting, /*keeps_data=*/true);
  Place("a", "op-1");
  ASSERT_TRUE(files.CreateDirectories(folder.Join("nodes/a")).ok());
  keeper->Look();
  EXPECT_EQ(fleet->Last()->FindTenant("a"), nullptr);
  EXPECT_TRUE(*files.Exists(folder.Join("nodes/a")));
  EXPECT_TRUE(told.empty()) << "whoever may see it is kept with it";
}

struct SharedNodeTest : NodeKeeperTest {
  /// Two tenants on one node, which is launched here or runs on its own.
  void PlaceTwo(const std::string& launched_by) {
    Put(kNodeKind, "n", NodeBody({.launched_by = launched_by, .capacity = 10, .follows = true}));
    for (const std::string id : {"a", "b"}) {
      PutTenant(id, TenantState::kActive);
      Put(kPlacementKind, id, PlacementBody({.node = "n", .launched_by = launched_by}));
    }
  }
  void Delete(const std::string& id, std::int64_t changed_us, bool keeps_data = false) {
    Put(kTenantKind, id,
        TenantBody(
            {.state = TenantState::kDeleting, .keeps_data = keeps_data, .changed_us = changed_us}));
  }
  bool IsThere(const std::string& id) { return (*fleet->Fresh())->FindTenant(id) != nullptr; }
};

TEST_F(SharedNodeTest, OneProcessServesAllThatArePlacedOnItAndNoQuotaIsItsSetting) {
  PlaceTwo("op-1");
  Put(kQuotaKind, "a", QuotaBody({.memory_mb = 200}));
  keeper->Look();
  ASSERT_EQ(launcher->running.size(), 1u);
  EXPECT_EQ(SettingOf("n", "NODE_CAPACITY"), "10");
  EXPECT_EQ(SettingOf("n", "DATA_PATH"), folder.Join("shared/n"));
  EXPECT_EQ(SettingOf("n", "MEMORY_LIMIT_MB"), "100");
  EXPECT_EQ(SettingOf("n", "TENANT_ID"), "none");
  Put(kQuotaKind, "a", QuotaBody({.memory_mb = 300}));
  keeper->Look();
  EXPECT_TRUE(launcher->asked.empty());
}

TEST_F(SharedNodeTest, ItRunsForTheLastActiveOneAndForOneThatIsBeingDeleted) {
  PlaceTwo("op-1");
  keeper->Look();
  PutTenant("a", TenantState::kSuspended);
  keeper->Look();
  EXPECT_TRUE(launcher->asked.empty());
  Delete("b", 5);
  keeper->Look();
  EXPECT_TRUE(launcher->asked.empty());  // It takes the data away.
  EXPECT_TRUE(IsThere("b"));
  gone["n"] = {{"b", 5}};
  keeper->Look();
  EXPECT_FALSE(IsThere("b"));
  EXPECT_TRUE(IsThere("a"));
  EXPECT_NE((*fleet->Fresh())->FindNode("n"), nullptr);  // Another one is placed there.
  keeper->Look();
  EXPECT_EQ(launcher->asked, std::vector<std::string>{"n"});  // All that is left is suspended.
}

TEST_F(SharedNodeTest, ADeletionEndsWhenItsNodeHasSaidSoOfThatDeletion) {
  PlaceTwo("");
  Delete("a", 5);
  keeper->Look();
  EXPECT_TRUE(IsThere("a"));
  EXPECT_NE(keeper->WhyNotDeleted("a").find("'n'"), std::string::npos);
  EXPECT_EQ(told, std::vector<std::string>{"a early"});
  gone["n"] = {{"a", 4}};  // Of an earlier tenant of that id.
  keeper->Look();
  EXPECT_TRUE(IsThere("a"));
  gone["n"] = {{"a", 5}};
  keeper->Look();
  EXPECT_FALSE(IsThere("a"));
  EXPECT_TRUE(IsThere("b"));
  EXPECT_EQ(told.back(), "a last");
  EXPECT_NE((*fleet->Fresh())->FindNode("n"), nullptr);  // It runs on its own.
}

TEST_F(SharedNodeTest, DataThatStaysIsNotWaitedFor) {
  PlaceTwo("");
  Delete("a", 5, /*keeps_data=*/true);
  keeper->Look();
  EXPECT_FALSE(IsThere("a"));
  EXPECT_TRUE(told.empty());
}

TEST_F(SharedNodeTest, TheRowOfALaunchedNodeGoesWithItsLastTenant) {
  PlaceTwo("op-1");
  keeper->Look();
  Delete("a", 5);
  Delete("b", 6);
  gone["n"] = {{"a", 5}, {"b", 6}};
  keeper->Look();
  EXPECT_FALSE(IsThere("a") || IsThere("b"));
  EXPECT_EQ((*fleet->Fresh())->FindNode("n"), nullptr);
}

}  // namespace
}  // namespace granary::operation
