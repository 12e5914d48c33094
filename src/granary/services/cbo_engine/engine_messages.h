// The messages of the service CboEngine (proto/cbo_engine.proto) as REST's JSON, both ways: requests
// become the bodies that REST takes, REST's answers become messages.
//
// Errors     of requests: kInvalidRequest when the bytes are no such message, and BodyOf's
//            (api/proto_body.h). Of answers: kInternal for one that has no such form, which is a bug.
// Threads    pure functions.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::services {

/// Bodies of POST /optimize/query, /costs/estimate and /feedback.
Result<std::string> OptimizeQueryBody(std::string_view bytes);
Result<std::string> EstimateCostBody(std::string_view bytes);
Result<std::string> SendFeedbackBody(std::string_view bytes);
/// Of requests without fields.
Status CheckGetExecutionStats(std::string_view bytes);
Status CheckListModels(std::string_view bytes);

struct GetModelMessage {
  std::string version;
  bool as_text = false;
};
Result<GetModelMessage> ReadGetModel(std::string_view bytes);

struct PromoteModelMessage {
  std::string version;
  bool force = false;
};
Result<PromoteModelMessage> ReadPromoteModel(std::string_view bytes);

/// The version; may be empty.
Result<std::string> ReadReplay(std::string_view bytes);

/// Which message an answer is.
enum class EngineAnswer { kPlan, kCost, kTaken, kExecution, kModels, kModel, kPromotion, kReplay };
/// `json` is REST's answer of that operation.
Result<std::string> AnswerMessage(EngineAnswer which, std::string_view json);
/// A CostModel of nothing but its file.
std::string ModelTextMessage(std::string text);

}  // namespace granary::services
