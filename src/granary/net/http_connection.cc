#include "granary/net/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "granary/io/clock.h"
#include "granary/net/content_coding.h"
#include "granary/net/decoding_source.h"
#include "granary/net/encoding_sink.h"
#include "granary/net/request_target.h"
#include "granary/net/response_head.h"
#include "granary/net/socket_sink.h"
#include "granary/net/socket_source.h"

namespace granary::net {

// gcc 12 destroys some temporaries of a co_await expression twice, closures among them: what a
// coroutine hands over is named first.

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadBytes = 4096;  // Small: an idle connection keeps a buffer of it.
constexpr std::size_t kBodyReadBytes = 256u << 10;
constexpr std::size_t kPipelinedBytesMax = 64u << 10;
constexpr std::size_t kChunkLineBytesMax = 64u << 10;
constexpr std::int64_t kDrainTimeoutMs = 2000;
constexpr std::int64_t kTimeoutMsMax = std::int64_t{365} * 24 * 3600 * 1000;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool IsTokenStart(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '(' && c != ')' && c != '{' && c != '}';
}

bool WantsContinue(const RequestHead& head) {
  const auto expect = head.headers.Get("Expect");
  return head.http_1_1 && expect && (*expect == "100-continue" || *expect == "100-Continue");
}

Result<std::optional<std::int64_t>> TimeoutMs(const Headers& headers) {
  const auto text = headers.Get("X-Timeout-Ms");
  if (!text) return std::optional<std::int64_t>();
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), ms);
  const bool digits =
      !text->empty() && std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && error == std::errc::result_out_of_range) ms = kTimeoutMsMax;
  if (!digits || ms < 1) {
    return Status(Code::kInvalidArgument,
                  fmt::format("X-Timeout-Ms is '{}', expected a whole number of at least 1",
                              text->substr(0, 64)));
  }
  return std::optional(std::min(ms, kTimeoutMsMax));
}

Status RunStream(const HttpResponse& response, ContentCoding coding, SocketSink& sink) {
  try {
    if (coding == ContentCoding::kIdentity) {
      GRANARY_TRY(response.stream(sink));
      return sink.Finish();
    }
    GRANARY_ASSIGN(auto encoder, MakeEncoder(coding));
    EncodingSink encoding(sink, std::move(encoder));
    GRANARY_TRY(response.stream(encoding));
    GRANARY_TRY(encoding.Finish());
    return sink.Finish();
  } catch (const std::exception& e) {
    return Status::Internal(e.what());
  }
}

void AddVary(Headers& headers, std::string_view name) {
  const auto before = headers.Get("Vary");
  headers.Set("Vary", before ? fmt::format("{}, {}", *before, name) : std::string(name));
}

/// The coding that an answer goes out in; says so in its headers.
ContentCoding ChooseAnswerCoding(const Headers& wishes, std::size_t bytes_min,
                                 HttpResponse& response) {
  const bool is_large = response.stream || response.body.size() >= bytes_min;
  // Parquet is compressed inside.
  if (!is_large || response.content_type == "application/vnd.apache.parquet")
    return ContentCoding::kIdentity;
  AddVary(response.headers, "Accept-Encoding");
  const ContentCoding coding = ChooseCoding(wishes.Get("Accept-Encoding").value_or(""));
  if (coding != ContentCoding::kIdentity)
    response.headers.Set("Content-Encoding", CodingName(coding));
  return coding;
}

Status EncodePlain(ContentCoding coding, std::string& body) {
  if (coding == ContentCoding::kIdentity) return Status::Ok();
  GRANARY_ASSIGN(const auto encoder, MakeEncoder(coding));
  std::string encoded;
  GRANARY_TRY(encoder->Finish(body, encoded));
  body = std::move(encoded);
  return Status::Ok();
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

ConnectionContext::ConnectionContext(HttpServerOptions server_options, Logger& logger,
                                     HttpHandler request_handler, HttpServer::RefuseFn refuse_fn)
    : options(std::move(server_options)),
      log(logger),
      handler(std::move(request_handler)),
      refuse(std::move(refuse_fn)),
      lanes(options.handler_threads, options.patient_threads_max) {}

struct HttpConnection::Exchange {
  explicit Exchange(ConnectionContext& shared) : context(shared) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    Uncharge();
    if (source != nullptr) context.streamed_bodies.fetch_sub(1, std::memory_order_relaxed);
  }

  bool Charge(std::uint64_t bytes) {
    const std::uint64_t all = context.bodies_bytes.fetch_add(bytes) + bytes;
    charged_bytes += bytes;
    if (all > context.options.bodies_bytes_max) return false;
    if (context.options.bodies == nullptr) return true;
    if (context.options.bodies->TryReserve(bytes) != nullptr) return false;
    reserved_bytes += bytes;
    return true;
  }
  void Uncharge() {
    context.bodies_bytes.fetch_sub(std::exchange(charged_bytes, 0));
    const std::uint64_t reserved = std::exchange(reserved_bytes, 0);
    if (reserved > 0) context.options.bodies->Release(reserved);
  }

  ConnectionContext& context;
  std::uint64_t charged_bytes = 0;   ///< Of context.bodies_bytes.
  std::uint64_t reserved_bytes = 0;  ///< Of context.options.bodies.
  HttpRequest request;
  bool http_1_1 = true;
  bool keep_alive = true;
  bool head_only = false;  // HEAD
  std::string unsent;      // What the handler's thread could not send at once.
  bool broken = false;     // The connection is of no more use.
  ContentCoding coding = ContentCoding::kIdentity;  // Of the answer.
  std::shared_ptr<SocketSource> source;             // Of a body that the handler reads itself.

  bool leaves_body() const { return source != nullptr && !source->whole(); }
};

// Looks for the client's leaving while a handler runs. Bytes that come meanwhile are the next
// requests.
struct HttpConnection::ClientWatch : std::enable_shared_from_this<ClientWatch> {
  ClientWatch(HttpConnection& watched, runtime::CancelToken token)
      : connection(watched.shared_from_this()), cancel(std::move(token)) {}

  void Next() {
    connection->socket_.async_wait(asio::ip::tcp::socket::wait_read,
                                   [self = shared_from_this()](error_code error) {
                                     if (!self->stopped && !error) self->OnReadable();
                                   });
  }

  void OnReadable() {
    char bytes[kReadBytes];
    const Wire::Moved read = connection->wire_.Read(bytes, sizeof(bytes));
    if (read.end == Wire::End::kClosed) return cancel.Cancel();
    connection->in_.append(bytes, read.bytes);
    if (connection->in_.size() < kPipelinedBytesMax) Next();
  }

  void Stop() {
    stopped = true;
    error_code ignored;
    connection->socket_.cancel(ignored);
  }

  std::shared_ptr<HttpConnection> connection;
  runtime::CancelToken cancel;
  bool stopped = false;
};

HttpConnection::HttpConnection(asio::ip::tcp::socket socket, ConnectionContext& context)
    : socket_(std::move(socket)),
      context_(context),
      wire_(socket_.native_handle(), context.options.tls.get()),
      timer_(socket_.get_executor()) {
  error_code ignored;
  const auto endpoint = socket_.remote_endpoint(ignored);
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  peer_ = address.to_string();
  peer_is_loopback_ = !ignored && address.is_loopback();
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  // TLS reads and writes the descriptor by itself, and must never wait for a client there.
  socket_.native_non_blocking(true, ignored);
}

asio::awaitable<void> HttpConnection::Run() {
  auto self = shared_from_this();
  try {
    const bool open = co_await Handshake();
    for (Next next = Next::kServe; open && next == Next::kServe;) next = co_await ServeOne();
  } catch (const std::exception& e) {
    context_.log.Error("connection failed",
                       {{"peer", peer_}, {"error", std::string_view(e.what())}});
  }
  Close();
}

asio::awaitable<bool> HttpConnection::Handshake() {
  SetTimeout(context_.options.header_timeout_ms);
  for (;;) {
    const Wire::Moved shaken = wire_.Handshake();
    if (shaken.end == Wire::End::kMoved) co_return true;
    if (shaken.end == Wire::End::kClosed) co_return false;
    const bool ready = co_await WaitUntilReady(shaken.end);
    if (!ready) co_return false;
  }
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
  Result<std::shared_ptr<Exchange>> made = MakeExchange(*head);
  if (!made.ok()) {
    PrepareRefusal(made.status(), std::nullopt, head->headers.Get("X-Request-Id"));
    co_await Refuse();
    co_return Next::kClose;
  }
  std::shared_ptr<Exchange> exchange = made.Take();
  running_ = exchange;
  const auto& streams_body = context_.options.streams_body;
  bool whole = true;
  if (streams_body && streams_body(exchange->request)) {
    if (const Status taken = StreamBody(*exchange, parser, *head); !taken.ok()) {
      PrepareRefusal(taken, std::nullopt, exchange->request.request_id);
      co_await Refuse();
      whole = false;
    }
  } else {
    whole = co_await ReadBody(parser, *head, exchange->request.body);
  }
  if (whole) co_await RunHandler(exchange);
  running_.reset();
  if (!whole || exchange->broken) co_return Next::kClose;

  const bool sent = co_await WriteAll(exchange->unsent);
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
  SetTimeout(first_request_ ? options.header_timeout_ms : options.idle_timeout_ms);
  for (std::size_t scanned = 0;;) {
    if (!started) in_.erase(0, std::min(in_.find_first_not_of("\r\n"), in_.size()));
    if (!started && !in_.empty()) {
      started = true;
      idle_ = false;
      if (!first_request_) SetTimeout(options.header_timeout_ms);
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

    const bool more = co_await ContinueReading(kReadBytes);
    if (more) continue;
    if (read_end_ == ReadEnd::kTimeout && started) {
      PrepareRefusal({Code::kDeadlineExceeded,
                      fmt::format("no whole request head within {} ms", options.header_timeout_ms)},
                     408);
      co_await Refuse();
    }
    co_return 0;
  }
}

Result<std::shared_ptr<HttpConnection::Exchange>> HttpConnection::MakeExchange(
    const RequestHead& head) {
  auto exchange = std::make_shared<Exchange>(context_);
  HttpRequest& request = exchange->request;
  request.request_id = context_.ids.Choose(head.headers.Get("X-Request-Id"));
  GRANARY_ASSIGN(RequestTarget target, ParseTarget(head.target));
  GRANARY_ASSIGN(const auto timeout_ms, TimeoutMs(head.headers));
  request.method = head.method;
  request.path = std::move(target.path);
  request.query = std::move(target.query);
  request.headers = head.headers;
  request.peer = peer_;
  request.peer_is_loopback = peer_is_loopback_;
  if (timeout_ms) {
    request.cancel =
        runtime::CancelToken(io::SystemClock().MonotonicNanos() + *timeout_ms * 1'000'000);
  }
  exchange->http_1_1 = head.http_1_1;
  exchange->keep_alive = head.keep_alive && head.http_1_1;
  exchange->head_only = head.method == "HEAD";
  return exchange;
}

Status HttpConnection::StreamBody(Exchange& exchange, RequestParser& parser,
                                  const RequestHead& head) {
  const HttpServerOptions& options = context_.options;
  const std::size_t bodies_max = options.streamed_bodies_max;
  if (context_.streamed_bodies.fetch_add(1, std::memory_order_relaxed) >= bodies_max) {
    context_.streamed_bodies.fetch_sub(1, std::memory_order_relaxed);
    return {Code::kOverloaded, fmt::format("{} bodies are read as they come by now, which is all "
                                           "that are read at once: try again shortly",
                                           bodies_max)};
  }
  parser.LiftLimit();
  const SocketSourceOptions source{.chunked = head.chunked,
                                   .content_length = head.content_length,
                                   .wants_continue = WantsContinue(head),
                                   .timeout_ms = options.body_timeout_ms};
  exchange.source = std::make_shared<SocketSource>(source, wire_, socket_.native_handle(), in_,
                                                   parser, exchange.request.cancel);
  exchange.request.body_source = exchange.source;
  return Status::Ok();
}

asio::awaitable<bool> HttpConnection::ReadBody(RequestParser& parser, const RequestHead& head,
                                               std::string& body) {
  const bool expected = head.chunked || head.content_length > 0;
  if (!expected) co_return true;
  if (head.content_length > context_.options.body_bytes_max) {
    co_await RefuseTooLarge(head);
    co_return false;
  }
  body_moved_ = context_.options.body_progress_bytes;
  BodyMoved(0);
  if (WantsContinue(head) && in_.empty()) {
    const bool sent = co_await WriteAll(kContinue);
    if (!sent) co_return false;
  }
  bool whole = false;
  if (head.chunked) {
    whole = co_await ReadChunkedBody(parser, body);
  } else {
    whole = co_await ReadPlainBody(head.content_length, body);
  }
  co_return whole;
}

// Many clients look for an answer only once they have sent everything. A body that is a little too
// large is let through to nowhere first, at no more cost than one that is not; any other is cut off
// early.
asio::awaitable<void> HttpConnection::RefuseTooLarge(const RequestHead& head) {
  const auto& options = context_.options;
  PrepareRefusal(
      {Code::kTooLarge, fmt::format("the body is larger than {} bytes", options.body_bytes_max)},
      std::nullopt, running_->request.request_id);
  const bool is_near = head.content_length - options.body_bytes_max <= options.drain_bytes_max;
  if (is_near && !WantsContinue(head)) {
    std::uint64_t skipped = in_.size();
    in_.clear();
    std::string waste(kBodyReadBytes, '\0');
    while (skipped < head.content_length) {
      SetTimeout(options.body_timeout_ms);
      const std::size_t n = co_await ReadSome(
          waste.data(), std::min<std::uint64_t>(waste.size(), head.content_length - skipped));
      if (n == 0) break;
      skipped += n;
    }
  }
  co_await Refuse();
}

// The body grows as it comes, not by what the client announced: an announcement costs no memory.
asio::awaitable<bool> HttpConnection::ReadPlainBody(std::uint64_t length, std::string& body) {
  const std::size_t early = std::min<std::size_t>(length, in_.size());
  body.assign(in_, 0, early);
  in_.erase(0, early);
  if (!ChargeBody(early)) {
    co_await Refuse();
    co_return false;
  }
  while (body.size() < length) {
    const std::size_t before = body.size();
    const std::size_t step =
        std::min<std::size_t>(length - before, std::max(kBodyReadBytes, before));
    body.resize(before + step);
    const std::size_t n = co_await ReadSome(body.data() + before, step);
    body.resize(before + n);
    BodyMoved(n);
    if (!ChargeBody(n)) {
      co_await Refuse();
      co_return false;
    }
    if (n > 0) continue;
    co_await BodyEnded();
    co_return false;
  }
  co_return true;
}

asio::awaitable<bool> HttpConnection::ReadChunkedBody(RequestParser& parser, std::string& body) {
  for (;;) {
    Result<std::size_t> used = parser.FeedChunked(in_);
    if (used.ok() && !parser.done() && *used == 0 && in_.size() > kChunkLineBytesMax) {
      used = Status(Code::kInvalidArgument, "malformed HTTP request: a chunk's header is too long");
    }
    if (!used.ok()) {
      PrepareRefusal(used.status(), std::nullopt, running_->request.request_id);
      co_await Refuse();
      co_return false;
    }
    in_.erase(0, *used);
    if (!ChargeBody(*used)) {
      co_await Refuse();
      co_return false;
    }
    if (parser.done()) break;
    const std::size_t before = in_.size();
    const bool more = co_await ContinueReading(kChunkLineBytesMax);
    BodyMoved(in_.size() - before);
    if (more) continue;
    co_await BodyEnded();
    co_return false;
  }
  body = parser.TakeChunkedBody();
  co_return true;
}

void HttpConnection::BodyMoved(std::size_t bytes) {
  body_moved_ += bytes;
  if (body_moved_ < context_.options.body_progress_bytes || timed_out_) return;
  body_moved_ = 0;
  SetTimeout(context_.options.body_timeout_ms);
}

bool HttpConnection::ChargeBody(std::size_t bytes) {
  if (running_->Charge(bytes)) return true;
  // What is refused makes room at once, not when the client has taken its answer.
  running_->Uncharge();
  std::string().swap(running_->request.body);
  PrepareRefusal({Code::kOverloaded,
                  fmt::format("the bodies of all requests take more than {} bytes, or the memory "
                              "of the process is taken",
                              context_.options.bodies_bytes_max)},
                 std::nullopt, running_->request.request_id);
  return false;
}

asio::awaitable<void> HttpConnection::BodyEnded() {
  if (read_end_ == ReadEnd::kTimeout) {
    PrepareRefusal({Code::kDeadlineExceeded, fmt::format("the body made no progress for {} ms",
                                                         context_.options.body_timeout_ms)},
                   408, running_->request.request_id);
    co_await Refuse();
  }
}

asio::awaitable<void> HttpConnection::RunHandler(std::shared_ptr<Exchange> exchange) {
  SetTimeout(0);
  context_.in_flight.fetch_add(1, std::memory_order_relaxed);
  auto watch = std::make_shared<ClientWatch>(*this, exchange->request.cancel);
  // What comes meanwhile is the body, where the handler reads that.
  if (exchange->source == nullptr && in_.size() < kPipelinedBytesMax) watch->Next();
  const auto& lane_of = context_.options.lane_of;
  HandlerLane lane = lane_of ? lane_of(exchange->request) : HandlerLane::kOrdinary;
  if (exchange->source != nullptr) lane = HandlerLane::kPatient;
  std::function<void()> work = [this, exchange] { Answer(*exchange); };
  co_await RunOn(context_.lanes.Of(lane), socket_.get_executor(), std::move(work));
  watch->Stop();
  context_.in_flight.fetch_sub(1, std::memory_order_relaxed);
}

// From here on, on a handler's thread.

// To the handler a body is what it was before it was compressed.
Status HttpConnection::DecodeBodyOf(Exchange& exchange) {
  HttpRequest& request = exchange.request;
  GRANARY_ASSIGN(const ContentCoding coding,
                 ParseCoding(request.headers.Get("Content-Encoding").value_or("")));
  if (coding == ContentCoding::kIdentity) return Status::Ok();
  DecodingLimits limits{.ratio_max = context_.options.body_ratio_max};
  if (exchange.source != nullptr) {
    GRANARY_ASSIGN(request.body_source, MakeDecodingSource(exchange.source, coding, limits));
  } else {
    limits.decoded_bytes_max = context_.options.body_bytes_max;
    GRANARY_ASSIGN(request.body, DecodeBody(std::move(request.body), coding, limits));
    if (!exchange.Charge(request.body.size())) {
      return {Code::kOverloaded, fmt::format("the bodies of all requests take more than {} bytes: "
                                             "try again shortly",
                                             context_.options.bodies_bytes_max)};
    }
  }
  request.headers.Set("Content-Encoding", CodingName(ContentCoding::kIdentity));
  return Status::Ok();
}

void HttpConnection::Answer(Exchange& exchange) {
  if (context_.stopping.load(std::memory_order_relaxed)) exchange.keep_alive = false;
  HttpResponse response;
  try {
    Status status = exchange.request.cancel.Check();
    if (status.ok()) status = DecodeBodyOf(exchange);
    if (!status.ok()) {
      response = context_.refuse(status, std::nullopt, exchange.request.request_id);
    } else {
      response = context_.handler(exchange.request);
    }
    // A handler that answered 408 itself says what came of the part that was there.
    if (exchange.source != nullptr && exchange.source->timed_out() && response.status != 408) {
      std::array<char, 1> nothing;
      response = context_.refuse(exchange.source->Read(nothing).status(), 408,
                                 exchange.request.request_id);
    }
    if (exchange.leaves_body()) exchange.keep_alive = false;
    if (!exchange.head_only) {
      exchange.coding = ChooseAnswerCoding(exchange.request.headers,
                                           context_.options.compress_bytes_min, response);
    }
    if (response.stream && !exchange.head_only) return AnswerStream(exchange, std::move(response));
  } catch (const std::exception& e) {
    response =
        context_.refuse(Status::Internal(e.what()), std::nullopt, exchange.request.request_id);
    exchange.coding = ContentCoding::kIdentity;
  }
  SendPlain(exchange, std::move(response));
}

void HttpConnection::AnswerStream(Exchange& exchange, HttpResponse response) {
  const Framing framing = exchange.http_1_1 ? Framing::kChunked : Framing::kUntilClose;
  if (framing == Framing::kUntilClose) exchange.keep_alive = false;
  std::string head = MakeHead(response, {.framing = framing,
                                         .keep_alive = exchange.keep_alive,
                                         .request_id = exchange.request.request_id});
  SocketSink sink(wire_, socket_.native_handle(), std::move(head), framing, exchange.request.cancel,
                  context_.options.write_timeout_ms);
  const Status status = RunStream(response, exchange.coding, sink);
  if (status.ok()) return;
  if (!sink.started()) {
    exchange.coding = ContentCoding::kIdentity;
    return SendPlain(exchange, context_.refuse(status, std::nullopt, exchange.request.request_id));
  }
  context_.log.Warn("answer cut", {{"request_id", exchange.request.request_id},
                                   {"path", exchange.request.path},
                                   {"sent_bytes", sink.bytes()},
                                   {"code", CodeName(status.code())},
                                   {"error", status.message()}});
  if (framing == Framing::kUntilClose) {
    // Without chunks only a reset tells the client that the body is not whole. With them the last
    // one is missing, and what was sent before, which may say why, still arrives.
    const ::linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  exchange.broken = true;
  socket_broken_ = true;
}

void HttpConnection::SendPlain(Exchange& exchange, HttpResponse response) {
  if (!EncodePlain(exchange.coding, response.body).ok()) exchange.broken = true;
  if (exchange.broken) return;
  Framing framing = Framing::kLength;
  if (response.stream) framing = exchange.http_1_1 ? Framing::kChunked : Framing::kUntilClose;
  const std::string head = MakeHead(response, {.framing = framing,
                                               .body_bytes = response.body.size(),
                                               .keep_alive = exchange.keep_alive,
                                               .request_id = exchange.request.request_id});
  const std::string_view body =
      exchange.head_only ? std::string_view() : std::string_view(response.body);
  const auto sent = SendNow(wire_, head, body);
  if (!sent) {
    exchange.broken = true;
  } else if (*sent < head.size() + body.size()) {
    exchange.unsent = head;
    exchange.unsent.append(body);
    exchange.unsent.erase(0, *sent);
  }
}

// On the strand again.
void HttpConnection::PrepareRefusal(const Status& status, std::optional<int> http_status,
                                    std::optional<std::string_view> sent_id) {
  const std::string request_id = context_.ids.Choose(sent_id);
  const HttpResponse response = context_.refuse(status, http_status, request_id);
  refusal_ =
      MakeHead(response,
               {.body_bytes = response.body.size(), .keep_alive = false, .request_id = request_id});
  refusal_.append(response.body);
}

asio::awaitable<void> HttpConnection::Refuse() {
  const bool sent = co_await WriteAll(refusal_);
  if (sent) co_await Drain();
}

// A close with unread bytes would reset the connection and could take the answer with it.
asio::awaitable<void> HttpConnection::Drain() {
  wire_.EndSending();
  std::uint64_t drained = in_.size();
  in_.clear();
  SetTimeout(kDrainTimeoutMs);
  std::string waste(kBodyReadBytes, '\0');
  while (drained < context_.options.drain_bytes_max) {
    const std::size_t n = co_await ReadSome(waste.data(), waste.size());
    if (n == 0) break;
    drained += n;
  }
}

asio::awaitable<bool> HttpConnection::ContinueReading(std::size_t bytes_max) {
  const std::size_t before = in_.size();
  in_.resize(before + bytes_max);
  const std::size_t n = co_await ReadSome(in_.data() + before, bytes_max);
  in_.resize(before + n);
  co_return n > 0;
}

asio::awaitable<std::size_t> HttpConnection::ReadSome(char* out, std::size_t size) {
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

asio::awaitable<bool> HttpConnection::WaitUntilReady(Wire::End want) {
  const auto direction = want == Wire::End::kWantRead ? asio::ip::tcp::socket::wait_read
                                                      : asio::ip::tcp::socket::wait_write;
  error_code error;
  co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<bool> HttpConnection::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    SetTimeout(context_.options.write_timeout_ms);
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
void HttpConnection::SetTimeout(std::int64_t ms) {
  timed_out_ = false;
  deadline_ =
      ms == 0 ? Instant::max() : std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  if (deadline_ < armed_) ArmTimer();
}

void HttpConnection::ArmTimer() {
  armed_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;
    self->armed_ = Instant::max();
    if (std::chrono::steady_clock::now() >= self->deadline_) {
      self->timed_out_ = true;
      error_code ignored;
      self->socket_.cancel(ignored);
    } else if (self->deadline_ != Instant::max()) {
      self->ArmTimer();
    }
  });
}

void HttpConnection::FinishSoon() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->finish_soon_ = true;
    if (self->idle_) self->Close();
  });
}

void HttpConnection::Abort() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->finish_soon_ = true;
    if (self->running_) self->running_->request.cancel.Cancel();
    error_code ignored;
    self->socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  });
}

void HttpConnection::Close() {
  error_code ignored;
  timer_.cancel();
  if (wire_.is_tls() && socket_.is_open() && !socket_broken_) wire_.EndSending();
  socket_.close(ignored);
}

}  // namespace granary::net
