#include "granary/services/cbo_engine/engine_routes.h"

#include <optional>
#include <utility>

#include "granary/hosting/common_routes.h"
#include "granary/hosting/log_route.h"
#include "granary/hosting/responses.h"
#include "granary/services/cbo_engine/engine_calls.h"
#include "granary/services/cbo_engine/engine_openapi.h"

namespace granary::services {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;
using Answer = Result<net::HttpResponse>;

Status CheckJson(const net::HttpRequest& request) {
  const std::string_view type = request.headers.Get("Content-Type").value_or("application/json");
  if (type.substr(0, type.find(';')) == "application/json") return Status::Ok();
  return {Code::kUnsupportedMediaType, "expected Content-Type application/json"};
}

std::optional<std::string> QueryOf(const net::HttpRequest& request, std::string_view name) {
  const auto found = request.QueryParameter(name);
  return found ? std::optional<std::string>(*found) : std::nullopt;
}

/// An operation whose answer is JSON.
Answer AsJson(Result<std::string> answer) {
  GRANARY_ASSIGN(std::string body, std::move(answer));
  return JsonResponse(std::move(body));
}

EngineCall CallOf(EngineState& state, const RouteCall& call) {
  return {state, call.request.cancel};
}

template <Result<std::string> (*operation)(const EngineCall&, std::string_view)>
Answer WithBody(EngineState& state, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  return AsJson(operation(CallOf(state, call), call.request.body));
}

Answer Show(EngineState& state, RouteCall& call) {
  const std::string& version = call.parameters[0];
  const auto format = QueryOf(call.request, "format").value_or("json");
  if (format == "json") return AsJson(ShowModel(CallOf(state, call), version));
  if (format != "text") return Status(Code::kInvalidArgument, "format: one of json, text");
  net::HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  GRANARY_ASSIGN(response.body, ShowModelText(CallOf(state, call), version));
  return response;
}

Answer Promote(EngineState& state, RouteCall& call) {
  const auto force = QueryOf(call.request, "force").value_or("false");
  if (force != "true" && force != "false")
    return Status(Code::kInvalidArgument, "force: true or false");
  return AsJson(PromoteModel(CallOf(state, call), call.parameters[0],
                             force == "true" ? Trainer::Force::kYes : Trainer::Force::kNo));
}

Answer Replay(EngineState& state, RouteCall& call) {
  return AsJson(ReplayModel(CallOf(state, call), QueryOf(call.request, "model")));
}

}  // namespace

EngineState::EngineState(const CboConfig& engine_config, Logger& logger,
                         const io::Clock& engine_clock)
    : config(engine_config),
      log(logger),
      clock(engine_clock),
      metrics(EngineVersion(), {}),
      accepted(metrics.NewCounter("granary_cbo_feedback_total", "Records that were taken in")),
      refused(metrics.NewCounter("granary_cbo_feedback_refused_total", "Records that lied")),
      fits(metrics.NewCounter("granary_cbo_fits_total", "Candidates that were fitted")),
      failures(metrics.NewCounter("granary_cbo_failures_total", "Rounds of fitting that failed")) {}

hosting::Router MakeEngineRouter(EngineState& state) {
  hosting::Router router;
  const auto add = [&](std::string method, std::string pattern,
                       Answer (*answer)(EngineState&, RouteCall&),
                       std::vector<std::string> query = {}) {
    router.Add({.method = std::move(method),
                .pattern = std::move(pattern),
                .handler = [&state, answer](RouteCall& call) { return answer(state, call); },
                .query = std::move(query)});
  };
  add("POST", "/optimize/query", WithBody<OptimizeQuery>);
  add("POST", "/costs/estimate", WithBody<EstimateCost>);
  add("POST", "/feedback", WithBody<TakeFeedback>);
  add("GET", "/stats/execution", [](EngineState& engine, RouteCall& call) -> Answer {
    return AsJson(ShowExecution(CallOf(engine, call)));
  });
  add("GET", "/models", [](EngineState& engine, RouteCall& call) -> Answer {
    return AsJson(ShowModels(CallOf(engine, call)));
  });
  add("GET", "/models/{version}", Show, {"format"});
  add("POST", "/models/{version}/promote", Promote, {"force"});
  add("POST", "/replay", Replay, {"model"});
  hosting::CommonRoutes common{.service = "cbo-engine",
                               .version = EngineVersion(),
                               .openapi = EngineOpenApi(),
                               .clock = state.clock,
                               .metrics = state.metrics,
                               .server = state.server};
  common.ready = [&state] { return state.workshop.Get().status(); };
  common.sample = [&state](std::vector<hosting::Sample>& samples) {
    const auto shop = state.workshop.Get();
    if (!shop.ok()) return;
    samples.push_back({"granary_cbo_window_records", "Records that candidates are replayed over",
                       static_cast<double>((*shop)->trainer->records())});
    samples.push_back({"granary_cbo_models", "Models, candidates among them",
                       static_cast<double>((*shop)->trainer->model_count())});
  };
  hosting::AddCommonRoutes(std::move(common), router);
  hosting::AddLogRoute(state.log, "cbo-engine", router);
  return router;
}

}  // namespace granary::services
