#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/ids.h"
#include "granary/services/operation_node/fleet_policy.h"
#include "granary/services/operation_node/members.h"

namespace granary::operation {
namespace {

constexpr std::size_t kPolicyDepth = 8;
constexpr double kPercentMax = 100;
constexpr double kMillisMax = 3'600'000;
constexpr double kLoadMax = 1e9;
constexpr std::uint64_t kSecondsMax = 86'400;
constexpr std::uint64_t kCountMax = 1'000'000'000;

Status ReadNumberInto(api::ObjectReader& object, std::string_view name, double max, double& out) {
  GRANARY_ASSIGN(const auto value, ReadNumber(object, name, 0, max));
  out = value.value_or(out);
  return Status::Ok();
}

Status ReadCountInto(api::ObjectReader& object, std::string_view name, std::uint64_t max,
                     std::uint64_t& out) {
  GRANARY_ASSIGN(const auto value, object.WholeNumber(name, 0, max));
  out = value.value_or(out);
  return Status::Ok();
}

Status ReadPolicyMembers(api::ObjectReader& object, FleetPolicy& out) {
  GRANARY_ASSIGN(const auto enabled, object.Boolean("enabled"));
  out.enabled = enabled.value_or(out.enabled);
  GRANARY_TRY(ReadCountInto(object, "nodes_min", kFleetNodesMax, out.nodes_min));
  GRANARY_TRY(ReadCountInto(object, "nodes_max", kFleetNodesMax, out.nodes_max));
  GRANARY_TRY(ReadNumberInto(object, "cpu_up_percent", kPercentMax, out.cpu_up_percent));
  GRANARY_TRY(ReadNumberInto(object, "cpu_down_percent", kPercentMax, out.cpu_down_percent));
  GRANARY_TRY(ReadNumberInto(object, "memory_up_percent", kPercentMax, out.memory_up_percent));
  GRANARY_TRY(ReadNumberInto(object, "memory_down_percent", kPercentMax, out.memory_down_percent));
  GRANARY_TRY(ReadNumberInto(object, "queue_delay_up_ms", kMillisMax, out.queue_delay_up_ms));
  return ReadCountInto(object, "cooldown_seconds", kSecondsMax, out.cooldown_seconds);
}

Status CheckPair(const std::string& pointer, std::string_view low, double low_is,
                 std::string_view high, double high_is) {
  if (low_is <= high_is) return Status::Ok();
  return Status::Invalid(
      Code::kInvalidRequest, api::PointerTo(pointer, low),
      fmt::format("{} is {}, more than {}, which is {}", low, low_is, high, high_is));
}

Result<FleetNode> ParseFleetNode(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  FleetNode out;
  GRANARY_ASSIGN(out.id, object.RequiredText("node_id"));
  if (!IsIdentifier(out.id))
    return Status::Invalid(Code::kInvalidIdentifier, object.PointerOf("node_id"),
                           std::string(InvalidIdentifier(out.id).message()));
  GRANARY_TRY(ReadCountInto(object, "tenants", kCountMax, out.tenants));
  GRANARY_TRY(ReadCountInto(object, "capacity", kCountMax, out.capacity));
  GRANARY_TRY(ReadNumberInto(object, "cpu_percent", kLoadMax, out.cpu_percent));
  GRANARY_TRY(ReadNumberInto(object, "memory_percent", kLoadMax, out.memory_percent));
  GRANARY_TRY(ReadNumberInto(object, "queue_delay_ms", kLoadMax, out.queue_delay_ms));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<FleetLoad> ReadLoadMembers(api::ObjectReader& object) {
  FleetLoad out;
  GRANARY_TRY(object.Each("nodes", out.nodes, ParseFleetNode));
  GRANARY_TRY(ReadCountInto(object, "waiting_tenants", kCountMax, out.waiting_tenants));
  return out;
}

Status Damaged(std::string_view what, const Status& found) {
  return Status::Corruption(fmt::format("{} is damaged: {}", what, found.message()));
}

}  // namespace

Result<FleetPolicy> ParseFleetPolicy(const api::JsonNode& node, const std::string& pointer,
                                     const FleetPolicy& base) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  FleetPolicy out = base;
  GRANARY_TRY(ReadPolicyMembers(object, out));
  GRANARY_TRY(object.Finish());
  GRANARY_TRY(CheckPair(pointer, "nodes_min", static_cast<double>(out.nodes_min), "nodes_max",
                        static_cast<double>(out.nodes_max)));
  GRANARY_TRY(CheckPair(pointer, "cpu_down_percent", out.cpu_down_percent, "cpu_up_percent",
                        out.cpu_up_percent));
  GRANARY_TRY(CheckPair(pointer, "memory_down_percent", out.memory_down_percent,
                        "memory_up_percent", out.memory_up_percent));
  return out;
}

Result<FleetLoad> ParseFleetLoad(const api::JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(api::ObjectReader object, api::ObjectReader::Of(node, pointer));
  GRANARY_ASSIGN(FleetLoad out, ReadLoadMembers(object));
  GRANARY_TRY(object.Finish());
  if (out.nodes.size() <= kFleetNodesMax) return out;
  return Status::Invalid(Code::kInvalidRequest, object.PointerOf("nodes"),
                         fmt::format("at most {} nodes", kFleetNodesMax));
}

std::string FleetPolicyJson(const FleetPolicy& policy) {
  std::string out;
  api::JsonObject object(out);
  object.Add("enabled", policy.enabled);
  object.Add("nodes_min", policy.nodes_min);
  object.Add("nodes_max", policy.nodes_max);
  AddNumber(object, "cpu_up_percent", policy.cpu_up_percent);
  AddNumber(object, "cpu_down_percent", policy.cpu_down_percent);
  AddNumber(object, "memory_up_percent", policy.memory_up_percent);
  AddNumber(object, "memory_down_percent", policy.memory_down_percent);
  AddNumber(object, "queue_delay_up_ms", policy.queue_delay_up_ms);
  object.Add("cooldown_seconds", policy.cooldown_seconds);
  object.Close();
  return out;
}

Result<FleetPolicy> ReadFleetPolicy(std::string_view body) {
  const auto node = api::ParseJsonObject(body, kPolicyDepth);
  if (!node.ok()) return Damaged("the scaling policy", node.status());
  api::ObjectReader object(*node, "");
  FleetPolicy out;
  if (const Status read = ReadPolicyMembers(object, out); !read.ok())
    return Damaged("the scaling policy", read);
  return out;
}

std::string FleetLoadJson(const FleetLoad& load) {
  std::string out;
  api::JsonObject object(out);
  std::string& nodes = object.Key("nodes");
  nodes.push_back('[');
  for (const FleetNode& node : load.nodes) {
    if (nodes.back() != '[') nodes.push_back(',');
    api::JsonObject one(nodes);
    one.Add("node_id", std::string_view(node.id));
    one.Add("tenants", node.tenants);
    one.Add("capacity", node.capacity);
    AddNumber(one, "cpu_percent", node.cpu_percent);
    AddNumber(one, "memory_percent", node.memory_percent);
    AddNumber(one, "queue_delay_ms", node.queue_delay_ms);
    one.Close();
  }
  nodes.push_back(']');
  object.Add("waiting_tenants", load.waiting_tenants);
  object.Close();
  return out;
}

std::string MadeDecisionBody(const MadeDecision& made) {
  std::string out;
  api::JsonObject object(out);
  object.Add("number", made.number);
  object.Add("at_us", made.at_us);
  object.Add("step", FleetStepName(made.decision.step));
  object.Add("nodes_wanted", made.decision.nodes_wanted);
  object.Add("reason", std::string_view(made.decision.reason));
  object.Key("load").append(FleetLoadJson(made.load));
  object.Close();
  return out;
}

Result<MadeDecision> ReadMadeDecision(std::string_view body) {
  const auto read = [&]() -> Result<MadeDecision> {
    GRANARY_ASSIGN(const api::JsonNode node, api::ParseJsonObject(body, kPolicyDepth));
    api::ObjectReader object(node, "");
    MadeDecision out;
    constexpr std::uint64_t kInstantMax = std::numeric_limits<std::int64_t>::max();
    GRANARY_TRY(ReadCountInto(object, "number", kInstantMax, out.number));
    GRANARY_ASSIGN(const auto at_us, object.WholeNumber("at_us", 0, kInstantMax));
    out.at_us = static_cast<std::int64_t>(at_us.value_or(0));
    GRANARY_ASSIGN(const std::string step, object.RequiredText("step"));
    for (const FleetStep known : {FleetStep::kGrow, FleetStep::kShrink})
      if (FleetStepName(known) == step) out.decision.step = known;
    GRANARY_TRY(ReadCountInto(object, "nodes_wanted", kInstantMax, out.decision.nodes_wanted));
    GRANARY_ASSIGN(const auto reason, object.Text("reason"));
    out.decision.reason = reason.value_or("");
    const api::JsonNode* load = object.Find("load");
    if (load != nullptr) {
      GRANARY_ASSIGN(api::ObjectReader members, api::ObjectReader::Of(*load, "/load"));
      GRANARY_ASSIGN(out.load, ReadLoadMembers(members));
    }
    return out;
  };
  Result<MadeDecision> out = read();
  return out.ok() ? out : Result<MadeDecision>(Damaged("a scaling decision", out.status()));
}

}  // namespace granary::operation
