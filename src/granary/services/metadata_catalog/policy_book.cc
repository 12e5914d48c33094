#include "granary/services/metadata_catalog/policy_book.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "granary/base/ids.h"
#include "granary/services/metadata_catalog/publishers.h"
#include "granary/services/metadata_catalog/source_book.h"

namespace granary::catalog {
namespace {

constexpr std::size_t kPolicyDepth = 8;

const api::CompactionPolicy* Find(const Policies& policies, const PolicyScope& scope) {
  const auto found = policies.find(scope);
  return found == policies.end() ? nullptr : &found->second;
}

Status CheckThere(SqliteDb& db, const PolicyScope& scope) {
  if (scope.tenant.empty()) return Status::Ok();
  GRANARY_ASSIGN(const auto tenant, FindPublisher(db, scope.tenant));
  if (!tenant)
    return {Code::kNotFound, fmt::format("no node tells of tenant \"{}\"", scope.tenant)};
  if (scope.source.empty()) return Status::Ok();
  GRANARY_ASSIGN(const auto source, FindSource(db, scope.tenant, scope.source));
  if (source) return Status::Ok();
  return {Code::kSourceNotFound,
          fmt::format("tenant \"{}\" has no source \"{}\"", scope.tenant, scope.source)};
}

Status Write(SqliteDb& db, const PolicyScope& scope,
             const std::optional<api::CompactionPolicy>& policy) {
  if (!policy) {
    GRANARY_ASSIGN(SqliteStatement gone,
                   db.Prepare("DELETE FROM policies WHERE tenant = ? AND source = ?"));
    return gone.Text(1, scope.tenant).Text(2, scope.source).Run();
  }
  std::string text;
  api::AppendCompactionPolicy(*policy, text);
  GRANARY_ASSIGN(SqliteStatement write,
                 db.Prepare("INSERT OR REPLACE INTO policies VALUES (?,?,?)"));
  return write.Text(1, scope.tenant).Text(2, scope.source).Text(3, text).Run();
}

Result<Policies> LoadPolicies(SqliteDb& db) {
  GRANARY_ASSIGN(SqliteStatement rows, db.Prepare("SELECT tenant, source, policy FROM policies"));
  Policies out;
  for (;;) {
    GRANARY_ASSIGN(const bool row, rows.Step());
    if (!row) return out;
    GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(rows.bytes(2), kPolicyDepth));
    GRANARY_ASSIGN((out[{std::string(rows.bytes(0)), std::string(rows.bytes(1))}]),
                   api::ReadCompactionPolicy(node, ""));
  }
}

// As a node's own start looks at them: the smallest to merge, the one to reach, the largest.
Status CheckSizes(const api::CompactionPolicy& policy, const std::string& whose) {
  const auto check = [&](std::string_view low, const std::optional<double>& low_is,
                         std::string_view high, const std::optional<double>& high_is) {
    if (!low_is || !high_is || *low_is <= *high_is) return Status::Ok();
    return Status::Invalid(
        Code::kInvalidRequest, "/policy",
        fmt::format("with what else holds for {}, {} would be {}, more than {}, which is {}", whose,
                    low, *low_is, high, *high_is));
  };
  GRANARY_TRY(check("min_file_size_mb", policy.min_file_size_mb, "target_file_size_mb",
                    policy.target_file_size_mb));
  return check("target_file_size_mb", policy.target_file_size_mb, "max_file_size_mb",
               policy.max_file_size_mb);
}

// Of every tenant that `scope` is about, and its sources that have a policy.
Status CheckInForce(SqliteDb& db, const Policies& then, const PolicyScope& scope) {
  GRANARY_ASSIGN(const auto publishers, ListPublishers(db));
  for (const Publisher& one : publishers) {
    if (!scope.tenant.empty() && scope.tenant != one.tenant) continue;
    GRANARY_TRY(CheckSizes(PolicyFor(then, one.tenant, "", one.policy),
                           fmt::format("the tenant \"{}\"", one.tenant)));
    for (auto at = then.upper_bound({one.tenant, ""});
         at != then.end() && at->first.tenant == one.tenant; ++at) {
      GRANARY_TRY(
          CheckSizes(PolicyFor(then, one.tenant, at->first.source, one.policy),
                     fmt::format("the source \"{}\" of \"{}\"", at->first.source, one.tenant)));
    }
  }
  return Status::Ok();
}

Result<std::string> OptionalIdentifier(api::ObjectReader& body, std::string_view name) {
  GRANARY_ASSIGN(const auto text, body.Text(name));
  if (!text) return std::string();
  if (IsIdentifier(*text)) return *text;
  return Status::Invalid(Code::kInvalidIdentifier, body.PointerOf(name),
                         std::string(InvalidIdentifier(*text).message()));
}

}  // namespace

api::CompactionPolicy PolicyFor(const Policies& policies, const std::string& tenant,
                                const std::string& source, const api::CompactionPolicy& own) {
  api::CompactionPolicy out = own;
  for (const PolicyScope& scope :
       {PolicyScope{}, PolicyScope{tenant, ""}, PolicyScope{tenant, source}}) {
    if (const auto* policy = Find(policies, scope)) out = api::Over(*policy, out);
  }
  return out;
}

api::NodePolicies PoliciesOf(const Policies& policies, const std::string& tenant) {
  api::NodePolicies out;
  out.others = PolicyFor(policies, tenant, "", {});
  for (auto at = policies.upper_bound({tenant, ""});
       at != policies.end() && at->first.tenant == tenant; ++at) {
    if (const auto id = SourceId::Parse(at->first.source); id.ok())
      out.sources[*id] = api::Over(at->second, out.others);
  }
  return out;
}

Result<std::unique_ptr<PolicyBook>> PolicyBook::Open(CatalogDb& db, std::uint64_t policies_max) {
  std::unique_ptr<PolicyBook> out(new PolicyBook(db, policies_max));
  GRANARY_ASSIGN(out->policies_, db.Read([](SqliteDb& file) { return LoadPolicies(file); }));
  GRANARY_ASSIGN(const std::int64_t version, db.Read([](SqliteDb& file) {
    return file.QueryInteger("SELECT value FROM counters WHERE name = 'policies'");
  }));
  out->version_ = static_cast<std::uint64_t>(std::max<std::int64_t>(version, 1));
  return out;
}

Status PolicyBook::Put(const PolicyScope& scope,
                       const std::optional<api::CompactionPolicy>& policy) {
  const std::lock_guard lock(mutex_);
  if (policy && !policies_.contains(scope) && policies_.size() >= policies_max_) {
    return {Code::kQuotaExceeded,
            fmt::format("there are {} policies already, which is CATALOG_MAX_POLICIES",
                        policies_.size())};
  }
  Policies then = policies_;
  if (policy)
    then[scope] = *policy;
  else
    then.erase(scope);
  GRANARY_ASSIGN(version_, db_.Change([&](SqliteDb& db) -> Result<std::uint64_t> {
    if (policy) GRANARY_TRY(CheckThere(db, scope));
    GRANARY_TRY(CheckInForce(db, then, scope));
    GRANARY_TRY(Write(db, scope, policy));
    return CountUp(db, "policies");
  }));
  policies_ = std::move(then);
  return Status::Ok();
}

Policies PolicyBook::policies() const {
  const std::lock_guard lock(mutex_);
  return policies_;
}

std::uint64_t PolicyBook::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

// Their rows went with the tenant's.
void PolicyBook::ForgetTenant(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  std::erase_if(policies_, [&](const auto& entry) { return entry.first.tenant == tenant; });
}

Result<PolicyPut> ParsePolicyPut(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(text, kPolicyDepth));
  api::ObjectReader body(root, "");
  PolicyPut out;
  GRANARY_ASSIGN(out.scope.tenant, OptionalIdentifier(body, "tenant_id"));
  GRANARY_ASSIGN(out.scope.source, OptionalIdentifier(body, "source_id"));
  if (out.scope.tenant.empty() && !out.scope.source.empty()) {
    return Status::Invalid(Code::kInvalidRequest, "/tenant_id",
                           "this member is required where source_id is given");
  }
  if (const api::JsonNode* policy = body.Find("policy")) {
    GRANARY_ASSIGN(out.policy, api::ReadCompactionPolicy(*policy, "/policy"));
  } else if (std::ranges::none_of(root.members,
                                  [](const auto& member) { return member.name == "policy"; })) {
    return Status::Invalid(Code::kInvalidRequest, "/policy",
                           "this member is required; null takes the policy away");
  }
  GRANARY_TRY(body.Finish());
  return out;
}

}  // namespace granary::catalog
