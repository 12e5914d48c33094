// BodyReader: the body of a request into memory, before its handler runs.
//
// Memory     the body grows as it comes, not by what the client announced, and each piece is
//            charged to the exchange.
// Threads    the connection's event loop.
// Owns       nothing: socket, exchange and `in` outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "granary/base/status.h"
#include "granary/net/http_exchange.h"
#include "granary/net/request_parser.h"
#include "granary/net/timed_socket.h"

namespace granary::net {

/// How the reading of a body ended.
struct BodyEnd {
  enum class Kind : std::uint8_t { kWhole, kClosed, kRefused };
  Kind kind = Kind::kWhole;
  Status why = {};                      ///< Of kRefused.
  std::optional<int> http_status = {};  ///< What HTTP has for it where the code does not say.
};

class BodyReader {
 public:
  /// `in` is what was read already; bytes behind the body are left there.
  BodyReader(TimedSocket& socket, HttpExchange& exchange, std::string& in);

  /// Refused with kTooLarge, kOverloaded, kInvalidArgument, and kDeadlineExceeded (408) for a body
  /// that makes no progress.
  boost::asio::awaitable<BodyEnd> Read(RequestParser& parser, const RequestHead& head);

 private:
  boost::asio::awaitable<BodyEnd> ReadPlain(std::uint64_t length);
  boost::asio::awaitable<BodyEnd> ReadChunked(RequestParser& parser);
  boost::asio::awaitable<void> LetThrough(std::uint64_t length);
  /// Gives the body more time when `bytes` more make it progress.
  void Moved(std::size_t bytes);
  Status Charge(std::size_t bytes);
  BodyEnd Stopped() const;

  TimedSocket& socket_;
  HttpExchange& exchange_;
  const HttpServerOptions& options_;
  std::string& in_;
  std::uint64_t moved_ = 0;  // Since it was given time.
};

/// The client sends its body once it was told to.
bool WantsContinue(const RequestHead& head);

}  // namespace granary::net
