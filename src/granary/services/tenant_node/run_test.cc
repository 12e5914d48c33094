#include "granary/services/tenant_node/run.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "granary/net/http_client.h"
#include "granary/net/http_server.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

int RunTenantNode(const std::vector<std::string>& args) {
  return hosting::RunService(TenantNodeProgram(), args);
}

TEST(RunTenantNodeTest, RefusesBadFlagsAndValues) {
  testing::TempDirectory folder;
  std::ofstream(folder.Join("bad.env")) << "REST_PORT=eighty\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad = {
      {{"soap"}, "mode is 'soap', allowed: rest, grpc, both"},
      {{"--set", "REST_PORT"}, "not NAME=VALUE"},
      {{"--rest-port", "70000"},
       "REST_PORT is '70000' (--rest-port), allowed: a whole number from 0 to 65535"},
      {{"--set", "NO_SUCH=1"}, "NO_SUCH (--set) is no variable"},
      {{"--config", folder.Join("none.env")}, "none.env"},
      {{"--config", folder.Join("bad.env")},
       "REST_PORT is 'eighty' (" + folder.Join("bad.env") + ":1)"},
      {{"--failpoints", "nonsense"}, "nonsense"},
      {{"--no-such-flag"}, "no-such-flag"}};
  for (const auto& [args, said] : bad) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(RunTenantNode(args), 2) << args[0];
    const std::string text = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(text.find(said), std::string::npos) << text;
  }
}

// A port that was free a moment ago.
std::uint16_t FreePort() {
  auto server = net::HttpServer::Start(
      {.host = "127.0.0.1", .port = 0, .handler_threads = 1}, Logger::Null(),
      [](net::HttpRequest&) { return net::HttpResponse(); },
      [](const Status&, std::optional<int>, const std::string&) { return net::HttpResponse(); });
  return server.ok() ? server.value()->port() : 0;
}

TEST(RunTenantNodeTest, ServesUntilSigterm) {
  testing::TempDirectory folder;
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term,
                    nullptr);  // This thread's; the node takes the signal from its descriptor.
  const std::string port = std::to_string(FreePort());
  std::atomic<int> exit_code = -1;
  std::thread node([&] {
    exit_code = RunTenantNode({"rest", "--data-path", folder.path(), "--rest-port", port, "--set",
                               "REST_HOST=127.0.0.1", "--set", "LOG_LEVEL=error"});
  });
  auto client = net::HttpClient::Create("http://127.0.0.1:" + port, 5000).Take();
  for (bool ready = false; !ready && exit_code == -1;) {
    const auto health = client.Send("GET", "/health", "");
    ready = health.ok() && health->status == 200;
  }
  ASSERT_EQ(exit_code, -1);
  ::kill(::getpid(), SIGTERM);
  node.join();
  EXPECT_EQ(exit_code, 0);
}

TEST(RunTenantNodeTest, SaysWhenThePortIsTaken) {
  auto server = net::HttpServer::Start(
      {.host = "127.0.0.1", .port = 0, .handler_threads = 1}, Logger::Null(),
      [](net::HttpRequest&) { return net::HttpResponse(); },
      [](const Status&, std::optional<int>, const std::string&) { return net::HttpResponse(); });
  ASSERT_TRUE(server.ok());
  testing::TempDirectory folder;
  const std::string port = std::to_string(server.value()->port());
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(RunTenantNode({"--data-path", folder.path(), "--rest-port", port, "--set",
                           "REST_HOST=127.0.0.1"}),
            1);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("127.0.0.1:" + port), std::string::npos);
}

}  // namespace
}  // namespace granary::services
