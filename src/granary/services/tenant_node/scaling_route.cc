// GET /scaling: how many workers there are, and the decisions that made it so.
#include <cmath>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/routes.h"

namespace granary::services {
namespace {

void AddNumber(api::JsonObject& object, std::string_view name, double value) {
  if (std::isfinite(value))
    AppendFormat(object.Key(name), "{:.3f}", value);
  else
    object.AddNull(name);
}

void AppendInputs(const runtime::ScalingInputs& in, std::string& out) {
  api::JsonObject object(out);
  object.Add("workers", in.workers);
  AddNumber(object, "machine_cpu_percent", in.machine_cpu_percent);
  AddNumber(object, "worker_cpu_percent", in.worker_cpu_percent);
  if (in.worker_cpu_wait_percent)
    AddNumber(object, "worker_cpu_wait_percent", *in.worker_cpu_wait_percent);
  else
    object.AddNull("worker_cpu_wait_percent");
  AddNumber(object, "busy_workers", in.busy_workers);
  AddNumber(object, "memory_percent", in.memory_percent);
  object.Add("queued", in.queued);
  AddNumber(object, "queue_delay_ms", in.queue_delay_ms);
  object.Close();
}

void AppendDecision(const runtime::MadeDecision& decision, std::string& out) {
  api::JsonObject object(out);
  object.AddInstant("at", decision.wall_us);
  object.Add("step", runtime::ScalingStepName(decision.step));
  object.Add("workers", decision.workers);
  object.Add("reason", decision.reason);
  AppendInputs(decision.inputs, object.Key("inputs"));
  object.Close();
}

void AppendLimits(const runtime::ScalingLimits& limits, std::string& out) {
  api::JsonObject object(out);
  object.Add("workers_min", limits.workers_min);
  object.Add("workers_max", limits.workers_max);
  object.Add("workers_idle", limits.workers_idle);
  AddNumber(object, "cpu_up_percent", limits.cpu_up_percent);
  AddNumber(object, "cpu_down_percent", limits.cpu_down_percent);
  AddNumber(object, "memory_up_percent", limits.memory_up_percent);
  AddNumber(object, "memory_down_percent", limits.memory_down_percent);
  object.Close();
}

Result<net::HttpResponse> Scaling(NodeState& state, hosting::RouteCall& call) {
  GRANARY_TRY(RightsOf(call).NeedEverywhere(security::Verb::kAdmin));
  GRANARY_TRY(state.tenants->status());
  // What they all do together is nobody's of them to see.
  if (!state.tenants->is_alone() && !RightsOf(call).unlimited()) {
    return Status(Code::kPermissionDenied,
                  "the workers of this node are those of many tenants: whoever runs it may look");
  }
  const runtime::ScalingReport report = state.scaler->report();
  std::string out;
  api::JsonObject object(out);
  object.Add("enabled", report.enabled);
  object.Add("workers", report.workers);
  AppendLimits(report.limits, object.Key("policy"));
  if (report.last)
    AppendInputs(*report.last, object.Key("inputs"));
  else
    object.AddNull("inputs");
  object.Add("grown", report.grown);
  object.Add("shrunk", report.shrunk);
  std::string& decisions = object.Key("decisions");
  decisions.push_back('[');
  for (const runtime::MadeDecision& decision : report.decisions) {
    if (decisions.back() != '[') decisions.push_back(',');
    AppendDecision(decision, decisions);
  }
  decisions.push_back(']');
  object.Close();
  return hosting::JsonResponse(std::move(out));
}

}  // namespace

// Urgent: who looks why a node is slow must not wait behind what makes it so.
void AddScalingRoute(NodeState& state, hosting::Router& router) {
  router.Add({.method = "GET",
              .pattern = "/scaling",
              .handler = [&state](hosting::RouteCall& call) { return Scaling(state, call); },
              .lane = net::HandlerLane::kUrgent});
}

}  // namespace granary::services
