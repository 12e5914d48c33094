#include "granary/services/auth_gateway/proxy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/service_name.h"
#include "granary/net/copy_body.h"
#include "granary/net/header_list.h"
#include "granary/net/request_target.h"
#include "granary/security/node_token.h"

namespace granary::gateway {
namespace {

constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::size_t kServiceNameBytesMax = 64;

constexpr std::array<std::string_view, 6> kPassed = {
    "Accept", "Content-Type", "Idempotency-Key", "X-Timeout-Ms", "traceparent", "tracestate"};

// What is between two neighbours, and what our own server says.
constexpr std::array<std::string_view, 13> kNotPassedBack = {"connection",
                                                             "keep-alive",
                                                             "proxy-authenticate",
                                                             "proxy-authorization",
                                                             "te",
                                                             "trailer",
                                                             "transfer-encoding",
                                                             "upgrade",
                                                             "content-length",
                                                             "date",
                                                             "content-type",
                                                             "x-request-id",
                                                             "granary-service"};

/// Of a node's answer, what goes on to the client.
net::Headers PassedBack(const net::Headers& answered) {
  const auto between = net::ParseHeaderList(answered.Get("Connection").value_or(""));
  net::Headers out;
  for (const auto& [name, value] : answered.all()) {
    const std::string lower = net::InLowerCase(name);
    if (std::ranges::find(kNotPassedBack, lower) != kNotPassedBack.end()) continue;
    if (std::ranges::find(between, lower, &net::HeaderItem::value) != between.end()) continue;
    out.Set(name, value);
  }
  return out;
}

net::Headers HeadersFor(const net::HttpRequest& request, std::string_view token) {
  net::Headers headers;
  for (const std::string_view name : kPassed) {
    if (const auto value = request.headers.Get(name)) headers.Set(name, *value);
  }
  headers.Set("X-Request-Id", request.request_id);
  headers.Set(security::kNodeTokenHeader, token);
  return headers;
}

std::optional<std::uint64_t> KnownLength(const net::HttpRequest& request) {
  const auto length = request.headers.Get("Content-Length");
  // Of what was compressed it is another length.
  if (!length || request.headers.Get("Content-Encoding")) return std::nullopt;
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), bytes);
  return error == std::errc() ? std::optional(bytes) : std::nullopt;
}

/// The rest of a node's answer, behind a first piece that is there. `read` is how that went.
Status PassOn(net::UpstreamAnswer& answer, std::string first, net::BodySink& sink, Status& read) {
  GRANARY_TRY(sink.Write(first));
  first.resize(kPieceBytes);
  return net::CopyBody(answer, sink, first, read);
}

/// A node's fault, not that of a client who left or whose time was up.
bool IsNodes(const Status& failure, const runtime::CancelToken& cancel) {
  const Code code = failure.code();
  return (code == Code::kIoError || code == Code::kUnavailable ||
          code == Code::kDeadlineExceeded) &&
         cancel.Check().ok();
}

/// The first of a body: all of it when it is short and says how long it is, else one piece.
Status ReadFirst(net::UpstreamAnswer& answer, std::string& first, bool& whole) {
  const auto length = answer.body_bytes();
  const bool is_short = length && *length <= kPieceBytes;
  std::string piece(is_short ? std::max<std::size_t>(*length, 1) : kPieceBytes, '\0');
  for (;;) {
    GRANARY_ASSIGN(const std::size_t n, answer.Read(piece));
    whole = n == 0;
    if (whole) return Status::Ok();
    first.append(piece, 0, n);
    if (!is_short) return Status::Ok();
  }
}

/// The node's own word that the tenant is not one of its own.
bool IsNotHere(const net::UpstreamAnswer& answer) {
  return answer.headers().Get(hosting::kServiceHeader) == hosting::kTenantNode &&
         answer.headers().Get(security::kTenantHereHeader) == security::kTenantNotHere;
}

class Passage {
 public:
  Passage(GatewayState& state, hosting::RouteCall& call) : state_(state), call_(call) {}

  Result<net::HttpResponse> Run();

 private:
  Result<std::unique_ptr<net::UpstreamAnswer>> Send(const PlacedNode& node);
  Status Failed(const Status& failure);
  /// Counts and logs what a node did not do.
  void Note(std::string_view error);
  Result<net::HttpResponse> Answer(std::unique_ptr<net::UpstreamAnswer> answer);

  GatewayState& state_;
  hosting::RouteCall& call_;
  std::string node_;
};

Result<net::HttpResponse> Passage::Run() {
  net::HttpRequest& request = call_.request;
  const auth::Identity& who = IdentityOf(call_);
  GRANARY_TRY(state_.Authority().status());
  GRANARY_ASSIGN(const PlacedNode node, state_.placement->NodeOf(who.tenant, request.cancel));
  auto answer = Send(node);
  if (answer.ok() && IsNotHere(**answer)) {
    // It moved, and nothing was carried out there.
    state_.placement->Mistrust(who.tenant);
    GRANARY_ASSIGN(const PlacedNode now, state_.placement->NodeOf(who.tenant, request.cancel));
    if (now.name != node.name && request.body_source == nullptr) answer = Send(now);
  }
  if (!answer.ok()) return answer.status();
  if (IsNotHere(**answer)) {
    Note("it does not serve the tenant");
    return Status(Code::kUnavailable, "no node serves the tenant now: try again soon");
  }
  return Answer(answer.Take());
}

Result<std::unique_ptr<net::UpstreamAnswer>> Passage::Send(const PlacedNode& node) {
  net::HttpRequest& request = call_.request;
  const auth::Identity& who = IdentityOf(call_);
  node_ = node.name;
  GRANARY_ASSIGN(const auto authority, state_.Authority());
  GRANARY_ASSIGN(const std::string token, authority->NodeToken(who, node.audience));
  const net::Headers headers = HeadersFor(request, token);
  const std::string target = net::FormatTarget(request.path, request.query);
  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  net::UpstreamCall upstream{.method = method,
                             .target = target,
                             .headers = &headers,
                             .body = request.body,
                             .cancel = request.cancel};
  std::optional<StreamPlaces::Place> place;  // Until the node has begun to answer.
  if (request.body_source != nullptr) {
    GRANARY_ASSIGN(auto taken, state_.streams.Take(who.tenant));
    place.emplace(std::move(taken));
    upstream.body_source = request.body_source.get();
    upstream.body_bytes = KnownLength(request);
  }
  auto answer = node.link->Send(upstream);
  if (!answer.ok()) return Failed(answer.status());
  return answer;
}

Result<net::HttpResponse> Passage::Answer(std::unique_ptr<net::UpstreamAnswer> answer) {
  // An address that is wrong, or a port that another service has now. A node's word is passed on to
  // the client; anybody else's is not.
  const auto service = answer->headers().Get(hosting::kServiceHeader);
  if (service != hosting::kTenantNode) {
    Note(
        fmt::format("what answers there is no Tenant Node but {}: see TENANT_NODE_URL, "
                    "TENANT_NODE_URLS and what the Operation Node says",
                    service ? fmt::format("'{}'", service->substr(0, kServiceNameBytesMax))
                            : "something that is no service of Granary"));
    call_.problem_status = 502;
    return Status(Code::kUnavailable,
                  "what answers in the place of the tenant's node is none: the gateway's log says "
                  "more");
  }
  // The client was known here: that the node does not believe it is between the two of us.
  if (answer->status() == 401) {
    Note(
        "it does not accept the gateway's tokens: its GATEWAY_JWKS must be this gateway's "
        "/auth/jwks.json, its TENANT_ID the tenant's");
    call_.problem_status = 502;
    return Status(Code::kUnavailable,
                  "the tenant's node does not accept this gateway's requests, and carried nothing "
                  "out: the gateway's log says what to set");
  }
  net::HttpResponse response;
  response.status = answer->status();
  response.content_type =
      std::string(answer->headers().Get("Content-Type").value_or("application/octet-stream"));
  response.headers = PassedBack(answer->headers());
  std::string first;
  bool whole = false;
  if (const Status status = ReadFirst(*answer, first, whole); !status.ok()) return Failed(status);
  if (whole) {
    response.body = std::move(first);
    return response;
  }
  response.stream = [state = &state_, cancel = call_.request.cancel, first = std::move(first),
                     answer = std::shared_ptr<net::UpstreamAnswer>(std::move(answer))](
                        net::BodySink& sink) mutable -> Status {
    Status read;
    const Status status = PassOn(*answer, std::move(first), sink, read);
    if (IsNodes(read, cancel)) state->node_failures.Add(1);
    if (status.code() != Code::kIoError) return status;
    return {Code::kUnavailable, std::string(status.message())};
  };
  return response;
}

void Passage::Note(std::string_view error) {
  state_.node_failures.Add(1);
  state_.log.Warn("a node failed", {{"request_id", call_.request.request_id},
                                    {"node", node_},
                                    {"tenant", IdentityOf(call_).tenant},
                                    {"error", error}});
}

// Where a node is, and what the system said of it, is for the log alone.
Status Passage::Failed(const Status& failure) {
  if (!IsNodes(failure, call_.request.cancel)) return failure;
  if (call_.request.body_source != nullptr && call_.request.body_source->timed_out())
    return failure;
  Note(failure.message());
  if (failure.code() == Code::kUnavailable)
    return {Code::kUnavailable, "the tenant's node cannot be reached: try again soon"};
  if (failure.code() == Code::kDeadlineExceeded) {
    return {Code::kDeadlineExceeded, fmt::format("the tenant's node was silent for {} s",
                                                 state_.config.node_silence_seconds)};
  }
  call_.problem_status = 502;
  return {Code::kUnavailable,
          "the tenant's node broke off before it answered: whether the request was carried out is "
          "not known"};
}

// Afterwards, since only the node knows what came of it: a failure to write it down is for the log,
// what was done is done.
void Audit(GatewayState& state, const hosting::RouteCall& call, const NodeRoute& route,
           const Result<net::HttpResponse>& answer) {
  std::string target = call.parameters.empty() ? "" : call.parameters[0];
  // What is in the body only the node reads; of a source that it made it says where it is.
  constexpr std::string_view kPlace = "/sources/";
  const auto place = answer.ok() ? answer->headers.Get("Location").value_or("") : "";
  if (target.empty() && place.starts_with(kPlace)) target = place.substr(kPlace.size());
  const int status = answer.ok() ? answer->status : 0;
  const char* outcome = status == 0 || status >= 500 ? "unknown"
                        : status < 300               ? "done"
                                                     : "refused";
  const std::string detail =
      answer.ok() ? fmt::format("HTTP {}", status) : std::string(CodeName(answer.status().code()));
  const auto authority = state.Authority();
  const Status noted = authority.ok() ? (*authority)
                                            ->NoteAct(ActOf(call), std::string(route.audited_as),
                                                      target, outcome, detail)
                                      : authority.status();
  if (!noted.ok()) {
    state.log.Error("an act is not in the audit log",
                    {{"action", route.audited_as}, {"target", target}, {"error", noted.message()}});
  }
}

}  // namespace

bool IsStreamedBody(const net::HttpRequest& request) {
  if (request.method != "POST") return false;
  if (request.path != "/data/write" && request.path != "/v1/data/write") return false;
  const auto items = net::ParseHeaderList(request.headers.Get("Content-Type").value_or(""));
  return items.size() == 1 && items[0].value != "application/json";
}

void AddProxyRoutes(GatewayState& state, hosting::Router& router) {
  for (const NodeRoute& route : NodeRoutes()) {
    router.Add({.method = std::string(route.method),
                .pattern = std::string(route.pattern),
                .handler = [&state, &route](hosting::RouteCall& call) -> Result<net::HttpResponse> {
                  GRANARY_TRY(CheckReach(route, IdentityOf(call).grants,
                                         call.parameters.empty() ? "" : call.parameters[0]));
                  Result<net::HttpResponse> answer = Passage(state, call).Run();
                  if (!route.audited_as.empty()) Audit(state, call, route, answer);
                  return answer;
                },
                .lane = route.lane,
                .any_query = true});
  }
}

}  // namespace granary::gateway
