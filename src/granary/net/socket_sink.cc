#include "granary/net/socket_sink.h"

#include <poll.h>
#include <sys/uio.h>

#include <array>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "granary/base/append_format.h"
#include "granary/net/poll_pace.h"

namespace granary::net {
namespace {

iovec Piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

void Advance(std::span<iovec>& pieces, std::size_t sent) {
  while (!pieces.empty() && sent >= pieces.front().iov_len) {
    sent -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (sent == 0) return;
  pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + sent;
  pieces.front().iov_len -= sent;
}

Status ClientWentAway() { return {Code::kCancelled, "the client closed the connection"}; }

}  // namespace

std::optional<std::size_t> SendNow(Wire& wire, std::string_view head, std::string_view body) {
  std::array pieces = {Piece(head), Piece(body)};
  std::span<iovec> rest(pieces);
  std::size_t total = 0;
  Advance(rest, 0);
  while (!rest.empty()) {
    const Wire::Moved sent = wire.Write(rest);
    if (sent.end == Wire::End::kClosed) return std::nullopt;
    if (sent.end != Wire::End::kMoved) break;
    total += sent.bytes;
    Advance(rest, sent.bytes);
  }
  return total;
}

SocketSink::SocketSink(Wire& wire, int descriptor, std::function<std::string()> head,
                       Framing framing, runtime::CancelToken cancel, SinkTimes times)
    : wire_(wire),
      descriptor_(descriptor),
      head_(std::move(head)),
      framing_(framing),
      cancel_(std::move(cancel)),
      times_(times) {}

Status SocketSink::Write(std::string_view bytes) {
  if (bytes.empty()) return Status::Ok();
  bytes_ += bytes.size();
  std::string prefix = started_ ? std::string() : head_();
  if (framing_ != Framing::kChunked) return SendAll(prefix, bytes, {});
  AppendFormat(prefix, "{:x}\r\n", bytes.size());
  return SendAll(prefix, bytes, "\r\n");
}

Status SocketSink::Finish() {
  const std::string prefix = started_ ? std::string() : head_();
  return SendAll(prefix, framing_ == Framing::kChunked ? "0\r\n\r\n" : "", {});
}

void SocketSink::WriteLast(std::string_view bytes) {
  if (!started_ || bytes.empty()) return;
  bytes_ += bytes.size();
  std::string text = std::exchange(unsent_, {});
  if (framing_ == Framing::kChunked) {
    AppendFormat(text, "{:x}\r\n{}\r\n", bytes.size(), bytes);
  } else {
    text.append(bytes);
  }
  const runtime::CancelToken never;
  const std::int64_t give_up_ns = NowNs() + times_.last_words_ms * 1'000'000;
  for (std::string_view rest = text; !rest.empty();) {
    const iovec piece = Piece(rest);
    const Wire::Moved sent = wire_.Write({&piece, 1});
    rest.remove_prefix(sent.bytes);
    if (sent.end == Wire::End::kMoved) continue;
    if (sent.end == Wire::End::kClosed || NowNs() >= give_up_ns) return;
    if (!WaitUntilReady(sent.end, give_up_ns, never).ok()) return;
  }
}

Status SocketSink::SendAll(std::string_view a, std::string_view b, std::string_view c) {
  std::array pieces = {Piece(a), Piece(b), Piece(c)};
  std::span<iovec> rest(pieces);
  Advance(rest, 0);
  Status status = cancel_.Check();
  if (status.ok()) started_ = true;
  std::int64_t progress_ns = 0;
  while (status.ok() && !rest.empty()) {
    const Wire::Moved sent = wire_.Write(rest);
    if (sent.end == Wire::End::kClosed) return ClientWentAway();
    if (progress_ns == 0 || sent.bytes > 0) progress_ns = NowNs();
    if (sent.end == Wire::End::kMoved) {
      Advance(rest, sent.bytes);
    } else {
      status = WaitUntilReady(sent.end, progress_ns + times_.write_timeout_ms * 1'000'000, cancel_);
    }
  }
  for (const iovec& piece : rest)
    unsent_.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return status;
}

Status SocketSink::WaitUntilReady(Wire::End want, std::int64_t give_up_ns,
                                  const runtime::CancelToken& cancel) const {
  const short events = want == Wire::End::kWantRead ? POLLIN : POLLOUT;
  for (;;) {
    GRANARY_TRY(cancel.Check());
    pollfd waited{.fd = descriptor_, .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, kPollMs);
    if (ready > 0 && (waited.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
      return ClientWentAway();
    if (ready > 0) return Status::Ok();
    if (NowNs() >= give_up_ns) {
      return {Code::kCancelled,
              fmt::format("the client took nothing for {} ms", times_.write_timeout_ms)};
    }
  }
}

}  // namespace granary::net
