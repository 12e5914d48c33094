#include "granary/services/operation_node/fleet_rows.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/services/operation_node/members.h"

namespace granary::operation {
namespace {

constexpr std::size_t kRowDepth = 8;
constexpr std::uint64_t kMaxInstant = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr double kAnyNumber = 1e18;

struct StateName {
  TenantState state;
  std::string_view name;
};
constexpr StateName kStateNames[] = {{TenantState::kActive, "active"},
                                     {TenantState::kSuspended, "suspended"},
                                     {TenantState::kDeleting, "deleting"}};

Result<std::int64_t> ReadInstant(api::ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const auto value, object.WholeNumber(name, 0, kMaxInstant));
  return static_cast<std::int64_t>(value.value_or(0));
}

Result<std::string> ReadText(api::ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(auto text, object.Text(name));
  return std::move(text).value_or("");
}

// What `read` makes of a body; whatever it complains about is damage, not a request's fault.
template <typename T, typename Read>
Result<T> ReadBody(std::string_view what, std::string_view body, const Read& read) {
  const auto parsed = [&]() -> Result<T> {
    GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(body, kRowDepth));
    api::ObjectReader object(node, "");
    T out;
    GRANARY_TRY(read(object, out));
    return out;
  };
  Result<T> out = parsed();
  if (out.ok()) return out;
  return Status::Corruption(
      fmt::format("a row of kind {} is damaged: {}", what, out.status().message()));
}

Status ReadLoad(api::ObjectReader& object, NodeLoad& load) {
  GRANARY_ASSIGN(const auto cpu, ReadNumber(object, "cpu_percent", 0, kAnyNumber));
  GRANARY_ASSIGN(const auto memory, ReadNumber(object, "memory_percent", 0, kAnyNumber));
  GRANARY_ASSIGN(const auto delay, ReadNumber(object, "queue_delay_ms", 0, kAnyNumber));
  GRANARY_ASSIGN(const auto queued, object.WholeNumber("queued", 0, kAny));
  GRANARY_ASSIGN(const auto workers, object.WholeNumber("workers", 0, kAny));
  load = {cpu.value_or(0), memory.value_or(0), delay.value_or(0), queued.value_or(0),
          workers.value_or(0)};
  return Status::Ok();
}

void AddLoad(api::JsonObject& object, const NodeLoad& load) {
  AddNumber(object, "cpu_percent", load.cpu_percent);
  AddNumber(object, "memory_percent", load.memory_percent);
  AddNumber(object, "queue_delay_ms", load.queue_delay_ms);
  object.Add("queued", load.queued);
  object.Add("workers", load.workers);
}

}  // namespace

std::string_view TenantStateName(TenantState state) {
  return std::ranges::find(kStateNames, state, &StateName::state)->name;
}

std::optional<TenantState> ParseTenantState(std::string_view name) {
  for (const StateName& known : kStateNames)
    if (known.name == name) return known.state;
  return std::nullopt;
}

std::string TenantBody(const Tenant& tenant) {
  std::string out;
  api::JsonObject object(out);
  object.Add("name", std::string_view(tenant.name));
  object.Add("state", TenantStateName(tenant.state));
  object.Add("keeps_data", tenant.keeps_data);
  object.Add("created_us", tenant.created_us);
  object.Add("changed_us", tenant.changed_us);
  object.Close();
  return out;
}

Result<Tenant> ReadTenant(std::string_view body) {
  return ReadBody<Tenant>(kTenantKind, body, [](api::ObjectReader& object, Tenant& out) -> Status {
    GRANARY_ASSIGN(out.name, ReadText(object, "name"));
    GRANARY_ASSIGN(const std::string state, object.RequiredText("state"));
    const auto known = ParseTenantState(state);
    if (!known) return Status::Corruption("unknown state " + state);
    out.state = *known;
    GRANARY_ASSIGN(const auto keeps_data, object.Boolean("keeps_data"));
    out.keeps_data = keeps_data.value_or(false);
    GRANARY_ASSIGN(out.created_us, ReadInstant(object, "created_us"));
    GRANARY_ASSIGN(out.changed_us, ReadInstant(object, "changed_us"));
    return Status::Ok();
  });
}

std::string PlacementBody(const Placement& placement) {
  std::string out;
  api::JsonObject object(out);
  object.Add("node", std::string_view(placement.node));
  object.Add("launched_by", std::string_view(placement.launched_by));
  object.Add("reason", std::string_view(placement.reason));
  object.Add("since_us", placement.since_us);
  object.Add("turn", placement.turn);
  object.Close();
  return out;
}

Result<Placement> ReadPlacement(std::string_view body) {
  return ReadBody<Placement>(kPlacementKind, body,
                             [](api::ObjectReader& object, Placement& out) -> Status {
                               GRANARY_ASSIGN(out.node, object.RequiredText("node"));
                               GRANARY_ASSIGN(out.launched_by, ReadText(object, "launched_by"));
                               GRANARY_ASSIGN(out.reason, ReadText(object, "reason"));
                               GRANARY_ASSIGN(out.since_us, ReadInstant(object, "since_us"));
                               GRANARY_ASSIGN(const auto turn, object.WholeNumber("turn", 0, kAny));
                               out.turn = turn.value_or(0);
                               return Status::Ok();
                             });
}

std::string QuotaBody(const Quota& quota) {
  std::string out;
  api::JsonObject object(out);
  object.Add("sources", quota.sources);
  object.Add("memory_mb", quota.memory_mb);
  object.Add("workers", quota.workers);
  object.Add("searches", quota.searches);
  object.Close();
  return out;
}

Result<Quota> ReadQuota(std::string_view body) {
  return ReadBody<Quota>(kQuotaKind, body, [](api::ObjectReader& object, Quota& out) -> Status {
    GRANARY_ASSIGN(out.sources, object.WholeNumber("sources", 0, kAny));
    GRANARY_ASSIGN(out.memory_mb, object.WholeNumber("memory_mb", 0, kAny));
    GRANARY_ASSIGN(out.workers, object.WholeNumber("workers", 0, kAny));
    GRANARY_ASSIGN(out.searches, object.WholeNumber("searches", 0, kAny));
    return Status::Ok();
  });
}

std::string NodeBody(const Node& node) {
  std::string out;
  api::JsonObject object(out);
  object.Add("url", std::string_view(node.url));
  object.Add("key_digest", std::string_view(node.key_digest));
  object.Add("launched_by", std::string_view(node.launched_by));
  std::string& tenants = object.Key("tenants");
  tenants.push_back('[');
  for (const std::string& tenant : node.tenants) {
    if (tenants.back() != '[') tenants.push_back(',');
    json::AppendString(tenant, tenants);
  }
  tenants.push_back(']');
  object.Add("capacity", node.capacity);
  object.Add("follows", node.follows);
  object.Add("version", std::string_view(node.version));
  object.Add("draining", node.draining);
  object.Add("seen_us", node.seen_us);
  AddLoad(object, node.load);
  object.Close();
  return out;
}

Result<Node> ReadNode(std::string_view body) {
  return ReadBody<Node>(kNodeKind, body, [](api::ObjectReader& object, Node& out) -> Status {
    GRANARY_ASSIGN(out.url, ReadText(object, "url"));
    GRANARY_ASSIGN(out.key_digest, ReadText(object, "key_digest"));
    GRANARY_ASSIGN(out.launched_by, ReadText(object, "launched_by"));
    GRANARY_ASSIGN(out.tenants, object.Texts("tenants"));
    GRANARY_ASSIGN(const auto capacity, object.WholeNumber("capacity", 0, kAny));
    out.capacity = capacity.value_or(1);
    GRANARY_ASSIGN(const auto follows, object.Boolean("follows"));
    out.follows = follows.value_or(false);
    GRANARY_ASSIGN(out.version, ReadText(object, "version"));
    GRANARY_ASSIGN(const auto draining, object.Boolean("draining"));
    out.draining = draining.value_or(false);
    GRANARY_ASSIGN(out.seen_us, ReadInstant(object, "seen_us"));
    return ReadLoad(object, out.load);
  });
}

std::string ClaimBody(const Claim& claim) {
  std::string out;
  api::JsonObject object(out);
  object.Add("instance", std::string_view(claim.instance));
  object.Add("where", std::string_view(claim.where));
  object.Add("turn", claim.turn);
  object.Close();
  return out;
}

Result<Claim> ReadClaim(std::string_view body) {
  return ReadBody<Claim>(kClaimKind, body, [](api::ObjectReader& object, Claim& out) -> Status {
    GRANARY_ASSIGN(out.instance, object.RequiredText("instance"));
    GRANARY_ASSIGN(out.where, ReadText(object, "where"));
    GRANARY_ASSIGN(const auto turn, object.WholeNumber("turn", 0, kAny));
    out.turn = turn.value_or(0);
    return Status::Ok();
  });
}

}  // namespace granary::operation
