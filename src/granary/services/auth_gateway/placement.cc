#include "granary/services/auth_gateway/placement.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/security/node_token.h"

namespace granary::gateway {

Result<std::map<std::string, net::UpstreamAddress>> ParseNodeList(std::string_view text) {
  std::map<std::string, net::UpstreamAddress> nodes;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = std::min(one.find('='), one.size());
    GRANARY_ASSIGN(const TenantId tenant, TenantId::Parse(one.substr(0, equals)));
    GRANARY_ASSIGN(net::UpstreamAddress address,
                   net::ParseUpstreamUrl(one.substr(std::min(equals + 1, one.size()))));
    if (!nodes.emplace(tenant.str(), std::move(address)).second) {
      return Status(Code::kInvalidArgument,
                    fmt::format("the tenant '{}' is named twice", tenant.str()));
    }
  }
  return nodes;
}

FixedPlacement::FixedPlacement(const std::map<std::string, net::UpstreamAddress>& nodes,
                               net::UpstreamOptions options) {
  for (const auto& [tenant, address] : nodes) {
    nodes_.emplace(tenant,
                   PlacedNode{std::make_shared<net::UpstreamPool>(address, options),
                              security::NodeAudience(tenant), address.text(), address.host});
  }
}

Result<PlacedNode> FixedPlacement::NodeOf(const std::string& tenant,
                                          const runtime::CancelToken& /*cancel*/) {
  const auto found = nodes_.find(tenant);
  if (found != nodes_.end()) return found->second;
  return Status(
      Code::kUnavailable,
      fmt::format(
          "no node is known that serves the tenant '{}': whoever runs this gateway says which",
          tenant));
}

}  // namespace granary::gateway
