#include "granary/services/cbo_engine/engine_messages.h"

#include <cbo_engine.pb.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "granary/api/proto_body.h"

namespace granary::services {
namespace {

template <typename Message>
Result<Message> Parse(std::string_view bytes) {
  Message out;
  GRANARY_TRY(api::ParseMessage(bytes, out));
  return out;
}

template <typename Message>
Result<std::string> BodyIn(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<Message>(bytes));
  return api::BodyOf(request);
}

/// A request that REST has no body for, without what a newer client may have set.
template <typename Message>
Result<Message> Fields(std::string_view bytes) {
  GRANARY_ASSIGN(auto request, Parse<Message>(bytes));
  GRANARY_TRY(api::BodyOf(request).status());
  return request;
}

/// REST has no path without a version.
Status NeedVersion(const std::string& version) {
  if (!version.empty()) return Status::Ok();
  return Status::Invalid(Code::kInvalidRequest, "/version", "a version is required");
}

std::unique_ptr<google::protobuf::Message> Make(EngineAnswer which) {
  switch (which) {
    case EngineAnswer::kPlan: return std::make_unique<v1::OptimizeQueryResponse>();
    case EngineAnswer::kCost: return std::make_unique<v1::EstimateCostResponse>();
    case EngineAnswer::kTaken: return std::make_unique<v1::SendFeedbackResponse>();
    case EngineAnswer::kExecution: return std::make_unique<v1::ExecutionStats>();
    case EngineAnswer::kModels: return std::make_unique<v1::ListModelsResponse>();
    case EngineAnswer::kModel: return std::make_unique<v1::CostModel>();
    case EngineAnswer::kPromotion: return std::make_unique<v1::Promotion>();
    case EngineAnswer::kReplay: break;
  }
  return std::make_unique<v1::ReplayResponse>();
}

}  // namespace

Result<std::string> OptimizeQueryBody(std::string_view bytes) {
  return BodyIn<v1::OptimizeQueryRequest>(bytes);
}
Result<std::string> EstimateCostBody(std::string_view bytes) {
  return BodyIn<v1::EstimateCostRequest>(bytes);
}

// No records are an empty array in REST; a message has no other form for them.
Result<std::string> SendFeedbackBody(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Parse<v1::SendFeedbackRequest>(bytes));
  GRANARY_ASSIGN(std::string body, api::BodyOf(request));
  if (request.records_size() == 0)
    body.insert(1, body.size() > 2 ? "\"records\":[]," : "\"records\":[]");
  return body;
}

Status CheckGetExecutionStats(std::string_view bytes) {
  return Fields<v1::GetExecutionStatsRequest>(bytes).status();
}
Status CheckListModels(std::string_view bytes) {
  return Fields<v1::ListModelsRequest>(bytes).status();
}

Result<GetModelMessage> ReadGetModel(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Fields<v1::GetModelRequest>(bytes));
  GRANARY_TRY(NeedVersion(request.version()));
  if (!v1::ModelFormat_IsValid(request.format())) {
    return Status::Invalid(
        Code::kInvalidRequest, "/format",
        fmt::format("expected FIELDS or TEXT, found {}", static_cast<int>(request.format())));
  }
  return GetModelMessage{request.version(), request.format() == v1::MODEL_FORMAT_TEXT};
}

Result<PromoteModelMessage> ReadPromoteModel(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Fields<v1::PromoteModelRequest>(bytes));
  GRANARY_TRY(NeedVersion(request.version()));
  return PromoteModelMessage{request.version(), request.force()};
}

Result<std::string> ReadReplay(std::string_view bytes) {
  GRANARY_ASSIGN(const auto request, Fields<v1::ReplayRequest>(bytes));
  return request.model();
}

Result<std::string> AnswerMessage(EngineAnswer which, std::string_view json) {
  const auto message = Make(which);
  const auto read = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message.get());
  if (read.ok()) return message->SerializeAsString();
  return Status::Internal(fmt::format("the answer is no {}: {}",
                                      message->GetDescriptor()->full_name(),
                                      std::string(read.message())));
}

std::string ModelTextMessage(std::string text) {
  v1::CostModel out;
  out.set_text(std::move(text));
  return out.SerializeAsString();
}

}  // namespace granary::services
