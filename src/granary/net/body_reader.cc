#include "granary/net/body_reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::net {

// gcc 12 destroys some temporaries of a co_await expression twice, closures among them: what a
// coroutine hands over is named first.

namespace asio = boost::asio;

namespace {

constexpr std::size_t kDrainBytes = 256u << 10;
constexpr std::size_t kChunkLineBytesMax = 64u << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

BodyEnd Refused(Status why, std::optional<int> http_status = {}) {
  return {BodyEnd::Kind::kRefused, std::move(why), http_status};
}

}  // namespace

bool WantsContinue(const RequestHead& head) {
  const auto expect = head.headers.Get("Expect");
  return head.http_1_1 && expect && (*expect == "100-continue" || *expect == "100-Continue");
}

BodyReader::BodyReader(TimedSocket& socket, HttpExchange& exchange, std::string& in)
    : socket_(socket), exchange_(exchange), options_(exchange.context.options), in_(in) {}

asio::awaitable<BodyEnd> BodyReader::Read(RequestParser& parser, const RequestHead& head) {
  BodyEnd end;
  const bool expected = head.chunked || head.content_length > 0;
  if (!expected) co_return end;
  const std::uint64_t bytes_max = exchange_.body_bytes_max();
  if (head.content_length > bytes_max) {
    // Many clients look for an answer only once they have sent everything. A body that is a little
    // too large is let through to nowhere first, at no more cost than one that is not; any other
    // is cut off early, as is one that was admitted with less than everybody may send.
    const bool is_near = bytes_max == options_.body_bytes_max &&
                         head.content_length - bytes_max <= options_.drain_bytes_max;
    if (is_near && !WantsContinue(head)) co_await LetThrough(head.content_length);
    end = Refused(exchange_.BodyTooLarge());
    co_return end;
  }
  moved_ = options_.body_progress_bytes;
  Moved(0);
  if (WantsContinue(head) && in_.empty()) {
    const bool sent = co_await socket_.WriteAll(kContinue, options_.write_timeout_ms);
    if (!sent) {
      end.kind = BodyEnd::Kind::kClosed;
      co_return end;
    }
  }
  if (head.chunked) {
    parser.LimitTo(bytes_max);
    end = co_await ReadChunked(parser);
  } else {
    end = co_await ReadPlain(head.content_length);
  }
  co_return end;
}

asio::awaitable<void> BodyReader::LetThrough(std::uint64_t length) {
  std::uint64_t skipped = in_.size();
  in_.clear();
  std::string waste(kDrainBytes, '\0');
  moved_ = options_.body_progress_bytes;
  Moved(0);
  while (skipped < length) {
    const std::size_t n = co_await socket_.ReadSome(
        waste.data(), std::min<std::uint64_t>(waste.size(), length - skipped));
    if (n == 0) break;
    Moved(n);
    skipped += n;
  }
}

asio::awaitable<BodyEnd> BodyReader::ReadPlain(std::uint64_t length) {
  std::string& body = exchange_.request.body;
  BodyEnd end;
  const std::size_t early = std::min<std::size_t>(length, in_.size());
  body.assign(in_, 0, early);
  in_.erase(0, early);
  if (const Status charged = Charge(early); !charged.ok()) {
    end = Refused(charged);
    co_return end;
  }
  while (body.size() < length) {
    const std::size_t before = body.size();
    const std::size_t step = std::min<std::size_t>(length - before, std::max(kDrainBytes, before));
    body.resize(before + step);
    const std::size_t n = co_await socket_.ReadSome(body.data() + before, step);
    body.resize(before + n);
    Moved(n);
    if (const Status charged = Charge(n); !charged.ok()) {
      end = Refused(charged);
      co_return end;
    }
    if (n > 0) continue;
    end = Stopped();
    co_return end;
  }
  co_return end;
}

asio::awaitable<BodyEnd> BodyReader::ReadChunked(RequestParser& parser) {
  BodyEnd end;
  for (;;) {
    Result<std::size_t> used = parser.FeedChunked(in_);
    if (used.ok() && !parser.done() && *used == 0 && in_.size() > kChunkLineBytesMax) {
      used = Status(Code::kInvalidArgument, "malformed HTTP request: a chunk's header is too long");
    }
    if (!used.ok()) {
      end = Refused(used.status());
      co_return end;
    }
    in_.erase(0, *used);
    if (const Status charged = Charge(*used); !charged.ok()) {
      end = Refused(charged);
      co_return end;
    }
    if (parser.done()) break;
    const std::size_t before = in_.size();
    in_.resize(before + kChunkLineBytesMax);
    const std::size_t n = co_await socket_.ReadSome(in_.data() + before, kChunkLineBytesMax);
    in_.resize(before + n);
    Moved(n);
    if (n > 0) continue;
    end = Stopped();
    co_return end;
  }
  exchange_.request.body = parser.TakeChunkedBody();
  co_return end;
}

void BodyReader::Moved(std::size_t bytes) {
  moved_ += bytes;
  if (moved_ < options_.body_progress_bytes || socket_.timed_out()) return;
  moved_ = 0;
  socket_.SetTimeout(options_.body_timeout_ms);
}

Status BodyReader::Charge(std::size_t bytes) {
  Status charged = exchange_.Charge(bytes);
  if (charged.ok()) return charged;
  // What is refused makes room at once, not when the client has taken its answer.
  exchange_.Uncharge();
  std::string().swap(exchange_.request.body);
  return charged;
}

BodyEnd BodyReader::Stopped() const {
  if (socket_.read_end() != TimedSocket::ReadEnd::kTimeout) return {BodyEnd::Kind::kClosed, {}, {}};
  return Refused({Code::kDeadlineExceeded,
                  fmt::format("the body made no progress for {} ms", options_.body_timeout_ms)},
                 408);
}

}  // namespace granary::net
