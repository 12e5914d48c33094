#include "granary/services/monitoring/gateway_link.h"

#include <atomic>
#include <future>
#include <mutex>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "granary/net/http_server_test_support.h"
#include "granary/testing/fake_clock.h"

namespace granary::services {
namespace {

using testing::FakeClock;
using ::testing::HasSubstr;

/// In place of an Auth Gateway: answers what the test says and keeps what it was asked.
class StandIn {
 public:
  explicit StandIn(net::HttpHandler answer) {
    net::HttpServerOptions options;
    options.host = "127.0.0.1";
    options.port = 0;
    server_ = net::HttpServer::Start(
                  options, Logger::Null(),
                  [this, answer](net::HttpRequest& request) {
                    {
                      const std::lock_guard lock(mutex_);
                      last_ = request.headers;
                      target_ = request.method + " " + request.path;
                    }
                    ++asked_;
                    return answer(request);
                  },
                  [](const Status&, std::optional<int> status, const std::string&) {
                    net::HttpResponse refusal;
                    refusal.status = status.value_or(400);
                    return refusal;
                  })
                  .Take();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->port()); }
  int asked() const { return asked_; }
  std::string Sent(std::string_view header) const {
    const std::lock_guard lock(mutex_);
    return std::string(last_.Get(header).value_or("none"));
  }
  std::string target() const {
    const std::lock_guard lock(mutex_);
    return target_;
  }
  void Stop() { server_->Stop(0); }

 private:
  std::atomic<int> asked_ = 0;
  mutable std::mutex mutex_;
  net::Headers last_;
  std::string target_;
  std::unique_ptr<net::HttpServer> server_;
};

net::HttpResponse Answer(int status, std::string body) {
  net::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

class Collected final : public net::BodySink {
 public:
  Status Write(std::string_view bytes) override {
    text.append(bytes);
    return Status::Ok();
  }
  void WriteLast(std::string_view) override {}
  std::string text;
};

TEST(GatewayLinkTest, BelievesAnAnswerForFiveSecondsAndARefusalNotAtAll) {
  FakeClock clock;
  std::atomic<int> status = 200;
  StandIn gateway([&](net::HttpRequest&) {
    return Answer(status, R"({"tenant_id":"acme","operator":true,"grants":[]})");
  });
  GatewayLink link(gateway.url(), clock);
  EXPECT_EQ(link.WhoShows("Bearer a", {})->tenant, "acme");
  EXPECT_EQ(gateway.target(), "GET /auth/me");
  EXPECT_EQ(gateway.Sent("Authorization"), "Bearer a");
  EXPECT_TRUE(link.WhoShows("Bearer a", {}).ok());
  EXPECT_EQ(gateway.asked(), 1);
  EXPECT_TRUE(link.WhoShows("Bearer b", {}).ok());
  EXPECT_EQ(gateway.asked(), 2) << "another credential is another question";
  status = 401;
  clock.AdvanceMicros(kCallerKeptMs * 1000 - 1);
  EXPECT_TRUE(link.WhoShows("Bearer a", {}).ok());
  clock.AdvanceMicros(1);
  EXPECT_EQ(link.WhoShows("Bearer a", {}).status().code(), Code::kUnauthenticated);
  status = 200;
  EXPECT_TRUE(link.WhoShows("Bearer a", {}).ok());
  EXPECT_EQ(gateway.asked(), 4);
}

TEST(GatewayLinkTest, SaysWhatItCannotLearn) {
  FakeClock clock;
  std::atomic<int> status = 429;
  std::string body = "{}";
  StandIn gateway([&](net::HttpRequest&) { return Answer(status, body); });
  GatewayLink link(gateway.url(), clock);
  const auto code = [&] { return link.WhoShows("Bearer a", {}).status().code(); };
  EXPECT_EQ(code(), Code::kQuotaExceeded);
  status = 503;
  EXPECT_EQ(code(), Code::kUnavailable);
  status = 200;
  EXPECT_EQ(code(), Code::kCorruption);
  body = std::string(1u << 20, ' ');
  EXPECT_EQ(code(), Code::kUnavailable) << "no answer about a caller is that long";
  EXPECT_THAT(link.WhoShows("Bearer a", {}).status().message(), HasSubstr("too long"));
  gateway.Stop();
  EXPECT_EQ(code(), Code::kUnavailable);
  EXPECT_EQ(GatewayLink("", clock).WhoShows("Bearer a", {}).status().code(), Code::kUnavailable);
  EXPECT_EQ(GatewayLink("https://x", clock).WhoShows("Bearer a", {}).status().code(),
            Code::kUnavailable);
}

TEST(GatewayLinkTest, TellsWhatNeverArrivedFromWhatMayHaveBeenCarriedOut) {
  FakeClock clock;
  net::HttpRequest request;
  request.method = "POST";
  request.body = "{}";
  std::string url;
  {
    net::RawServer gateway;
    url = fmt::format("http://127.0.0.1:{}", gateway.port());
    auto serving = std::async(std::launch::async, [&] {
      const int fd = gateway.Accept();
      net::RawServer::ReadHead(fd);
      ::close(fd);
    });
    const Status broken = GatewayLink(url, clock).Forward(request, "/sources/add").status();
    serving.get();
    EXPECT_EQ(broken.code(), Code::kIoError);
    EXPECT_THAT(broken.message(), HasSubstr("not known"));
  }
  const Status away = GatewayLink(url, clock).Forward(request, "/sources/add").status();
  EXPECT_EQ(away.code(), Code::kUnavailable);
  EXPECT_THAT(away.message(), HasSubstr("cannot be reached"));
}

TEST(GatewayLinkTest, AClientsOwnTimeIsNoFaultOfTheGateway) {
  FakeClock clock;
  const net::RawServer gateway;  // Answers nobody.
  GatewayLink link(fmt::format("http://127.0.0.1:{}", gateway.port()), clock);
  net::HttpRequest request;
  request.method = "GET";
  request.cancel = runtime::CancelToken(1);
  EXPECT_EQ(link.Forward(request, "/sources").status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(link.WhoShows("Bearer a", request.cancel).status().code(), Code::kDeadlineExceeded);
  request.cancel = runtime::CancelToken();
  request.cancel.Cancel();
  EXPECT_EQ(link.Forward(request, "/sources").status().code(), Code::kCancelled);
}

TEST(GatewayLinkTest, ARequestGoesOnWithNamedHeadersAndComesBackAsData) {
  FakeClock clock;
  StandIn gateway([&](net::HttpRequest& request) {
    net::HttpResponse response = Answer(404, request.body + std::string(200'000, 'x'));
    response.content_type = "text/html";
    response.headers.Set("Set-Cookie", "a=b");
    response.headers.Set("Cache-Control", "max-age=60");
    response.headers.Set("Retry-After", "3");
    return response;
  });
  GatewayLink link(gateway.url(), clock);
  net::HttpRequest request;
  request.method = "POST";
  request.body = "{}";
  request.request_id = "mine";
  for (const char* name : {"Authorization", "Cookie", "Origin", "X-Forwarded-For", "X-API-Key"})
    request.headers.Set(name, "v");
  const auto answer = link.Forward(request, "/data/search");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(gateway.target(), "POST /data/search");
  EXPECT_EQ(gateway.Sent("Authorization"), "v");
  EXPECT_EQ(gateway.Sent("X-Request-Id"), "mine");
  for (const char* name : {"Cookie", "Origin", "X-Forwarded-For", "X-API-Key"})
    EXPECT_EQ(gateway.Sent(name), "none") << name;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->headers.Get("Retry-After"), "3");
  EXPECT_EQ(answer->headers.Get("Cache-Control"), "no-store");
  EXPECT_EQ(answer->headers.Get("X-Content-Type-Options"), "nosniff");
  EXPECT_FALSE(answer->headers.Get("Set-Cookie"));
  Collected body;
  ASSERT_TRUE(answer->stream(body).ok());
  EXPECT_EQ(body.text, "{}" + std::string(200'000, 'x'));
}

}  // namespace
}  // namespace granary::services
