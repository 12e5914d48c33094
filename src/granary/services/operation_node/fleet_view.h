// FleetView: the fleet as the metadata store had it after one of its commits.
//
// Damaged    a row that cannot be read (bytes that rotted, what a later version writes) is nowhere
//            in the tables, and known by its name: what it is about is neither shown nor changed,
//            what runs of it goes on, and nothing else is touched. Decisions and policies, on which
//            nothing hangs, are as if they had their defaults, and are overwritten like any other.
// Threads    immutable once shared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

/// A row that is there and cannot be read.
struct Damage {
  std::uint64_t version = 0;
  std::string why;
};

class FleetView {
 public:
  template <typename T>
  using Table = std::map<std::string, Kept<T>, std::less<>>;

  /// Takes what is newer. Rows of kinds that are not known are passed over.
  void Apply(const metadata::ChangeSet& changes);
  /// Takes a commit of one's own that had `version`.
  void Apply(const std::vector<metadata::Change>& changes, std::uint64_t version);

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

  /// By kind and key: "tenant/acme".
  const std::map<std::string, Damage, std::less<>>& damaged() const { return damaged_; }
  /// kCorruption, naming the row, when it cannot be read.
  Status CheckRow(std::string_view kind, std::string_view key) const;
  /// The same of all rows that are about the tenant alone.
  Status CheckTenant(std::string_view id) const;
  /// Those of which CheckTenant complains.
  std::set<std::string, std::less<>> DamagedTenants() const;

  /// Null when there is none.
  const Kept<Tenant>* FindTenant(std::string_view id) const;
  const Kept<Placement>* FindPlacement(std::string_view tenant) const;
  const Kept<Quota>* FindQuota(std::string_view tenant) const;
  const Kept<Node>* FindNode(std::string_view id) const;
  const Kept<Claim>* FindClaim(std::string_view operation_node) const;
  /// What a change of the row has to expect, whether it can be read or not; 0: it is not there.
  std::uint64_t VersionOf(std::string_view kind, std::string_view key) const;
  /// How many tenants are placed on each node.
  std::map<std::string, std::uint64_t, std::less<>> PlacedCounts() const;

 private:
  Status ApplyRow(const metadata::Row& row);
  Status ApplyPolicy(const metadata::Row& row);

  std::uint64_t version_ = 0;
  Table<Tenant> tenants_;
  Table<Placement> placements_;
  Table<Quota> quotas_;
  Table<Node> nodes_;
  Table<Claim> claims_;
  Table<MadeDecision> decisions_;
  std::optional<Kept<FleetPolicy>> policy_;
  std::map<std::string, Damage, std::less<>> damaged_;
};

}  // namespace granary::operation
