#include "granary/net/http_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "granary/base/append_format.h"

namespace granary::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kPieceBytes = 64u << 10;

// Between the end of one attempt and the next: what happened.
struct Outcome {
  Status status;
  bool received_any = false;  // The server had begun to answer.
  bool sent_all = true;
};

bool IsHarmlessToRepeat(std::string_view method) { return method == "GET" || method == "HEAD"; }

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct HttpClient::State {
  using BodyFn = std::function<Status(std::string_view)>;
  using NextFn = std::function<Result<std::string>()>;

  /// What is sent: a request that is whole, or its head and the pieces of its body.
  struct Request {
    std::string text;
    const NextFn* next = nullptr;
  };

  std::string host;
  std::string port;
  std::chrono::milliseconds timeout{0};
  asio::io_context io;
  std::optional<asio::ssl::context> tls_context;  // Of https.
  std::optional<beast::tcp_stream> stream;
  std::optional<beast::ssl_stream<beast::tcp_stream&>> tls;  // Over `stream`.
  beast::flat_buffer buffer;
  bool keep_alive = true;
  Limits limits;
  std::chrono::steady_clock::time_point ends;  // Of the call; see limits.total_ms.

  Status Failure(std::string_view doing, const error_code& error) const {
    const Code code = error == beast::error::timeout ? Code::kDeadlineExceeded : Code::kUnavailable;
    return {code, fmt::format("{}://{}:{}: {}: {}", tls_context ? "https" : "http", host, port,
                              doing, error.message())};
  }

  /// The next step has the usual time, or what is left of the call's; an error when nothing is: a
  /// timer that each step sets anew never goes off while there are always bytes to read.
  error_code GiveTime() {
    const auto now = std::chrono::steady_clock::now();
    if (limits.total_ms > 0 && now >= ends) return beast::error::timeout;
    const auto step = now + timeout;
    stream->expires_at(limits.total_ms > 0 ? std::min(step, ends) : step);
    return {};
  }
  bool StillOpen();
  std::string MakeHead(std::string_view method, std::string_view target, std::string_view framing,
                       const Headers& headers) const;
  Request MakeRequest(std::string_view method, std::string_view target, std::string_view body,
                      const Headers& headers) const;
  Result<ClientResponse> Call(std::string_view method, const Request& request,
                              const BodyFn* on_body);
  Outcome Attempt(std::string_view method, const Request& request, const BodyFn* on_body,
                  ClientResponse& out);
  asio::awaitable<void> Exchange(std::string_view method, const Request& request,
                                 const BodyFn* on_body, ClientResponse& out, Outcome& outcome);
  void Drop() {
    tls.reset();
    stream.reset();
  }
  asio::awaitable<Status> Connect();
  asio::awaitable<Status> ShakeHands();
  template <typename Channel>
  asio::awaitable<void> Talk(Channel& over, std::string_view method, const Request& request,
                             const BodyFn* on_body, ClientResponse& out, Outcome& outcome);
  template <typename Channel>
  asio::awaitable<error_code> SendText(Channel& over, std::string_view text);
  template <typename Channel>
  asio::awaitable<error_code> SendPieces(Channel& over, const NextFn& next, Outcome& outcome);
  template <typename Channel>
  asio::awaitable<Status> ReadAnswer(Channel& over, std::string_view method, const BodyFn* on_body,
                                     ClientResponse& out, bool& received_any);
};

// An idle connection has nothing to read; an end of file or stray bytes mean it is of no use.
bool HttpClient::State::StillOpen() {
  if (!stream) return false;
  char byte;
  const ssize_t n = ::recv(stream->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

std::string HttpClient::State::MakeHead(std::string_view method, std::string_view target,
                                        std::string_view framing, const Headers& headers) const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}{}{}:{}\r\n{}", method, target,
                                is_v6 ? "[" : "", host, is_v6 ? "]" : "", port, framing);
  if (!framing.empty() && !headers.Get("Content-Type"))
    out.append("Content-Type: application/json\r\n");
  for (const auto& [name, value] : headers.all())
    out.append(name).append(": ").append(value).append("\r\n");
  return out.append("\r\n");
}

HttpClient::State::Request HttpClient::State::MakeRequest(std::string_view method,
                                                          std::string_view target,
                                                          std::string_view body,
                                                          const Headers& headers) const {
  std::string framing;
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
    framing = fmt::format("Content-Length: {}\r\n", body.size());
  return {MakeHead(method, target, framing, headers).append(body)};
}

asio::awaitable<Status> HttpClient::State::Connect() {
  error_code error;
  tcp::resolver resolver(io);
  const auto found =
      co_await resolver.async_resolve(host, port, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Failure("cannot resolve the host", error);
  stream.emplace(io);
  buffer.clear();
  error = GiveTime();
  if (error) co_return Failure("cannot connect", error);
  co_await stream->async_connect(found, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Failure("cannot connect", error);
  stream->socket().set_option(tcp::no_delay(true), error);
  if (!tls_context) co_return Status::Ok();
  Status shaken = co_await ShakeHands();
  co_return shaken;
}

asio::awaitable<Status> HttpClient::State::ShakeHands() {
  tls.emplace(*stream, *tls_context);
  tls->set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(tls->native_handle(), host.c_str());
  error_code error;
  co_await tls->async_handshake(asio::ssl::stream_base::client,
                                asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Failure("no TLS connection", error);
  co_return Status::Ok();
}

template <typename Channel>
asio::awaitable<Status> HttpClient::State::ReadAnswer(Channel& over, std::string_view method,
                                                      const BodyFn* on_body, ClientResponse& out,
                                                      bool& received_any) {
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(1u << 20);
  parser.skip(method == "HEAD");
  error_code error;
  error = GiveTime();
  if (error) co_return Failure("no answer", error);
  const std::size_t n = co_await http::async_read_header(
      over, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  received_any = n > 0;
  if (error) co_return Failure("no answer", error);
  out.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get())
    out.headers.Set(View(field.name_string()), View(field.value()));

  std::array<char, kPieceBytes> piece;
  std::uint64_t taken = 0;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    error = GiveTime();
    if (error) co_return Failure("the answer was cut", error);
    co_await http::async_read_some(over, buffer, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
    if (error == http::error::need_buffer) error = {};
    const std::string_view bytes(piece.data(), piece.size() - parser.get().body().size);
    taken += bytes.size();
    if (taken > limits.body_bytes_max) {
      co_return Status(Code::kTooLarge,
                       fmt::format("the answer is longer than {} bytes", limits.body_bytes_max));
    }
    if (on_body != nullptr && out.status < 400) {
      Status status = bytes.empty() ? Status::Ok() : (*on_body)(bytes);
      if (!status.ok()) co_return status;
    } else {
      out.body.append(bytes);
    }
    if (error) co_return Failure("the answer was cut", error);
  }
  keep_alive = parser.keep_alive();
  co_return Status::Ok();
}

asio::awaitable<void> HttpClient::State::Exchange(std::string_view method, const Request& request,
                                                  const BodyFn* on_body, ClientResponse& out,
                                                  Outcome& outcome) {
  if (!stream) {
    outcome.status = co_await Connect();
    if (!outcome.status.ok()) co_return;
  }
  if (tls)
    co_await Talk(*tls, method, request, on_body, out, outcome);
  else
    co_await Talk(*stream, method, request, on_body, out, outcome);
  if (!keep_alive) Drop();
}

template <typename Channel>
asio::awaitable<error_code> HttpClient::State::SendText(Channel& over, std::string_view text) {
  error_code error;
  while (!text.empty() && !error) {
    error = GiveTime();
    if (error) co_return error;
    const std::size_t n = co_await over.async_write_some(
        asio::buffer(text.data(), text.size()), asio::redirect_error(asio::use_awaitable, error));
    text.remove_prefix(n);
  }
  co_return error;
}

template <typename Channel>
asio::awaitable<error_code> HttpClient::State::SendPieces(Channel& over, const NextFn& next,
                                                          Outcome& outcome) {
  for (;;) {
    error_code error;
    // Who answers already wants no more of it. What TLS has to read may be of its own.
    if (!tls && stream->socket().available(error) > 0) co_return error;
    if (error) co_return error;
    Result<std::string> piece = next();
    if (!piece.ok()) {
      outcome.status = piece.status();
      co_return error;
    }
    const bool last = piece->empty();
    // A variable: gcc 12 destroys a temporary of such a conditional twice across a co_await.
    std::string chunk = "0\r\n\r\n";
    if (!last) chunk = fmt::format("{:x}\r\n{}\r\n", piece->size(), *piece);
    error = co_await SendText(over, chunk);
    outcome.sent_all = last && !error;
    if (error || last) co_return error;
  }
}

template <typename Channel>
asio::awaitable<void> HttpClient::State::Talk(Channel& over, std::string_view method,
                                              const Request& request, const BodyFn* on_body,
                                              ClientResponse& out, Outcome& outcome) {
  keep_alive = true;
  error_code write_error = co_await SendText(over, request.text);
  if (!write_error && request.next != nullptr) {
    outcome.sent_all = false;
    write_error = co_await SendPieces(over, *request.next, outcome);
    if (!outcome.status.ok()) co_return;
  }
  // A refusal may come before the whole body was sent, so a failed write is no reason not to read.
  outcome.status = co_await ReadAnswer(over, method, on_body, out, outcome.received_any);
  if (!outcome.received_any && write_error) outcome.status = Failure("cannot send", write_error);
  keep_alive = keep_alive && outcome.sent_all;
}

Outcome HttpClient::State::Attempt(std::string_view method, const Request& request,
                                   const BodyFn* on_body, ClientResponse& out) {
  Outcome outcome;
  asio::co_spawn(io, Exchange(method, request, on_body, out, outcome),
                 [&outcome](const std::exception_ptr& thrown) {
                   if (thrown) outcome.status = Status::Internal("the HTTP client failed");
                 });
  io.restart();
  io.run();
  if (!outcome.status.ok()) Drop();
  return outcome;
}

Result<ClientResponse> HttpClient::State::Call(std::string_view method, const Request& request,
                                               const BodyFn* on_body) {
  ends = std::chrono::steady_clock::now() + std::chrono::milliseconds(limits.total_ms);
  const bool reused = StillOpen();
  if (!reused) Drop();
  ClientResponse response;
  Outcome outcome = Attempt(method, request, on_body, response);
  if (!outcome.status.ok() && reused && !outcome.received_any && IsHarmlessToRepeat(method)) {
    response = {};
    outcome = Attempt(method, request, on_body, response);
  }
  if (!outcome.status.ok()) return outcome.status;
  return response;
}

namespace {

Status TrustOnly(const PemText& ca, asio::ssl::context& context) {
  error_code error;
  if (ca.text.empty())
    context.set_default_verify_paths(error);
  else
    context.add_certificate_authority(asio::buffer(ca.text), error);
  if (!error) return Status::Ok();
  return {Code::kInvalidArgument,
          fmt::format("{}: no certificate in PEM form is in it ({})", ca.name, error.message())};
}

}  // namespace

Result<HttpClient> HttpClient::Create(std::string_view base_url, std::int64_t timeout_ms,
                                      const PemText& ca) {
  const bool secure = base_url.starts_with("https://");
  const std::string_view scheme = secure ? "https://" : "http://";
  const auto bad = [&] {
    return Status(Code::kInvalidArgument,
                  fmt::format("'{}' is not a URL like http://127.0.0.1:8000", base_url));
  };
  std::string_view rest = base_url;
  if (!rest.starts_with(scheme)) return bad();
  rest.remove_prefix(scheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty() || rest.find_first_of("/?#@ \r\n") != std::string_view::npos) return bad();

  auto state = std::make_unique<State>();
  state->timeout = std::chrono::milliseconds(timeout_ms);
  if (secure) {
    state->tls_context.emplace(asio::ssl::context::tls_client);
    state->tls_context->set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(state->tls_context->native_handle(), TLS1_2_VERSION);
    GRANARY_TRY(TrustOnly(ca, *state->tls_context));
  }
  std::size_t colon = rest.rfind(':');
  if (const auto bracket = rest.rfind(']'); bracket != std::string_view::npos && colon < bracket)
    colon = std::string_view::npos;
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  state->host = host;
  state->port = colon == std::string_view::npos ? (secure ? "443" : "80")
                                                : std::string(rest.substr(colon + 1));
  if (state->host.empty() || state->port.empty()) return bad();
  return HttpClient(std::move(state));
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

void HttpClient::set_limits(Limits limits) { state_->limits = limits; }

Result<ClientResponse> HttpClient::Send(std::string_view method, std::string_view target,
                                        std::string_view body, const Headers& headers) {
  return state_->Call(method, state_->MakeRequest(method, target, body, headers), nullptr);
}

Result<ClientResponse> HttpClient::Upload(std::string_view method, std::string_view target,
                                          const std::function<Result<std::string>()>& next,
                                          const Headers& headers) {
  return state_->Call(
      method, {state_->MakeHead(method, target, "Transfer-Encoding: chunked\r\n", headers), &next},
      nullptr);
}

Result<ClientResponse> HttpClient::Stream(
    std::string_view method, std::string_view target, std::string_view body,
    const std::function<Status(std::string_view piece)>& on_body, const Headers& headers) {
  return state_->Call(method, state_->MakeRequest(method, target, body, headers), &on_body);
}

}  // namespace granary::net
