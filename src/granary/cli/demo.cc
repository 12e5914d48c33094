#include "granary/cli/demo.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <span>

#include <fmt/format.h>

#include "granary/cli/embedded_node.h"
#include "granary/cli/node_client.h"

namespace granary::cli {
namespace {

struct Step {
  std::string_view say;
  std::string_view method;
  std::string_view target;
  std::string_view body;
  std::string_view expect;  ///< The answer holds this text.
};

constexpr std::string_view kSource = R"({"source_id": "demo_sales", "name": "Demo sales",
  "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64", "order_date": "datetime64[ns]"},
  "partition_columns": ["order_date"], "compression": "snappy"})";

constexpr std::string_view kRecords = R"({"source_id": "demo_sales", "records": [
  {"fields": {"order_id": "ORD_001", "customer_id": "CUST_001", "amount": 100.50, "order_date": "2024-01-15"}},
  {"fields": {"order_id": "ORD_002", "customer_id": "CUST_002", "amount": 75.25, "order_date": "2024-01-16"}},
  {"fields": {"order_id": "ORD_003", "customer_id": "CUST_001", "amount": 310.00, "order_date": "2024-02-03"}}]})";

constexpr std::string_view kSearch =
    R"({"source_ids": ["demo_sales"], "filters": {"customer_id": {"eq": "CUST_001"}}, "order_by": [{"column": "order_date"}], "limit": 10})";

constexpr std::string_view kAggregate = R"({"source_ids": ["demo_sales"],
  "group_by": [{"column": "order_date", "transform": "month", "alias": "month"}],
  "aggregations": [{"type": "count", "alias": "total_orders"}, {"type": "sum", "column": "amount", "alias": "total_revenue"}],
  "order_by": [{"column": "month"}]})";

constexpr std::string_view kMistake =
    R"({"source_ids": ["demo_sales"], "filters": {"amount": {"gt": "a lot"}}})";

constexpr Step kTour[] = {
    {"Add a source: a schema, partitioned by day.", "POST", "/sources/add", kSource, "demo_sales"},
    {"Write three records. The answer comes once they are on disk.", "POST", "/data/write",
     kRecords, R"("written":3)"},
    {"Search them at once: they are hot, in memory and in the log.", "POST", "/data/search",
     kSearch, "ORD_003"},
    {"Revenue by month.", "POST", "/data/aggregate", kAggregate, "175.75"},
    {"Flush: the rows move into Parquet files that DuckDB, Spark and PyArrow read.", "POST",
     "/sources/demo_sales/flush", "", ""},
    {"The same search, now from Parquet.", "POST", "/data/search", kSearch, "ORD_003"},
};

using CallFn =
    std::function<Result<std::string>(std::string_view, std::string_view, std::string_view)>;

class Tour {
 public:
  Tour(CallFn call, bool wait) : call_(std::move(call)), wait_(wait) {}

  Status Play(std::span<const Step> steps) {
    for (const Step& step : steps) GRANARY_TRY(Show(step));
    return Status::Ok();
  }

  Status Show(const Step& step) {
    Announce(step);
    GRANARY_ASSIGN(const std::string answer, call_(step.method, step.target, step.body));
    std::printf("%s\n", PrettyJson(answer).c_str());
    if (answer.find(step.expect) == std::string::npos) {
      return Status::Internal(
          fmt::format("{} {} did not answer {}", step.method, step.target, step.expect));
    }
    Pause();
    return Status::Ok();
  }

  // A wrong literal must be refused, or the tour has found a bug.
  Status ShowMistake() {
    Announce({"And a mistake: the refusal says where.", "POST", "/data/search", kMistake, ""});
    auto answer = call_("POST", "/data/search", kMistake);
    if (answer.ok()) return Status::Internal("a string was accepted as a number");
    std::printf("%s\n", answer.status().ToString().c_str());
    return Status::Ok();
  }

 private:
  void Announce(const Step& step) {
    std::printf("\n%d. %s\n   %s %s\n", ++number_, std::string(step.say).c_str(),
                std::string(step.method).c_str(), std::string(step.target).c_str());
    if (!step.body.empty()) std::printf("   %s\n", std::string(step.body).c_str());
  }
  void Pause() {
    if (!wait_) return;
    std::printf("   [Enter] ");
    std::fflush(stdout);
    std::string line;
    std::getline(std::cin, line);
  }

  CallFn call_;
  bool wait_;
  int number_ = 0;
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "granary-demo-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Status PlayStandalone(bool wait) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return Status::IoError("cannot make a temporary folder");
  std::printf("Standalone: a tenant inside this process, on %s\n", folder.path().c_str());
  GRANARY_ASSIGN(auto node, EmbeddedNode::Open(folder.path()));
  Tour tour([&](auto method, auto target, auto body) { return node.Call(method, target, body); },
            wait);
  GRANARY_TRY(tour.Play(kTour));
  GRANARY_TRY(tour.ShowMistake());
  std::printf("\nClose and open again: everything acknowledged is still there.\n");
  GRANARY_TRY(node.Close());
  GRANARY_ASSIGN(node, EmbeddedNode::Open(folder.path()));
  GRANARY_TRY(tour.Show(
      {"The same search after the restart.", "POST", "/data/search", kSearch, "ORD_003"}));
  return node.Close();
}

Status PlayRest(const NodeAddress& address, bool wait) {
  GRANARY_ASSIGN(auto node, NodeClient::Connect(address));
  std::printf("REST: the node at %s\n", node.url().c_str());
  GRANARY_TRY(node.Call("GET", "/health")
                  .status()
                  .At("is a node running? Start one with: granary tenant-node"));
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse("demo_sales"));
  GRANARY_ASSIGN(const auto columns, node.ColumnsOf(id));
  const bool left_over = columns.has_value();
  if (left_over) GRANARY_TRY(node.Call("DELETE", "/sources/demo_sales").status());
  Tour tour([&](auto method, auto target, auto body) { return node.Call(method, target, body); },
            wait);
  GRANARY_TRY(tour.Play(kTour));
  GRANARY_TRY(tour.Show({"What the node knows of the source.", "GET", "/sources/demo_sales/stats",
                         "", R"("rows":3)"}));
  GRANARY_TRY(tour.ShowMistake());
  std::printf("\nThe demo's source is removed again.\n");
  return node.Call("DELETE", "/sources/demo_sales").status();
}

int AskChoice() {
  std::printf(
      "Granary demo\n  1  standalone data operations (no server needed)\n  2  the REST API of a "
      "running node\nChoice [1]: ");
  std::fflush(stdout);
  std::string line;
  if (!std::getline(std::cin, line)) return 1;
  return line.empty() ? 1 : std::atoi(line.c_str());
}

}  // namespace

Status RunDemo(const DemoOptions& options) {
  const int choice = options.choice != 0 ? options.choice : AskChoice();
  if (choice != 1 && choice != 2) {
    return Status(Code::kInvalidArgument,
                  fmt::format("choice {}: 1 is standalone, 2 is REST", choice));
  }
  GRANARY_TRY(choice == 1 ? PlayStandalone(!options.yes) : PlayRest(options, !options.yes));
  std::printf("\nThe tour is over: every step answered as it should.\n");
  return Status::Ok();
}

}  // namespace granary::cli
