// granary_load: sends requests that lie encoded in a file to a node, and prints what it saw as one
// line of JSON.
//
//   granary_load rest look_ups.requests --port 8000 --connections 8 --seconds 5
//   granary_load grpc writes.requests --port 50051 --method /granary.v1.TenantNode/WriteData
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "grpc_load.h"
#include "rest_load.h"

namespace granary::bench {
namespace {

int Main(int argc, char** argv) {
  CLI::App app{"Sends requests from a file and measures the answers."};
  std::string protocol, path;
  LoadPlan plan;
  app.add_option("protocol", protocol, "rest or grpc")
      ->required()
      ->check(CLI::IsMember({"rest", "grpc"}));
  app.add_option("requests", path, "The requests (request_file.h)")->required();
  app.add_option("--host", plan.host, "An IPv4 address");
  app.add_option("--port", plan.port, "Of the node")->required();
  app.add_option("--connections", plan.connections, "Each has one request under way")
      ->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", plan.seconds, "No request starts later")
      ->check(CLI::Range(0.001, 86'400.0));
  app.add_option("--requests", plan.requests_max, "Nor more than so many");
  app.add_option("--method", plan.method, "gRPC: /package.Service/Method");
  CLI11_PARSE(app, argc, argv);

  auto requests = RequestFile::Read(path);
  if (requests.ok() && !requests->CanServe(plan.connections)) {
    requests = Status(Code::kInvalidArgument,
                      path +
                          ": stamped requests are sent by one connection at a time: fewer "
                          "requests than connections");
  }
  if (!requests.ok()) {
    std::fprintf(stderr, "granary_load: %s\n", requests.status().ToString().c_str());
    return 2;
  }
  const auto result =
      protocol == "rest" ? RunRestLoad(*requests, plan) : RunGrpcLoad(*requests, plan);
  if (!result.ok()) {
    std::fprintf(stderr, "granary_load: %s\n", result.status().ToString().c_str());
    return 1;
  }
  std::puts(ToJson(result.value()).c_str());
  return result->errors == 0 ? 0 : 3;
}

}  // namespace
}  // namespace granary::bench

int main(int argc, char** argv) { return granary::bench::Main(argc, argv); }
