#include "granary/services/operation_node/fleet_view.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::operation {
namespace {

std::string RowName(std::string_view kind, std::string_view key) {
  return std::string(kind).append("/").append(key);
}

template <typename T, typename Read>
Status Put(FleetView::Table<T>& table, const metadata::Row& row, const Read& read) {
  table.erase(row.key);
  if (row.deleted) return Status::Ok();
  Result<T> value = read(row.body);
  if (value.ok()) table[row.key] = {row.version, value.Take()};
  return value.status();
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
  if (row.kind == kClaimKind) return Put(claims_, row, ReadClaim);
  if (row.kind == kDecisionKind) {
    const Status put = Put(decisions_, row, ReadMadeDecision);
    if (!put.ok()) decisions_[row.key] = {row.version, {}};
    return put;
  }
  return row.kind == kScalingKind && row.key == kPolicyKey ? ApplyPolicy(row) : Status::Ok();
}

Status FleetView::ApplyPolicy(const metadata::Row& row) {
  policy_.reset();
  if (row.deleted) return Status::Ok();
  const Result<FleetPolicy> policy = ReadFleetPolicy(row.body);
  policy_ = Kept<FleetPolicy>{row.version, policy.ok() ? *policy : FleetPolicy()};
  return policy.status();
}

void FleetView::Apply(const metadata::ChangeSet& changes) {
  for (const metadata::Row& row : changes.rows) {
    const Status read = ApplyRow(row);
    if (read.ok())
      damaged_.erase(RowName(row.kind, row.key));
    else
      damaged_[RowName(row.kind, row.key)] = {row.version, std::string(read.message())};
  }
  version_ = changes.version;
}

void FleetView::Apply(const std::vector<metadata::Change>& changes, std::uint64_t version) {
  metadata::ChangeSet set{version, {}};
  for (const metadata::Change& change : changes) {
    set.rows.push_back({change.kind, change.key, version, !change.body, change.body.value_or("")});
  }
  Apply(set);
}

Status FleetView::CheckRow(std::string_view kind, std::string_view key) const {
  const auto found = damaged_.find(RowName(kind, key));
  if (found == damaged_.end()) return Status::Ok();
  return Status::Corruption(
      fmt::format("the row '{}' of the metadata cannot be read, so nothing about it is shown or "
                  "changed until it is put right in the store: {}",
                  found->first, found->second.why));
}

Status FleetView::CheckTenant(std::string_view id) const {
  for (const std::string_view kind : {kTenantKind, kPlacementKind, kQuotaKind})
    GRANARY_TRY(CheckRow(kind, id));
  return Status::Ok();
}

std::set<std::string, std::less<>> FleetView::DamagedTenants() const {
  std::set<std::string, std::less<>> out;
  for (const auto& [row, damage] : damaged_) {
    std::string id = row.substr(row.find('/') + 1);
    if (!CheckTenant(id).ok()) out.insert(std::move(id));
  }
  return out;
}

std::uint64_t FleetView::VersionOf(std::string_view kind, std::string_view key) const {
  const auto of = [&](const auto& table) {
    const auto* kept = FindIn(table, key);
    return kept == nullptr ? std::uint64_t{0} : kept->version;
  };
  if (const auto found = damaged_.find(RowName(kind, key)); found != damaged_.end())
    return found->second.version;
  if (kind == kTenantKind) return of(tenants_);
  if (kind == kPlacementKind) return of(placements_);
  if (kind == kQuotaKind) return of(quotas_);
  if (kind == kNodeKind) return of(nodes_);
  return kind == kClaimKind ? of(claims_) : 0;
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
const Kept<Claim>* FleetView::FindClaim(std::string_view operation_node) const {
  return FindIn(claims_, operation_node);
}

std::map<std::string, std::uint64_t, std::less<>> FleetView::PlacedCounts() const {
  std::map<std::string, std::uint64_t, std::less<>> out;
  for (const auto& [tenant, placement] : placements_) ++out[placement.value.node];
  return out;
}

}  // namespace granary::operation
