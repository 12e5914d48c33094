#include "granary/net/timed_socket.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace granary::net {

namespace asio = boost::asio;
using boost::system::error_code;

TimedSocket::TimedSocket(asio::ip::tcp::socket socket, const TlsContext* tls)
    : socket_(std::move(socket)),
      wire_(socket_.native_handle(), tls),
      timer_(socket_.get_executor()) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // TLS reads and writes the descriptor by itself, and must never wait for a client there.
  socket_.native_non_blocking(true, ignored);
}

asio::awaitable<bool> TimedSocket::Handshake() {
  for (;;) {
    const Wire::Moved shaken = wire_.Handshake();
    if (shaken.end == Wire::End::kMoved) co_return true;
    if (shaken.end == Wire::End::kClosed) co_return false;
    const bool ready = co_await WaitUntilReady(shaken.end);
    if (!ready) co_return false;
  }
}

asio::awaitable<std::size_t> TimedSocket::ReadSome(char* out, std::size_t size) {
  read_end_ = ReadEnd::kNone;
  for (;;) {
    const Wire::Moved read = wire_.Read(out, size);
    if (read.end == Wire::End::kMoved) co_return read.bytes;
    bool ready = read.end != Wire::End::kClosed;
    if (ready) ready = co_await WaitUntilReady(read.end);
    if (ready) continue;
    read_end_ = timed_out_ ? ReadEnd::kTimeout : ReadEnd::kClosed;
    co_return 0;
  }
}

asio::awaitable<bool> TimedSocket::WaitUntilReady(Wire::End want) {
  const auto direction = want == Wire::End::kWantRead ? asio::ip::tcp::socket::wait_read
                                                      : asio::ip::tcp::socket::wait_write;
  error_code error;
  co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<bool> TimedSocket::WriteAll(std::string_view bytes, std::int64_t timeout_ms) {
  while (!bytes.empty()) {
    SetTimeout(timeout_ms);
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const Wire::Moved sent = wire_.Write({&piece, 1});
    bytes.remove_prefix(sent.bytes);
    if (sent.end == Wire::End::kMoved) continue;
    if (sent.end == Wire::End::kClosed) co_return false;
    const bool ready = co_await WaitUntilReady(sent.end);
    if (!ready) co_return false;
  }
  co_return true;
}

// One timer wait serves many operations: only an earlier deadline needs a new one.
void TimedSocket::SetTimeout(std::int64_t ms) {
  timed_out_ = false;
  deadline_ =
      ms == 0 ? Instant::max() : std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  if (deadline_ < armed_) ArmTimer();
}

void TimedSocket::ArmTimer() {
  armed_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->armed_ = Instant::max();
    if (std::chrono::steady_clock::now() >= self->deadline_) {
      self->timed_out_ = true;
      self->Cancel();
    } else if (self->deadline_ != Instant::max()) {
      self->ArmTimer();
    }
  });
}

void TimedSocket::Cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void TimedSocket::Shutdown() {
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

void TimedSocket::Close(bool orderly) {
  error_code ignored;
  timer_.cancel();
  if (wire_.is_tls() && socket_.is_open() && orderly) wire_.EndSending();
  socket_.close(ignored);
}

}  // namespace granary::net
