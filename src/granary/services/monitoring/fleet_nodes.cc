#include "granary/services/monitoring/fleet_nodes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/base/ids.h"
#include "granary/hosting/loopback_guard.h"
#include "granary/net/upstream_socket.h"

namespace granary::services {
namespace {

using Kind = api::JsonNode::Kind;

constexpr std::size_t kNodesDepth = 8;
constexpr std::size_t kNodeUrlBytesMax = 512;
constexpr int kPortMax = 65'535;
constexpr std::array<std::string_view, 4> kNodeStates = {"starting", "alive", "suspect", "dead"};

const api::JsonNode* MemberOf(const api::JsonNode& object, std::string_view name, Kind kind) {
  for (const api::JsonMember& member : object.members)
    if (member.name == name && member.value.kind == kind) return &member.value;
  return nullptr;
}

// Nodes are asked without TLS, as the gateway asks them.
bool IsNodeUrl(const std::string& url) {
  if (url.size() > kNodeUrlBytesMax) return false;
  const auto address = net::ParseUpstreamUrl(url);
  if (!address.ok()) return false;
  int port = 0;
  const char* end = address->port.data() + address->port.size();
  const auto [stop, error] = std::from_chars(address->port.data(), end, port);
  return error == std::errc() && stop == end && port > 0 && port <= kPortMax;
}

std::optional<FleetNode> ReadFleetNode(const api::JsonNode& entry) {
  FleetNode out;
  const api::JsonNode* id = MemberOf(entry, "node_id", Kind::kString);
  const api::JsonNode* state = MemberOf(entry, "state", Kind::kString);
  const api::JsonNode* tenants = MemberOf(entry, "active_tenants", Kind::kArray);
  if (id == nullptr || state == nullptr || tenants == nullptr || !IsIdentifier(id->text))
    return std::nullopt;
  if (std::ranges::find(kNodeStates, state->text) == kNodeStates.end()) return std::nullopt;
  if (const api::JsonNode* url = MemberOf(entry, "url", Kind::kString); url != nullptr) {
    if (!IsNodeUrl(url->text)) return std::nullopt;
    out.url = url->text;
  }
  out.id = id->text;
  out.state = state->text;
  out.is_launched = MemberOf(entry, "launched_by", Kind::kString) != nullptr;
  for (const api::JsonNode& tenant : tenants->items) {
    if (tenant.kind != Kind::kString || !IsIdentifier(tenant.text)) return std::nullopt;
    out.tenants.push_back(tenant.text);
  }
  std::ranges::sort(out.tenants);
  return out;
}

std::string_view HostOf(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? url : url.substr(scheme + 3);
}

}  // namespace

Result<FleetNodesPage> ReadFleetNodes(std::string_view json) {
  const auto page = api::ParseJsonObject(json, kNodesDepth);
  const api::JsonNode* nodes = page.ok() ? MemberOf(*page, "nodes", Kind::kArray) : nullptr;
  if (nodes == nullptr) {
    return Status(Code::kCorruption,
                  "what the Operation Node says of its nodes is no page of them");
  }
  FleetNodesPage out;
  for (const api::JsonNode& entry : nodes->items) {
    std::optional<FleetNode> node = ReadFleetNode(entry);
    if (!node)
      ++out.found.bad;
    else if (!node->should_run())
      ++out.found.idle;
    else
      out.found.nodes.push_back(std::move(*node));
  }
  if (const api::JsonNode* next = MemberOf(*page, "next_cursor", Kind::kString); next != nullptr) {
    if (!IsIdentifier(next->text)) {
      return Status(Code::kCorruption,
                    "the Operation Node's page of nodes ends with a cursor that is no node");
    }
    out.next_cursor = next->text;
  }
  return out;
}

bool IsReachable(std::string_view url, std::string_view operation_url) {
  return !hosting::IsThisMachine(HostOf(url)) || hosting::IsThisMachine(HostOf(operation_url));
}

}  // namespace granary::services
