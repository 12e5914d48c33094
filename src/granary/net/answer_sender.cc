#include "granary/net/answer_sender.h"

#include <sys/socket.h>

#include <array>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "granary/net/decoding_source.h"
#include "granary/net/encoding_sink.h"
#include "granary/net/header_list.h"
#include "granary/net/held_sink.h"
#include "granary/net/response_head.h"
#include "granary/net/socket_sink.h"

namespace granary::net {
namespace {

/// `whole` gets all of a stream that was short enough to be held back; then nothing was sent.
Status RunHeld(const HttpResponse& response, BodySink& sink, std::optional<std::string>& whole) {
  if (response.held_bytes_max == 0) return response.stream(sink);
  HeldSink held(sink, response.held_bytes_max);
  GRANARY_TRY(response.stream(held));
  if (!held.passed()) whole = held.Take();
  return Status::Ok();
}

Status RunStream(const HttpResponse& response, ContentCoding coding, SocketSink& sink,
                 std::optional<std::string>& whole) {
  try {
    if (coding == ContentCoding::kIdentity) {
      GRANARY_TRY(RunHeld(response, sink, whole));
      return whole ? Status::Ok() : sink.Finish();
    }
    GRANARY_ASSIGN(auto encoder, MakeEncoder(coding));
    EncodingSink encoding(sink, std::move(encoder));
    GRANARY_TRY(RunHeld(response, encoding, whole));
    if (whole) return Status::Ok();
    GRANARY_TRY(encoding.Finish());
    return sink.Finish();
  } catch (const std::exception& e) {
    return Status::Internal(e.what());
  }
}

void AddVary(Headers& headers, std::string_view name) {
  const auto before = headers.Get("Vary");
  // A handler may say it itself, and so may a service whose answer is passed on.
  for (const HeaderItem& item : ParseHeaderList(before.value_or("")))
    if (item.value == InLowerCase(name) || item.value == "*") return;
  headers.Set("Vary", before ? fmt::format("{}, {}", *before, name) : std::string(name));
}

/// The coding that an answer goes out in; says so in its headers.
ContentCoding ChooseAnswerCoding(const AnswerCodings& codings, std::size_t bytes_min,
                                 HttpResponse& response) {
  // The handler chose a form that lay ready.
  if (response.headers.Get("Content-Encoding")) return ContentCoding::kIdentity;
  const bool is_large = response.stream || response.body.size() >= bytes_min;
  // Parquet is compressed inside.
  const bool is_worth_it = is_large && response.content_type != "application/vnd.apache.parquet";
  const bool is_nothing = !response.stream && response.body.empty();
  if (is_nothing || (codings.identity && !is_worth_it)) return ContentCoding::kIdentity;
  AddVary(response.headers, "Accept-Encoding");
  if (codings.best != ContentCoding::kIdentity)
    response.headers.Set("Content-Encoding", CodingName(codings.best));
  return codings.best;
}

Status EncodePlain(ContentCoding coding, std::string& body) {
  if (coding == ContentCoding::kIdentity) return Status::Ok();
  GRANARY_ASSIGN(const auto encoder, MakeEncoder(coding));
  std::string encoded;
  GRANARY_TRY(encoder->Finish(body, encoded));
  body = std::move(encoded);
  return Status::Ok();
}

}  // namespace

HttpResponse AnswerSender::Refusal(const Status& status, std::optional<int> http_status) const {
  return context_.refuse(status, http_status, exchange_.request.request_id);
}

// To the handler a body is what it was before it was compressed.
Status AnswerSender::DecodeBody() {
  HttpRequest& request = exchange_.request;
  // It came along with the head, before anybody said how long it may be.
  if (request.body.size() > exchange_.body_bytes_max()) return exchange_.BodyTooLarge();
  GRANARY_ASSIGN(const ContentCoding coding,
                 ParseCoding(request.headers.Get("Content-Encoding").value_or("")));
  if (coding == ContentCoding::kIdentity) return Status::Ok();
  DecodingLimits limits{.ratio_max = context_.options.body_ratio_max};
  if (exchange_.source != nullptr) {
    GRANARY_ASSIGN(request.body_source, MakeDecodingSource(exchange_.source, coding, limits));
  } else {
    limits.decoded_bytes_max = exchange_.body_bytes_max();
    GRANARY_ASSIGN(request.body, granary::net::DecodeBody(std::move(request.body), coding, limits));
    GRANARY_TRY(exchange_.Charge(request.body.size()));
  }
  request.headers.Set("Content-Encoding", CodingName(ContentCoding::kIdentity));
  return Status::Ok();
}

HttpResponse AnswerSender::Answer(const Status& wishes) {
  HttpRequest& request = exchange_.request;
  Status status = request.cancel.Check();
  if (status.ok()) {
    if (auto refusal = exchange_.Admit()) return std::move(*refusal);
    status = wishes;
  }
  if (status.ok()) status = DecodeBody();
  HttpResponse response = status.ok() ? context_.handler(request) : Refusal(status);
  // A handler that answered 408 itself says what came of the part that was there.
  if (exchange_.source != nullptr && exchange_.source->timed_out() && response.status != 408) {
    std::array<char, 1> nothing;
    response = Refusal(exchange_.source->Read(nothing).status(), 408);
  }
  return response;
}

void AnswerSender::Run() {
  if (context_.stopping.load(std::memory_order_relaxed)) exchange_.keep_alive = false;
  HttpResponse response;
  try {
    // Before anything is done: a write must not happen and its answer be unacceptable.
    const Result<AnswerCodings> codings =
        ChooseCodings(exchange_.request.headers.Get("Accept-Encoding").value_or(""));
    response = Answer(codings.status());
    // Before the answer goes out: whoever is slow to take it, or sends on what nobody reads, is in
    // no other body's way.
    exchange_.GiveBackPlace();
    if (exchange_.leaves_body()) exchange_.keep_alive = false;
    if (!exchange_.head_only && codings.ok()) {
      if (response.stream) return SendStream(std::move(response), *codings);
      ChooseCoding(*codings, response);
    }
  } catch (const std::exception& e) {
    response = Refusal(Status::Internal(e.what()));
    exchange_.coding = ContentCoding::kIdentity;
  }
  SendPlain(std::move(response));
}

void AnswerSender::ChooseCoding(const AnswerCodings& codings, HttpResponse& response) {
  exchange_.coding = ChooseAnswerCoding(codings, context_.options.compress_bytes_min, response);
}

void AnswerSender::SendStream(HttpResponse response, const AnswerCodings& codings) {
  HttpResponse short_one{.status = response.status,
                         .headers = response.headers,
                         .content_type = response.content_type};
  ChooseCoding(codings, response);
  const bool kept_alive = exchange_.keep_alive;
  const Framing framing = exchange_.http_1_1 ? Framing::kChunked : Framing::kUntilClose;
  if (framing == Framing::kUntilClose) exchange_.keep_alive = false;
  // What is held back to its end goes out with another head.
  const auto head = [&] {
    return MakeHead(response, {.framing = framing,
                               .keep_alive = exchange_.keep_alive,
                               .request_id = exchange_.request.request_id});
  };
  SocketSink sink(wire_, descriptor_, head, framing, exchange_.request.cancel,
                  {.write_timeout_ms = context_.options.write_timeout_ms,
                   .last_words_ms = context_.options.last_words_ms});
  std::optional<std::string> whole;
  const Status status = RunStream(response, exchange_.coding, sink, whole);
  if (whole) {
    exchange_.keep_alive = kept_alive;
    short_one.body = std::move(*whole);
    ChooseCoding(codings, short_one);
    return SendPlain(std::move(short_one));
  }
  if (status.ok()) return;
  if (!sink.started()) {
    exchange_.coding = ContentCoding::kIdentity;
    return SendPlain(Refusal(status));
  }
  // Whoever left knows it, and may have had all that they wanted: a page is full.
  const LogLevel level = status.code() == Code::kCancelled ? LogLevel::kDebug : LogLevel::kWarn;
  context_.log.Write(level, "answer cut",
                     {{"request_id", exchange_.request.request_id},
                      {"path", exchange_.request.path},
                      {"sent_bytes", sink.bytes()},
                      {"code", CodeName(status.code())},
                      {"error", status.message()}});
  if (framing == Framing::kUntilClose) {
    // Without chunks only a reset tells the client that the body is not whole. With them the last
    // one is missing, and what was sent before, which may say why, still arrives.
    const ::linger reset{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  exchange_.broken = true;
  exchange_.cut = true;
}

void AnswerSender::SendPlain(HttpResponse response) {
  if (!EncodePlain(exchange_.coding, response.body).ok()) exchange_.broken = true;
  if (exchange_.broken) return;
  Framing framing = Framing::kLength;
  if (response.stream) framing = exchange_.http_1_1 ? Framing::kChunked : Framing::kUntilClose;
  const std::string head = MakeHead(response, {.framing = framing,
                                               .body_bytes = response.body.size(),
                                               .keep_alive = exchange_.keep_alive,
                                               .request_id = exchange_.request.request_id});
  const std::string_view body =
      exchange_.head_only ? std::string_view() : std::string_view(response.body);
  const auto sent = SendNow(wire_, head, body);
  if (!sent) {
    exchange_.broken = true;
  } else if (*sent < head.size() + body.size()) {
    exchange_.unsent = head;
    exchange_.unsent.append(body);
    exchange_.unsent.erase(0, *sent);
  }
}

}  // namespace granary::net
