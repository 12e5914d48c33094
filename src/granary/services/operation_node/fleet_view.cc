#include "granary/services/operation_node/fleet_view.h"

#include <algorithm>

namespace granary::operation {
namespace {

template <typename T, typename Read>
Status Put(FleetView::Table<T>& table, const metadata::Row& row, const Read& read) {
  if (row.deleted) {
    table.erase(row.key);
    return Status::Ok();
  }
  Result<T> value = read(row.body);
  if (!value.ok()) return value.status().At(row.key);
  table[row.key] = {row.version, value.Take()};
  return Status::Ok();
}

template <typename T>
const Kept<T>* FindIn(const FleetView::Table<T>& table, std::string_view key) {
  const auto found = table.find(key);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

Status FleetView::ApplyRow(const metadata::Row& row) {
  if (row.kind == kTenantKind) return Put(tenants_, row, ReadTenant);
  if (row.kind == kPlacementKind) return Put(placements_, row, ReadPlacement);
  if (row.kind == kQuotaKind) return Put(quotas_, row, ReadQuota);
  if (row.kind == kNodeKind) return Put(nodes_, row, ReadNode);
  // Nothing hangs on these: one that is damaged is passed over, and overwritten like any other.
  passed_over_.erase(row.key);
  if (row.kind == kDecisionKind) {
    const Status put = Put(decisions_, row, ReadMadeDecision);
    if (put.ok()) return put;
    passed_over_[row.key] = put.message();
    decisions_[row.key] = {row.version, {}};
    return Status::Ok();
  }
  if (row.kind != kScalingKind || row.key != kPolicyKey) return Status::Ok();
  if (row.deleted) {
    policy_.reset();
    return Status::Ok();
  }
  const Result<FleetPolicy> policy = ReadFleetPolicy(row.body);
  if (!policy.ok()) passed_over_[row.key] = policy.status().message();
  policy_ = Kept<FleetPolicy>{row.version, policy.ok() ? *policy : FleetPolicy()};
  return Status::Ok();
}

Status FleetView::Apply(const metadata::ChangeSet& changes) {
  FleetView next = *this;
  for (const metadata::Row& row : changes.rows) GRANARY_TRY(next.ApplyRow(row));
  next.version_ = changes.version;
  *this = std::move(next);
  return Status::Ok();
}

Status FleetView::Apply(const std::vector<metadata::Change>& changes, std::uint64_t version) {
  metadata::ChangeSet set{version, {}};
  for (const metadata::Change& change : changes) {
    set.rows.push_back({change.kind, change.key, version, !change.body, change.body.value_or("")});
  }
  return Apply(set);
}

std::vector<MadeDecision> FleetView::Decisions() const {
  std::vector<MadeDecision> out;
  for (const auto& [key, kept] : decisions_)
    if (kept.value.number > 0) out.push_back(kept.value);
  std::ranges::sort(out, {}, &MadeDecision::number);
  return out;
}

const Kept<Tenant>* FleetView::FindTenant(std::string_view id) const {
  return FindIn(tenants_, id);
}
const Kept<Placement>* FleetView::FindPlacement(std::string_view tenant) const {
  return FindIn(placements_, tenant);
}
const Kept<Quota>* FleetView::FindQuota(std::string_view tenant) const {
  return FindIn(quotas_, tenant);
}
const Kept<Node>* FleetView::FindNode(std::string_view id) const { return FindIn(nodes_, id); }

std::map<std::string, std::uint64_t, std::less<>> FleetView::PlacedCounts() const {
  std::map<std::string, std::uint64_t, std::less<>> out;
  for (const auto& [tenant, placement] : placements_) ++out[placement.value.node];
  return out;
}

}  // namespace granary::operation
