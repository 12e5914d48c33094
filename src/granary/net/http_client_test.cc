#include "granary/net/http_client.h"

#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "granary/net/http_server.h"

namespace granary::net {
namespace {

std::unique_ptr<HttpServer> Start(HttpHandler handler, HttpServerOptions options = {}) {
  options.host = "127.0.0.1";
  options.port = 0;
  options.handler_threads = 2;
  auto refuse = [](const Status& status, std::optional<int> http, const std::string&) {
    HttpResponse response;
    response.status = http.value_or(status.code() == Code::kTooLarge ? 413 : 500);
    response.body = status.ToString();
    return response;
  };
  return HttpServer::Start(options, Logger::Null(), std::move(handler), refuse).Take();
}

HttpClient Connect(const HttpServer& server, std::int64_t timeout_ms = 20'000) {
  return HttpClient::Create("http://127.0.0.1:" + std::to_string(server.port()), timeout_ms).Take();
}

HttpResponse Echo(HttpRequest& request) {
  HttpResponse response;
  response.body = request.method + " " + request.path + " " + request.body + " " +
                  std::string(request.headers.Get("X-Extra").value_or("-"));
  return response;
}

TEST(HttpClientTest, RefusesWhatIsNoUrl) {
  for (const char* bad : {"", "127.0.0.1:8000", "https://", "http://", "http://x/path",
                          "http://x:", "ftp://x", "http://a b"}) {
    EXPECT_EQ(HttpClient::Create(bad, 1000).status().code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_TRUE(HttpClient::Create("http://127.0.0.1:8000/", 1000).ok());
  EXPECT_TRUE(HttpClient::Create("http://[::1]:8000", 1000).ok());
}

TEST(HttpClientTest, SendsAndReceivesOverOneConnection) {
  auto server = Start(Echo);
  auto client = Connect(*server);
  Headers headers;
  headers.Set("X-Extra", "yes");
  for (int i = 0; i < 3; ++i) {
    const auto response = client.Send("POST", "/a", "body", headers);
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "POST /a body yes");
  }
  EXPECT_EQ(server->stats().connections, 1u);
}

TEST(HttpClientTest, AnAnswerThatDripsEndsWithTheTimeOfTheCall) {
  std::atomic<bool> ended = false;
  auto server = Start([&ended](HttpRequest&) {
    HttpResponse response;
    response.stream = [&ended](BodySink& sink) {
      Status status;
      while (status.ok() && !ended) status = sink.Write("drip");
      return status;
    };
    return response;
  });
  auto client = Connect(*server);
  client.set_limits({.total_ms = 300});
  EXPECT_EQ(
      client.Stream("GET", "/", "", [](std::string_view) { return Status::Ok(); }).status().code(),
      Code::kDeadlineExceeded);
  ended = true;
}

TEST(HttpClientTest, TakesNoLongerAnswerThanItsLimitOfWhateverStatus) {
  auto server = Start([](HttpRequest& request) {
    HttpResponse response;
    response.status = request.path == "/bad" ? 500 : 200;
    response.body =
        std::string(request.path == "/long" || request.path == "/bad" ? 1001 : 1000, 'x');
    return response;
  });
  auto client = Connect(*server);
  client.set_limits({.body_bytes_max = 1000});
  EXPECT_EQ(client.Send("GET", "/", "")->body.size(), 1000u);
  EXPECT_EQ(client.Send("GET", "/long", "").status().code(), Code::kTooLarge);
  EXPECT_EQ(client.Send("GET", "/bad", "").status().code(), Code::kTooLarge);
}

TEST(HttpClientTest, SendsABodyOfUnknownLength) {
  auto server = Start(Echo);
  auto client = Connect(*server);
  for (int round = 0; round < 2; ++round) {
    int pieces = 0;
    const auto response = client.Upload("POST", "/a", [&pieces]() -> Result<std::string> {
      return pieces++ < 3 ? std::string(2, static_cast<char>('a' + pieces)) : std::string();
    });
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->body, "POST /a bbccdd -");
  }
  EXPECT_EQ(server->stats().connections, 1u);
}

TEST(HttpClientTest, AnAnswerEndsTheSending) {
  auto server = Start(Echo, {.body_bytes_max = 1000});
  auto client = Connect(*server);
  std::uint64_t sent = 0;
  const auto response = client.Upload("POST", "/a", [&sent]() -> Result<std::string> {
    if (sent > 1u << 30) return std::string();
    sent += 1 << 16;
    return std::string(1 << 16, 'x');
  });
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 413);
  EXPECT_LE(sent, 1u << 30);  // It did not go to the end.
  EXPECT_EQ(client.Send("POST", "/b", "x")->status, 200);
}

TEST(HttpClientTest, ABodyThatCannotBeReadIsNotTakenForWhole) {
  std::atomic<int> handled = 0;
  auto server = Start([&handled](HttpRequest& request) {
    ++handled;
    return Echo(request);
  });
  auto client = Connect(*server);
  int pieces = 0;
  const auto response = client.Upload("POST", "/a", [&pieces]() -> Result<std::string> {
    if (pieces++ < 2) return std::string("piece");
    return Status::IoError("the disk is gone");
  });
  EXPECT_EQ(response.status().code(), Code::kIoError);
  EXPECT_EQ(client.Send("GET", "/b", "")->status, 200);
  EXPECT_EQ(handled, 1);
}

TEST(HttpClientTest, SaysWhenNobodyAnswers) {
  std::uint16_t port = 0;
  {
    auto server = Start(Echo);
    port = server->port();
  }
  auto client = HttpClient::Create("http://127.0.0.1:" + std::to_string(port), 20'000).Take();
  EXPECT_EQ(client.Send("GET", "/", "").status().code(), Code::kUnavailable);
}

TEST(HttpClientTest, ReconnectsWhenTheIdleConnectionWasClosed) {
  auto server = Start(Echo, {.idle_timeout_ms = 20});
  auto client = Connect(*server);
  ASSERT_TRUE(client.Send("POST", "/1", "").ok());
  while (server->stats().connections != 0) {
  }
  EXPECT_TRUE(client.Send("POST", "/2", "").ok());
}

TEST(HttpClientTest, TimesOut) {
  auto server = Start([](HttpRequest& request) {
    while (!request.cancel.cancelled()) {
    }
    return Echo(request);
  });
  auto client = Connect(*server, 50);
  EXPECT_EQ(client.Send("GET", "/", "").status().code(), Code::kDeadlineExceeded);
}

TEST(HttpClientTest, StreamsABodyAndNoticesACut) {
  std::atomic<bool> cut = false;
  auto server = Start([&](HttpRequest&) {
    HttpResponse response;
    response.stream = [&](BodySink& sink) {
      for (int i = 0; i < 100; ++i) GRANARY_TRY(sink.Write(std::string(10'000, 'x')));
      return cut ? Status::IoError("cut") : Status::Ok();
    };
    return response;
  });
  auto client = Connect(*server);
  std::size_t bytes = 0;
  const auto count = [&](std::string_view piece) {
    bytes += piece.size();
    return Status::Ok();
  };
  const auto whole = client.Stream("GET", "/", "", count);
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(bytes, 1'000'000u);
  cut = true;
  EXPECT_EQ(client.Stream("GET", "/", "", count).status().code(), Code::kUnavailable);
  EXPECT_EQ(
      client
          .Stream("GET", "/", "", [](std::string_view) { return Status(Code::kDiskFull, "mine"); })
          .status()
          .code(),
      Code::kDiskFull);
}

TEST(HttpClientTest, ReadsARefusalThatComesBeforeTheBodyWasSent) {
  auto server = Start(Echo, {.body_bytes_max = 1000});
  auto client = Connect(*server);
  const auto response = client.Send("POST", "/", std::string(900'000, 'x'));
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 413);
  EXPECT_TRUE(client.Send("POST", "/", "small").ok());
}

TEST(HttpClientTest, UnderstandsHeadAndNoContent) {
  auto server = Start([](HttpRequest& request) {
    HttpResponse response;
    if (request.method == "DELETE") response.status = 204;
    response.body = request.method == "DELETE" ? "" : "12345";
    return response;
  });
  auto client = Connect(*server);
  EXPECT_EQ(client.Send("HEAD", "/", "")->body, "");
  EXPECT_EQ(client.Send("DELETE", "/", "")->status, 204);
  EXPECT_EQ(client.Send("GET", "/", "")->body, "12345");
}

}  // namespace
}  // namespace granary::net
