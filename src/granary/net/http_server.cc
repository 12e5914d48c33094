#include "granary/net/http_server.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "granary/net/http_connection.h"
#include "granary/net/response_head.h"
#include "granary/net/socket_sink.h"

namespace granary::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kAcceptBackOff{50};
constexpr int kBacklog = 4096;

Status ListenFailure(const HttpServerOptions& options, const error_code& error) {
  const std::string what =
      fmt::format("cannot listen on {}:{}: {}", options.host, options.port, error.message());
  return {error == asio::error::address_in_use ? Code::kConflict : Code::kIoError, what};
}

Result<tcp::endpoint> Resolve(asio::io_context& io, const HttpServerOptions& options) {
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (!error) return tcp::endpoint(address, options.port);
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, error);
  if (error || found.empty()) return ListenFailure(options, error);
  return found.begin()->endpoint();
}

Result<tcp::acceptor> Listen(asio::io_context& io, const HttpServerOptions& options) {
  GRANARY_ASSIGN(const tcp::endpoint endpoint, Resolve(io, options));
  tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error) return ListenFailure(options, error);
  return acceptor;
}

bool IsShortage(const error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_buffer_space ||
         error == asio::error::no_memory ||
         error == boost::system::errc::too_many_files_open_in_system;
}

/// A thread with an event loop of its own: what happens on its connections wakes no other thread.
class Reactor {
 public:
  Reactor() : work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  ~Reactor() { Stop(); }

  asio::io_context& io() { return io_; }

  void Stop() {
    work_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  asio::io_context io_{1};  // As many threads run it.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace

struct HttpServer::State {
  State(HttpServerOptions options, Logger& log, HttpHandler handler, RefuseFn refuse)
      : context(std::move(options), log, std::move(handler), std::move(refuse)) {
    const std::size_t threads = std::max<std::size_t>(1, context.options.io_threads);
    for (std::size_t i = 0; i < threads; ++i) reactors.push_back(std::make_unique<Reactor>());
  }

  /// The acceptor's.
  asio::io_context& first() { return reactors.front()->io(); }

  asio::awaitable<void> Accept();
  void Serve(tcp::socket socket);
  void TurnAway(tcp::socket socket);
  std::vector<std::shared_ptr<HttpConnection>> Connections();
  bool WaitUntilEmpty(std::optional<std::chrono::milliseconds> at_most);

  ConnectionContext context;
  std::vector<std::unique_ptr<Reactor>> reactors;
  std::size_t next_reactor = 0;
  std::optional<tcp::acceptor> acceptor;  // Used on the first reactor alone.
  std::uint16_t port = 0;
  bool stopped = false;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t next_id = 0;
  std::unordered_map<std::uint64_t, std::weak_ptr<HttpConnection>> connections;
};

// Out of descriptors or memory, pending clients stay in the kernel's queue until others close.
asio::awaitable<void> HttpServer::State::Accept() {
  asio::steady_timer pause(first());
  while (acceptor->is_open()) {
    error_code error;
    Reactor& reactor = *reactors[next_reactor++ % reactors.size()];
    tcp::socket socket = co_await acceptor->async_accept(
        reactor.io(), asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      Serve(std::move(socket));
      continue;
    }
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) break;
    if (IsShortage(error)) {
      context.log.Warn("cannot accept a connection for now", {{"error", error.message()}});
      pause.expires_after(kAcceptBackOff);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
}

void HttpServer::State::Serve(tcp::socket socket) {
  if (context.stopping.load()) return;
  std::unique_lock lock(mutex);
  if (connections.size() >= context.options.connections_max) {
    lock.unlock();
    return TurnAway(std::move(socket));
  }
  const std::uint64_t id = next_id++;
  auto connection = std::make_shared<HttpConnection>(std::move(socket), context);
  connections.emplace(id, connection);
  lock.unlock();
  asio::co_spawn(
      connection->executor(), [connection] { return connection->Run(); },
      [this, id](const std::exception_ptr&) {
        const std::lock_guard guard(mutex);
        connections.erase(id);
        changed.notify_all();
      });
}

void HttpServer::State::TurnAway(tcp::socket socket) {
  if (context.options.tls) return;  // It has not shaken hands and could not read an answer.
  const std::string request_id = context.ids.Choose({});
  const Status status(Code::kOverloaded, fmt::format("{} connections are open, the limit",
                                                     context.options.connections_max));
  const HttpResponse response = context.refuse(status, std::nullopt, request_id);
  const std::string head =
      MakeHead(response,
               {.body_bytes = response.body.size(), .keep_alive = false, .request_id = request_id});
  Wire wire(socket.native_handle(), nullptr);
  SendNow(wire, head, response.body);
  error_code ignored;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

std::vector<std::shared_ptr<HttpConnection>> HttpServer::State::Connections() {
  const std::lock_guard guard(mutex);
  std::vector<std::shared_ptr<HttpConnection>> out;
  for (const auto& [id, weak] : connections) {
    if (auto connection = weak.lock()) out.push_back(std::move(connection));
  }
  return out;
}

bool HttpServer::State::WaitUntilEmpty(std::optional<std::chrono::milliseconds> at_most) {
  std::unique_lock lock(mutex);
  const auto empty = [this] { return connections.empty(); };
  if (at_most) return changed.wait_for(lock, *at_most, empty);
  changed.wait(lock, empty);
  return true;
}

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, Logger& log,
                                                      HttpHandler handler, RefuseFn refuse) {
  auto state =
      std::make_unique<State>(std::move(options), log, std::move(handler), std::move(refuse));
  GRANARY_ASSIGN(state->acceptor, Listen(state->first(), state->context.options));
  error_code ignored;
  state->port = state->acceptor->local_endpoint(ignored).port();
  asio::co_spawn(state->first(), state->Accept(), asio::detached);
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpServer::~HttpServer() { Stop(0); }

std::uint16_t HttpServer::port() const { return state_->port; }

HttpServerStats HttpServer::stats() const {
  const std::lock_guard guard(state_->mutex);
  return {.connections = state_->connections.size(),
          .requests = state_->context.requests.load(std::memory_order_relaxed),
          .in_flight = state_->context.in_flight.load(std::memory_order_relaxed),
          .body_bytes = state_->context.bodies_bytes.load(std::memory_order_relaxed)};
}

// Accepting ends first, so the set of connections only shrinks from then on.
void HttpServer::Stop(std::int64_t grace_ms) {
  if (std::exchange(state_->stopped, true)) return;
  state_->context.stopping = true;
  std::promise<void> closed;
  asio::post(state_->first(), [&] {
    error_code ignored;
    state_->acceptor->close(ignored);
    closed.set_value();
  });
  closed.get_future().wait();
  for (const auto& connection : state_->Connections()) connection->FinishSoon();
  if (!state_->WaitUntilEmpty(std::chrono::milliseconds(grace_ms))) {
    for (const auto& connection : state_->Connections()) connection->Abort();
    state_->WaitUntilEmpty({});
  }
  for (const auto& reactor : state_->reactors) reactor->Stop();
  state_->context.lanes.Stop();
}

}  // namespace granary::net
