#include "granary/services/operation_node/node_link.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/api/code_table.h"
#include "granary/api/json_node.h"
#include "granary/api/object_reader.h"
#include "granary/io/clock.h"
#include "granary/security/node_token.h"

namespace granary::operation {
namespace {

constexpr std::size_t kProblemBytesMax = 256u << 10;
constexpr std::size_t kSourcesBytesMax = 64u << 20;
constexpr std::size_t kPoolsMax = 1'024;
constexpr std::size_t kTenantsMax = 10'000;
constexpr std::size_t kFieldsMax = 100;
constexpr std::int64_t kNanosOfMilli = 1'000'000;

/// kTooLarge past `bytes_max`.
Result<std::string> ReadAll(net::UpstreamAnswer& answer, std::size_t bytes_max) {
  std::string body;
  char piece[16u << 10];
  while (true) {
    GRANARY_ASSIGN(const std::size_t got, answer.Read(piece));
    if (got == 0) return body;
    if (body.size() + got > bytes_max)
      return Status(Code::kTooLarge, "a node's answer is longer than any should be");
    body.append(piece, got);
  }
}

std::optional<Code> CodeNamed(std::string_view name) {
  for (const api::CodeRow& row : api::AllRows()) {
    if (row.code != Code::kOk && CodeName(row.code) == name) return row.code;
  }
  return std::nullopt;
}

/// What a problem of a node says, as far as it is one.
Status ReadProblem(std::string_view body, int http_status) {
  const Status unknown(Code::kUnavailable,
                       fmt::format("its node refused with HTTP {}", http_status));
  auto root = api::ParseJsonObject(body, 16);
  if (!root.ok()) return unknown;
  const api::JsonNode& object = *root;
  std::string code, detail;
  std::vector<FieldError> fields;
  const auto text_of = [](const api::JsonNode& node) {
    return node.kind == api::JsonNode::Kind::kString ? node.text : std::string();
  };
  for (const api::JsonMember& member : object.members) {
    if (member.name == "code") code = text_of(member.value);
    if (member.name == "detail") detail = text_of(member.value);
    if (member.name != "errors") continue;
    for (const api::JsonNode& item : member.value.items) {
      FieldError& field = fields.emplace_back();
      for (const api::JsonMember& part : item.members) {
        if (part.name == "pointer") field.pointer = text_of(part.value);
        if (part.name == "detail") field.detail = text_of(part.value);
      }
      if (fields.size() == kFieldsMax) break;
    }
  }
  const auto known = CodeNamed(code);
  if (!known || detail.empty()) return unknown;
  return {*known, detail, std::move(fields)};
}

/// What is between this service and a node is no fault of a client's.
Status AsSeenHere(const Status& failure, const runtime::CancelToken& cancel) {
  GRANARY_TRY(cancel.Check());
  switch (failure.code()) {
    case Code::kUnavailable: return {Code::kUnavailable, "its node cannot be reached"};
    case Code::kIoError: return {Code::kUnavailable, "its node broke off before it answered"};
    case Code::kDeadlineExceeded: return {Code::kDeadlineExceeded, "its node is silent"};
    default: return failure;
  }
}

net::Headers HeadersFor(const PassedOn& passed, const runtime::CancelToken& cancel) {
  net::Headers headers;
  headers.Set("Content-Type", api::kPartMediaType);
  headers.Set("X-Request-Id", passed.request_id);
  if (!passed.trace_parent.empty()) headers.Set("traceparent", passed.trace_parent);
  if (!passed.trace_state.empty()) headers.Set("tracestate", passed.trace_state);
  if (const auto deadline_ns = cancel.deadline_ns()) {
    const std::int64_t left_ms =
        (*deadline_ns - io::SystemClock().MonotonicNanos()) / kNanosOfMilli;
    headers.Set("X-Timeout-Ms", std::to_string(std::max<std::int64_t>(left_ms, 1)));
  }
  return headers;
}

}  // namespace

Result<std::shared_ptr<net::UpstreamPool>> NodeLinks::PoolOf(const std::string& url) {
  auto address = net::ParseUpstreamUrl(url);
  if (!address.ok())
    return Status(Code::kUnavailable, "its node's URL is none that can be asked: http is needed");
  const std::lock_guard lock(mutex_);
  if (pools_.size() >= kPoolsMax && !pools_.contains(url)) pools_.clear();
  auto& pool = pools_[url];
  if (pool == nullptr) pool = std::make_shared<net::UpstreamPool>(address.Take(), options_);
  return pool;
}

Result<std::unique_ptr<net::UpstreamAnswer>> NodeLinks::Ask(const QueryTarget& target,
                                                            std::string_view body,
                                                            const PassedOn& passed,
                                                            const runtime::CancelToken& cancel) {
  GRANARY_ASSIGN(const auto pool, PoolOf(target.url));
  GRANARY_ASSIGN(const std::string token, tokens_.For(target.tenant));
  net::Headers headers = HeadersFor(passed, cancel);
  const net::Headers without_token = headers;
  headers.Set(security::kNodeTokenHeader, token);
  for (const net::Headers* shown : {&std::as_const(headers), &without_token}) {
    auto sent = pool->Send(
        {.method = "POST", .target = "/parts", .headers = shown, .body = body, .cancel = cancel});
    if (!sent.ok()) return AsSeenHere(sent.status(), cancel);
    std::unique_ptr<net::UpstreamAnswer> answer = sent.Take();
    if (answer->status() == 200) return answer;
    if (answer->status() == 401 && shown == &headers) continue;
    if (answer->status() == 401) {
      return Status(Code::kUnavailable,
                    "its node does not accept this service's tokens: add its /jwks.json to the "
                    "node's GATEWAY_JWKS");
    }
    auto problem = ReadAll(*answer, kProblemBytesMax);
    if (!problem.ok()) return AsSeenHere(problem.status(), cancel);
    return ReadProblem(*problem, answer->status());
  }
  return Status::Internal("a node was asked twice and answered neither time");
}

std::optional<std::vector<PeerSource>> NodeLinks::KnownSources(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  const auto known = sources_.find(tenant);
  return known == sources_.end() ? std::nullopt : std::optional(known->second);
}

Result<std::vector<PeerSource>> NodeLinks::AskSources(const QueryTarget& target,
                                                      const PassedOn& passed,
                                                      const runtime::CancelToken& cancel) {
  api::PartRequest request;
  request.tenant = target.tenant;
  GRANARY_ASSIGN(const auto answer, Ask(target, api::EncodePartRequest(request), passed, cancel));
  auto body = ReadAll(*answer, kSourcesBytesMax);
  if (!body.ok()) return AsSeenHere(body.status(), cancel);
  GRANARY_ASSIGN(std::vector<PeerSource> sources, api::DecodeSources(*body, target.tenant));
  const std::lock_guard lock(mutex_);
  if (sources_.size() >= kTenantsMax) sources_.clear();
  sources_[target.tenant] = sources;
  return sources;
}

}  // namespace granary::operation
