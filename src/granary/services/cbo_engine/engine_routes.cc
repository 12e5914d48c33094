#include "granary/services/cbo_engine/engine_routes.h"

#include <optional>
#include <utility>

#include "granary/api/feedback_json.h"
#include "granary/hosting/common_routes.h"
#include "granary/hosting/log_route.h"
#include "granary/hosting/responses.h"
#include "granary/services/cbo_engine/engine_json.h"
#include "granary/services/cbo_engine/engine_openapi.h"

namespace granary::services {
namespace {

using hosting::JsonResponse;
using hosting::RouteCall;
using Answer = Result<net::HttpResponse>;

constexpr std::string_view kPrevious = "previous";

Status CheckJson(const net::HttpRequest& request) {
  const std::string_view type = request.headers.Get("Content-Type").value_or("application/json");
  if (type.substr(0, type.find(';')) == "application/json") return Status::Ok();
  return {Code::kUnsupportedMediaType, "expected Content-Type application/json"};
}

std::optional<std::string> QueryOf(const net::HttpRequest& request, std::string_view name) {
  const auto found = request.QueryParameter(name);
  return found ? std::optional<std::string>(*found) : std::nullopt;
}

/// The model that a body names, or the one that serves, or the builtin prices.
Result<query::LearnedModel> ModelFor(const Trainer& trainer, const std::string& version) {
  if (version.empty() && trainer.serving().empty()) return query::LearnedModel();
  GRANARY_ASSIGN(ModelInfo info, trainer.Find(version.empty() ? "serving" : version));
  return std::move(info.model);
}

Answer Optimize(EngineState& state, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  GRANARY_ASSIGN(const PlanBody body, ParsePlanBody(call.request.body, PlanUse::kOptimize));
  GRANARY_ASSIGN(const auto model, ModelFor(*shop->trainer, body.model));
  return JsonResponse(PlanJson(query::Replan(*body.facts, model.costs), model.version()));
}

Answer Estimate(EngineState& state, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  GRANARY_ASSIGN(const PlanBody body, ParsePlanBody(call.request.body, PlanUse::kEstimate));
  GRANARY_ASSIGN(const auto model, ModelFor(*shop->trainer, body.model));
  const double ns =
      body.work ? body.work->Ns(model.costs) : query::Replan(*body.facts, model.costs, body.way).ns;
  return JsonResponse(CostJson(ns, model.version()));
}

Answer TakeFeedback(EngineState& state, RouteCall& call) {
  GRANARY_TRY(CheckJson(call.request));
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  GRANARY_ASSIGN(const api::FeedbackBody body, api::ReadFeedback(call.request.body));
  state.refused.Add(body.refused);
  GRANARY_TRY(shop->trainer->Take(body));
  state.accepted.Add(body.records.size());
  return JsonResponse(TakenJson(body));
}

Answer ShowModel(EngineState& state, RouteCall& call) {
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  GRANARY_ASSIGN(const ModelInfo info, shop->trainer->Find(call.parameters[0]));
  const auto format = QueryOf(call.request, "format").value_or("json");
  if (format == "json") return JsonResponse(ModelJson(info));
  if (format != "text") return Status(Code::kInvalidArgument, "format: one of json, text");
  net::HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = query::WriteModel(info.model);
  return response;
}

Answer PromoteModel(EngineState& state, RouteCall& call) {
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  const auto force = QueryOf(call.request, "force").value_or("false");
  if (force != "true" && force != "false")
    return Status(Code::kInvalidArgument, "force: true or false");
  const std::string& version = call.parameters[0];
  GRANARY_ASSIGN(const Promotion promotion,
                 version == kPrevious
                     ? shop->trainer->Rollback("asked for")
                     : shop->trainer->Promote(
                           version, force == "true" ? Trainer::Force::kYes : Trainer::Force::kNo));
  return JsonResponse(PromotionJson(promotion));
}

Answer ReplayModel(EngineState& state, RouteCall& call) {
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  const auto model = QueryOf(call.request, "model");
  if (!model) return Status(Code::kInvalidArgument, "model: the version to replay is required");
  GRANARY_ASSIGN(const auto replayed, shop->trainer->Replay(*model));
  return JsonResponse(ReplayJson(*model, replayed, shop->trainer->serving()));
}

Answer ShowExecution(EngineState& state, RouteCall&) {
  GRANARY_ASSIGN(const auto shop, state.workshop.Get());
  GRANARY_ASSIGN(const ExecutionSummary summary, shop->store->Summary());
  return JsonResponse(ExecutionJson(summary, *shop->trainer));
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
  add("POST", "/optimize/query", Optimize);
  add("POST", "/costs/estimate", Estimate);
  add("POST", "/feedback", TakeFeedback);
  add("GET", "/stats/execution", ShowExecution);
  add("GET", "/models", [](EngineState& engine, RouteCall&) -> Answer {
    GRANARY_ASSIGN(const auto shop, engine.workshop.Get());
    return JsonResponse(ModelsJson(*shop->trainer));
  });
  add("GET", "/models/{version}", ShowModel, {"format"});
  add("POST", "/models/{version}/promote", PromoteModel, {"force"});
  add("POST", "/replay", ReplayModel, {"model"});
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
