#include "granary/services/cbo_engine/grpc_methods.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "granary/services/cbo_engine/engine_calls.h"
#include "granary/services/cbo_engine/engine_messages.h"

namespace granary::services {
namespace {

using hosting::GrpcMethod;
using hosting::GrpcMethodCall;

EngineCall CallOf(EngineState& state, const GrpcMethodCall& call) {
  return {state, call.call.cancel};
}

/// `json` is what REST would answer.
Status Send(GrpcMethodCall& call, EngineAnswer which, const Result<std::string>& json) {
  GRANARY_TRY(json.status());
  GRANARY_ASSIGN(const std::string message, AnswerMessage(which, *json));
  return call.messages.Write(message);
}

template <Result<std::string> (*body_of)(std::string_view),
          Result<std::string> (*operation)(const EngineCall&, std::string_view),
          EngineAnswer answer>
Status AnswerBody(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const std::string body, body_of(bytes));
  return Send(call, answer, operation(CallOf(state, call), body));
}

Status GetExecutionStats(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_TRY(CheckGetExecutionStats(bytes));
  return Send(call, EngineAnswer::kExecution, ShowExecution(CallOf(state, call)));
}

Status ListModels(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_TRY(CheckListModels(bytes));
  return Send(call, EngineAnswer::kModels, ShowModels(CallOf(state, call)));
}

Status GetModel(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const GetModelMessage request, ReadGetModel(bytes));
  if (!request.as_text)
    return Send(call, EngineAnswer::kModel, ShowModel(CallOf(state, call), request.version));
  GRANARY_ASSIGN(std::string text, ShowModelText(CallOf(state, call), request.version));
  return call.messages.Write(ModelTextMessage(std::move(text)));
}

Status Promote(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const PromoteModelMessage request, ReadPromoteModel(bytes));
  const Trainer::Force force = request.force ? Trainer::Force::kYes : Trainer::Force::kNo;
  return Send(call, EngineAnswer::kPromotion,
              PromoteModel(CallOf(state, call), request.version, force));
}

Status Replay(EngineState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(std::string model, ReadReplay(bytes));
  std::optional<std::string> version;
  if (!model.empty()) version = std::move(model);
  return Send(call, EngineAnswer::kReplay, ReplayModel(CallOf(state, call), version));
}

}  // namespace

std::vector<GrpcMethod> EngineMethods(EngineState& state) {
  std::vector<GrpcMethod> methods;
  const auto add = [&](std::string name, Status (*handler)(EngineState&, GrpcMethodCall&)) {
    methods.push_back({std::move(name),
                       [&state, handler](GrpcMethodCall& call) { return handler(state, call); }});
  };
  add("OptimizeQuery", AnswerBody<OptimizeQueryBody, OptimizeQuery, EngineAnswer::kPlan>);
  add("EstimateCost", AnswerBody<EstimateCostBody, EstimateCost, EngineAnswer::kCost>);
  add("SendFeedback", AnswerBody<SendFeedbackBody, TakeFeedback, EngineAnswer::kTaken>);
  add("GetExecutionStats", GetExecutionStats);
  add("ListModels", ListModels);
  add("GetModel", GetModel);
  add("PromoteModel", Promote);
  add("Replay", Replay);
  return methods;
}

}  // namespace granary::services
