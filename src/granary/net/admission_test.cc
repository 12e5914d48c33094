// Who is admitted by the head of a request, before there is a body.
#include <atomic>
#include <stdexcept>
#include <vector>

#include "granary/net/encoding_sink.h"
#include "granary/net/http_server_test_support.h"

namespace granary::net {
namespace {

struct AdmissionTest : ServerTest {
  /// Lets in whoever shows the key, with a body of so many bytes.
  HttpServerOptions Guarded(std::uint64_t body_bytes_max = ~std::uint64_t{0}) {
    HttpServerOptions options;
    options.admit = [this, body_bytes_max](HttpRequest& request) -> Admission {
      ++asked;
      if (request.headers.Get("X-Key") != "good") {
        HttpResponse refusal;
        refusal.status = 401;
        return {.refusal = std::move(refusal)};
      }
      request.admission = std::make_shared<std::string>("known");
      return {.body_bytes_max = body_bytes_max};
    };
    return options;
  }
  static std::string Head(std::string_view headers) {
    return fmt::format("POST /x HTTP/1.1\r\nHost: x\r\n{}\r\n", headers);
  }
  static std::string Whole(std::string_view body, std::string_view headers = {}) {
    return Head(fmt::format("X-Key: good\r\n{}Content-Length: {}\r\n", headers, body.size()))
        .append(body);
  }
  static std::string Chunked(std::string_view body) {
    return Head("X-Key: good\r\nTransfer-Encoding: chunked\r\n")
        .append(fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body));
  }
  static HttpResponse Count(HttpRequest& request) {
    HttpResponse response;
    response.body = fmt::format("{} {}", *static_cast<std::string*>(request.admission.get()),
                                request.body.size());
    return response;
  }

  std::atomic<int> asked = 0;
};

TEST_F(AdmissionTest, ARefusalComesBeforeTheBody) {
  const auto server = Start(Count, Guarded());
  for (const char* headers :
       {"Content-Length: 900000\r\n", "Transfer-Encoding: chunked\r\n",
        "Content-Length: 900000\r\nExpect: 100-continue\r\n", "Content-Length: 99000000000\r\n"}) {
    RawClient client(server->port());
    client.Send(Head(headers));
    EXPECT_EQ(StatusOf(client.ReadAnswer()), 401) << headers;
  }
  EXPECT_EQ(asked, 4);
}

TEST_F(AdmissionTest, WhoeverIsRefusedIsInNobodysWay) {
  HttpServerOptions options = Guarded();
  options.bodies_bytes_max = 100'000;
  const auto server = Start(Count, options);
  std::vector<RawClient> strangers;
  for (int i = 0; i < 8; ++i) {
    strangers.emplace_back(server->port());
    strangers.back().Send(Head("Content-Length: 900000\r\n") + std::string(50'000, 'x'));
  }
  for (RawClient& stranger : strangers) EXPECT_EQ(StatusOf(stranger.ReadAnswer()), 401);
  EXPECT_EQ(server->stats().body_bytes, 0u);
  EXPECT_EQ(BodyOf(Exchange(*server, Whole(std::string(90'000, 'x')))), "known 90000");
}

TEST_F(AdmissionTest, IsAskedForOnceAndKeptForTheHandler) {
  const auto server = Start(Count, Guarded());
  RawClient client(server->port());
  int times = 0;
  for (const std::size_t bytes : {0u, 3u, 200'000u, 5u}) {
    client.Send(Whole(std::string(bytes, 'x')));
    EXPECT_EQ(BodyOf(client.ReadAnswer()), fmt::format("known {}", bytes));
    client.Send(Chunked(std::string(bytes + 1, 'x')));
    EXPECT_EQ(BodyOf(client.ReadAnswer()), fmt::format("known {}", bytes + 1));
    times += 2;
  }
  EXPECT_EQ(asked, times);
}

TEST_F(AdmissionTest, LimitsTheBodyWhetherItCameAlongWithTheHeadOrNot) {
  for (const std::size_t limit : {100u, 20'000u}) {
    const auto server = Start(Count, Guarded(limit));
    for (const std::size_t bytes : {limit - 1, limit, limit + 1}) {
      const int expected = bytes > limit ? 413 : 200;
      const std::string body(bytes, 'x');
      EXPECT_EQ(StatusOf(Exchange(*server, Whole(body))), expected) << bytes;
      EXPECT_EQ(StatusOf(Exchange(*server, Chunked(body))), expected) << bytes;
      std::string packed;
      ASSERT_TRUE((*MakeEncoder(ContentCoding::kGzip))->Finish(body, packed).ok());
      EXPECT_EQ(StatusOf(Exchange(*server, Whole(packed, "Content-Encoding: gzip\r\n"))), expected)
          << bytes;
    }
  }
}

TEST_F(AdmissionTest, ABodyThatTheHandlerReadsIsLeftAlone) {
  HttpServerOptions options = Guarded();
  options.streams_body = [](const HttpRequest&) { return true; };
  const auto server = Start(Count, options);
  RawClient client(server->port());
  client.Send(Head("Content-Length: 900000\r\n"));
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 401);
  EXPECT_EQ(asked, 1);
}

TEST_F(AdmissionTest, AFailureOfItIsAnAnswer) {
  HttpServerOptions options;
  options.admit = [](HttpRequest&) -> Admission { throw std::runtime_error("no"); };
  const auto server = Start(Count, options);
  EXPECT_EQ(StatusOf(Exchange(*server, Whole("x"))), 500);
  EXPECT_EQ(StatusOf(Exchange(*server, Whole(std::string(200'000, 'x')))), 500);
}

}  // namespace
}  // namespace granary::net
