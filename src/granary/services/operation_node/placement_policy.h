// PlacementPolicy: which node serves a tenant.
//
// Order      the node that was asked for -> one that has the tenant's data already -> the one with
//            the fewest tenants of those that have room for any -> a node that is launched for it.
//            Only nodes that are alive and not being drained are taken.
// Explains   the choice's reason, and of each node that was passed over why.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/services/operation_node/node_health.h"

namespace granary::operation {

struct PlacementCandidate {
  std::string node;
  NodeState state = NodeState::kAlive;
  bool draining = false;
  bool has_tenant = false;   ///< It says that it serves the tenant.
  bool is_launched = false;  ///< For one tenant, or by another Operation Node.
  bool may_start = false;    ///< It is launched here for many: one that starts will be there soon.
  std::uint64_t placed = 0;  ///< Tenants that are placed there.
  std::uint64_t capacity = 1;
  double cpu_percent = 0;
};

struct PlacementWish {
  std::string tenant;
  std::string node;  ///< That it shall be; empty: any.
  bool may_launch = false;
  std::string why_no_launch;  ///< When it may not.
};

struct PassedOver {
  std::string node;
  std::string reason;
};

struct PlacementChoice {
  enum class Kind : std::uint8_t { kNode, kLaunch, kNone };
  Kind kind = Kind::kNone;
  std::string node;  ///< Of kNode.
  std::string reason;
  std::vector<PassedOver> passed_over;
};

PlacementChoice PickNode(const std::vector<PlacementCandidate>& candidates,
                         const PlacementWish& wish);

}  // namespace granary::operation
