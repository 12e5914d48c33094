#include "granary/services/auth_gateway/access.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "granary/hosting/credential.h"
#include "granary/hosting/fleet_guard.h"
#include "granary/hosting/router.h"
#include "granary/net/header_list.h"
#include "granary/security/digest.h"

namespace granary::gateway {
namespace {

constexpr std::array<std::string_view, 3> kOpenPaths = {"/auth/login", "/auth/refresh",
                                                        "/auth/jwks.json"};

bool IsOpenPath(std::string_view path) {
  return std::ranges::find(kOpenPaths, hosting::WithoutVersion(path)) != kOpenPaths.end();
}

security::RateLimit LimitOf(std::int64_t per_second, std::int64_t burst_seconds) {
  return {static_cast<double>(per_second), static_cast<double>(per_second * burst_seconds)};
}

Status CheckRates(GatewayState& state, const auth::Identity& who, net::Headers& headers) {
  const Config& config = state.config;
  const std::array requests = {
      security::RateRequest{who.credential,
                            LimitOf(config.rate_key_per_second, config.rate_burst_seconds)},
      security::RateRequest{"user:" + who.user_id,
                            LimitOf(config.rate_user_per_second, config.rate_burst_seconds)},
      security::RateRequest{"tenant:" + who.tenant,
                            LimitOf(config.rate_tenant_per_second, config.rate_burst_seconds)}};
  const auto decision = state.rates.Take(requests, state.clock.MonotonicNanos());
  if (!decision.limited) return Status::Ok();
  headers.Set("RateLimit-Limit", fmt::format("{}", decision.limit));
  headers.Set("RateLimit-Remaining", fmt::format("{}", decision.remaining));
  headers.Set("RateLimit-Reset", fmt::format("{}", decision.reset_s));
  if (decision.allowed) return Status::Ok();
  state.rated_requests.Add(1);
  headers.Set("Retry-After", fmt::format("{}", decision.retry_after_s));
  return {Code::kQuotaExceeded, fmt::format("more than {} requests at once: try again in {} s",
                                            decision.limit, decision.retry_after_s)};
}

}  // namespace

Result<std::string> CredentialOf(const net::HttpRequest& request) {
  GRANARY_ASSIGN(const auto shown, hosting::CredentialShown(request));
  const auto& [authorization, key] = shown;
  if (key) return std::string(*key);
  if (!authorization) {
    return Status(Code::kUnauthenticated,
                  "send an API key or an access token as 'Authorization: Bearer …' or "
                  "'X-API-Key: …'; POST /auth/login gives a token");
  }
  constexpr std::string_view kScheme = "bearer ";
  if (net::InLowerCase(authorization->substr(0, kScheme.size())) != kScheme) {
    return Status(Code::kUnauthenticated, "the scheme of Authorization is not Bearer");
  }
  return std::string(authorization->substr(kScheme.size()));
}

hosting::Access CheckAccess(GatewayState& state, const net::HttpRequest& request) {
  hosting::Access access;
  access.anybody = IsOpenPath(request.path);
  if (access.anybody) return access;
  const auto identify = [&]() -> Result<auth::Identity> {
    GRANARY_ASSIGN(const std::string credential, CredentialOf(request));
    GRANARY_ASSIGN(const auto authority, state.Authority());
    return authority->Authenticate(credential);
  };
  Result<auth::Identity> who = identify();
  if (!who.ok()) {
    if (who.status().code() == Code::kUnauthenticated) state.refused_requests.Add(1);
    access.status = who.status();
    return access;
  }
  access.status = CheckRates(state, *who, access.headers);
  access.who = std::make_shared<const auth::Identity>(who.Take());
  return access;
}

Status CheckNamedTenant(GatewayState& state, const hosting::RouteCall& call,
                        const std::optional<std::string>& tenant) {
  const auth::Identity& who = IdentityOf(call);
  if (!tenant || *tenant == who.tenant || !who.is_operator) return Status::Ok();
  const Status there = state.placement->CheckTenant(*tenant, call.request.cancel);
  if (there.code() == Code::kInvalidIdentifier)
    return Status::Invalid(Code::kInvalidIdentifier, "/tenant_id", std::string(there.message()));
  if (there.code() != Code::kNotFound) return there;
  return Status::Invalid(
      Code::kInvalidRequest, "/tenant_id",
      fmt::format("{}: the Operation Node makes one (POST /tenants)", there.message()));
}

void AddLoginWait(hosting::RouteCall& call, std::int64_t wait_s) {
  if (wait_s <= 0) return;
  const std::string seconds = fmt::format("{}", wait_s);
  call.problem_headers.Set("Retry-After", seconds);
  call.problem_headers.Set("RateLimit-Limit", "1");
  call.problem_headers.Set("RateLimit-Remaining", "0");
  call.problem_headers.Set("RateLimit-Reset", seconds);
}

Status CheckFleet(const Config& config, const net::HttpRequest& request) {
  const auto shown = request.headers.Get("Authorization");
  if (shown && !config.process_secret.empty() &&
      // Digests, so that the time of comparing tells nothing of how much of a guess is right.
      security::Sha256(*shown) == security::Sha256("Bearer " + config.process_secret))
    return Status::Ok();
  return hosting::CheckFleetOperator(request, config, hosting::OwnMachine::kShowsCredentials);
}

}  // namespace granary::gateway
