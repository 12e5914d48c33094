#include "granary/services/cbo_engine/engine_calls.h"

#include <memory>
#include <utility>

#include "granary/api/feedback_json.h"
#include "granary/services/cbo_engine/engine_json.h"

namespace granary::services {
namespace {

constexpr std::string_view kPrevious = "previous";

Result<std::shared_ptr<Workshop>> Enter(const EngineCall& call) {
  GRANARY_TRY(call.cancel.Check());
  return call.state.workshop.Get();
}

/// The model that a body names, or the one that serves, or the builtin prices.
Result<query::LearnedModel> ModelFor(const Trainer& trainer, const std::string& version) {
  if (version.empty() && trainer.serving().empty()) return query::LearnedModel();
  GRANARY_ASSIGN(ModelInfo info, trainer.Find(version.empty() ? "serving" : version));
  return std::move(info.model);
}

}  // namespace

Result<std::string> OptimizeQuery(const EngineCall& call, std::string_view text) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const PlanBody body, ParsePlanBody(text, PlanUse::kOptimize));
  GRANARY_ASSIGN(const auto model, ModelFor(*shop->trainer, body.model));
  return PlanJson(query::Replan(*body.facts, model.costs), model.version());
}

Result<std::string> EstimateCost(const EngineCall& call, std::string_view text) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const PlanBody body, ParsePlanBody(text, PlanUse::kEstimate));
  GRANARY_ASSIGN(const auto model, ModelFor(*shop->trainer, body.model));
  const double ns =
      body.work ? body.work->Ns(model.costs) : query::Replan(*body.facts, model.costs, body.way).ns;
  return CostJson(ns, model.version());
}

Result<std::string> TakeFeedback(const EngineCall& call, std::string_view text) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const api::FeedbackBody body, api::ReadFeedback(text));
  call.state.refused.Add(body.refused);
  GRANARY_TRY(shop->trainer->Take(body));
  call.state.accepted.Add(body.records.size());
  return TakenJson(body);
}

Result<std::string> ShowExecution(const EngineCall& call) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const ExecutionSummary summary, shop->store->Summary(call.cancel));
  return ExecutionJson(summary, *shop->trainer);
}

Result<std::string> ShowModels(const EngineCall& call) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  return ModelsJson(*shop->trainer);
}

Result<std::string> ShowModel(const EngineCall& call, std::string_view version) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const ModelInfo info, shop->trainer->Find(version));
  return ModelJson(info);
}

Result<std::string> ShowModelText(const EngineCall& call, std::string_view version) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const ModelInfo info, shop->trainer->Find(version));
  return query::WriteModel(info.model);
}

Result<std::string> PromoteModel(const EngineCall& call, const std::string& version,
                                 Trainer::Force force) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  GRANARY_ASSIGN(const Promotion promotion, version == kPrevious
                                                ? shop->trainer->Rollback("asked for")
                                                : shop->trainer->Promote(version, force));
  return PromotionJson(promotion);
}

Result<std::string> ReplayModel(const EngineCall& call, const std::optional<std::string>& version) {
  GRANARY_ASSIGN(const auto shop, Enter(call));
  if (!version) return Status(Code::kInvalidArgument, "model: the version to replay is required");
  GRANARY_ASSIGN(const auto replayed, shop->trainer->Replay(*version));
  return ReplayJson(*version, replayed, shop->trainer->serving());
}

}  // namespace granary::services
