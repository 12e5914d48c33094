#include "granary/services/tenant_node/hosted_tenant.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"

namespace granary::services {
namespace {

constexpr std::size_t kHostingDepth = 8;
constexpr std::uint64_t kQuotaMax = std::uint64_t{1} << 40;

constexpr std::array<std::pair<HostedState, std::string_view>, 3> kStateWords = {
    {{HostedState::kActive, "active"},
     {HostedState::kSuspended, "suspended"},
     {HostedState::kDeleting, "deleting"}}};

std::string_view WordOf(HostedState state) {
  for (const auto& [known, word] : kStateWords)
    if (known == state) return word;
  return "active";
}

Result<HostedState> StateOf(const std::string& text, const std::string& pointer) {
  for (const auto& [state, word] : kStateWords)
    if (word == text) return state;
  return Status::Invalid(Code::kInvalidRequest, pointer, "it is no state of a tenant");
}

Result<HostedQuota> ReadHostedQuota(const api::JsonNode& node, const std::string& pointer) {
  HostedQuota out;
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  GRANARY_ASSIGN(out.sources, object.WholeNumber("sources", 0, kQuotaMax));
  GRANARY_ASSIGN(out.memory_mb, object.WholeNumber("memory_mb", 0, kQuotaMax));
  GRANARY_ASSIGN(out.workers, object.WholeNumber("workers", 0, kQuotaMax));
  GRANARY_ASSIGN(out.searches, object.WholeNumber("searches", 0, kQuotaMax));
  return out;
}

Result<HostedTenant> ReadHosted(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  HostedTenant out;
  GRANARY_ASSIGN(const std::string id, object.RequiredText("tenant_id"));
  GRANARY_ASSIGN(out.id, TenantId::Parse(id));
  GRANARY_ASSIGN(const auto name, object.Text("name"));
  out.name = name.value_or("");
  GRANARY_ASSIGN(const std::string state, object.RequiredText("state"));
  GRANARY_ASSIGN(out.state, StateOf(state, object.PointerOf("state")));
  GRANARY_ASSIGN(const auto keeps_data, object.Boolean("keeps_data"));
  out.keeps_data = keeps_data.value_or(false);
  GRANARY_ASSIGN(const auto changed_us, object.WholeNumber("changed_us", 0, INT64_MAX));
  out.changed_us = static_cast<std::int64_t>(changed_us.value_or(0));
  const api::JsonNode* quota = object.Find("quota");
  if (quota != nullptr && quota->kind != api::JsonNode::Kind::kNull) {
    GRANARY_ASSIGN(out.quota, ReadHostedQuota(*quota, object.PointerOf("quota")));
  }
  return out;
}

void AppendHosted(const HostedTenant& tenant, std::string& out) {
  api::JsonObject object(out);
  object.Add("tenant_id", std::string_view(tenant.id.str()));
  object.Add("name", std::string_view(tenant.name));
  object.Add("state", WordOf(tenant.state));
  object.Add("keeps_data", tenant.keeps_data);
  object.Add("changed_us", tenant.changed_us);
  api::JsonObject quota(object.Key("quota"));
  const auto add = [&quota](std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value) quota.Add(name, *value);
  };
  add("sources", tenant.quota.sources);
  add("memory_mb", tenant.quota.memory_mb);
  add("workers", tenant.quota.workers);
  add("searches", tenant.quota.searches);
  quota.Close();
  object.Close();
}

}  // namespace

Result<std::optional<Hosting>> ReadHosting(std::string_view answer) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(answer, kHostingDepth));
  api::ObjectReader object(root, "");
  if (object.Find("placed") == nullptr) return std::optional<Hosting>();
  Hosting out;
  GRANARY_TRY(object.Each("placed", out.tenants, ReadHosted));
  GRANARY_ASSIGN(const std::vector<std::string> unreadable, object.Texts("unreadable"));
  for (const std::string& id : unreadable) {
    GRANARY_ASSIGN(TenantId unknown, TenantId::Parse(id));
    out.unknown.push_back(std::move(unknown));
  }
  return std::optional(std::move(out));
}

std::string HostedFileText(const std::vector<HostedTenant>& tenants) {
  std::string out;
  api::JsonObject object(out);
  std::string& list = object.Key("tenants");
  list.push_back('[');
  for (const HostedTenant& tenant : tenants) {
    if (list.back() != '[') list.push_back(',');
    AppendHosted(tenant, list);
  }
  list.push_back(']');
  object.Close();
  return out;
}

Result<std::vector<HostedTenant>> ReadHostedFile(std::string_view text) {
  const auto read = [&]() -> Result<std::vector<HostedTenant>> {
    GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(text, kHostingDepth));
    api::ObjectReader object(root, "");
    std::vector<HostedTenant> out;
    GRANARY_TRY(object.Each("tenants", out, ReadHosted));
    return out;
  };
  Result<std::vector<HostedTenant>> tenants = read();
  if (!tenants.ok()) return Status::Corruption(std::string(tenants.status().message()));
  return tenants;
}

}  // namespace granary::services
