#include "granary/net/request_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace granary::net {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kLastChunk = "0\r\n";
constexpr std::uint32_t kNoHeaderLimit = 1u
                                         << 30;  // The connection has checked the size of the head.

// Headers that mean something to us and may stand once only.
constexpr std::array<std::string_view, 9> kSingle = {
    "Host",         "Content-Type",    "Content-Encoding", "Authorization", "X-API-Key",
    "X-Timeout-Ms", "Idempotency-Key", "X-Request-Id",     "Expect"};

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

Status Bad(std::string_view what) {
  return {Code::kInvalidArgument, fmt::format("malformed HTTP request: {}", what)};
}

Status FromBeast(const boost::beast::error_code& error, std::uint64_t body_bytes_max) {
  if (error == http::error::body_limit) {
    return {Code::kTooLarge, fmt::format("the body is larger than {} bytes", body_bytes_max)};
  }
  if (error == http::error::bad_transfer_encoding || error == http::error::bad_content_length) {
    return Bad("Content-Length and Transfer-Encoding contradict each other or are not valid");
  }
  return Bad(error.message());
}

bool IsSingle(std::string_view name) {
  return std::ranges::any_of(kSingle, [&](std::string_view single) {
    return boost::beast::iequals({single.data(), single.size()}, {name.data(), name.size()});
  });
}

template <typename Fields>
Status CopyHeaders(const Fields& fields, Headers& out) {
  for (const auto& field : fields) {
    const std::string_view name = View(field.name_string()), value = View(field.value());
    const auto before = out.Get(name);
    if (!before) {
      out.Set(name, value);
    } else if (IsSingle(name)) {
      return Bad(fmt::format("{} is given twice", name));
    } else {
      out.Set(name, fmt::format("{}, {}", *before, value));
    }
  }
  return Status::Ok();
}

// RFC 9112 §6: a length that two parties could read differently is how requests are smuggled.
template <typename Message>
Status CheckFraming(const Message& message, RequestHead& head) {
  const auto lengths = message.count(http::field::content_length);
  const auto codings = message.count(http::field::transfer_encoding);
  if (lengths > 0 && codings > 0) return Bad("Content-Length together with Transfer-Encoding");
  if (lengths > 1 ||
      View(message[http::field::content_length]).find(',') != std::string_view::npos) {
    return Bad("Content-Length is given twice");
  }
  if (codings == 0) return Status::Ok();
  const auto coding = message[http::field::transfer_encoding];
  if (!head.http_1_1) return Bad("Transfer-Encoding in an HTTP/1.0 request");
  if (codings > 1 || !boost::beast::iequals(coding, "chunked")) {
    return Status::Unsupported(
        fmt::format("Transfer-Encoding: {} (only chunked is offered)", View(coding)));
  }
  head.chunked = true;
  return Status::Ok();
}

}  // namespace

struct RequestParser::State {
  explicit State(std::uint64_t max) : body_bytes_max(max) {
    parser.header_limit(kNoHeaderLimit);
    parser.body_limit(boost::none);
    parser.eager(true);
  }
  std::uint64_t body_bytes_max;
  http::request_parser<http::string_body> parser;
};

RequestParser::RequestParser(std::uint64_t body_bytes_max)
    : state_(std::make_unique<State>(body_bytes_max)) {}
RequestParser::~RequestParser() = default;

Result<RequestHead> RequestParser::ParseHead(std::string_view bytes) {
  auto& parser = state_->parser;
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) return FromBeast(error, state_->body_bytes_max);
  if (!parser.is_header_done()) return Bad("the head is not complete");

  const auto& message = parser.get();
  RequestHead head;
  head.method = View(message.method_string());
  head.target = View(message.target());
  head.http_1_1 = message.version() >= 11;
  head.keep_alive = message.keep_alive();
  head.content_length = parser.content_length().value_or(0);
  GRANARY_TRY(CheckFraming(message, head));
  if (head.chunked) parser.body_limit(state_->body_bytes_max);
  GRANARY_TRY(CopyHeaders(message, head.headers));
  if (head.http_1_1 && !head.headers.Get("Host"))
    return Bad("an HTTP/1.1 request needs a Host header");
  return head;
}

Result<std::size_t> RequestParser::FeedChunked(std::string_view bytes) {
  // Beast 1.81 (basic_parser::parse_chunk_header) asserts that a last chunk that it looks at
  // again has five bytes at least, which one in front of which there is none has not.
  if (bytes.starts_with(kLastChunk) && bytes.size() < kLastChunk.size() + kLineEnd.size()) return 0;
  boost::beast::error_code error;
  const std::size_t used =
      state_->parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) return FromBeast(error, state_->body_bytes_max);
  return used;
}

bool RequestParser::done() const { return state_->parser.is_done(); }

std::string RequestParser::TakeChunkedBody() {
  return std::exchange(state_->parser.get().body(), std::string());
}

void RequestParser::LimitTo(std::optional<std::uint64_t> chunked_bytes_max) {
  state_->body_bytes_max = chunked_bytes_max.value_or(state_->body_bytes_max);
  if (chunked_bytes_max)
    state_->parser.body_limit(*chunked_bytes_max);
  else
    state_->parser.body_limit(boost::none);
}

}  // namespace granary::net
