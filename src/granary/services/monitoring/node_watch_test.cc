#include "granary/services/monitoring/node_watch.h"

#include <atomic>
#include <future>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "granary/hosting/service_name.h"
#include "granary/net/http_server_test_support.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// In place of a Tenant Node.
class NodeStandIn {
 public:
  explicit NodeStandIn(std::string metrics, std::string service = "tenant-node",
                       std::string health = "{}")
      : metrics_(std::move(metrics)) {
    net::HttpServerOptions options;
    options.host = "127.0.0.1";
    options.port = 0;
    server_ = net::HttpServer::Start(
                  options, Logger::Null(),
                  [this, service, health](net::HttpRequest& request) {
                    ++asked_;
                    if (gate_.valid()) gate_.wait();
                    net::HttpResponse answer;
                    answer.headers.Set(hosting::kServiceHeader, service);
                    answer.body = request.path == "/health" ? health : metrics_;
                    return answer;
                  },
                  [](const Status&, std::optional<int> status, const std::string&) {
                    net::HttpResponse refusal;
                    refusal.status = status.value_or(400);
                    return refusal;
                  })
                  .Take();
  }
  ~NodeStandIn() { Stop(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }
  int asked() const { return asked_; }
  /// Answers nothing until it is ready.
  void HoldUntil(std::shared_future<void> gate) { gate_ = std::move(gate); }
  void Stop() { server_->Stop(0); }

 private:
  std::string metrics_;
  std::atomic<int> asked_ = 0;
  std::shared_future<void> gate_;
  std::unique_ptr<net::HttpServer> server_;
};

struct NodeWatchTest : ::testing::Test {
  void SetUp() override {
    auto opened =
        SeriesStore::Open({.root = folder.path(), .memory_bytes = 32u << 20}, Logger::Null());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    series = opened.Take();
    AlertRule down;
    down.name = "Down";
    down.metric = "up";
    down.op = AlertOp::kLt;
    down.value = 1;
    options.rules = {down};
    options.operation_url = "http://127.0.0.1:1";
    options.learn = [this](std::size_t) -> Result<FleetNodes> {
      if (!learned.ok()) return learned;
      return fleet;
    };
    options.tell = [this](const AlertChange& change) {
      told.push_back((change.resolved ? "-" : "+") + change.alert.rule + "/" + change.alert.node);
    };
  }
  void Open() { watch = std::make_unique<NodeWatch>(options, *series, clock, Logger::Null()); }
  static FleetNode Node(std::string id, std::string url, std::vector<std::string> tenants = {}) {
    return {.id = std::move(id),
            .url = std::move(url),
            .state = "alive",
            .tenants = std::move(tenants)};
  }
  const NodeSeen& Seen(std::size_t i) {
    seen = watch->Seen();
    return seen->nodes.at(i);
  }
  /// Labels of all series of that name.
  std::vector<std::string> Labels(std::string name, std::string node = {}) {
    const std::int64_t now = clock.WallMicros();
    const auto read = series->Read({.name = std::move(name),
                                    .node = std::move(node),
                                    .start_us = now - 3'600'000'000,
                                    .end_us = now + 3'600'000'000,
                                    .step_us = 3'600'000'000},
                                   {});
    std::vector<std::string> out;
    if (read.ok())
      for (const Series& one : *read) out.push_back(one.service + one.labels);
    return out;
  }

  testing::TempDirectory folder;
  io::SystemClock clock;
  std::unique_ptr<SeriesStore> series;
  NodeWatchOptions options;
  FleetNodes fleet;
  Status learned;
  std::vector<std::string> told;
  NodesSeenPtr seen;
  std::unique_ptr<NodeWatch> watch;
};

TEST_F(NodeWatchTest, KeepsWhatEachNodeMeasuresApart) {
  NodeStandIn a("rows{node=\"b\",service=\"auth-gateway\"} 1\n"), b("rows 2\n");
  fleet.nodes = {Node("a", a.url(), {"t1"}), Node("b", b.url(), {"t2", "t3"})};
  Open();
  watch->Look();
  EXPECT_TRUE(Seen(0).scrape.ready && Seen(1).scrape.ready);
  EXPECT_EQ(seen->NodeOf("t1"), &seen->nodes[0]);
  EXPECT_EQ(seen->NodeOf("t3"), &seen->nodes[1]);
  EXPECT_EQ(seen->NodeOf("t4"), nullptr);
  // Whatever it says of itself, what is kept says whose it is.
  EXPECT_THAT(
      Labels("rows"),
      ElementsAre(
          R"(tenant-node{"node":"a","exported_node":"b","exported_service":"auth-gateway"})",
          R"(tenant-node{"node":"b"})"));
  EXPECT_THAT(Labels("rows", "b"), ElementsAre(R"(tenant-node{"node":"b"})"));
  EXPECT_THAT(Labels("up"),
              ElementsAre(R"(tenant-node{"node":"a"})", R"(tenant-node{"node":"b"})"));
}

TEST_F(NodeWatchTest, ANodeThatDiesIsToldAloneAndOneThatIsGoneIsForgotten) {
  NodeStandIn a("rows 1\n"), b("rows 2\n");
  fleet.nodes = {Node("a", a.url()), Node("b", b.url())};
  Open();
  watch->Look();
  EXPECT_THAT(told, IsEmpty());
  a.Stop();
  watch->Look();
  EXPECT_THAT(told, ElementsAre("+Down/a"));
  EXPECT_FALSE(Seen(0).scrape.up);
  EXPECT_TRUE(Seen(1).scrape.ready);
  ASSERT_EQ(watch->Alerts().size(), 1u);
  fleet.nodes.erase(fleet.nodes.begin());
  watch->Look();
  EXPECT_THAT(told, ElementsAre("+Down/a", "-Down/a"));
  EXPECT_THAT(watch->Alerts(), IsEmpty());
}

TEST_F(NodeWatchTest, AnOperationNodeThatIsAwayChangesNothing) {
  NodeStandIn a("rows 1\n");
  fleet.nodes = {Node("a", a.url(), {"t"})};
  Open();
  watch->Look();
  const std::int64_t learned_us = watch->Seen()->learned_us;
  const int asked = a.asked();
  learned = {Code::kUnavailable, "it is away"};
  watch->Look();
  EXPECT_GT(a.asked(), asked);
  EXPECT_TRUE(Seen(0).scrape.ready);
  EXPECT_NE(seen->NodeOf("t"), nullptr);
  EXPECT_EQ(seen->learned.message(), "it is away");
  EXPECT_EQ(seen->learned_us, learned_us);
}

TEST_F(NodeWatchTest, WhatIsNoTenantNodeIsNotRead) {
  NodeStandIn other("rows 1\n", "auth-gateway", R"({"secret":"x"})");
  NodeStandIn chatty("rows 1\n", "tenant-node",
                     R"({"long":")" + std::string(kNodeHealthBytesMax, 'x') + R"("})");
  fleet.nodes = {Node("a", other.url()), Node("b", chatty.url()), Node("c", "")};
  Open();
  watch->Look();
  EXPECT_FALSE(Seen(0).scrape.up);
  EXPECT_THAT(Seen(0).scrape.error, HasSubstr("no Tenant Node"));
  EXPECT_EQ(Seen(0).scrape.health, "");
  EXPECT_FALSE(Seen(1).scrape.up);
  EXPECT_THAT(Seen(1).scrape.error, HasSubstr("longer than"));
  EXPECT_THAT(Seen(2).scrape.error, HasSubstr("where it is"));
  EXPECT_THAT(Labels("rows"), IsEmpty());
}

TEST_F(NodeWatchTest, AServiceIsNotLookedAtTwiceAndAnAddressElsewhereNotAtAll) {
  NodeStandIn a("rows 1\n");
  options.services = {{"tenant-node", a.url() + "/"}};
  fleet.nodes = {Node("a", a.url()), Node("b", "http://127.0.0.1:9")};
  options.operation_url = "http://10.1.2.3:8081";
  Open();
  watch->Look();
  EXPECT_EQ(Seen(0).as_service, "tenant-node");
  EXPECT_THAT(Seen(1).not_looked_at, HasSubstr("its own machine"));
  EXPECT_EQ(a.asked(), 0);
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(NodeWatchTest, NoNodeHasMoreThanItsShare) {
  std::string many;
  for (int i = 0; i < 30; ++i) many += fmt::format("m{{x=\"{}\"}} 1\n", i);
  NodeStandIn a(many), b("m 1\n");
  options.series_max = 10;
  fleet.nodes = {Node("a", a.url()), Node("b", b.url())};
  Open();
  watch->Look();
  EXPECT_EQ(Seen(0).series_left_out, 20u);
  EXPECT_EQ(Seen(1).series_left_out, 0u);
  EXPECT_EQ(Labels("m", "a").size(), 10u);
  EXPECT_EQ(Labels("m", "b").size(), 1u);
}

TEST_F(NodeWatchTest, WhomThereWasNoTimeForComesFirstTheNextTime) {
  // One at a time, and the first of them takes the whole round.
  std::promise<void> gate;
  NodeStandIn slow("rows 1\n"), quick("rows 2\n");
  slow.HoldUntil(gate.get_future().share());
  options.at_once = 1;
  options.interval_ms = 200;
  options.timeout_ms = 300;
  fleet.nodes = {Node("a", slow.url()), Node("b", quick.url())};
  Open();
  watch->Look();
  EXPECT_FALSE(Seen(0).scrape.up);
  EXPECT_EQ(Seen(1).scrape.at_us, 0);  // Nobody has looked, and nobody was told that it is down.
  EXPECT_THAT(told, ElementsAre("+Down/a"));
  watch->Look();
  EXPECT_TRUE(Seen(1).scrape.ready);
  gate.set_value();
}

}  // namespace
}  // namespace granary::services
