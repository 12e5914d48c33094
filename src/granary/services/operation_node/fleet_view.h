// FleetView: the fleet as the metadata store had it after one of its commits.
//
// Threads    immutable once shared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/metadata/metadata_row.h"
#include "granary/services/operation_node/fleet_policy.h"
#include "granary/services/operation_node/fleet_rows.h"

namespace granary::operation {

/// A row's content and the version that a change of it has to expect.
template <typename T>
struct Kept {
  std::uint64_t version = 0;
  T value;
};

class FleetView {
 public:
  template <typename T>
  using Table = std::map<std::string, Kept<T>, std::less<>>;

  /// Takes what is newer. kCorruption for a row that cannot be read; nothing is taken then. Rows of
  /// kinds that are not known are passed over, and decisions and policies that cannot be read.
  Status Apply(const metadata::ChangeSet& changes);
  /// Takes a commit of one's own that had `version`.
  Status Apply(const std::vector<metadata::Change>& changes, std::uint64_t version);

  /// Of the newest commit that is in it; 0: none.
  std::uint64_t version() const { return version_; }
  const Table<Tenant>& tenants() const { return tenants_; }
  const Table<Placement>& placements() const { return placements_; }
  const Table<Quota>& quotas() const { return quotas_; }
  const Table<Node>& nodes() const { return nodes_; }
  const std::optional<Kept<FleetPolicy>>& policy() const { return policy_; }
  /// In the order in which they were made.
  std::vector<MadeDecision> Decisions() const;
  const Table<MadeDecision>& decision_rows() const { return decisions_; }

  /// Decisions and policies that cannot be read, with the reason.
  const std::map<std::string, std::string>& passed_over() const { return passed_over_; }

  /// Null when there is none.
  const Kept<Tenant>* FindTenant(std::string_view id) const;
  const Kept<Placement>* FindPlacement(std::string_view tenant) const;
  const Kept<Quota>* FindQuota(std::string_view tenant) const;
  const Kept<Node>* FindNode(std::string_view id) const;
  /// How many tenants are placed on each node.
  std::map<std::string, std::uint64_t, std::less<>> PlacedCounts() const;

 private:
  Status ApplyRow(const metadata::Row& row);

  std::uint64_t version_ = 0;
  Table<Tenant> tenants_;
  Table<Placement> placements_;
  Table<Quota> quotas_;
  Table<Node> nodes_;
  Table<MadeDecision> decisions_;
  std::optional<Kept<FleetPolicy>> policy_;
  std::map<std::string, std::string> passed_over_;
};

}  // namespace granary::operation
