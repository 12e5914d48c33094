#include "granary/services/tenant_node/gateway_guard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/hosting/loopback_guard.h"
#include "granary/hosting/variable.h"
#include "granary/net/http_client.h"
#include "granary/security/node_token.h"

namespace granary::services {
namespace {

constexpr std::size_t kKnownTokensMax = 4096;
constexpr std::int64_t kFetchTimeoutMs = 2'000;
constexpr std::uint64_t kKeysBytesMax = 1u << 20;
constexpr std::int64_t kReadAgainNs = 1'000'000'000;
constexpr std::chrono::minutes kRefreshEvery{1};

bool IsUrl(std::string_view place) {
  return place.starts_with("http://") || place.starts_with("https://");
}

}  // namespace

GatewayGuard::GatewayGuard(const Config& config, Logger& log, const io::Clock& clock,
                           io::FileSystem& files)
    : config_(config), log_(log), clock_(clock), files_(files), known_(kKnownTokensMax) {
  if (config_.gateway_jwks.empty()) return;
  refresh_ =
      std::make_unique<runtime::PeriodicJob>("gateway-keys", kRefreshEvery, [this] { ReadKeys(); });
}

GatewayGuard::~GatewayGuard() {
  if (refresh_) refresh_->Stop();
}

Result<Visitor> GatewayGuard::Check(std::optional<std::string_view> token, bool peer_is_loopback,
                                    const runtime::CancelToken& cancel, NodeDoor door) {
  const bool has_gateway = !config_.gateway_jwks.empty();
  if (token && !has_gateway) {
    return Status(Code::kUnauthenticated,
                  "the request has a token of a gateway, whose keys this node does not know: set "
                  "GATEWAY_JWKS to its /auth/jwks.json");
  }
  if (!token && has_gateway && config_.gateway_required) {
    return Status(Code::kUnauthenticated,
                  "this node answers the Auth Gateway alone: send the request there");
  }
  if (!token) {
    GRANARY_TRY(hosting::CheckPeer(peer_is_loopback, config_));
    return Visitor{config_.tenant_id, Rights()};
  }
  {
    const std::lock_guard lock(mutex_);
    const Known* known = known_.Find(*token);
    if (known != nullptr && clock_.WallMicros() / 1'000'000 < known->expires_s)
      return Let(*known, door);
  }
  std::uint64_t reading = 0;
  Result<Known> found = CheckSignature(*token, reading);
  // It may be of a key that is newer than what was read.
  if (!found.ok() && AwaitLater(reading, cancel)) found = CheckSignature(*token, reading);
  if (found.status().code() == Code::kUnavailable) GRANARY_TRY(cancel.Check());
  if (!found.ok()) return found.status();
  const std::lock_guard lock(mutex_);
  known_.Get(*token, [] { return Known{}; }) = *found;
  return Let(*found, door);
}

Result<Visitor> GatewayGuard::Let(const Known& known, NodeDoor door) {
  if (!known.is_for_grpc || door == NodeDoor::kGrpc) return known.visitor;
  return Status(Code::kUnauthenticated,
                "the token is good for gRPC alone: send this request to the Auth Gateway");
}

Result<GatewayGuard::Known> GatewayGuard::CheckSignature(std::string_view token,
                                                         std::uint64_t& of) const {
  std::shared_ptr<const security::KeySet> keys;
  {
    const std::lock_guard lock(mutex_);
    keys = keys_;
    of = readings_;
  }
  if (keys == nullptr) {
    return Status(Code::kUnavailable,
                  "the keys of the gateway could not be read yet (GATEWAY_JWKS); try again soon");
  }
  const bool has_many = config_.node_capacity > 1;
  GRANARY_ASSIGN(security::TokenClaims claims,
                 security::CheckToken(token, *keys,
                                      has_many ? security::ManyNodeTokenRules()
                                               : security::NodeTokenRules(config_.tenant_id),
                                      clock_.WallMicros() / 1'000'000));
  if (has_many ? !IsIdentifier(claims.tenant) : claims.tenant != config_.tenant_id)
    return Status(Code::kUnauthenticated, "the token is of another tenant");
  const bool is_for_grpc = claims.audience == security::NodeGrpcAudience(claims.tenant);
  return Known{
      {std::move(claims.tenant), Rights(std::move(claims.grants))}, claims.expires_s, is_for_grpc};
}

bool GatewayGuard::AwaitLater(std::uint64_t of, const runtime::CancelToken& cancel) {
  {
    std::unique_lock lock(mutex_);
    // As the clock of deadlines goes, which is io::SystemClock's.
    using Instant = std::chrono::steady_clock::time_point;
    Instant until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kAwaitKeysMs);
    if (const auto deadline_ns = cancel.deadline_ns())
      until = std::min(until, Instant(std::chrono::nanoseconds(*deadline_ns)));
    reading_ended_.wait_until(lock, until, [&] { return !reading_ || readings_ != of; });
    if (readings_ != of) return true;
  }
  return ReadKeys();
}

bool GatewayGuard::ReadKeys() {
  const std::int64_t now_ns = clock_.MonotonicNanos();
  {
    const std::lock_guard lock(mutex_);
    if (reading_ || (read_ns_ && now_ns - *read_ns_ < kReadAgainNs)) return false;
    reading_ = true;
    read_ns_ = now_ns;
  }
  std::map<std::string, Result<security::KeySet>> fetched;
  for (const std::string& place : hosting::SplitList(config_.gateway_jwks)) {
    const Result<std::string> text = Fetch(place);
    fetched.emplace(place, text.ok() ? security::KeySet::Parse(*text)
                                     : Result<security::KeySet>(text.status()));
  }
  const std::lock_guard lock(mutex_);
  reading_ = false;
  reading_ended_.notify_all();
  bool has_some = false;
  for (auto& [place, keys] : fetched) {
    if (keys.ok()) {
      read_[place] = keys.Take();
      has_some = true;
      continue;
    }
    log_.Warn(
        "keys that tokens are signed with cannot be read; the last ones serve",
        {{"place", place}, {"known", read_.contains(place)}, {"error", keys.status().message()}});
  }
  if (!has_some) return false;  // What was known serves.
  std::vector<security::PublicKey> all;
  for (const auto& [place, keys] : read_)
    all.insert(all.end(), keys.keys().begin(), keys.keys().end());
  security::KeySet now(std::move(all));
  // A key that is gone vouches for nothing any more.
  if (keys_ == nullptr || keys_->ToJson() != now.ToJson()) known_.Clear();
  keys_ = std::make_shared<const security::KeySet>(std::move(now));
  ++readings_;
  return true;
}

Result<std::string> GatewayGuard::Fetch(const std::string& place) const {
  if (!IsUrl(place)) return files_.ReadFile(place);
  const auto path = place.find('/', place.find("://") + 3);
  GRANARY_ASSIGN(net::HttpClient client,
                 net::HttpClient::Create(place.substr(0, path), kFetchTimeoutMs));
  client.set_limits({.body_bytes_max = kKeysBytesMax, .total_ms = kFetchTimeoutMs});
  GRANARY_ASSIGN(const net::ClientResponse answer,
                 client.Send("GET", path == std::string::npos ? "/" : place.substr(path), {}));
  if (answer.status == 200) return answer.body;
  return Status(Code::kUnavailable, fmt::format("{}: HTTP {}", place, answer.status));
}

SourceList SeenOf(SourceList list, const Rights& rights) {
  std::erase_if(list.sources,
                [&](const SourceInfo& source) { return !rights.Sees(source.definition.id); });
  std::erase_if(list.damaged, [&](const auto& refused) { return !rights.Sees(refused.source); });
  return list;
}

Status NeedSight(const Rights& rights, const SourceId& source) {
  if (rights.Sees(source)) return Status::Ok();
  return {Code::kPermissionDenied, fmt::format("no right to the source '{}'", source.str())};
}

namespace {

const Visitor& VisitorIn(const std::shared_ptr<const void>& who) {
  static const Visitor kNobody;
  return who == nullptr ? kNobody : *static_cast<const Visitor*>(who.get());
}

}  // namespace

const Visitor& VisitorOf(const hosting::RouteCall& call) { return VisitorIn(call.who); }
const Rights& RightsOf(const hosting::RouteCall& call) { return VisitorIn(call.who).rights; }
const Rights& RightsOf(const hosting::GrpcMethodCall& call) { return VisitorIn(call.who).rights; }

}  // namespace granary::services
