// HostedTenant: a tenant that a node with NODE_CAPACITY above 1 serves, as the Operation Node says
// it in its answer to a heartbeat; and the file in which a node keeps the last answer.
//
// Shape      {"tenants": [{"tenant_id", "name", "state", "keeps_data", "changed_us", "quota"}]}; members
//            that a later version adds are passed over.
// Threads    values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/json_node.h"
#include "granary/base/ids.h"
#include "granary/base/status.h"

namespace granary::services {

enum class HostedState : std::uint8_t {
  kActive,
  kSuspended,  ///< Its data stays, and nobody is served.
  kDeleting,   ///< Its data goes, unless it is to be kept; then it is said to be gone.
};

/// Nothing: as the node is set up.
struct HostedQuota {
  std::optional<std::uint64_t> sources, memory_mb, workers, searches;
  bool operator==(const HostedQuota&) const = default;
};

struct HostedTenant {
  TenantId id;
  std::string name;
  HostedState state = HostedState::kActive;
  bool keeps_data = false;
  std::int64_t changed_us = 0;  ///< Tells one deletion of an id from another.
  HostedQuota quota;
  bool operator==(const HostedTenant&) const = default;
};

/// That a tenant was let go of, as a list said that was changed then.
struct GoneTenant {
  std::string id;
  std::int64_t changed_us = 0;
  bool operator==(const GoneTenant&) const = default;
};

/// What a heartbeat's answer says about whom the node serves.
struct Hosting {
  std::vector<HostedTenant> tenants;
  std::vector<TenantId> unknown;  ///< Nobody can tell what is to become of them: they stay.
};

/// `root` has "placed", and may have "unreadable". kInvalidRequest for what no Operation Node says;
/// nothing when it has no "placed": it is of a version that lists ids alone.
Result<std::optional<Hosting>> ReadHosting(std::string_view answer);

std::string HostedFileText(const std::vector<HostedTenant>& tenants);
/// kCorruption for a text that HostedFileText did not write.
Result<std::vector<HostedTenant>> ReadHostedFile(std::string_view text);

}  // namespace granary::services
