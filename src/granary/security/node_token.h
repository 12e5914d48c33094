// What gateway and nodes must say alike about the tokens that one gives and the others check.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "granary/security/token.h"

namespace granary::security {

inline constexpr std::string_view kIssuer = "granary";
inline constexpr std::string_view kNodeTokenHeader = "Granary-Token";
/// In a node's refusal: the tenant that the token names is not one of its own, and nothing of the
/// request was looked at.
inline constexpr std::string_view kTenantHereHeader = "Granary-Tenant";
inline constexpr std::string_view kTenantNotHere = "not-here";
/// A node takes no token that is good for longer, whoever signed it.
inline constexpr std::int64_t kNodeTokenSecondsMax = 300;

/// Of a node, for one of its tenants.
inline std::string NodeAudience(std::string_view tenant) {
  return std::string("tenant-node/").append(tenant);
}

/// Of the same node's gRPC door: of a token that its client shows there without a gateway between
/// them. REST, which goes through the gateway and its limits, takes none.
inline std::string NodeGrpcAudience(std::string_view tenant) {
  return std::string("tenant-node-grpc/").append(tenant);
}

/// Of a node that serves many: the token says for which of them it is, twice and alike.
inline TokenRules ManyNodeTokenRules() {
  return {.use = TokenUse::kNode,
          .issuer = std::string(kIssuer),
          .audience = NodeAudience(""),
          .also_audience = NodeGrpcAudience(""),
          .audience_names_tenant = true,
          .leeway_s = 5,
          .lifetime_max_s = kNodeTokenSecondsMax};
}

inline TokenRules NodeTokenRules(std::string_view tenant) {
  return {.use = TokenUse::kNode,
          .issuer = std::string(kIssuer),
          .audience = NodeAudience(tenant),
          .also_audience = NodeGrpcAudience(tenant),
          .leeway_s = 5,
          .lifetime_max_s = kNodeTokenSecondsMax};
}

}  // namespace granary::security
