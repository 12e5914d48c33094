#include "granary/net/socket_source.h"

#include <poll.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "granary/net/poll_pace.h"
#include "granary/net/socket_sink.h"

namespace granary::net {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kChunkLineBytesMax = 64u << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::size_t TakeFrom(std::string_view text, std::span<char> out) {
  const std::size_t bytes = std::min(text.size(), out.size());
  std::memcpy(out.data(), text.data(), bytes);
  return bytes;
}

}  // namespace

SocketSource::SocketSource(SocketSourceOptions options, Wire& wire, int descriptor, std::string& in,
                           RequestParser& parser, runtime::CancelToken cancel)
    : options_(options),
      wire_(wire),
      descriptor_(descriptor),
      in_(in),
      parser_(parser),
      cancel_(std::move(cancel)),
      left_(options.content_length) {
  whole_ = !options_.chunked && left_ == 0;
}

Result<std::size_t> SocketSource::Read(std::span<char> out) {
  GRANARY_TRY(failure_);
  if (whole_ || out.empty()) return std::size_t{0};
  Result<std::size_t> got = ReadSome(out);
  if (!got.ok()) failure_ = got.status();
  return got;
}

Result<std::size_t> SocketSource::ReadSome(std::span<char> out) {
  GRANARY_TRY(cancel_.Check());
  GRANARY_TRY(AskForBody());
  return options_.chunked ? ReadChunked(out) : ReadPlain(out);
}

Status SocketSource::AskForBody() {
  if (asked_ || !options_.wants_continue || !in_.empty()) return Status::Ok();
  asked_ = true;
  const auto sent = SendNow(wire_, kContinue, {});
  if (sent == kContinue.size()) return Status::Ok();
  return {Code::kCancelled, "the client closed the connection"};
}

Result<std::size_t> SocketSource::ReadPlain(std::span<char> out) {
  out = out.first(std::min<std::uint64_t>(out.size(), left_));
  std::size_t bytes = TakeFrom(in_, out);
  if (bytes > 0) {
    in_.erase(0, bytes);
  } else {
    GRANARY_ASSIGN(bytes, Receive(out));
  }
  left_ -= bytes;
  whole_ = left_ == 0;
  return bytes;
}

Result<std::size_t> SocketSource::ReadChunked(std::span<char> out) {
  while (decoded_at_ == decoded_.size()) {
    if (parser_.done()) {
      whole_ = true;
      return std::size_t{0};
    }
    GRANARY_ASSIGN(const std::size_t used, parser_.FeedChunked(in_));
    if (used == 0 && !parser_.done() && in_.size() > kChunkLineBytesMax) {
      return Status(Code::kInvalidArgument, "malformed HTTP request: a chunk's header is too long");
    }
    in_.erase(0, used);
    decoded_ = parser_.TakeChunkedBody();
    decoded_at_ = 0;
    if (!decoded_.empty() || parser_.done()) continue;
    const std::size_t before = in_.size();
    in_.resize(before + kReadBytes);
    Result<std::size_t> got = Receive({in_.data() + before, kReadBytes});
    in_.resize(before + (got.ok() ? *got : 0));
    GRANARY_TRY(got.status());
  }
  const std::size_t bytes = TakeFrom(std::string_view(decoded_).substr(decoded_at_), out);
  decoded_at_ += bytes;
  return bytes;
}

Result<std::size_t> SocketSource::Receive(std::span<char> out) {
  const std::int64_t give_up_ns = NowNs() + options_.timeout_ms * 1'000'000;
  for (;;) {
    const Wire::Moved read = wire_.Read(out.data(), out.size());
    if (read.end == Wire::End::kMoved) return read.bytes;
    if (read.end == Wire::End::kClosed)
      return Status(Code::kCancelled, "the client closed the connection");
    GRANARY_TRY(cancel_.Check());
    const short events = read.end == Wire::End::kWantWrite ? POLLOUT : POLLIN;
    pollfd waited{.fd = descriptor_, .events = events, .revents = 0};
    (void)::poll(&waited, 1, kPollMs);
    if (waited.revents == 0 && NowNs() >= give_up_ns) {
      timed_out_ = true;
      return Status(Code::kDeadlineExceeded,
                    fmt::format("the body made no progress for {} ms", options_.timeout_ms));
    }
  }
}

}  // namespace granary::net
