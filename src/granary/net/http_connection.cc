#include "granary/net/http_connection.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "granary/net/answer_sender.h"
#include "granary/net/body_reader.h"
#include "granary/net/client_watch.h"
#include "granary/net/response_head.h"

namespace granary::net {

// gcc 12 destroys some temporaries of a co_await expression twice, closures among them: what a
// coroutine hands over is named first.

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kHeadReadBytes = 4096;  // Small: an idle connection keeps a buffer of it.
constexpr std::size_t kDrainReadBytes = 16u << 10;  // Small: strangers' connections have one each.
constexpr std::int64_t kDrainTimeoutMs = 2000;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool IsTokenStart(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '(' && c != ')' && c != '{' && c != '}';
}

/// Runs `work` on the pool and resumes the coroutine on its own executor.
asio::awaitable<void> RunOn(runtime::WorkerPool& pool, asio::any_io_executor executor,
                            std::function<void()> work) {
  auto initiate = [&pool, executor, work = std::move(work)](auto handler) mutable {
    auto resume = std::make_shared<decltype(handler)>(std::move(handler));
    pool.Submit([resume, work, guard = asio::make_work_guard(executor)]() mutable {
      work();
      asio::post(guard.get_executor(),
                 [resume = std::move(resume)]() mutable { std::move (*resume)(); });
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                     asio::use_awaitable);
}

}  // namespace

HttpConnection::HttpConnection(asio::ip::tcp::socket socket, ConnectionContext& context)
    : socket_(std::make_shared<TimedSocket>(std::move(socket), context.options.tls.get())),
      context_(context) {
  error_code unknown;
  const auto endpoint = socket_->socket().remote_endpoint(unknown);
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  peer_ = address.to_string();
  peer_is_loopback_ = !unknown && address.is_loopback();
}

asio::awaitable<void> HttpConnection::Run() {
  auto self = shared_from_this();
  try {
    socket_->SetTimeout(context_.options.header_timeout_ms);
    const bool open = co_await socket_->Handshake();
    for (Next next = Next::kServe; open && next == Next::kServe;) next = co_await ServeOne();
  } catch (const std::exception& e) {
    context_.log.Error("connection failed",
                       {{"peer", peer_}, {"error", std::string_view(e.what())}});
  }
  Close();
}

asio::awaitable<HttpConnection::Next> HttpConnection::ServeOne() {
  const std::size_t head_bytes = co_await ReadHead();
  if (head_bytes == 0) co_return Next::kClose;
  context_.requests.fetch_add(1, std::memory_order_relaxed);
  first_request_ = false;

  RequestParser parser(context_.options.body_bytes_max);
  Result<RequestHead> head = parser.ParseHead(std::string_view(in_).substr(0, head_bytes));
  in_.erase(0, head_bytes);
  if (!head.ok()) {
    PrepareRefusal(head.status());
    co_await Refuse();
    co_return Next::kClose;
  }
  Result<std::shared_ptr<HttpExchange>> made = MakeExchange(context_, *head);
  if (!made.ok()) {
    PrepareRefusal(made.status(), std::nullopt, head->headers.Get("X-Request-Id"));
    co_await Refuse();
    co_return Next::kClose;
  }
  std::shared_ptr<HttpExchange> exchange = made.Take();
  exchange->request.peer = peer_;
  exchange->request.peer_is_loopback = peer_is_loopback_;
  running_ = exchange;
  const bool whole = co_await TakeBody(parser, *head);
  if (whole) co_await RunHandler(exchange);
  running_.reset();
  cut_ = exchange->cut;
  if (!whole || exchange->broken) co_return Next::kClose;

  const bool sent = co_await socket_->WriteAll(exchange->unsent, context_.options.write_timeout_ms);
  if (sent && exchange->leaves_body()) co_await Drain();
  if (!sent || !exchange->keep_alive || finish_soon_) co_return Next::kClose;
  co_return Next::kServe;
}

// The limit counts every byte of the head, its blank line included.
asio::awaitable<std::size_t> HttpConnection::ReadHead() {
  const auto& options = context_.options;
  if (in_.empty() && finish_soon_) co_return 0;
  if (in_.empty()) std::string().swap(in_);
  bool started = false;
  idle_ = true;
  socket_->SetTimeout(first_request_ ? options.header_timeout_ms : options.idle_timeout_ms);
  char read[kHeadReadBytes];  // Not in `in_`, which would fill it with zeros first.
  for (std::size_t scanned = 0;;) {
    if (!started) in_.erase(0, std::min(in_.find_first_not_of("\r\n"), in_.size()));
    if (!started && !in_.empty()) {
      started = true;
      idle_ = false;
      if (!first_request_) socket_->SetTimeout(options.header_timeout_ms);
      if (!IsTokenStart(in_[0])) {
        PrepareRefusal(Status(Code::kInvalidArgument, "not an HTTP request"));
        co_await Refuse();
        co_return 0;
      }
    }
    const auto end = in_.find(kHeadEnd, scanned);
    const bool found = end != std::string::npos;
    const std::size_t bytes = found ? end + kHeadEnd.size() : in_.size();
    if (bytes > options.header_bytes_max || (!found && bytes == options.header_bytes_max)) {
      PrepareRefusal({Code::kTooLarge, fmt::format("the request's head is larger than {} bytes",
                                                   options.header_bytes_max)},
                     431);
      co_await Refuse();
      co_return 0;
    }
    if (found) co_return bytes;
    scanned = in_.size() < 3 ? 0 : in_.size() - 3;

    const std::size_t n = co_await socket_->ReadSome(read, kHeadReadBytes);
    in_.append(read, n);
    if (n > 0) continue;
    if (socket_->read_end() == TimedSocket::ReadEnd::kTimeout && started) {
      PrepareRefusal({Code::kDeadlineExceeded,
                      fmt::format("no whole request head within {} ms", options.header_timeout_ms)},
                     408);
      co_await Refuse();
    }
    co_return 0;
  }
}

asio::awaitable<bool> HttpConnection::TakeBody(RequestParser& parser, const RequestHead& head) {
  BodyEnd end;
  const auto& streams_body = context_.options.streams_body;
  if (streams_body && streams_body(running_->request)) {
    end.why = StreamBody(parser, head);
    if (!end.why.ok()) end.kind = BodyEnd::Kind::kRefused;
  } else {
    if (head.chunked || head.content_length > in_.size()) {
      const bool admitted = co_await Admit();
      if (!admitted) co_return false;
    }
    BodyReader reader(*socket_, *running_, in_);
    end = co_await reader.Read(parser, head);
  }
  if (end.kind == BodyEnd::Kind::kRefused) {
    PrepareRefusal(end.why, end.http_status, running_->request.request_id);
    co_await Refuse();
  }
  co_return end.kind == BodyEnd::Kind::kWhole;
}

asio::awaitable<bool> HttpConnection::Admit() {
  if (!context_.options.admit) co_return true;
  socket_->SetTimeout(0);
  std::optional<HttpResponse> refusal;
  std::function<void()> work = [&refusal, exchange = running_] { refusal = exchange->Admit(); };
  co_await RunOn(context_.lanes.Of(Lane(*running_)), socket_->executor(), std::move(work));
  if (!refusal) co_return true;
  PrepareRefusal(*refusal, running_->request.request_id);
  co_await Refuse();
  co_return false;
}

Status HttpConnection::StreamBody(RequestParser& parser, const RequestHead& head) {
  const HttpServerOptions& options = context_.options;
  if (!running_->TakePlace()) {
    return {Code::kOverloaded, fmt::format("{} bodies are read as they come by now, which is all "
                                           "that are read at once: try again shortly",
                                           options.streamed_bodies_max)};
  }
  parser.LimitTo(std::nullopt);
  const SocketSourceOptions source{.chunked = head.chunked,
                                   .content_length = head.content_length,
                                   .wants_continue = WantsContinue(head),
                                   .timeout_ms = options.body_timeout_ms};
  running_->source = std::make_shared<SocketSource>(source, socket_->wire(), socket_->descriptor(),
                                                    in_, parser, running_->request.cancel);
  running_->request.body_source = running_->source;
  return Status::Ok();
}

HandlerLane HttpConnection::Lane(const HttpExchange& exchange) const {
  if (exchange.source != nullptr) return HandlerLane::kPatient;
  const auto& lane_of = context_.options.lane_of;
  return lane_of ? lane_of(exchange.request) : HandlerLane::kOrdinary;
}

asio::awaitable<void> HttpConnection::RunHandler(std::shared_ptr<HttpExchange> exchange) {
  socket_->SetTimeout(0);
  context_.in_flight.fetch_add(1, std::memory_order_relaxed);
  auto watch =
      std::make_shared<ClientWatch>(shared_from_this(), socket_, in_, exchange->request.cancel);
  // What comes meanwhile is the body, where the handler reads that.
  if (exchange->source == nullptr) watch->Start();
  std::function<void()> work = [this, exchange] {
    AnswerSender(*exchange, socket_->wire(), socket_->descriptor()).Run();
  };
  co_await RunOn(context_.lanes.Of(Lane(*exchange)), socket_->executor(), std::move(work));
  watch->Stop();
  context_.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

void HttpConnection::PrepareRefusal(const Status& status, std::optional<int> http_status,
                                    std::optional<std::string_view> sent_id) {
  const std::string request_id = context_.ids.Choose(sent_id);
  PrepareRefusal(context_.refuse(status, http_status, request_id), request_id);
}

void HttpConnection::PrepareRefusal(const HttpResponse& response, std::string_view request_id) {
  refusal_ =
      MakeHead(response,
               {.body_bytes = response.body.size(), .keep_alive = false, .request_id = request_id});
  refusal_.append(response.body);
}

asio::awaitable<void> HttpConnection::Refuse() {
  const bool sent = co_await socket_->WriteAll(refusal_, context_.options.write_timeout_ms);
  if (sent) co_await Drain();
}

// A close with unread bytes would reset the connection and could take the answer with it.
asio::awaitable<void> HttpConnection::Drain() {
  socket_->wire().EndSending();
  std::uint64_t drained = in_.size();
  in_.clear();
  socket_->SetTimeout(kDrainTimeoutMs);
  std::string waste(kDrainReadBytes, '\0');
  while (drained < context_.options.drain_bytes_max) {
    const std::size_t n = co_await socket_->ReadSome(waste.data(), waste.size());
    if (n == 0) break;
    drained += n;
  }
}

void HttpConnection::FinishSoon() {
  asio::post(executor(), [self = shared_from_this()] {
    self->finish_soon_ = true;
    if (self->idle_) self->Close();
  });
}

void HttpConnection::Abort() {
  asio::post(executor(), [self = shared_from_this()] {
    self->finish_soon_ = true;
    if (self->running_) self->running_->request.cancel.Cancel();
    self->socket_->Shutdown();
  });
}

}  // namespace granary::net
