// HttpConnection: one client's connection, request after request, as a coroutine.
//
// Life       TLS handshake, if any -> read a head -> read its body -> run the handler on a pool,
// watching meanwhile whether the
//            client is still there -> send the answer -> again, until either side closes.
// Sending    the handler's thread sends what the socket takes at once, and all of a stream; the
// rest of
//            a plain answer is sent by the coroutine, so that a slow reader holds no handler
//            thread.
// Pipelining requests that come early wait in `in_` and are answered in order.
// Threads    the coroutine runs on its own strand. FinishSoon and Abort may be called from any
// thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "granary/net/http_server.h"
#include "granary/net/request_id.h"
#include "granary/net/request_parser.h"
#include "granary/net/wire.h"

namespace granary::net {

/// What the connections of one server share; outlives them.
struct ConnectionContext {
  ConnectionContext(HttpServerOptions server_options, Logger& logger, HttpHandler request_handler,
                    HttpServer::RefuseFn refuse_fn);

  const HttpServerOptions options;
  Logger& log;
  const HttpHandler handler;
  const HttpServer::RefuseFn refuse;
  RequestIdMaker ids;
  HandlerLanes lanes;
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> in_flight = 0;
  std::atomic<std::uint64_t> bodies_bytes = 0;   ///< In memory now.
  std::atomic<std::size_t> streamed_bodies = 0;  ///< Read by their handlers now.
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, ConnectionContext& context);

  /// Serves until the connection closes. Never throws.
  boost::asio::awaitable<void> Run();
  /// Closes now when idle, else after the running request's answer.
  void FinishSoon();
  /// Cancels the running request and closes.
  void Abort();

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  struct Exchange;  // One request and its answer.
  struct ClientWatch;
  enum class Next : std::uint8_t { kServe, kClose };
  enum class ReadEnd : std::uint8_t { kNone, kClosed, kTimeout };

  /// False when TLS did not come about.
  boost::asio::awaitable<bool> Handshake();
  boost::asio::awaitable<Next> ServeOne();
  /// The size of the head at the start of `in_`; 0 when the connection ended or was refused.
  boost::asio::awaitable<std::size_t> ReadHead();
  boost::asio::awaitable<bool> ReadBody(RequestParser& parser, const RequestHead& head,
                                        std::string& body);
  boost::asio::awaitable<void> RefuseTooLarge(const RequestHead& head);
  boost::asio::awaitable<bool> ReadPlainBody(std::uint64_t length, std::string& body);
  boost::asio::awaitable<bool> ReadChunkedBody(RequestParser& parser, std::string& body);
  boost::asio::awaitable<void> RunHandler(std::shared_ptr<Exchange> exchange);
  /// Sends what PrepareRefusal made, drains and is done with the connection.
  boost::asio::awaitable<void> Refuse();
  boost::asio::awaitable<void> Drain();
  boost::asio::awaitable<bool> ContinueReading(std::size_t bytes_max);
  boost::asio::awaitable<std::size_t> ReadSome(char* out, std::size_t size);
  boost::asio::awaitable<bool> WriteAll(std::string_view bytes);
  /// False when the socket will not become readable or writable any more.
  boost::asio::awaitable<bool> WaitUntilReady(Wire::End want);
  /// Takes `bytes` more for the running request's body; false, with a refusal prepared, when all
  /// bodies together would be too large.
  bool ChargeBody(std::size_t bytes);
  /// Gives a body more time when `bytes` more make it progress.
  void BodyMoved(std::size_t bytes);
  /// Answers a body that stopped coming.
  boost::asio::awaitable<void> BodyEnded();

  void PrepareRefusal(const Status& status, std::optional<int> http_status = {},
                      std::optional<std::string_view> sent_id = {});
  Result<std::shared_ptr<Exchange>> MakeExchange(const RequestHead& head);
  /// Lets the handler read the body; kOverloaded when too many do already.
  Status StreamBody(Exchange& exchange, RequestParser& parser, const RequestHead& head);
  Status DecodeBodyOf(Exchange& exchange);
  void Answer(Exchange& exchange);
  void AnswerStream(Exchange& exchange, HttpResponse response);
  void SendPlain(Exchange& exchange, HttpResponse response);
  void SetTimeout(std::int64_t ms);
  void ArmTimer();
  void Close();

  using Instant = std::chrono::steady_clock::time_point;

  boost::asio::ip::tcp::socket socket_;
  ConnectionContext& context_;
  Wire wire_;
  std::string peer_;
  bool peer_is_loopback_ = false;
  std::string in_;  // Read and not used yet.

  boost::asio::steady_timer timer_;  // Cancels reads and writes that outlast deadline_.
  Instant deadline_ = Instant::max();
  Instant armed_ = Instant::max();
  bool timed_out_ = false;
  std::uint64_t body_moved_ = 0;  // Since it was given time.
  ReadEnd read_end_ = ReadEnd::kNone;

  std::string refusal_;
  bool first_request_ = true;
  bool idle_ = true;
  bool finish_soon_ = false;
  bool socket_broken_ = false;         // A cut answer must not look like an orderly end.
  std::shared_ptr<Exchange> running_;  // While its handler runs.
};

}  // namespace granary::net
