// What the CBO Engine does, one function an operation, for both of its doors: bodies in, answers
// out, both in REST's JSON.
//
// Errors     kUnavailable before Open and once closed; kCancelled and kDeadlineExceeded where the
//            caller has left before the work began, and then nothing was done; the readers'
//            (engine_json.h, api/feedback_json.h) and the Trainer's.
// Threads    fully safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/services/cbo_engine/engine_state.h"

namespace granary::services {

/// One operation on its way: of whom, and whether anybody still waits for it.
struct EngineCall {
  EngineState& state;
  const runtime::CancelToken& cancel;
};

Result<std::string> OptimizeQuery(const EngineCall& call, std::string_view body);
Result<std::string> EstimateCost(const EngineCall& call, std::string_view body);
/// All records that are believed are kept when it returns, or none.
Result<std::string> TakeFeedback(const EngineCall& call, std::string_view body);
Result<std::string> ShowExecution(const EngineCall& call);
Result<std::string> ShowModels(const EngineCall& call);
Result<std::string> ShowModel(const EngineCall& call, std::string_view version);
/// The file that nodes take.
Result<std::string> ShowModelText(const EngineCall& call, std::string_view version);
/// "previous" goes back.
Result<std::string> PromoteModel(const EngineCall& call, const std::string& version,
                                 Trainer::Force force);
/// kInvalidArgument without a version.
Result<std::string> ReplayModel(const EngineCall& call, const std::optional<std::string>& version);

}  // namespace granary::services
