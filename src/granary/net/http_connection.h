// HttpConnection: one client's connection, request after request, as a coroutine.
//
// Life       TLS handshake, if any -> read a head -> ask whether it is admitted -> read its body
//            (body_reader.h) -> run the handler on a pool (answer_sender.h), watching meanwhile
//            whether the client is still there (client_watch.h) -> send the answer -> again, until
//            either side closes. Where the whole body came along with the head, admission is asked
//            for on the handler's thread.
// Sending    the handler's thread sends what the socket takes at once, and all of a stream; the
//            rest of a plain answer is sent by the coroutine, so that a slow reader holds no
//            handler thread.
// Early      requests that come before their turn wait in `in_` and are answered in order.
// Threads    the coroutine runs on its socket's event loop, which has one thread. FinishSoon and
//            Abort may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "granary/net/connection_context.h"
#include "granary/net/http_exchange.h"
#include "granary/net/request_parser.h"
#include "granary/net/timed_socket.h"

namespace granary::net {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, ConnectionContext& context);

  /// Serves until the connection closes. Never throws.
  boost::asio::awaitable<void> Run();
  /// Closes now when idle, else after the running request's answer.
  void FinishSoon();
  /// Cancels the running request and closes.
  void Abort();

  boost::asio::any_io_executor executor() { return socket_->executor(); }

 private:
  enum class Next : std::uint8_t { kServe, kClose };

  boost::asio::awaitable<Next> ServeOne();
  /// The size of the head at the start of `in_`; 0 when the connection ended or was refused.
  boost::asio::awaitable<std::size_t> ReadHead();
  /// False when the request was refused before its body was there.
  boost::asio::awaitable<bool> Admit();
  /// False when the body is not there and was refused.
  boost::asio::awaitable<bool> TakeBody(RequestParser& parser, const RequestHead& head);
  /// Lets the handler read the body; kOverloaded when too many do already.
  Status StreamBody(RequestParser& parser, const RequestHead& head);
  HandlerLane Lane(const HttpExchange& exchange) const;
  boost::asio::awaitable<void> RunHandler(std::shared_ptr<HttpExchange> exchange);
  void PrepareRefusal(const Status& status, std::optional<int> http_status = {},
                      std::optional<std::string_view> sent_id = {});
  void PrepareRefusal(const HttpResponse& response, std::string_view request_id);
  /// Sends what PrepareRefusal made, drains and is done with the connection.
  boost::asio::awaitable<void> Refuse();
  boost::asio::awaitable<void> Drain();
  void Close() { socket_->Close(/*orderly=*/!cut_); }

  const std::shared_ptr<TimedSocket> socket_;
  ConnectionContext& context_;
  std::string peer_;
  bool peer_is_loopback_ = false;
  std::string in_;  // Read and not used yet.
  std::string refusal_;
  bool first_request_ = true;
  bool idle_ = true;
  bool finish_soon_ = false;
  bool cut_ = false;                       // The last answer is not whole.
  std::shared_ptr<HttpExchange> running_;  // While its body comes and its handler runs.
};

}  // namespace granary::net
