// Real sockets on 127.0.0.1 against a real server; what a client does is written byte by byte.
#include "granary/net/http_server.h"

#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "granary/net/http_server_test_support.h"

namespace granary::net {
namespace {

TEST_F(ServerTest, AnswersWithIdDateAndLength) {
  auto server = Start(Echo);
  const std::string answer =
      Exchange(*server, "GET /a%20b HTTP/1.1\r\nHost: x\r\nX-Request-Id: me-1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(Has(answer, "\r\nX-Request-Id: me-1\r\n"));
  EXPECT_TRUE(Has(answer, "\r\nDate: "));
  EXPECT_EQ(BodyOf(answer), "GET /a b []");
  EXPECT_FALSE(Has(answer, "Connection: close"));
}

TEST_F(ServerTest, ReplacesABadRequestId) {
  auto server = Start(Echo);
  const std::string answer =
      Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a b\r\n\r\n");
  EXPECT_TRUE(Has(answer, "\r\nX-Request-Id: "));
  EXPECT_FALSE(Has(answer, "a b"));
}

TEST_F(ServerTest, UnderstandsARequestCutAtAnyByte) {
  auto server = Start(Echo);
  const std::string plain = "POST /w HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
  const std::string chunked =
      "POST /w HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;e=1\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n\r\n";
  const std::string nothing =
      "POST /w HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (const auto& [request, body] :
       {std::pair{plain, "hello"}, {chunked, "hello"}, {nothing, ""}}) {
    RawClient client(server->port());
    for (std::size_t cut = 0; cut <= request.size(); ++cut) {
      ASSERT_TRUE(client.Send(request.substr(0, cut)));
      if (cut % 7 == 0) std::this_thread::yield();
      ASSERT_TRUE(client.Send(request.substr(cut)));
      EXPECT_EQ(BodyOf(client.ReadAnswer()), fmt::format("POST /w [{}]", body)) << "cut at " << cut;
    }
  }
}

TEST_F(ServerTest, UnderstandsARequestSentByteByByte) {
  auto server = Start(Echo);
  RawClient client(server->port());
  for (const char c : std::string("POST /w HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")) {
    ASSERT_TRUE(client.Send({&c, 1}));
  }
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "POST /w [hello]");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  auto server = Start(Echo);
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += fmt::format("POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", i);
  }
  ASSERT_TRUE(client.Send(all));
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(BodyOf(client.ReadAnswer()), fmt::format("POST /{} [ab]", i));
}

TEST_F(ServerTest, SendsNoBodyForHead) {
  auto server = Start(Echo);
  RawClient client(server->port());
  client.Send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Has(client.ReadAnswer(/*head_only=*/true), "Content-Length: 10\r\n"));
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "GET /y []");
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  auto server = Start(Echo);
  const std::string answer =
      ExchangeToEnd(*server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(Has(answer, "\r\nConnection: close\r\n"));
  EXPECT_EQ(BodyOf(answer), "GET / []");
  EXPECT_EQ(StatusOf(ExchangeToEnd(*server, "GET / HTTP/1.0\r\n\r\n")), 200);
}

TEST_F(ServerTest, RefusesAmbiguousOrMalformedRequests) {
  auto server = Start(Echo);
  const std::string length = "Content-Length: 5\r\n", chunked = "Transfer-Encoding: chunked\r\n";
  const std::string cases[] = {
      "POST / HTTP/1.1\r\nHost: x\r\n" + length + chunked + "\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\n" + chunked + length + "\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\n" + length + "Transfer-Encoding: gzip\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: x\r\n" + length + length + "\r\nhello",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\n" + chunked + "\r\nzz\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\n" + chunked + "\r\n3\r\nabcdef\r\n",
      "POST / HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 5\r\nX-Timeout-Ms: 6\r\n\r\n",
      "GET / HTTP/2.5\r\nHost: x\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01", 6),
  };
  for (const auto& request : cases) {
    const std::string answer = ExchangeToEnd(*server, request);
    EXPECT_EQ(StatusOf(answer), 400) << request << "\n" << answer;
    EXPECT_TRUE(Has(answer, "Connection: close")) << request;
  }
  EXPECT_EQ(StatusOf(ExchangeToEnd(
                *server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n")),
            501);
}

TEST_F(ServerTest, RefusesABadTimeout) {
  auto server = Start(Echo);
  for (const char* bad : {"0", "-1", "1.5", "abc", "", "1e3", "+5"}) {
    const auto answer = Exchange(
        *server, fmt::format("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: {}\r\n\r\n", bad));
    EXPECT_EQ(StatusOf(answer), 400) << bad;
  }
  for (const char* good : {"1000", "99999999999999999999999"}) {
    const auto answer = Exchange(
        *server, fmt::format("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: {}\r\n\r\n", good));
    EXPECT_EQ(StatusOf(answer), 200) << good;
  }
}

TEST_F(ServerTest, LimitsTheHeadToTheByte) {
  auto server = Start(Echo, {.header_bytes_max = 1000});
  for (const int size : {999, 1000, 1001, 5000}) {
    std::string request = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
    request += std::string(static_cast<std::size_t>(size) - request.size() - 4, 'a') + "\r\n\r\n";
    ASSERT_EQ(request.size(), static_cast<std::size_t>(size));
    EXPECT_EQ(StatusOf(Exchange(*server, request)), size <= 1000 ? 200 : 431) << size;
    // The same, but the body lies right behind it.
    request.insert(request.find("X: "), "Content-Length: 3000\r\n").erase(request.find("aaaa"), 22);
    EXPECT_EQ(StatusOf(Exchange(*server, request + std::string(3000, 'b'))),
              size <= 1000 ? 200 : 431)
        << size;
  }
}

TEST_F(ServerTest, LimitsTheBodyToTheByte) {
  auto server = Start(Echo, {.body_bytes_max = 100'000});
  for (const std::size_t size : {99'999u, 100'000u, 100'001u}) {
    const std::string body(size, 'b');
    const int expected = size <= 100'000 ? 200 : 413;
    EXPECT_EQ(StatusOf(Exchange(
                  *server, fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                                       size, body))),
              expected);
    const std::string chunks =
        fmt::format("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 50'000, body.substr(0, 50'000),
                    size - 50'000, body.substr(50'000));
    EXPECT_EQ(
        StatusOf(Exchange(
            *server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)),
        expected);
  }
}

TEST_F(ServerTest, LimitsAllBodiesTogetherAndForgetsFinishedOnes) {
  auto server = Start(Echo, {.bodies_bytes_max = 1'000'000});
  const std::string half(600'000, 'b');
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600001\r\n\r\n";
  const auto all_released = [&] { return server->stats().body_bytes == 0; };
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(StatusOf(Exchange(*server, head + half + "b")), 200);
    // The client may see its answer just before the body is given back.
    ASSERT_TRUE(Eventually(all_released));
  }
  RawClient slow(server->port()), second(server->port());
  slow.Send(head + half);
  ASSERT_TRUE(Eventually([&] { return server->stats().body_bytes >= half.size(); }));
  second.Send(head + half + "b");
  EXPECT_EQ(StatusOf(second.ReadAnswer()), 503);
  slow.Send("b");
  EXPECT_EQ(StatusOf(slow.ReadAnswer()), 200);
  EXPECT_TRUE(Eventually(all_released));
}

TEST_F(ServerTest, RefusesAnAnnouncedHugeBodyBeforeItIsSent) {
  auto server = Start(Echo, {.body_bytes_max = 100});
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 413);
}

TEST_F(ServerTest, AnswersAClientThatSendsALittleTooMuchBeforeItListens) {
  auto server = Start(Echo, {.body_bytes_max = 4u << 20});
  RawClient client(server->port());
  const std::string body((4u << 20) + 1, 'b');
  ASSERT_TRUE(client.Send(
      fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.size())));
  ASSERT_TRUE(client.Send(body));
  EXPECT_EQ(StatusOf(client.ReadToEnd()), 413);
  EXPECT_FALSE(client.was_reset());
}

TEST_F(ServerTest, SaysContinueBeforeTheBody) {
  auto server = Start(Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ab");
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "POST / [ab]");
}

TEST_F(ServerTest, RefusesAChunkHeaderWithoutEnd) {
  auto server = Start(Echo);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;");
  client.Send(std::string(300'000, 'e'));
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 400);
}

TEST_F(ServerTest, DrainsABoundedAmountAfterARefusal) {
  auto server = Start(Echo, {.body_bytes_max = 10, .drain_bytes_max = 1u << 20});
  RawClient client(server->port());
  // Half a MiB more than allowed: the answer still arrives.
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" +
              std::string(500'000, 'b'));
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 413);
  // An endless sender is cut off.
  RawClient endless(server->port());
  endless.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000000000\r\n\r\n");
  const std::string piece(1u << 20, 'b');
  int sent = 0;
  while (sent < 1000 && endless.Send(piece)) ++sent;
  EXPECT_LT(sent, 1000);
}

TEST_F(ServerTest, TimesOutASlowHead) {
  auto server = Start(Echo, {.header_timeout_ms = 50});
  RawClient client(server->port());
  client.Send("GET / HT");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 408);
  RawClient silent(server->port());
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST_F(ServerTest, TimesOutASlowHeadOnAUsedConnection) {
  auto server = Start(Echo, {.header_timeout_ms = 50, .idle_timeout_ms = 60'000});
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 200);
  client.Send("GET / HT");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 408);
}

TEST_F(ServerTest, TimesOutAStalledBodyAndAnIdleConnection) {
  auto server = Start(Echo, {.body_timeout_ms = 50, .idle_timeout_ms = 50});
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 408);
  RawClient idle(server->port());
  idle.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(idle.ReadAnswer()), 200);
  EXPECT_EQ(idle.ReadToEnd(), "");
}

TEST_F(ServerTest, ATrickleIsNoProgress) {
  constexpr std::uint64_t kLength = std::uint64_t{4} << 30;
  auto server = Start(Echo, {.body_bytes_max = kLength,
                             .bodies_bytes_max = kLength,
                             .body_timeout_ms = 50,
                             .body_progress_bytes = kLength});
  for (const bool chunked : {false, true}) {
    RawClient client(server->port());
    client.Send(
        chunked ? "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                : fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", kLength));
    while (client.Send(chunked ? "1\r\nx\r\n" : "x")) std::this_thread::yield();
    EXPECT_TRUE(Eventually([&] { return server->stats().connections == 0; }));
  }
}

TEST_F(ServerTest, CancelsWhenTheClientLeaves) {
  std::promise<Status> seen;
  std::atomic<bool> started = false;  // A request whose client left before is not handled at all.
  auto server = Start([&](HttpRequest& request) {
    started = true;
    while (request.cancel.Check().ok()) std::this_thread::yield();
    seen.set_value(request.cancel.Check());
    return Echo(request);
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return started.load(); }));
  client.Close();
  auto future = seen.get_future();
  ASSERT_EQ(future.wait_for(milliseconds(kPatienceMs)), std::future_status::ready);
  EXPECT_EQ(future.get().code(), Code::kCancelled);
  EXPECT_TRUE(Eventually([&] { return server->stats().connections == 0; }));
}

TEST_F(ServerTest, NoticesALeavingClientBehindPipelinedRequests) {
  std::promise<void> cancelled;
  std::atomic<bool> first = true;
  auto server = Start([&](HttpRequest& request) {
    if (first.exchange(false)) {
      while (!request.cancel.cancelled()) std::this_thread::yield();
      cancelled.set_value();
    }
    return Echo(request);
  });
  RawClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return !first; }));
  client.Send("GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  client.Close();
  EXPECT_EQ(cancelled.get_future().wait_for(milliseconds(kPatienceMs)), std::future_status::ready);
}

TEST_F(ServerTest, CancelsAtTheDeadline) {
  auto server = Start([](HttpRequest& request) {
    while (request.cancel.Check().ok()) std::this_thread::yield();
    return RefuseForTest(request.cancel.Check(), {}, request.request_id);
  });
  EXPECT_EQ(StatusOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 30\r\n\r\n")),
            504);
}

TEST_F(ServerTest, NoLaneWaitsBehindAnother) {
  std::mutex gate;
  gate.lock();
  auto server = Start(
      [&](HttpRequest& request) {
        if (request.path == "/slow") std::lock_guard wait(gate);
        return Echo(request);
      },
      {.handler_threads = 2, .patient_threads_max = 20, .lane_of = [](const HttpRequest& r) {
         if (r.path == "/health") return HandlerLane::kUrgent;
         return r.method == "POST" ? HandlerLane::kPatient : HandlerLane::kOrdinary;
       }});
  const auto ask = [&](const char* method) {
    return StatusOf(Exchange(
        *server, fmt::format("{} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method)));
  };
  std::vector<RawClient> slow;
  const auto begin = [&](const char* method, int count) {
    for (int i = 0; i < count; ++i) {
      slow.emplace_back(server->port());
      slow.back().Send(
          fmt::format("{} /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method));
    }
    ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == slow.size(); }));
  };
  begin("POST", 15);
  EXPECT_EQ(ask("POST"), 200);
  EXPECT_EQ(ask("GET"), 200);
  begin("GET", 5);
  EXPECT_EQ(ask("POST"), 200);
  EXPECT_EQ(StatusOf(Exchange(*server, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
  gate.unlock();
  for (auto& client : slow) EXPECT_EQ(StatusOf(client.ReadAnswer()), 200);
}

HttpResponse Streaming(std::function<Status(BodySink&)> stream) {
  HttpResponse response;
  response.content_type = "application/x-ndjson";
  response.stream = std::move(stream);
  return response;
}

TEST_F(ServerTest, StreamsInChunks) {
  auto server = Start([](HttpRequest&) {
    return Streaming([](BodySink& sink) {
      GRANARY_TRY(sink.Write("hello\n"));
      GRANARY_TRY(sink.Write(""));
      return sink.Write("world\n");
    });
  });
  const std::string answer =
      ExchangeToEnd(*server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(Has(answer, "Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(BodyOf(answer), "6\r\nhello\n\r\n6\r\nworld\n\r\n0\r\n\r\n");
  EXPECT_EQ(BodyOf(ExchangeToEnd(*server, "GET / HTTP/1.0\r\n\r\n")), "hello\nworld\n");
}

TEST_F(ServerTest, KeepsTheConnectionAfterAStream) {
  auto server = Start([](HttpRequest& request) {
    if (request.path != "/s") return Echo(request);
    return Streaming([](BodySink&) { return Status::Ok(); });
  });
  RawClient client(server->port());
  client.Send(
      "GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\nConnection: "
      "close\r\n\r\n");
  const std::string both = client.ReadToEnd();
  EXPECT_TRUE(Has(both, "\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK")) << both;
  EXPECT_TRUE(both.ends_with("GET /after []")) << both;
}

TEST_F(ServerTest, AnswersAFailureBeforeTheFirstByteOfAStream) {
  auto server = Start([](HttpRequest&) {
    return Streaming([](BodySink&) { return Status(Code::kTooLarge, "no"); });
  });
  const std::string answer = Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(answer), 413);
  EXPECT_TRUE(Has(answer, "Content-Length: "));
}

// Held back so far, a short answer has its length and is compressed or not as any body is.
TEST_F(ServerTest, AStreamNoLongerThanIsHeldGoesOutWithItsLength) {
  constexpr std::size_t kHeld = 2000;
  auto server = Start([](HttpRequest& request) {
    const auto bytes = static_cast<std::size_t>(std::stoi(request.path.substr(1)));
    HttpResponse response = Streaming([bytes](BodySink& sink) {
      GRANARY_TRY(sink.Write(std::string(bytes - 1, 'x')));
      return sink.Write("y");
    });
    response.held_bytes_max = kHeld;
    return response;
  });
  const auto ask = [&](std::size_t bytes, const char* version, const char* more) {
    return ExchangeToEnd(*server, fmt::format("GET /{} HTTP/{}\r\nHost: x\r\n{}Connection: close"
                                              "\r\n\r\n",
                                              bytes, version, more));
  };
  for (const std::size_t bytes : {kHeld - 1, kHeld}) {
    for (const char* version : {"1.0", "1.1"}) {
      const std::string answer = ask(bytes, version, "");
      EXPECT_TRUE(Has(answer, fmt::format("Content-Length: {}\r\n", bytes))) << bytes;
      EXPECT_EQ(BodyOf(answer), std::string(bytes - 1, 'x') + "y");
    }
  }
  const std::string longer = ask(kHeld + 1, "1.1", "");
  EXPECT_FALSE(Has(longer, "Content-Length: "));
  EXPECT_EQ(BodyOf(longer),
            fmt::format("{:x}\r\n{}\r\n1\r\ny\r\n0\r\n\r\n", kHeld, std::string(kHeld, 'x')));
  EXPECT_EQ(BodyOf(ask(kHeld + 1, "1.0", "")), std::string(kHeld, 'x') + "y");
  const char* gzip = "Accept-Encoding: gzip\r\n";
  EXPECT_FALSE(Has(ask(100, "1.1", gzip), "Content-Encoding"));
  for (const std::size_t bytes : {kHeld, kHeld + 1})
    EXPECT_TRUE(Has(ask(bytes, "1.1", gzip), "Content-Encoding: gzip\r\n")) << bytes;
}

TEST_F(ServerTest, AStreamThatFailsWhileItIsHeldIsRefused) {
  auto server = Start([](HttpRequest&) {
    HttpResponse response = Streaming([](BodySink& sink) {
      GRANARY_TRY(sink.Write("some\n"));
      return Status(Code::kTooLarge, "no");
    });
    response.held_bytes_max = 5;
    return response;
  });
  EXPECT_EQ(StatusOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 413);
}

TEST_F(ServerTest, CutsAStreamThatFailsMidway) {
  auto server = Start([](HttpRequest&) {
    return Streaming([](BodySink& sink) {
      GRANARY_TRY(sink.Write("some\n"));
      return Status::IoError("disk");
    });
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n")) << answer;
  RawClient old(server->port());
  old.Send("GET / HTTP/1.0\r\n\r\n");
  old.ReadToEnd();
  EXPECT_TRUE(old.was_reset());
}

// Its request is cancelled by its deadline, while it writes to a client that takes a bit of it.
HttpResponse EndsAtItsDeadline(HttpRequest& request) {
  return Streaming([cancel = request.cancel](BodySink& sink) {
    GRANARY_TRY(sink.Write("some\n"));
    while (cancel.Check().ok()) std::this_thread::yield();
    const Status refused = sink.Write("more\n");
    sink.WriteLast("why\n");
    return refused;
  });
}

TEST_F(ServerTest, AnAnswerThatEndsMidwaySaysSoLast) {
  auto server = Start(EndsAtItsDeadline);
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 20\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadToEnd()), "5\r\nsome\n\r\n5\r\nmore\n\r\n4\r\nwhy\n\r\n");
  RawClient packed(server->port());
  packed.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 20\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_TRUE(Has(packed.ReadToEnd(), "Content-Encoding: gzip\r\n"));
}

TEST_F(ServerTest, NothingIsSaidLastWhereNothingWasSaid) {
  auto server = Start([](HttpRequest& request) {
    return Streaming([cancel = request.cancel](BodySink& sink) {
      while (cancel.Check().ok()) std::this_thread::yield();
      const Status refused = sink.Write("some\n");
      sink.WriteLast("why\n");
      return refused;
    });
  });
  const std::string answer =
      Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 20\r\n\r\n");
  EXPECT_EQ(StatusOf(answer), 504) << answer;
}

// The chunk that was on its way comes to its end first, and a slow reader has a moment for it.
TEST_F(ServerTest, WhatIsSaidLastFollowsAWholeChunk) {
  const std::string piece(8u << 20, 'p');
  std::promise<void> ended;
  auto server = Start(
      [&](HttpRequest& request) {
        return Streaming([&, cancel = request.cancel](BodySink& sink) mutable {
          const Status refused = sink.Write(piece);
          sink.WriteLast("why\n");
          ended.set_value();
          return refused;
        });
      },
      {.last_words_ms = kPatienceMs});
  RawClient client(server->port(), 16 << 10);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 50\r\n\r\n");
  auto future = ended.get_future();
  EXPECT_EQ(future.wait_for(milliseconds(100)), std::future_status::timeout);
  const std::string body = BodyOf(client.ReadToEnd());
  EXPECT_EQ(body.size(), std::string("800000\r\n").size() + piece.size() + 2 + 9);
  EXPECT_TRUE(body.ends_with("p\r\n4\r\nwhy\n\r\n"));
}

TEST_F(ServerTest, AClientThatTakesNothingHoldsNoLastWords) {
  const std::string piece(64u << 20, 'p');
  std::promise<milliseconds> took;
  auto server = Start(
      [&](HttpRequest&) {
        return Streaming([&](BodySink& sink) {
          const Status refused = sink.Write(piece);
          const auto before = steady_clock::now();
          sink.WriteLast("why\n");
          took.set_value(std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
          return refused;
        });
      },
      {.last_words_ms = 60});
  RawClient client(server->port(), 16 << 10);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Timeout-Ms: 20\r\n\r\n");
  auto future = took.get_future();
  ASSERT_EQ(future.wait_for(milliseconds(kPatienceMs)), std::future_status::ready);
  EXPECT_GE(future.get(), milliseconds(60));
  EXPECT_TRUE(Eventually([&] { return server->stats().in_flight == 0; }));
}

TEST_F(ServerTest, AnAnswerInNoCodingThatTheClientTakesIsRefusedUnmade) {
  std::atomic<int> made = 0;
  auto server = Start([&](HttpRequest& request) {
    ++made;
    return Echo(request);
  });
  const auto ask = [&](std::string_view accept) {
    return Exchange(
        *server, fmt::format("GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {}\r\n\r\n", accept));
  };
  EXPECT_TRUE(Has(ask("identity;q=0"), "NOT_ACCEPTABLE"));
  EXPECT_TRUE(Has(ask("*;q=0"), "NOT_ACCEPTABLE"));
  EXPECT_EQ(made, 0);
  // Small answers go as they are, unless that is what is refused.
  EXPECT_FALSE(Has(ask("gzip"), "Content-Encoding"));
  EXPECT_TRUE(Has(ask("gzip, identity;q=0"), "Content-Encoding: gzip\r\n"));
  EXPECT_TRUE(Has(ask("*;q=0, zstd"), "Content-Encoding: zstd\r\n"));
  EXPECT_EQ(made, 3);
}

TEST_F(ServerTest, WhatIsEncodedAlreadyGoesOutAsItIs) {
  auto server = Start([](HttpRequest& request) {
    HttpResponse response;
    response.status = request.path == "/same" ? 304 : 200;
    response.headers.Set("Content-Encoding", "br");
    if (response.status == 200) response.body = std::string(5000, 'b');
    return response;
  });
  const std::string answer =
      Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
  EXPECT_TRUE(Has(answer, "Content-Encoding: br\r\n")) << answer.substr(0, 300);
  EXPECT_EQ(BodyOf(answer), std::string(5000, 'b'));
  const std::string same =
      Exchange(*server, "GET /same HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
  EXPECT_TRUE(Has(same, "HTTP/1.1 304 Not Modified\r\n")) << same;
  EXPECT_FALSE(Has(same, "Content-Length"));
  EXPECT_EQ(BodyOf(same), "");
}

TEST_F(ServerTest, ASlowReaderHoldsTheStreamBack) {
  std::atomic<std::uint64_t> written = 0;
  std::promise<Status> ended;
  const std::string piece(64u << 10, 'p');
  auto server = Start([&](HttpRequest&) {
    return Streaming([&](BodySink& sink) {
      Status status;
      for (int i = 0; i < 4096 && status.ok(); ++i) {
        status = sink.Write(piece);
        if (status.ok()) written += piece.size();
      }
      ended.set_value(status);
      return status;
    });
  });
  auto client = std::make_unique<RawClient>(server->port(), 16 << 10);
  client->Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  // 256 MiB in all; what fits into the kernel's buffers is far less.
  ASSERT_TRUE(Eventually([&] { return written > 0; }));
  std::uint64_t last = 0;
  for (auto settled = steady_clock::now(); steady_clock::now() - settled < milliseconds(100);) {
    if (last != written) {
      last = written;
      settled = steady_clock::now();
    }
    std::this_thread::yield();
  }
  EXPECT_LT(last, 64u << 20);
  client->Close();
  auto future = ended.get_future();
  ASSERT_EQ(future.wait_for(milliseconds(kPatienceMs)), std::future_status::ready);
  EXPECT_EQ(future.get().code(), Code::kCancelled);
}

TEST_F(ServerTest, SendsALargeAnswerToASlowReaderWithoutAHandlerThread) {
  const std::string large(32u << 20, 'x');
  auto server = Start(
      [&](HttpRequest&) {
        HttpResponse r;
        r.body = large;
        return r;
      },
      {.handler_threads = 1});
  RawClient slow(server->port(), 16 << 10);
  slow.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(
      Eventually([&] { return server->stats().requests == 1 && server->stats().in_flight == 0; }));
  RawClient other(server->port());
  other.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(BodyOf(other.ReadAnswer()).size(), large.size());
  EXPECT_EQ(BodyOf(slow.ReadAnswer()).size(), large.size());
}

TEST_F(ServerTest, TurnsAnExceptionInto500) {
  auto server = Start([](HttpRequest&) -> HttpResponse { throw std::runtime_error("oops"); });
  EXPECT_EQ(StatusOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 500);
}

TEST_F(ServerTest, TurnsAwayConnectionsOverTheLimit) {
  auto server = Start(Echo, {.connections_max = 2});
  RawClient a(server->port()), b(server->port());
  a.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  b.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(a.ReadAnswer()), 200);
  EXPECT_EQ(StatusOf(b.ReadAnswer()), 200);
  EXPECT_EQ(StatusOf(RawClient(server->port()).ReadAnswer()), 503);
  a.Close();
  ASSERT_TRUE(Eventually([&] { return server->stats().connections == 1; }));
  EXPECT_EQ(StatusOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
}

TEST_F(ServerTest, ServesAmongAThousandIdleConnections) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 2200)
    GTEST_SKIP() << "only " << files.rlim_max << " descriptors are allowed";
  auto server = Start(Echo);
  std::vector<RawClient> idle;
  for (int i = 0; i < 1000; ++i) idle.emplace_back(server->port());
  ASSERT_TRUE(Eventually([&] { return server->stats().connections == 1000; }));
  for (int i = 0; i < 1000; i += 2) idle[static_cast<std::size_t>(i)].Send("GET /half");
  EXPECT_EQ(StatusOf(Exchange(*server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")), 200);
  server->Stop(0);
  EXPECT_EQ(server->stats().connections, 0u);
}

TEST_F(ServerTest, FinishesRunningRequestsWhenStopped) {
  std::promise<void> go;
  auto wait = go.get_future().share();
  auto server = Start([&](HttpRequest& request) {
    wait.wait();
    return Echo(request);
  });
  RawClient client(server->port());
  client.Send("GET /run HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == 1; }));
  std::thread stopper([&] { server->Stop(kPatienceMs); });
  ASSERT_TRUE(Eventually([&] { return !RawClient(server->port()).connected(); }));
  go.set_value();
  EXPECT_EQ(BodyOf(client.ReadToEnd()), "GET /run []");
  stopper.join();
}

TEST_F(ServerTest, CancelsWhatOutlastsTheGrace) {
  auto server = Start([](HttpRequest& request) {
    while (!request.cancel.cancelled()) std::this_thread::yield();
    return Echo(request);
  });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return server->stats().in_flight == 1; }));
  server->Stop(20);
  EXPECT_EQ(server->stats().connections, 0u);
}

TEST_F(ServerTest, NamesABusyPort) {
  auto server = Start(Echo);
  HttpServerOptions options{.host = "127.0.0.1", .port = server->port()};
  const auto second = HttpServer::Start(options, Logger::Null(), Echo, RefuseForTest);
  ASSERT_EQ(second.status().code(), Code::kConflict);
  EXPECT_NE(second.status().message().find(std::to_string(server->port())), std::string::npos);
}

TEST_F(ServerTest, ServesFromSeveralThreads) {
  auto server = Start(Echo, {.io_threads = 4});
  std::vector<std::thread> clients;
  std::atomic<int> good = 0;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawClient client(server->port());
      for (int i = 0; i < 200; ++i) {
        client.Send(fmt::format("GET /{}/{} HTTP/1.1\r\nHost: x\r\n\r\n", c, i));
        good += BodyOf(client.ReadAnswer()) == fmt::format("GET /{}/{} []", c, i) ? 1 : 0;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 1600);
}

}  // namespace
}  // namespace granary::net
