// The CBO Engine's answers as JSON, and the bodies that it reads.
//
// Threads    pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/query/optimizer/plan_facts.h"
#include "granary/services/cbo_engine/trainer.h"

namespace granary::services {

/// POST /optimize/query and POST /costs/estimate.
struct PlanBody {
  std::optional<query::PlanFacts> facts;
  std::optional<query::Work> work;  ///< Instead, for /costs/estimate.
  std::optional<query::Way> way;    ///< Instead of the cheapest, for /costs/estimate.
  std::string model;                ///< Empty: the one that serves.
};
enum class PlanUse { kOptimize, kEstimate };
/// kInvalidRequest with pointers.
Result<PlanBody> ParsePlanBody(std::string_view body, PlanUse use);

std::string PlanJson(const query::SourceChoices& choices, std::string_view model);
std::string CostJson(double ns, std::string_view model);
std::string TakenJson(const api::FeedbackBody& feedback);
std::string ModelsJson(const Trainer& trainer);
std::string ModelJson(const ModelInfo& info);
std::string PromotionJson(const Promotion& promotion);
std::string ReplayJson(std::string_view version, const Trainer::Replayed& replayed,
                       std::string_view serving);
std::string ExecutionJson(const ExecutionSummary& summary, const Trainer& trainer);

}  // namespace granary::services
