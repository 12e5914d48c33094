// TimedSocket: an accepted connection as coroutines read and write it, plain or under TLS, with one
// deadline that ends whatever waits.
//
// Place      HttpConnection reads requests and writes short answers through it. While a request
//            runs, its handler's thread uses `wire` itself (socket_sink.h, socket_source.h).
// Threads    everything on its executor, but `wire` and the descriptor.
// Owns       the socket and its TLS state. `tls` outlives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "granary/net/tls_context.h"
#include "granary/net/wire.h"

namespace granary::net {

class TimedSocket : public std::enable_shared_from_this<TimedSocket> {
 public:
  /// Why a read gave nothing.
  enum class ReadEnd : std::uint8_t { kNone, kClosed, kTimeout };

  TimedSocket(boost::asio::ip::tcp::socket socket, const TlsContext* tls);

  /// From now on whatever waits is given up after so long; 0: never.
  void SetTimeout(std::int64_t ms);
  /// Since SetTimeout.
  bool timed_out() const { return timed_out_; }

  /// False when TLS did not come about.
  boost::asio::awaitable<bool> Handshake();
  /// 0 when the connection ended or time was up: read_end() says which.
  boost::asio::awaitable<std::size_t> ReadSome(char* out, std::size_t size);
  ReadEnd read_end() const { return read_end_; }
  /// Gives each step `timeout_ms`. False when the connection is of no more use.
  boost::asio::awaitable<bool> WriteAll(std::string_view bytes, std::int64_t timeout_ms);

  /// Ends what waits.
  void Cancel();
  /// The peer sees the end at once; what waits ends.
  void Shutdown();
  /// `orderly`: TLS says that nothing more comes, so that a cut answer does not look like an end.
  void Close(bool orderly);

  Wire& wire() { return wire_; }
  int descriptor() { return socket_.native_handle(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  using Instant = std::chrono::steady_clock::time_point;

  /// False when the socket will not become readable or writable any more.
  boost::asio::awaitable<bool> WaitUntilReady(Wire::End want);
  void ArmTimer();

  boost::asio::ip::tcp::socket socket_;
  Wire wire_;
  boost::asio::steady_timer timer_;  // Cancels reads and writes that outlast deadline_.
  Instant deadline_ = Instant::max();
  Instant armed_ = Instant::max();
  bool timed_out_ = false;
  ReadEnd read_end_ = ReadEnd::kNone;
};

}  // namespace granary::net
