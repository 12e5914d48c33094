// PolicyBook: what is to hold of compactions: for all, for a tenant, for a source.
//
// Order      a source's own policy says more than its tenant's, that one more than the default, and
//            that one more than the settings of the node.
// Threads    the book is fully safe; policies that it gives are values.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "granary/api/catalog_answer_json.h"
#include "granary/api/compaction_policy_json.h"
#include "granary/base/status.h"
#include "granary/services/metadata_catalog/catalog_db.h"

namespace granary::catalog {

/// Whose policy it is: both empty of all, a tenant alone of all of its sources.
struct PolicyScope {
  std::string tenant, source;
  auto operator<=>(const PolicyScope&) const = default;
};
using Policies = std::map<PolicyScope, api::CompactionPolicy>;

/// What holds of a source whose node says `own` of itself. Pure.
api::CompactionPolicy PolicyFor(const Policies& policies, const std::string& tenant,
                                const std::string& source, const api::CompactionPolicy& own);
/// What a tenant's node is told. Pure.
api::NodePolicies PoliciesOf(const Policies& policies, const std::string& tenant);

class PolicyBook {
 public:
  /// `db` outlives it.
  static Result<std::unique_ptr<PolicyBook>> Open(CatalogDb& db, std::uint64_t policies_max);

  /// Nothing: there is none of that scope any more. kQuotaExceeded past CATALOG_MAX_POLICIES,
  /// kNotFound when there is no such tenant or source; kInvalidRequest when, with the policies above
  /// and below it and what nodes say of themselves, sizes would not be in order.
  Status Put(const PolicyScope& scope, const std::optional<api::CompactionPolicy>& policy);
  Policies policies() const;
  std::uint64_t version() const;  ///< Higher with every change; never 0.
  void ForgetTenant(const std::string& tenant);

 private:
  PolicyBook(CatalogDb& db, std::uint64_t policies_max) : db_(db), policies_max_(policies_max) {}

  CatalogDb& db_;
  const std::uint64_t policies_max_;
  mutable std::mutex mutex_;  // Guards what follows.
  Policies policies_;
  std::uint64_t version_ = 1;
};

/// {"tenant_id": "acme", "source_id": "s", "policy": {…}}; null, or a tenant or source left out,
/// as above.
struct PolicyPut {
  PolicyScope scope;
  std::optional<api::CompactionPolicy> policy;
};
Result<PolicyPut> ParsePolicyPut(std::string_view body);

}  // namespace granary::catalog
