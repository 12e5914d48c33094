// Bodies that the handler reads as they come, over real sockets.
#include <array>
#include <atomic>

#include "granary/net/http_server_test_support.h"

namespace granary::net {
namespace {

constexpr std::size_t kLong = 3u << 20;

struct StreamedBodyTest : ServerTest {
  static HttpServerOptions Streaming() {
    HttpServerOptions options;
    options.body_bytes_max = 1000;  // Not for these.
    options.streams_body = [](const HttpRequest& request) { return request.path == "/stream"; };
    return options;
  }
  /// Answers how many bytes came, and their last one; with /stream?some it leaves the rest.
  static HttpResponse Count(HttpRequest& request) {
    HttpResponse response;
    response.content_type = "text/plain";
    if (request.body_source == nullptr) {
      response.body = fmt::format("plain {}", request.body.size());
      return response;
    }
    std::array<char, 7000> piece;
    std::size_t bytes = 0;
    char last = '-';
    for (;;) {
      const Result<std::size_t> got = request.body_source->Read(piece);
      if (!got.ok()) return RefuseForTest(got.status(), std::nullopt, request.request_id);
      if (*got == 0) break;
      bytes += *got;
      last = piece[*got - 1];
      if (request.QueryParameter("some")) break;
    }
    response.body = fmt::format("{} {}", bytes, last);
    return response;
  }
  static std::string Head(std::string_view rest) {
    return fmt::format("POST /stream HTTP/1.1\r\nHost: x\r\n{}\r\n", rest);
  }
  static std::string Chunked(const std::string& body, std::size_t step) {
    std::string out;
    for (std::size_t at = 0; at < body.size(); at += step) {
      const std::string piece = body.substr(at, step);
      out += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    }
    return out + "0\r\n\r\n";
  }
};

TEST_F(StreamedBodyTest, ReadsAnyLengthAndTheNextRequestFollows) {
  auto server = Start(Count, Streaming());
  const std::string body = std::string(kLong - 1, 'x') + "z";
  for (const bool chunked : {false, true}) {
    RawClient client(server->port());
    for (int round = 0; round < 2; ++round) {
      if (chunked)
        client.Send(Head("Transfer-Encoding: chunked\r\n") + Chunked(body, 100'000));
      else
        client.Send(Head(fmt::format("Content-Length: {}\r\n", body.size())) + body);
      const std::string answer = client.ReadAnswer();
      EXPECT_EQ(StatusOf(answer), 200) << answer;
      EXPECT_EQ(BodyOf(answer), fmt::format("{} z", kLong));
    }
    // Two in one piece: what is behind a body is the next request.
    client.Send(Head("Content-Length: 3\r\n") + "abc" + "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(BodyOf(client.ReadAnswer()), "3 c");
    EXPECT_EQ(BodyOf(client.ReadAnswer()), "plain 0");
  }
}

TEST_F(StreamedBodyTest, EmptyBodiesAreEmpty) {
  auto server = Start(Count, Streaming());
  EXPECT_EQ(BodyOf(Exchange(*server, Head("Content-Length: 0\r\n"))), "0 -");
  EXPECT_EQ(BodyOf(Exchange(*server, Head("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n")), "0 -");
}

TEST_F(StreamedBodyTest, OtherBodiesKeepTheirLimit) {
  auto server = Start(Count, Streaming());
  const std::string body(1001, 'x');
  EXPECT_EQ(StatusOf(Exchange(*server,
                              "POST /other HTTP/1.1\r\nHost: x\r\n"
                              "Content-Length: 1001\r\n\r\n" +
                                  body)),
            413);
}

TEST_F(StreamedBodyTest, AsksAClientThatWaitsToBeAsked) {
  auto server = Start(Count, Streaming());
  RawClient client(server->port());
  client.Send(Head("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.ReadAnswer(/*head_only=*/true), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hello");
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "5 o");
}

TEST_F(StreamedBodyTest, MalformedChunksAreRefused) {
  auto server = Start(Count, Streaming());
  const std::string answer =
      ExchangeToEnd(*server, Head("Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\nzz\r\n");
  EXPECT_EQ(StatusOf(answer), 400) << answer;
}

TEST_F(StreamedBodyTest, ABodyThatNobodyReadEndsTheConnectionAfterItsAnswer) {
  auto server = Start(Count, Streaming());
  const std::string answer = ExchangeToEnd(
      *server, "POST /stream?some HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" +
                   std::string(100'000, 'x'));
  EXPECT_EQ(StatusOf(answer), 200) << answer;
  EXPECT_TRUE(Has(answer, "Connection: close\r\n"));
}

TEST_F(StreamedBodyTest, ABodyWithoutProgressIsA408) {
  HttpServerOptions options = Streaming();
  options.body_timeout_ms = 50;
  auto server = Start(Count, options);
  const std::string answer = ExchangeToEnd(*server, Head("Content-Length: 10\r\n") + "abc");
  EXPECT_EQ(StatusOf(answer), 408) << answer;
}

TEST_F(StreamedBodyTest, TheDeadlineEndsAWaitForTheBody) {
  auto server = Start(Count, Streaming());
  const std::string answer =
      ExchangeToEnd(*server, Head("Content-Length: 10\r\nX-Timeout-Ms: 50\r\n") + "abc");
  EXPECT_EQ(StatusOf(answer), 504) << answer;
}

TEST_F(StreamedBodyTest, AClientThatLeavesEndsItsHandler) {
  auto server = Start(Count, Streaming());
  {
    RawClient client(server->port());
    client.Send(Head("Content-Length: 10\r\n") + "abc");
    ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return server->stats().in_flight == 0; }));
}

// Each holds memory for as long as its client takes; nobody else waits for a thread.
TEST_F(StreamedBodyTest, OnlySoManyAtOnce) {
  HttpServerOptions options = Streaming();
  options.handler_threads = 1;
  options.streamed_bodies_max = 3;
  auto server = Start(Count, options);
  std::vector<RawClient> slow;
  for (int i = 0; i < 3; ++i) {
    slow.emplace_back(server->port());
    slow.back().Send(Head("Content-Length: 2\r\n") + "a");
    ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == slow.size(); }));
  }
  EXPECT_EQ(StatusOf(ExchangeToEnd(*server, Head("Content-Length: 2\r\n") + "ab")), 503);
  EXPECT_EQ(BodyOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")), "plain 0");
  slow.back().Send("b");
  EXPECT_EQ(BodyOf(slow.back().ReadAnswer()), "2 b");
  ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == 2; }));
  EXPECT_TRUE(Eventually([&] {
    return StatusOf(ExchangeToEnd(
               *server, Head("Content-Length: 2\r\nConnection: close\r\n") + "ab")) == 200;
  }));
}

// Strangers who are refused at once must not keep others out while they send nothing more.
TEST_F(StreamedBodyTest, ABodyThatWasLeftUnreadHoldsNoPlace) {
  HttpServerOptions options = Streaming();
  options.streamed_bodies_max = 1;
  auto server = Start(Count, options);
  std::vector<RawClient> left;
  for (int i = 0; i < 5; ++i) {
    left.emplace_back(server->port());
    left.back().Send("POST /stream?some HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\na");
    EXPECT_EQ(BodyOf(left.back().ReadAnswer()), "1 a");
  }
  EXPECT_EQ(BodyOf(Exchange(*server, Head("Content-Length: 2\r\n") + "ab")), "2 b");
}

}  // namespace
}  // namespace granary::net
