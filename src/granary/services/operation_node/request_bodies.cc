#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/api/object_reader.h"
#include "granary/base/ids.h"
#include "granary/base/utf8.h"
#include "granary/net/upstream_pool.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/members.h"
#include "granary/tenant/node_memory.h"

namespace granary::operation {
namespace {

constexpr std::size_t kBodyDepth = 8;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kKeyBytesMin = 16, kKeyBytesMax = 512;
constexpr std::size_t kUrlBytesMax = 2'000;
constexpr std::uint64_t kCapacityMax = 1'000'000;
constexpr double kMeasuredMax = 1e9;
// As config.env allows them.
constexpr std::uint64_t kSourcesMax = 1'000'000, kMegabytesMax = 1u << 30, kWorkersMax = 1'024,
                        kSearchesMax = 100'000;

Status WrongMember(const api::ObjectReader& object, std::string_view name, std::string detail) {
  return Status::Invalid(Code::kInvalidRequest, object.PointerOf(name), std::move(detail));
}

Result<std::string> NeedIdentifier(api::ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(std::string text, object.RequiredText(name));
  if (IsIdentifier(text)) return text;
  return Status::Invalid(Code::kInvalidIdentifier, object.PointerOf(name),
                         std::string(InvalidIdentifier(text).message()));
}

Result<std::string> OptionalIdentifier(api::ObjectReader& object, std::string_view name) {
  GRANARY_ASSIGN(const auto text, object.Text(name));
  if (!text) return std::string();
  return NeedIdentifier(object, name);
}

Status ReadQuotaMembers(api::ObjectReader& object, Quota& out) {
  GRANARY_ASSIGN(out.sources, object.WholeNumber("sources", 1, kSourcesMax));
  GRANARY_ASSIGN(out.memory_mb, object.WholeNumber("memory_mb", kNodeMemoryLeastMb, kMegabytesMax));
  GRANARY_ASSIGN(out.workers, object.WholeNumber("workers", 1, kWorkersMax));
  GRANARY_ASSIGN(out.searches, object.WholeNumber("searches", 1, kSearchesMax));
  return object.Finish();
}

Status ReadMeasured(api::ObjectReader& object, NodeLoad& out) {
  GRANARY_ASSIGN(const auto cpu, ReadNumber(object, "cpu_percent", 0, kMeasuredMax));
  GRANARY_ASSIGN(const auto memory, ReadNumber(object, "memory_percent", 0, kMeasuredMax));
  GRANARY_ASSIGN(const auto delay, ReadNumber(object, "queue_delay_ms", 0, kMeasuredMax));
  constexpr std::uint64_t kAnyCount = std::numeric_limits<std::int64_t>::max();
  GRANARY_ASSIGN(const auto queued, object.WholeNumber("queued", 0, kAnyCount));
  GRANARY_ASSIGN(const auto workers, object.WholeNumber("workers", 0, kAnyCount));
  out = {cpu.value_or(0), memory.value_or(0), delay.value_or(0), queued.value_or(0),
         workers.value_or(0)};
  return object.Finish();
}

Status ReadTenantsOf(api::ObjectReader& object, std::vector<std::string>& out) {
  GRANARY_ASSIGN(out, object.Texts("tenants"));
  if (out.size() > kTenantsOfANodeMax)
    return WrongMember(object, "tenants", fmt::format("at most {}", kTenantsOfANodeMax));
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string pointer = api::PointerTo(object.PointerOf("tenants"), i);
    if (!IsIdentifier(out[i])) {
      return Status::Invalid(Code::kInvalidIdentifier, pointer,
                             std::string(InvalidIdentifier(out[i]).message()));
    }
    if (!seen.insert(out[i]).second)
      return Status::Invalid(Code::kInvalidRequest, pointer, "it stands there twice");
  }
  std::ranges::sort(out);
  return Status::Ok();
}

Result<GoneTenant> ReadGone(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  GoneTenant out;
  GRANARY_ASSIGN(out.id, object.RequiredText("tenant_id"));
  GRANARY_ASSIGN(const auto changed_us, object.WholeNumber("changed_us", 0, INT64_MAX));
  out.changed_us = static_cast<std::int64_t>(changed_us.value_or(0));
  GRANARY_TRY(object.Finish());
  if (IsIdentifier(out.id)) return out;
  return Status::Invalid(Code::kInvalidIdentifier, object.PointerOf("tenant_id"),
                         std::string(InvalidIdentifier(out.id).message()));
}

Result<SimulatedRound> ReadRound(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  SimulatedRound out;
  GRANARY_ASSIGN(const auto at, object.WholeNumber("at_seconds", 0, 1'000'000'000));
  if (!at) return WrongMember(object, "at_seconds", "this member is required");
  out.at_seconds = static_cast<std::int64_t>(*at);
  const api::JsonNode* load = object.Find("load");
  if (load == nullptr) return WrongMember(object, "load", "this member is required");
  GRANARY_ASSIGN(out.load, ParseFleetLoad(*load, object.PointerOf("load")));
  GRANARY_TRY(object.Finish());
  return out;
}

}  // namespace

Result<NewTenant> ParseNewTenant(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  api::ObjectReader body(node, "");
  NewTenant out;
  GRANARY_ASSIGN(out.id, NeedIdentifier(body, "tenant_id"));
  GRANARY_ASSIGN(const auto name, body.Text("name"));
  out.name = name.value_or("");
  if (out.name.size() > kNameBytesMax || out.name.find('\0') != std::string::npos)
    return WrongMember(body, "name", fmt::format("text of at most {} bytes", kNameBytesMax));
  GRANARY_ASSIGN(out.node, OptionalIdentifier(body, "node_id"));
  if (const api::JsonNode* quota = body.Find("quota")) {
    GRANARY_ASSIGN(api::ObjectReader object,
                   api::ObjectReader::Of(*quota, body.PointerOf("quota")));
    out.quota.emplace();
    GRANARY_TRY(ReadQuotaMembers(object, *out.quota));
  }
  GRANARY_TRY(body.Finish());
  return out;
}

Result<Quota> ParseQuota(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  api::ObjectReader body(node, "");
  Quota out;
  GRANARY_TRY(ReadQuotaMembers(body, out));
  return out;
}

Result<Move> ParseMove(std::string_view text) {
  if (text.empty()) return Move();
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  api::ObjectReader body(node, "");
  Move out;
  GRANARY_ASSIGN(out.node, OptionalIdentifier(body, "node_id"));
  GRANARY_ASSIGN(const auto without_data, body.Boolean("without_data"));
  out.without_data = without_data.value_or(false);
  GRANARY_TRY(body.Finish());
  return out;
}

Result<Heartbeat> ParseHeartbeat(std::string_view text) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  api::ObjectReader body(node, "");
  Heartbeat out;
  GRANARY_ASSIGN(out.key, body.RequiredText("key"));
  if (out.key.size() < kKeyBytesMin || out.key.size() > kKeyBytesMax)
    return WrongMember(body, "key", fmt::format("{} to {} bytes", kKeyBytesMin, kKeyBytesMax));
  GRANARY_ASSIGN(out.url, body.RequiredText("url"));
  // As the gateway and queries over tenants will read it.
  if (out.url.starts_with("https://")) {
    return WrongMember(
        body, "url",
        "the services of a fleet speak http with nodes, and this is https: leave TLS "
        "to the gateway, or let the node run without the Operation Node");
  }
  if (out.url.size() > kUrlBytesMax || !net::ParseUpstreamUrl(out.url).ok())
    return WrongMember(body, "url", "it is not a URL like http://10.0.0.7:8000");
  GRANARY_TRY(ReadTenantsOf(body, out.tenants));
  out.follows = body.Find("gone") != nullptr;
  GRANARY_TRY(body.Each("gone", out.gone, ReadGone));
  if (out.gone.size() > kTenantsOfANodeMax)
    return WrongMember(body, "gone", fmt::format("at most {}", kTenantsOfANodeMax));
  GRANARY_ASSIGN(const auto capacity, body.WholeNumber("capacity", 0, kCapacityMax));
  out.capacity = capacity.value_or(1);
  GRANARY_ASSIGN(const auto version, body.Text("version"));
  out.version = version.value_or("");
  if (out.version.size() > 64) return WrongMember(body, "version", "at most 64 bytes");
  if (const api::JsonNode* load = body.Find("load")) {
    GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(*load, body.PointerOf("load")));
    GRANARY_TRY(ReadMeasured(object, out.load));
  }
  GRANARY_TRY(body.Finish());
  return out;
}

Result<Simulation> ParseSimulation(std::string_view text, const FleetPolicy& policy_now) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  api::ObjectReader body(node, "");
  Simulation out{.policy = policy_now, .rounds = {}};
  if (const api::JsonNode* policy = body.Find("policy")) {
    GRANARY_ASSIGN(out.policy, ParseFleetPolicy(*policy, body.PointerOf("policy"), policy_now));
  }
  GRANARY_TRY(body.Each("rounds", out.rounds, ReadRound));
  GRANARY_TRY(body.Finish());
  if (out.rounds.empty() || out.rounds.size() > kRoundsMax)
    return WrongMember(body, "rounds", fmt::format("1 to {} rounds", kRoundsMax));
  if (!std::ranges::is_sorted(out.rounds, {}, &SimulatedRound::at_seconds))
    return WrongMember(body, "rounds", "they are not in the order of at_seconds");
  return out;
}

Result<FleetPolicy> ParsePolicyChange(std::string_view text, const FleetPolicy& now) {
  GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(text, kBodyDepth));
  return ParseFleetPolicy(node, "", now);
}

}  // namespace granary::operation
