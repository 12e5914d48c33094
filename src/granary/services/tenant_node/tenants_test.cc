// Tenants over TenantOpener, on real folders.
#include "granary/services/tenant_node/tenants.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <thread>

#include "granary/api/request_json.h"
#include "granary/io/posix_file_system.h"
#include "granary/services/tenant_node/node_options.h"
#include "granary/services/tenant_node/tenant_opener.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

HostedTenant Named(const std::string& id, HostedState state = HostedState::kActive) {
  HostedTenant out;
  out.id = *TenantId::Parse(id);
  out.state = state;
  return out;
}

struct TenantsTest : ::testing::Test {
  TenantsTest() {
    ConfigSources sources;
    sources.flags = {{"DATA_PATH", folder.path(), "test"},
                     {"NODE_CAPACITY", "1000", "test"},
                     {"ALLOWED_DATA_PATHS", folder.Join("allowed"), "test"},
                     {"MEMORY_LIMIT_MB", "512", "test"}};
    config = LoadConfig(sources).Take();
    opener = std::make_unique<TenantOpener>(
        config, OpenerDeps{files, clock, io::Failpoints::None(), Logger::Null(), pool, memory});
    EXPECT_TRUE(opener->Claim().ok());
    options.file = opener->hosted_file();
    options.idle = std::chrono::hours(1);
  }
  void Make() {
    tenants.reset();
    tenants = std::make_unique<Tenants>(
        options, TenantsDeps{[this](const HostedTenant& hosted) {
                               if (before_open) before_open(hosted);
                               return opener->Open(hosted);
                             },
                             [this](const TenantId& id) { return opener->Discard(id); }, files,
                             clock, Logger::Null()});
    ASSERT_TRUE(tenants->Begin(std::nullopt).ok());
  }
  void Begin(std::vector<HostedTenant> hosted) {
    Make();
    ASSERT_TRUE(tenants->Apply({.tenants = std::move(hosted), .unknown = {}}));
  }
  bool Apply(std::vector<HostedTenant> hosted, std::vector<TenantId> unknown = {}) {
    return tenants->Apply({.tenants = std::move(hosted), .unknown = std::move(unknown)});
  }
  Code CodeOf(const std::string& id) { return tenants->Get(id, {}).status().code(); }
  /// As the background does, until `what` is so.
  template <typename What>
  void LookUntil(const What& what) {
    while (!what()) {
      tenants->Look();
      std::this_thread::yield();
    }
  }
  static storage::SourceDefinition Source(const std::string& id, const std::string& path = "") {
    auto out =
        api::ParseSource(R"({"source_id":")" + id + R"(","schema_definition":{"line":"string"}})");
    EXPECT_TRUE(out.ok()) << out.status().ToString();
    out->data_path = path;
    return out.Take();
  }
  static void AddRecord(Tenant& tenant, const std::string& line) {
    ASSERT_TRUE(tenant.AddSource(Source("log")).ok());
    const std::string records = R"([{"fields":{"line":")" + line + "\"}}]";
    WriteRequest write{.source = *SourceId::Parse("log"), .records = records};
    const auto written = tenant.Write(write);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
  }
  std::uint64_t RowsOf(const std::string& id) {
    const auto tenant = tenants->Get(id, {});
    EXPECT_TRUE(tenant.ok()) << tenant.status().ToString();
    return tenant.ok() ? (*tenant)->Holdings().rows : 0;
  }

  testing::TempDirectory folder;
  io::SystemClock clock;
  io::PosixFileSystem files;
  runtime::MemoryBudget memory{"process", 1u << 30};
  runtime::WorkerPool pool{{.threads = 2}};
  Config config;
  TenantsOptions options;
  std::function<void(const HostedTenant&)> before_open;
  std::unique_ptr<TenantOpener> opener;
  std::unique_ptr<Tenants> tenants;
};

TEST_F(TenantsTest, EachTenantHasAFolderAndDataOfItsOwn) {
  Begin({Named("acme"), Named("globex")});
  AddRecord(**tenants->Get("acme", {}), "a");
  AddRecord(**tenants->Get("globex", {}), "b");
  AddRecord(**tenants->Get("globex", {}), "c");
  EXPECT_EQ(RowsOf("acme"), 1u);
  EXPECT_EQ(RowsOf("globex"), 2u);
  for (const char* id : {"acme", "globex"})
    EXPECT_TRUE(*files.Exists(folder.Join(std::string("hosted/") + id + "/FORMAT"))) << id;
  EXPECT_EQ((*tenants->Get("acme", {}))->id().str(), "acme");
}

TEST_F(TenantsTest, NobodyIsServedWhoIsNotOnTheList) {
  Begin({Named("acme"), Named("asleep", HostedState::kSuspended)});
  EXPECT_EQ(CodeOf("globex"), Code::kUnavailable);
  EXPECT_FALSE(tenants->IsHere("globex"));
  EXPECT_EQ(CodeOf("asleep"), Code::kPermissionDenied);
  EXPECT_TRUE(tenants->IsHere("asleep"));
  for (const char* id : {"", ".", "..", "../acme", "acme/../globex", "hosted"})
    EXPECT_EQ(CodeOf(id), Code::kUnavailable) << id;
  EXPECT_EQ(files.List(folder.Join("hosted"))->size(), 2u);  // The lock and the list.
  EXPECT_EQ(tenants->announced().served, std::vector<std::string>{"acme"});
}

TEST_F(TenantsTest, ManyWhoWantATenantAtOnceHaveItOpenedOnce) {
  std::atomic<int> opened = 0;
  std::latch begun(1), go(1);
  before_open = [&](const HostedTenant&) {
    ++opened;
    begun.count_down();
    go.wait();
  };
  Begin({Named("acme")});
  std::vector<std::future<Code>> askers;
  for (int i = 0; i < 8; ++i)
    askers.push_back(std::async(std::launch::async, [this] { return CodeOf("acme"); }));
  begun.wait();
  // Who does not want to wait is told so, and nobody else's wait ends.
  runtime::CancelToken cancelled;
  cancelled.Cancel();
  EXPECT_EQ(tenants->Get("acme", cancelled).status().code(), Code::kCancelled);
  EXPECT_EQ(*tenants->Find("acme"), nullptr);
  go.count_down();
  for (auto& asker : askers) EXPECT_EQ(asker.get(), Code::kOk);
  EXPECT_EQ(opened, 1);
}

TEST_F(TenantsTest, OneThatIsSlowToOpenHoldsUpNobodyElse) {
  std::latch begun(1), go(1);
  before_open = [&](const HostedTenant& hosted) {
    if (hosted.id.str() != "slow") return;
    begun.count_down();
    go.wait();
  };
  Begin({Named("slow"), Named("acme")});
  auto slow = std::async(std::launch::async, [this] { return CodeOf("slow"); });
  begun.wait();
  EXPECT_EQ(CodeOf("acme"), Code::kOk);
  go.count_down();
  EXPECT_EQ(slow.get(), Code::kOk);
}

TEST_F(TenantsTest, ADamagedOneSaysSoAndTheOthersServe) {
  Begin({Named("acme"), Named("broken")});
  AddRecord(**tenants->Get("broken", {}), "x");
  tenants.reset();
  const std::string manifest = folder.Join("hosted/broken/tenants/broken/manifest.db");
  ASSERT_TRUE(files.ReplaceFile(manifest, "this is no manifest, and as long as one").ok());
  Make();
  const auto broken = tenants->Get("broken", {});
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.status().message().find("manifest"), std::string::npos)
      << broken.status().ToString();
  EXPECT_EQ(CodeOf("acme"), Code::kOk);
  EXPECT_EQ(tenants->counts().troubled, 1u);
}

TEST_F(TenantsTest, OneThatNobodyUsesIsFlushedAndClosedAndHasAllWhenItComesBack) {
  options.idle = std::chrono::milliseconds(1);
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  LookUntil([&] { return tenants->counts().open == 0; });
  EXPECT_EQ(RowsOf("acme"), 1u);
  EXPECT_GE(tenants->counts().opened, 2u);
  const auto tenant = tenants->Get("acme", {});
  EXPECT_EQ((*tenant)->store().hot_bytes(), 0u);  // What was fresh is in a file.
}

TEST_F(TenantsTest, WhatATenantWasGivenCountsOnWhenItIsClosedAndOpenedAgain) {
  options.idle = std::chrono::milliseconds(1);
  Begin({Named("acme"), Named("globex")});
  const auto serve = [this](const char* id, std::uint64_t written, std::uint64_t returned) {
    const auto tenant = *tenants->Get(id, {});
    tenant->traffic().CountRequest();
    tenant->traffic().CountWritten(written);
    tenant->traffic().CountReturned(returned);
  };
  const auto of = [this](std::string_view id) {
    TrafficCounts found;
    for (const auto& [tenant, counts] : tenants->Traffic(10))
      if (tenant == id) found = counts;
    return found;
  };
  serve("acme", 3, 1);
  EXPECT_EQ(of("acme").rows_written, 3u);
  LookUntil([&] { return tenants->counts().open == 0; });
  EXPECT_EQ(of("acme").rows_written, 3u);
  serve("acme", 4, 2);
  serve("globex", 5, 0);
  EXPECT_EQ(of("acme").requests, 2u);
  EXPECT_EQ(of("acme").rows_written, 7u);
  EXPECT_EQ(of("acme").rows_returned, 3u);
  EXPECT_EQ(of("globex").rows_written, 5u);
  EXPECT_EQ(of("globex").calls, 0u);
  ASSERT_EQ(tenants->Traffic(1).size(), 1u);
  EXPECT_EQ(tenants->Traffic(1)[0].first, "globex");  // Who was used last.
}

TEST_F(TenantsTest, OneThatIsInUseStaysOpen) {
  options.idle = std::chrono::milliseconds(1);
  Begin({Named("acme"), Named("other")});
  const auto held = *tenants->Get("acme", {});
  ASSERT_EQ(CodeOf("other"), Code::kOk);
  LookUntil([&] { return tenants->counts().open == 1; });
  EXPECT_EQ(*tenants->Find("other"), nullptr);
  EXPECT_NE(*tenants->Find("acme"), nullptr);
}

TEST_F(TenantsTest, PastTheMostThatAreOpenTheOneThatWasLongestUnusedIsClosed) {
  options.open_max = 2;
  Begin({Named("a"), Named("b"), Named("c")});
  AddRecord(**tenants->Get("a", {}), "x");
  AddRecord(**tenants->Get("b", {}), "x");
  AddRecord(**tenants->Get("c", {}), "x");
  EXPECT_EQ(tenants->counts().open, 2u);
  EXPECT_EQ(*tenants->Find("a"), nullptr);
  EXPECT_EQ(RowsOf("a"), 1u);
  EXPECT_EQ(*tenants->Find("b"), nullptr);
}

TEST_F(TenantsTest, SoManyRequestsOfOneAtOnceAndTheOthersAreNotRefused) {
  options.in_use_max = 2;
  Begin({Named("acme"), Named("globex")});
  const auto first = tenants->Get("acme", {}), second = tenants->Get("acme", {});
  EXPECT_EQ(CodeOf("acme"), Code::kOverloaded);
  EXPECT_EQ(CodeOf("globex"), Code::kOk);
}

TEST_F(TenantsTest, ASuspendedOneIsClosedWithItsDataAndServedAgainLater) {
  Begin({Named("acme"), Named("globex")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  Apply({Named("acme", HostedState::kSuspended), Named("globex")});
  EXPECT_EQ(CodeOf("acme"), Code::kPermissionDenied);
  LookUntil([&] { return tenants->counts().open == 0; });
  EXPECT_EQ(CodeOf("globex"), Code::kOk);
  Apply({Named("acme"), Named("globex")});
  EXPECT_EQ(RowsOf("acme"), 1u);
}

TEST_F(TenantsTest, ADeletedOneIsSaidToBeGoneWhenItsDataIsAndNoOthersIsTouched) {
  Begin({Named("acme"), Named("globex")});
  AddRecord(**tenants->Get("acme", {}), "gone");
  AddRecord(**tenants->Get("globex", {}), "kept");
  HostedTenant deleting = Named("acme", HostedState::kDeleting);
  deleting.changed_us = 7;
  {
    const auto held = *tenants->Get("acme", {});
    Apply({deleting, Named("globex")});
    tenants->Look();
    EXPECT_TRUE(tenants->announced().gone.empty());  // Somebody still uses it.
  }
  EXPECT_EQ(CodeOf("acme"), Code::kUnavailable);
  LookUntil([&] { return !tenants->announced().gone.empty(); });
  EXPECT_EQ(tenants->announced().gone, (std::vector<GoneTenant>{{"acme", 7}}));
  EXPECT_FALSE(*files.Exists(folder.Join("hosted/acme")));
  ASSERT_TRUE(opener->Sweep().ok());
  EXPECT_EQ(files.List(folder.Join("hosted"))->size(), 3u);  // Globex, the lock and the list.
  Apply({Named("globex")});
  LookUntil([&] { return tenants->announced().gone.empty(); });
  EXPECT_EQ(RowsOf("globex"), 1u);
  // The next one of that id begins empty, and its deletion is another one.
  Apply({Named("acme"), Named("globex")});
  EXPECT_EQ(RowsOf("acme"), 0u);
  EXPECT_TRUE(tenants->announced().gone.empty());
}

TEST_F(TenantsTest, WhatIsToBeKeptIsKept) {
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  HostedTenant deleting = Named("acme", HostedState::kDeleting);
  deleting.keeps_data = true;
  Apply({deleting});
  LookUntil([&] { return !tenants->announced().gone.empty(); });
  Apply({});
  LookUntil([&] { return tenants->counts().hosted == 0; });
  Apply({Named("acme")});
  EXPECT_EQ(RowsOf("acme"), 1u);
}

TEST_F(TenantsTest, OneThatIsPlacedElsewhereIsLetGoOfWithItsDataOnTheDisk) {
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  Apply({});
  EXPECT_EQ(CodeOf("acme"), Code::kUnavailable);
  EXPECT_FALSE(tenants->IsHere("acme"));
  LookUntil([&] { return tenants->counts().hosted == 0; });
  EXPECT_TRUE(*files.Exists(folder.Join("hosted/acme/FORMAT")));
}

TEST_F(TenantsTest, WhoseRowsCannotBeReadStaysAsItIs) {
  Begin({Named("acme")});
  EXPECT_FALSE(Apply({}, {*TenantId::Parse("acme"), *TenantId::Parse("stranger")}));
  EXPECT_EQ(CodeOf("acme"), Code::kOk);
  EXPECT_EQ(CodeOf("stranger"), Code::kUnavailable);
}

TEST_F(TenantsTest, ANewQuotaCountsFromTheNextOpening) {
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "x");
  HostedTenant less = Named("acme");
  less.quota = {.sources = 1, .memory_mb = 128, .workers = 1, .searches = 3};
  ASSERT_TRUE(Apply({less}));
  const auto tenant = tenants->Get("acme", {});
  ASSERT_TRUE(tenant.ok()) << tenant.status().ToString();
  EXPECT_EQ((*tenant)->options().admission.concurrent_max, 3u);
  EXPECT_EQ((*tenant)->options().memory.limit_bytes, 128u << 20);
  EXPECT_EQ((*tenant)->AddSource(Source("second")).status().code(), Code::kQuotaExceeded);
}

TEST_F(TenantsTest, ATenantHoldsWhatItsQuotaOrTheSettingSaysAndNoMoreThanThereIs) {
  const auto megabytes = [](const Config& of, const HostedTenant& hosted) {
    return MemoryOf(of, hosted) >> 20;
  };
  HostedTenant limited = Named("acme");
  EXPECT_EQ(megabytes(config, limited), 256u);  // Half.
  Config set = config;
  set.tenant_memory_mb = 100;
  EXPECT_EQ(megabytes(set, limited), 100u);
  limited.quota.memory_mb = 128;
  EXPECT_EQ(megabytes(set, limited), 128u);
  limited.quota.memory_mb = 513;
  EXPECT_EQ(megabytes(set, limited), 512u);
}

TEST_F(TenantsTest, WithoutAnOperationNodeNoMoreThanTheNodeHasRoomForAreServed) {
  config.node_capacity = 3;
  config.tenant_ids = "b,a,c";
  const auto served = ConfiguredTenants(config);
  ASSERT_TRUE(served.ok()) << served.status().ToString();
  EXPECT_EQ(*served, (std::vector<HostedTenant>{Named("a"), Named("b"), Named("c")}));
  config.tenant_ids = "a,b,c,d";
  EXPECT_EQ(ConfiguredTenants(config).status().code(), Code::kInvalidArgument);
  config.tenant_ids = "";
  config.tenant_id = "own";
  config.tenant_name = "Its own";
  ASSERT_EQ(ConfiguredTenants(config)->size(), 1u);
  EXPECT_EQ((*ConfiguredTenants(config))[0].name, "Its own");
}

TEST_F(TenantsTest, ANodeThatStartsServesWhomItServed) {
  HostedTenant asleep = Named("asleep", HostedState::kSuspended);
  Begin({Named("acme"), asleep});
  AddRecord(**tenants->Get("acme", {}), "kept");
  Make();  // Nobody has told it anything yet.
  EXPECT_EQ(RowsOf("acme"), 1u);
  EXPECT_EQ(CodeOf("asleep"), Code::kPermissionDenied);
}

TEST_F(TenantsTest, AListThatCannotBeReadIsNoListOfNobody) {
  ASSERT_TRUE(files.ReplaceFile(options.file, "{}x").ok());
  tenants = std::make_unique<Tenants>(
      options,
      TenantsDeps{[this](const HostedTenant& hosted) { return opener->Open(hosted); },
                  [](const TenantId&) { return Status::Ok(); }, files, clock, Logger::Null()});
  EXPECT_EQ(tenants->Begin(std::nullopt).code(), Code::kCorruption);
}

TEST_F(TenantsTest, AfterStopNobodyIsServed) {
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  ASSERT_TRUE(tenants->Stop({Code::kUnavailable, "over"}).ok());
  EXPECT_EQ(CodeOf("acme"), Code::kUnavailable);
  EXPECT_EQ(tenants->status().message(), "over");
  EXPECT_FALSE(Apply({Named("globex")}));
}

TEST_F(TenantsTest, AFolderForOneTenantServesItAmongManyToo) {
  // As a node for it alone left it.
  Config alone = config;
  alone.node_capacity = 1;
  alone.tenant_id = "acme";
  {
    TenantOpener single(alone,
                        {files, clock, io::Failpoints::None(), Logger::Null(), pool, memory});
    auto open = single.Open(Named("acme"));
    ASSERT_TRUE(open.ok()) << open.status().ToString();
    AddRecord(*(*open)->tenant, "old");
    ASSERT_TRUE((*open)->Close().ok());
  }
  Begin({Named("acme"), Named("globex")});
  EXPECT_EQ(RowsOf("acme"), 1u);
  AddRecord(**tenants->Get("globex", {}), "new");
  EXPECT_FALSE(*files.Exists(folder.Join("hosted/acme")));
  Apply({Named("acme", HostedState::kDeleting), Named("globex")});
  LookUntil([&] { return !tenants->announced().gone.empty(); });
  EXPECT_FALSE(*files.Exists(folder.Join("tenants/acme")));
  EXPECT_FALSE(*files.Exists(folder.Join("wal")));
  EXPECT_EQ(RowsOf("globex"), 1u);
}

TEST_F(TenantsTest, OneOfManysFolderServesANodeForItAlone) {
  Begin({Named("acme")});
  AddRecord(**tenants->Get("acme", {}), "kept");
  tenants.reset();
  Config alone = config;
  alone.node_capacity = 1;
  alone.tenant_id = "acme";
  alone.data_path = folder.Join("hosted/acme");
  TenantOpener single(alone, {files, clock, io::Failpoints::None(), Logger::Null(), pool, memory});
  auto open = single.Open(Named("acme"));
  ASSERT_TRUE(open.ok()) << open.status().ToString();
  EXPECT_EQ((*open)->tenant->Holdings().rows, 1u);
  ASSERT_TRUE((*open)->Close().ok());
}

TEST_F(TenantsTest, OfFurtherPathsEachHasItsOwnPartAlone) {
  ASSERT_TRUE(files.CreateDirectories(folder.Join("allowed")).ok());
  Begin({Named("acme"), Named("globex")});
  const auto add = [&](const std::string& tenant, const std::string& path) {
    return (*tenants->Get(tenant, {}))->AddSource(Source("far", path)).status().code();
  };
  EXPECT_EQ(add("acme", folder.Join("allowed/globex/far")), Code::kInvalidPath);
  EXPECT_EQ(add("acme", folder.Join("hosted/globex/far")), Code::kInvalidPath);
  EXPECT_EQ(add("acme", folder.Join("allowed/acme/far")), Code::kOk);
  EXPECT_EQ(add("globex", folder.Join("allowed/acme/far")), Code::kInvalidPath);
  Apply({Named("acme", HostedState::kDeleting), Named("globex")});
  LookUntil([&] { return !tenants->announced().gone.empty(); });
  EXPECT_FALSE(*files.Exists(folder.Join("allowed/acme")));
}

TEST_F(TenantsTest, TwoNodesCannotHaveOneFolder) {
  TenantOpener other(config, {files, clock, io::Failpoints::None(), Logger::Null(), pool, memory});
  EXPECT_EQ(other.Claim().code(), Code::kConflict);
}

TEST_F(TenantsTest, ManyThatAreOpenHaveFewThreads) {
  constexpr int kTenants = 40;
  std::vector<HostedTenant> all;
  for (int i = 0; i < kTenants; ++i) all.push_back(Named("t" + std::to_string(i)));
  Begin(all);
  const auto threads = [this] { return files.List("/proc/self/task")->size(); };
  const std::size_t before = threads();
  for (const HostedTenant& one : all) ASSERT_EQ(CodeOf(one.id.str()), Code::kOk);
  EXPECT_EQ(tenants->counts().open, std::size_t{kTenants});
  // Those that open, and those that the background shares; none is a tenant's, which would be four
  // of each.
  EXPECT_LT(threads(), before + 80);
}

}  // namespace
}  // namespace granary::services
