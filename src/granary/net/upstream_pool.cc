#include "granary/net/upstream_pool.h"

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "granary/base/append_format.h"
#include "granary/net/poll_pace.h"

namespace granary::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t kUpstreamPieceBytes = 64u << 10;

std::string_view ViewOf(boost::beast::string_view text) { return {text.data(), text.size()}; }

struct IdleSocket {
  UpstreamSocket socket;
  std::int64_t since_ns;
};

}  // namespace

struct UpstreamPool::State {
  State(UpstreamAddress to, UpstreamOptions limits) : address(std::move(to)), options(limits) {}

  std::optional<UpstreamSocket> TakeIdle();
  void GiveBack(UpstreamSocket socket);

  const UpstreamAddress address;
  const UpstreamOptions options;
  mutable std::mutex mutex;
  std::vector<IdleSocket> idle;  // Guarded by mutex; the latest last.
};

// The latest first: the others may then grow old and be closed, by GiveBack where this one is used
// without a pause.
std::optional<UpstreamSocket> UpstreamPool::State::TakeIdle() {
  const std::int64_t oldest_ns = NowNs() - options.idle_ms * 1'000'000;
  const std::lock_guard lock(mutex);
  while (!idle.empty()) {
    IdleSocket last = std::move(idle.back());
    idle.pop_back();
    if (last.since_ns < oldest_ns) {
      idle.clear();  // Those before it are older still.
    } else if (last.socket.IsQuiet()) {
      return std::move(last.socket);
    }
  }
  return std::nullopt;
}

void UpstreamPool::State::GiveBack(UpstreamSocket socket) {
  const std::int64_t now_ns = NowNs();
  const std::lock_guard lock(mutex);
  std::erase_if(idle, [oldest_ns = now_ns - options.idle_ms * 1'000'000](const IdleSocket& one) {
    return one.since_ns < oldest_ns;
  });
  if (idle.size() < options.idle_max) idle.push_back({std::move(socket), now_ns});
}

namespace {

/// The head and body of one answer, off one socket.
class StreamedAnswer final : public UpstreamAnswer {
 public:
  StreamedAnswer(UpstreamSocket socket, UpstreamOptions options, runtime::CancelToken cancel,
                 std::function<void(UpstreamSocket)> give_back)
      : socket_(std::move(socket)),
        options_(options),
        cancel_(std::move(cancel)),
        give_back_(std::move(give_back)) {}

  /// `all_sent`: the request is out, so the connection may serve another one.
  Status ReadHead(bool all_sent, bool head_only);
  int status() const override { return status_; }
  const Headers& headers() const override { return headers_; }
  std::optional<std::uint64_t> body_bytes() const override { return body_bytes_; }
  Result<std::size_t> Read(std::span<char> out) override;

 private:
  using Parser = http::response_parser<http::buffer_body>;

  Status Receive();
  Status Advance(std::span<char> out, std::size_t& produced);
  Status Feed(std::span<char> out, std::size_t& produced);
  void Finish();

  std::optional<UpstreamSocket> socket_;  // Nothing once the answer has ended.
  const UpstreamOptions options_;
  const runtime::CancelToken cancel_;
  const std::function<void(UpstreamSocket)> give_back_;
  std::optional<Parser> parser_;
  boost::beast::flat_buffer in_;  // Received and not parsed yet.
  bool all_sent_ = false;
  int status_ = 0;
  Headers headers_;
  std::optional<std::uint64_t> body_bytes_;
  Status failure_;
};

Status Malformed(const boost::beast::error_code& error) {
  return Status::IoError(fmt::format("the answer is no HTTP: {}", error.message()));
}

Status StreamedAnswer::Receive() {
  const auto room = in_.prepare(kUpstreamPieceBytes);
  GRANARY_ASSIGN(const std::size_t got,
                 socket_->Read({static_cast<char*>(room.data()), room.size()},
                               options_.silence_timeout_ms, cancel_));
  in_.commit(got);
  if (got > 0) return Status::Ok();
  // The end of a body without a length is the connection's; of any other, or of a head, it is a
  // cut.
  boost::beast::error_code error;
  if (parser_->is_header_done()) parser_->put_eof(error);
  if (parser_->is_header_done() && !error && parser_->is_done()) return Status::Ok();
  return Status::IoError("the connection ended before the answer did");
}

Status StreamedAnswer::ReadHead(bool all_sent, bool head_only) {
  all_sent_ = all_sent;
  for (;;) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.head_bytes_max));
    parser_->body_limit(boost::none);
    parser_->skip(head_only);
    while (!parser_->is_header_done()) {
      boost::beast::error_code error;
      const std::size_t used = parser_->put(in_.data(), error);
      in_.consume(used);
      if (error && error != http::error::need_more) return Malformed(error);
      if (!parser_->is_header_done()) GRANARY_TRY(Receive());
    }
    // 1xx only says that the answer is yet to come.
    if (parser_->get().result_int() >= 200) break;
  }
  status_ = static_cast<int>(parser_->get().result_int());
  for (const auto& field : parser_->get()) {
    const std::string_view name = ViewOf(field.name_string()), value = ViewOf(field.value());
    const auto before = headers_.Get(name);
    headers_.Set(name, before ? fmt::format("{}, {}", *before, value) : std::string(value));
  }
  if (const auto length = parser_->content_length()) body_bytes_ = *length;
  parser_->eager(true);
  if (parser_->is_done()) Finish();
  return Status::Ok();
}

void StreamedAnswer::Finish() {
  if (!socket_) return;
  // What else lies there was not asked for, and a request that is not all sent may still be read.
  if (all_sent_ && parser_->keep_alive() && in_.size() == 0) give_back_(std::move(*socket_));
  socket_.reset();
}

Status StreamedAnswer::Feed(std::span<char> out, std::size_t& produced) {
  auto& body = parser_->get().body();
  body.data = out.data();
  body.size = out.size();
  body.more = true;
  boost::beast::error_code error;
  const std::size_t used = parser_->put(in_.data(), error);
  in_.consume(used);
  produced = out.size() - body.size;
  if (error && error != http::error::need_more && error != http::error::need_buffer)
    return Malformed(error);
  return Status::Ok();
}

Status StreamedAnswer::Advance(std::span<char> out, std::size_t& produced) {
  if (in_.size() == 0) GRANARY_TRY(Receive());
  if (!parser_->is_done()) GRANARY_TRY(Feed(out, produced));
  if (parser_->is_done()) {
    Finish();
    return Status::Ok();
  }
  // Less than a chunk's header lay there: more is needed before the parser goes on.
  return produced == 0 && in_.size() > 0 ? Receive() : Status::Ok();
}

Result<std::size_t> StreamedAnswer::Read(std::span<char> out) {
  GRANARY_TRY(failure_);
  std::size_t produced = 0;
  while (socket_ && !out.empty() && produced == 0) {
    failure_ = Advance(out, produced);
    if (failure_.ok()) continue;
    socket_.reset();
    return failure_;
  }
  return produced;
}

std::string MakeUpstreamHead(const UpstreamAddress& address, const UpstreamCall& call) {
  std::string head =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", call.method, call.target, address.text());
  if (call.headers != nullptr) {
    for (const auto& [name, value] : call.headers->all())
      head.append(name).append(": ").append(value).append("\r\n");
  }
  if (call.body_source != nullptr && !call.body_bytes) {
    head.append("Transfer-Encoding: chunked\r\n");
  } else {
    const std::uint64_t bytes = call.body_source != nullptr ? *call.body_bytes : call.body.size();
    const bool has_body =
        bytes > 0 || call.method == "POST" || call.method == "PUT" || call.method == "PATCH";
    if (has_body) AppendFormat(head, "Content-Length: {}\r\n", bytes);
  }
  return head.append("\r\n");
}

/// True when all of it is out.
Result<bool> SendBody(UpstreamSocket& socket, const UpstreamOptions& options,
                      const UpstreamCall& call) {
  if (call.body_source == nullptr)
    return socket.Write(call.body, options.silence_timeout_ms, call.cancel);
  const bool chunked = !call.body_bytes;
  std::string piece(kUpstreamPieceBytes, '\0');
  for (;;) {
    GRANARY_ASSIGN(const std::size_t n, call.body_source->Read(piece));
    if (n == 0) break;
    std::string framed;
    if (chunked) AppendFormat(framed, "{:x}\r\n", n);
    framed.append(piece, 0, n);
    if (chunked) framed.append("\r\n");
    GRANARY_ASSIGN(const bool sent, socket.Write(framed, options.silence_timeout_ms, call.cancel));
    if (!sent) return false;
  }
  if (!chunked) return true;
  return socket.Write("0\r\n\r\n", options.silence_timeout_ms, call.cancel);
}

}  // namespace

UpstreamPool::UpstreamPool(UpstreamAddress address, UpstreamOptions options)
    : state_(std::make_shared<State>(std::move(address), options)) {}
UpstreamPool::~UpstreamPool() = default;

Result<std::unique_ptr<UpstreamAnswer>> UpstreamPool::Send(const UpstreamCall& call) {
  const UpstreamOptions& options = state_->options;
  std::optional<UpstreamSocket> socket = state_->TakeIdle();
  if (!socket) {
    GRANARY_ASSIGN(
        socket, UpstreamSocket::Connect(state_->address, options.connect_timeout_ms, call.cancel));
  }
  std::string head = MakeUpstreamHead(state_->address, call);
  // One packet for head and body where that is no copy of much.
  const bool joined = call.body_source == nullptr && call.body.size() <= kUpstreamPieceBytes;
  if (joined) head.append(call.body);
  GRANARY_ASSIGN(bool sent, socket->Write(head, options.silence_timeout_ms, call.cancel));
  if (sent && !joined) {
    GRANARY_ASSIGN(sent, SendBody(*socket, options, call));
  }
  auto give_back = [state = state_](UpstreamSocket done) { state->GiveBack(std::move(done)); };
  auto answer = std::make_unique<StreamedAnswer>(std::move(*socket), options, call.cancel,
                                                 std::move(give_back));
  GRANARY_TRY(answer->ReadHead(sent, call.method == "HEAD"));
  return std::unique_ptr<UpstreamAnswer>(std::move(answer));
}

std::size_t UpstreamPool::idle() const {
  const std::lock_guard lock(state_->mutex);
  return state_->idle.size();
}

}  // namespace granary::net
