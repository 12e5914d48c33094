#include <string>

#include "granary/api/json_object.h"
#include "granary/hosting/responses.h"
#include "granary/services/operation_node/audited.h"
#include "granary/services/operation_node/bodies.h"
#include "granary/services/operation_node/members.h"
#include "granary/services/operation_node/routes.h"
#include "granary/services/operation_node/steward.h"

namespace granary::operation {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;

FleetPolicy PolicyOf(const FleetView& view) {
  return view.policy() ? view.policy()->value : FleetPolicy();
}

// State as it is at this moment, and what the policy says of it.
Result<net::HttpResponse> ShowScaling(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  const FleetPolicy policy = PolicyOf(*seen.view);
  const FleetLoad load = FleetLoadOf(desk, *seen.view);
  const FleetDecision now =
      DecideFleet(load, policy, LastChangeOf(*seen.view, desk.clock.WallMicros()));
  std::string out;
  api::JsonObject object(out);
  object.Add("enabled", policy.enabled);
  object.Add("nodes", load.nodes.size());
  object.Add("nodes_wanted", now.nodes_wanted);
  object.Add("step", FleetStepName(now.step));
  object.Add("reason", std::string_view(now.reason));
  object.Key("policy").append(FleetPolicyJson(policy));
  object.Key("inputs").append(FleetLoadJson(load));
  std::string& decisions = object.Key("decisions");
  decisions.push_back('[');
  for (const MadeDecision& made : seen.view->Decisions()) {
    if (decisions.back() != '[') decisions.push_back(',');
    decisions.append(DecisionJson(made));
  }
  decisions.push_back(']');
  object.Close();
  return SeenResponse(seen, std::move(out));
}

Result<net::HttpResponse> PutPolicy(Desk& desk, RouteCall& call) {
  FleetPolicy policy;
  const auto decide = [&](const FleetView& now) -> Result<Fleet::Changes> {
    GRANARY_ASSIGN(policy, ParsePolicyChange(call.request.body, PolicyOf(now)));
    if (policy == PolicyOf(now)) return Fleet::Changes();
    return Fleet::Changes{{std::string(kScalingKind), std::string(kPolicyKey),
                           now.policy() ? now.policy()->version : 0, FleetPolicyJson(policy)}};
  };
  return Audited(desk, call, "scaling.policy", "", [&]() -> Result<net::HttpResponse> {
    GRANARY_TRY(desk.fleet.Change(decide, call.request.cancel.deadline_ns()).status());
    return JsonResponse(FleetPolicyJson(policy));
  });
}

// The same function that decides, over loads that the caller makes up. Nothing is changed.
Result<net::HttpResponse> Simulate(Desk& desk, RouteCall& call) {
  GRANARY_ASSIGN(const Fleet::Seen seen, desk.fleet.Look(call.request.cancel.deadline_ns()));
  GRANARY_ASSIGN(const Simulation simulation,
                 ParseSimulation(call.request.body, PolicyOf(*seen.view)));
  std::string out;
  api::JsonObject object(out);
  object.Key("policy").append(FleetPolicyJson(simulation.policy));
  std::string& decisions = object.Key("decisions");
  decisions.push_back('[');
  std::optional<FleetChange> last;
  std::int64_t changed_s = 0;
  for (const SimulatedRound& round : simulation.rounds) {
    if (last) last->ago_s = round.at_seconds - changed_s;
    const FleetDecision decision = DecideFleet(round.load, simulation.policy, last);
    if (decision.step != FleetStep::kHold) {
      changed_s = round.at_seconds;
      last = FleetChange{0, decision.nodes_wanted};
    }
    if (decisions.back() != '[') decisions.push_back(',');
    api::JsonObject one(decisions);
    one.Add("at_seconds", round.at_seconds);
    one.Add("step", FleetStepName(decision.step));
    one.Add("nodes_wanted", decision.nodes_wanted);
    one.Add("reason", std::string_view(decision.reason));
    one.Close();
  }
  decisions.push_back(']');
  object.Close();
  return SeenResponse(seen, std::move(out));
}

}  // namespace

void AddScalingRoutes(const FindDesk& find, hosting::Router& router) {
  const auto add = [&](std::string method, std::string pattern, DeskHandler handler) {
    AddDeskRoute(find, {.method = std::move(method), .pattern = std::move(pattern), .handler = {}},
                 std::move(handler), router);
  };
  add("GET", "/scaling", ShowScaling);
  add("PUT", "/scaling/policy", PutPolicy);
  add("POST", "/scaling/simulate", Simulate);
}

}  // namespace granary::operation
