#include "granary/net/upstream_pool.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "granary/net/http_server_test_support.h"

namespace granary::net {
namespace {

UpstreamAddress LocalAddress(std::uint16_t port) { return {"127.0.0.1", std::to_string(port)}; }

Result<std::string> WholeBody(UpstreamAnswer& answer, std::size_t piece_bytes = 7) {
  std::string out, piece(piece_bytes, '\0');
  for (;;) {
    GRANARY_ASSIGN(const std::size_t n, answer.Read(piece));
    if (n == 0) return out;
    out.append(piece, 0, n);
  }
}

class Letters final : public BodySource {
 public:
  explicit Letters(std::size_t count) : left_(count) {}
  Result<std::size_t> Read(std::span<char> out) override {
    const std::size_t n = std::min(left_, out.size());
    std::fill_n(out.begin(), n, 'x');
    left_ -= n;
    return n;
  }

 private:
  std::size_t left_;
};

/// One answer to one request, sent in pieces of `step` bytes; then the connection ends.
Result<std::string> AnswerTo(std::string_view answer, std::size_t step) {
  RawServer server;
  auto serving = std::async(std::launch::async, [&] {
    const int fd = server.Accept();
    RawServer::ReadHead(fd);
    for (std::size_t at = 0; at < answer.size(); at += step)
      RawServer::Send(fd, answer.substr(at, step));
    ::close(fd);
  });
  UpstreamPool pool(LocalAddress(server.port()), {.silence_timeout_ms = 20'000});
  auto sent = pool.Send({.method = "GET", .target = "/x"});
  Result<std::string> body = sent.ok() ? WholeBody(**sent) : Result<std::string>(sent.status());
  serving.get();
  return body;
}

struct UpstreamPoolTest : ServerTest {};

TEST_F(UpstreamPoolTest, PassesMethodTargetHeadersAndBodyOn) {
  const auto server = Start([](HttpRequest& request) {
    HttpResponse response;
    response.status = 201;
    response.content_type = "text/plain";
    response.headers.Set("Location", "/there");
    response.body = fmt::format("{} {} {} {} [{}]", request.method, request.path,
                                request.QueryParameter("q").value_or("-"),
                                request.headers.Get("Granary-Token").value_or("-"), request.body);
    return response;
  });
  UpstreamPool pool(LocalAddress(server->port()), {});
  Headers headers;
  headers.Set("Granary-Token", "t");
  auto answer =
      pool.Send({.method = "POST", .target = "/a?q=1", .headers = &headers, .body = "hello"});
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ((*answer)->status(), 201);
  EXPECT_EQ((*answer)->headers().Get("location"), "/there");
  EXPECT_EQ((*answer)->body_bytes(), 19u);
  EXPECT_EQ(WholeBody(**answer).Take(), "POST /a 1 t [hello]");
}

TEST_F(UpstreamPoolTest, KeepsAConnectionForTheNextRequest) {
  const auto server = Start(Echo);
  UpstreamPool pool(LocalAddress(server->port()), {});
  for (int i = 0; i < 5; ++i) {
    auto answer = pool.Send({.method = "POST", .target = "/x", .body = "b"});
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(WholeBody(**answer).Take(), "POST /x [b]");
    EXPECT_EQ(pool.idle(), 1u);
  }
  EXPECT_EQ(server->stats().connections, 1u);
}

TEST_F(UpstreamPoolTest, ConnectionsThatNobodyNeedsAreClosedWhileAnotherOneIsUsed) {
  const auto server = Start(Echo);
  UpstreamPool pool(LocalAddress(server->port()), {.idle_ms = 0});
  const UpstreamCall call{.method = "POST", .target = "/x", .body = "b"};
  auto first = pool.Send(call), second = pool.Send(call);
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE(WholeBody(**first).ok());
  ASSERT_TRUE(WholeBody(**second).ok());
  EXPECT_EQ(pool.idle(), 1u) << "the older one is closed";
}

TEST_F(UpstreamPoolTest, AnAnswerThatIsDroppedTakesItsConnectionAlong) {
  std::atomic<bool> cancelled = false;
  const auto server = Start([&](HttpRequest& request) {
    HttpResponse response;
    response.stream = [&, cancel = request.cancel](BodySink& sink) -> Status {
      Status status;
      while (status.ok()) status = sink.Write(std::string(10'000, 'x'));
      cancelled = status.code() == Code::kCancelled;
      return status;
    };
    return response;
  });
  UpstreamPool pool(LocalAddress(server->port()), {});
  {
    auto answer = pool.Send({.method = "GET", .target = "/endless"});
    ASSERT_TRUE(answer.ok());
    std::string piece(100, '\0');
    EXPECT_GT((*answer)->Read(piece).Take(), 0u);
  }
  EXPECT_EQ(pool.idle(), 0u);
  EXPECT_TRUE(Eventually([&] { return cancelled.load(); }));
}

TEST_F(UpstreamPoolTest, BodiesGoInPiecesWithAndWithoutALength) {
  HttpServerOptions options;
  options.streams_body = [](const HttpRequest&) { return true; };
  const auto server = Start(
      [](HttpRequest& request) {
        std::uint64_t bytes = 0;
        std::string piece(1000, '\0');
        for (;;) {
          const auto n = request.body_source->Read(piece);
          if (!n.ok() || *n == 0) break;
          bytes += *n;
        }
        HttpResponse response;
        response.body =
            fmt::format("{} {}", bytes, request.headers.Get("Content-Length").value_or("chunked"));
        return response;
      },
      options);
  UpstreamPool pool(LocalAddress(server->port()), {});
  Letters chunked(3'000'000), sized(3'000'000);
  auto first = pool.Send({.method = "POST", .target = "/", .body_source = &chunked});
  EXPECT_EQ(WholeBody(**first).Take(), "3000000 chunked");
  auto second =
      pool.Send({.method = "POST", .target = "/", .body_source = &sized, .body_bytes = 3'000'000});
  EXPECT_EQ(WholeBody(**second).Take(), "3000000 3000000");
}

TEST_F(UpstreamPoolTest, EveryFramingIsReadInPiecesOfAnySize) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: "
      "1\r\n\r\n";
  const std::string until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
  const std::string after_hints =
      "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "5\r\n\r\nhello";
  for (const std::string& answer : {length, chunks, until_close, after_hints}) {
    for (const std::size_t step : {1u, 2u, 3u, 1000u}) {
      const auto body = AnswerTo(answer, step);
      ASSERT_TRUE(body.ok()) << answer << body.status().ToString();
      EXPECT_EQ(*body, "hello") << answer;
    }
  }
  EXPECT_EQ(AnswerTo("HTTP/1.1 204 No Content\r\n\r\n", 1000).Take(), "");
}

TEST_F(UpstreamPoolTest, AnAnswerThatIsCutAnywhereIsAFailure) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunks =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  for (const std::string& answer : {length, chunks}) {
    for (std::size_t at = 0; at < answer.size(); ++at) {
      const auto body = AnswerTo(std::string_view(answer).substr(0, at), 1000);
      EXPECT_EQ(body.status().code(), Code::kIoError) << at << " of " << answer;
    }
  }
}

TEST_F(UpstreamPoolTest, WhatIsNoHttpIsAFailure) {
  for (const char* answer :
       {"hello\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"}) {
    EXPECT_EQ(AnswerTo(answer, 1000).status().code(), Code::kIoError) << answer;
  }
  const std::string huge = "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n";
  EXPECT_EQ(AnswerTo(huge, 100'000).status().code(), Code::kIoError);
}

TEST_F(UpstreamPoolTest, BytesBehindAnAnswerAreNobodys) {
  RawServer server;
  auto serving = std::async(std::launch::async, [&] {
    const int fd = server.Accept();
    RawServer::ReadHead(fd);
    RawServer::Send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n");
    return fd;
  });
  UpstreamPool pool(LocalAddress(server.port()), {});
  auto answer = pool.Send({.method = "GET", .target = "/"});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(WholeBody(**answer).Take(), "a");
  EXPECT_EQ(pool.idle(), 0u);
  ::close(serving.get());
}

TEST_F(UpstreamPoolTest, ARefusalBeforeTheWholeBodyIsRead) {
  RawServer server;
  auto serving = std::async(std::launch::async, [&] {
    const int fd = server.Accept();
    RawServer::ReadHead(fd);
    RawServer::Send(fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    return fd;
  });
  UpstreamPool pool(LocalAddress(server.port()), {.silence_timeout_ms = 20'000});
  Letters endless(std::size_t{1} << 40);
  auto answer = pool.Send({.method = "POST", .target = "/", .body_source = &endless});
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ((*answer)->status(), 413);
  EXPECT_EQ(WholeBody(**answer).Take(), "no");
  EXPECT_EQ(pool.idle(), 0u) << "half a body is still on it";
  ::close(serving.get());
}

TEST_F(UpstreamPoolTest, SaysWhetherAnythingWasSent) {
  std::uint16_t nobody = 0;
  { nobody = RawServer().port(); }
  UpstreamPool refused(LocalAddress(nobody), {});
  EXPECT_EQ(refused.Send({.method = "POST", .target = "/"}).status().code(), Code::kUnavailable);

  RawServer server;
  auto serving = std::async(std::launch::async, [&] {
    const int fd = server.Accept();
    RawServer::ReadHead(fd);
    ::close(fd);
  });
  UpstreamPool broken(LocalAddress(server.port()), {});
  EXPECT_EQ(broken.Send({.method = "POST", .target = "/"}).status().code(), Code::kIoError);
  serving.get();
}

TEST_F(UpstreamPoolTest, SilenceAndACancelledCallEndTheWait) {
  RawServer server;
  UpstreamPool pool(LocalAddress(server.port()), {.silence_timeout_ms = 50});
  EXPECT_EQ(pool.Send({.method = "GET", .target = "/"}).status().code(), Code::kDeadlineExceeded);
  UpstreamPool patient(LocalAddress(server.port()), {});
  runtime::CancelToken cancel;
  auto call = std::async(std::launch::async, [&] {
    return patient.Send({.method = "GET", .target = "/", .cancel = cancel}).status();
  });
  cancel.Cancel();
  EXPECT_EQ(call.get().code(), Code::kCancelled);
}

TEST_F(UpstreamPoolTest, AConnectionThatWasClosedMeanwhileIsReplaced) {
  auto server = Start(Echo);
  const std::uint16_t port = server->port();
  UpstreamPool pool(LocalAddress(port), {});
  auto first = pool.Send({.method = "GET", .target = "/a"});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(WholeBody(**first).ok());
  server->Stop(0);
  server.reset();
  EXPECT_EQ(pool.Send({.method = "GET", .target = "/a"}).status().code(), Code::kUnavailable);
}

TEST(UpstreamAddressTest, ReadsUrls) {
  EXPECT_EQ(ParseUpstreamUrl("http://127.0.0.1:8000")->text(), "127.0.0.1:8000");
  EXPECT_EQ(ParseUpstreamUrl("http://node/")->text(), "node:80");
  EXPECT_EQ(ParseUpstreamUrl("http://[::1]:8000")->text(), "[::1]:8000");
  EXPECT_EQ(ParseUpstreamUrl("http://a-1.b_2:65535")->text(), "a-1.b_2:65535");
  for (const char* bad :
       {"", "node:8000", "https://node", "http://", "http://a b", "http://a:x", "http://a/b",
        "http://a:123456", "http://u@a", "http://:80", "http://a:65536", "http://a:0",
        "http://a\"b", "http://a\tb", "http://a,b"}) {
    EXPECT_FALSE(ParseUpstreamUrl(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace granary::net
