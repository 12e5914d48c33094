#include "granary/services/monitoring/gateway_link.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/net/copy_body.h"
#include "granary/security/digest.h"

namespace granary::services {
namespace {

constexpr std::size_t kCallersKept = 1024;
constexpr std::size_t kCallerDepth = 8;
constexpr std::size_t kCallerBytesMax = 256u << 10;
constexpr std::size_t kForwardPieceBytes = 64u << 10;
constexpr std::int64_t kQuestionSilenceMs = 5'000;
constexpr std::int64_t kPassageSilenceMs = 600'000;  // A query may think for long.

constexpr std::array<std::string_view, 6> kSentOn = {"Authorization", "Accept",      "Content-Type",
                                                     "X-Timeout-Ms",  "traceparent", "tracestate"};
constexpr std::array<std::string_view, 5> kSentBack = {
    "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Allow"};

const api::JsonNode* MemberOf(const api::JsonNode& object, std::string_view name) {
  const auto found = std::ranges::find(object.members, name, &api::JsonMember::name);
  return found == object.members.end() ? nullptr : &found->value;
}

bool GrantsAdminOfAll(const api::JsonNode& grant) {
  const api::JsonNode* source = MemberOf(grant, "source");
  const api::JsonNode* verbs = MemberOf(grant, "verbs");
  return source != nullptr && source->text == "*" && verbs != nullptr &&
         std::ranges::find(verbs->items, "admin", &api::JsonNode::text) != verbs->items.end();
}

/// The gateway's fault, not that of a client who left or whose time was up.
bool IsGateways(const Status& failure, const runtime::CancelToken& cancel) {
  const Code code = failure.code();
  return (code == Code::kUnavailable || code == Code::kIoError ||
          code == Code::kDeadlineExceeded) &&
         cancel.Check().ok();
}

// Where the gateway is, and what the system said of it, is told nobody.

/// A question changes nothing: whatever became of it, it may be asked again.
Status CannotAsk(const Status& failure, const runtime::CancelToken& cancel) {
  if (!IsGateways(failure, cancel)) return failure;
  return {Code::kUnavailable, "the Auth Gateway cannot be reached: try again soon"};
}

Status CannotForward(const Status& failure, const runtime::CancelToken& cancel) {
  if (!IsGateways(failure, cancel)) return failure;
  if (failure.code() == Code::kUnavailable) return CannotAsk(failure, cancel);
  if (failure.code() == Code::kDeadlineExceeded) {
    return {Code::kDeadlineExceeded,
            fmt::format("the Auth Gateway was silent for {} s", kPassageSilenceMs / 1000)};
  }
  return {Code::kIoError,
          "the Auth Gateway broke off before it answered: whether the request was carried out is "
          "not known"};
}

Result<std::string> ReadShort(net::UpstreamAnswer& answer, const runtime::CancelToken& cancel) {
  std::string body;
  std::array<char, 4096> piece;
  for (;;) {
    const Result<std::size_t> n = answer.Read(piece);
    if (!n.ok()) return CannotAsk(n.status(), cancel);
    if (*n == 0) return body;
    body.append(piece.data(), *n);
    if (body.size() > kCallerBytesMax)
      return Status(Code::kUnavailable, "the Auth Gateway's answer about a caller is too long");
  }
}

Status ForwardRest(net::UpstreamAnswer& answer, net::BodySink& sink) {
  std::string piece(kForwardPieceBytes, '\0');
  Status read;
  const Status copied = net::CopyBody(answer, sink, piece, read);
  if (read.code() != Code::kIoError) return copied;
  return {Code::kUnavailable, "the Auth Gateway broke off in its answer"};
}

}  // namespace

Result<MonitoringCaller> ParseCaller(std::string_view body) {
  const auto parsed = api::ParseJsonObject(body, kCallerDepth);
  const api::JsonNode* tenant = parsed.ok() ? MemberOf(*parsed, "tenant_id") : nullptr;
  if (tenant == nullptr || tenant->kind != api::JsonNode::Kind::kString)
    return Status(Code::kCorruption, "what the Auth Gateway says of a caller names no tenant");
  MonitoringCaller caller;
  caller.tenant = tenant->text;
  if (const api::JsonNode* user = MemberOf(*parsed, "user_id"); user != nullptr)
    caller.user = user->text;
  const api::JsonNode* is_operator = MemberOf(*parsed, "operator");
  caller.is_operator = is_operator != nullptr && is_operator->boolean;
  if (const api::JsonNode* grants = MemberOf(*parsed, "grants"); grants != nullptr)
    caller.is_tenant_admin = std::ranges::any_of(grants->items, GrantsAdminOfAll);
  return caller;
}

GatewayLink::GatewayLink(std::string_view gateway_url, const io::Clock& clock)
    : clock_(clock), kept_(kCallersKept) {
  if (gateway_url.empty()) {
    why_not_ = "no auth-gateway is among MONITORING_TARGETS, so nobody can sign in here";
    return;
  }
  const auto address = net::ParseUpstreamUrl(gateway_url);
  if (!address.ok()) {
    why_not_ = fmt::format("the Auth Gateway is at {}, and this service reaches it by http alone",
                           gateway_url);
    return;
  }
  passage_ = std::make_unique<net::UpstreamPool>(
      *address, net::UpstreamOptions{.silence_timeout_ms = kPassageSilenceMs});
  questions_ = std::make_unique<net::UpstreamPool>(
      *address, net::UpstreamOptions{.silence_timeout_ms = kQuestionSilenceMs});
}

GatewayLink::~GatewayLink() = default;

Result<MonitoringCaller> GatewayLink::WhoShows(std::string_view authorization,
                                               const runtime::CancelToken& cancel) {
  const std::string name = security::Sha256(authorization);
  const std::int64_t now_ns = clock_.MonotonicNanos();
  {
    const std::lock_guard lock(mutex_);
    if (const Kept* kept = kept_.Find(name); kept != nullptr && now_ns < kept->until_ns)
      return kept->caller;
  }
  GRANARY_ASSIGN(MonitoringCaller caller, Ask(authorization, cancel));
  const std::lock_guard lock(mutex_);
  kept_.Get(name, [] { return Kept(); }) = {caller, now_ns + kCallerKeptMs * 1'000'000};
  return caller;
}

Result<MonitoringCaller> GatewayLink::Ask(std::string_view authorization,
                                          const runtime::CancelToken& cancel) {
  if (!why_not_.empty()) return Status(Code::kUnavailable, why_not_);
  net::Headers headers;
  headers.Set("Authorization", authorization);
  auto answer = questions_->Send(
      {.method = "GET", .target = "/auth/me", .headers = &headers, .cancel = cancel});
  if (!answer.ok()) return CannotAsk(answer.status(), cancel);
  switch ((*answer)->status()) {
    case 200: break;
    case 401:
      return Status(Code::kUnauthenticated, "the Auth Gateway does not know this key or token");
    case 429: return Status(Code::kQuotaExceeded, "too many requests of this caller");
    default:
      return Status(
          Code::kUnavailable,
          fmt::format("the Auth Gateway answers HTTP {} about a caller", (*answer)->status()));
  }
  GRANARY_ASSIGN(const std::string body, ReadShort(**answer, cancel));
  return ParseCaller(body);
}

Result<net::HttpResponse> GatewayLink::Forward(const net::HttpRequest& request,
                                               const std::string& target) {
  if (!why_not_.empty()) return Status(Code::kUnavailable, why_not_);
  net::Headers headers;
  for (const std::string_view name : kSentOn) {
    if (const auto value = request.headers.Get(name)) headers.Set(name, *value);
  }
  headers.Set("X-Request-Id", request.request_id);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  auto sent = passage_->Send({.method = method,
                              .target = target,
                              .headers = &headers,
                              .body = request.body,
                              .cancel = request.cancel});
  if (!sent.ok()) return CannotForward(sent.status(), request.cancel);
  std::shared_ptr<net::UpstreamAnswer> answer = sent.Take();
  net::HttpResponse response;
  response.status = answer->status();
  response.content_type =
      std::string(answer->headers().Get("Content-Type").value_or("application/octet-stream"));
  for (const std::string_view name : kSentBack) {
    if (const auto value = answer->headers().Get(name)) response.headers.Set(name, *value);
  }
  // Whatever it is, it is data, for the program that asked and for nobody else.
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  if (response.status == 204 || answer->body_bytes() == std::uint64_t{0}) return response;
  response.stream = [answer](net::BodySink& sink) { return ForwardRest(*answer, sink); };
  return response;
}

}  // namespace granary::services
