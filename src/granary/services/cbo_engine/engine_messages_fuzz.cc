// Bytes of the CBO Engine's gRPC requests, as the JSON body that REST has for them, and read as
// that. The first byte says of which: 'o' plan, 'e' cost, 'f' feedback, 'g' one model, 'p' promote,
// 'r' replay, 'n' nothing; any other picks one of these.
//
// Promises   a refusal is the client's fault, in words; a body that is made is one that REST's
//            readers take or refuse at a place that is in it, and the same bytes make it again; of
//            feedback every record is taken or counted as refused, and what was taken comes back
//            from its own text.
#include <google/protobuf/stubs/logging.h>

#include <string>

#include "granary/api/code_table.h"
#include "granary/api/feedback_json.h"
#include "granary/base/check.h"
#include "granary/services/cbo_engine/engine_json.h"
#include "granary/services/cbo_engine/engine_messages.h"
#include "granary/testing/fuzz_target.h"
#include "granary/testing/json_place.h"

namespace granary::services {
namespace {

constexpr std::string_view kKinds = "oefgprn";

/// Without a body: where it would have been is not known.
void CheckRefused(const Status& refusal, std::string_view body = {}) {
  const api::CodeRow& row = api::RowOf(refusal.code());
  GRANARY_CHECK(row.http >= 400 && row.http < 500, "{}", refusal.ToString());
  testing::CheckRefusal(refusal, body);
}
void CheckRead(const Status& status) {
  if (!status.ok()) CheckRefused(status);
}

void Plan(const Result<std::string>& body, const Result<std::string>& again, PlanUse use) {
  if (!body.ok()) return CheckRefused(body.status());
  GRANARY_CHECK(*again == *body);
  const auto plan = ParsePlanBody(*body, use);
  if (!plan.ok()) CheckRefused(plan.status(), *body);
}

void Feedback(std::string_view bytes) {
  const auto body = SendFeedbackBody(bytes);
  if (!body.ok()) return CheckRefused(body.status());
  GRANARY_CHECK(*SendFeedbackBody(bytes) == *body);
  const auto feedback = api::ReadFeedback(*body);
  if (!feedback.ok()) return CheckRefused(feedback.status(), *body);
  GRANARY_CHECK(feedback->refused == 0 || !feedback->faults.empty());
  for (const query::QueryFeedback& record : feedback->records) {
    std::string text;
    api::AppendFeedback(record, text);
    const auto kept = api::ReadFeedbackRecord(text);
    GRANARY_CHECK(kept.ok(), "{}: {}", kept.status().ToString(), text);
  }
}

void Run(testing::FuzzInput input) {
  // Protobuf writes a line about each text that is not UTF-8: most of the inputs.
  static google::protobuf::LogHandler* const log_handler = google::protobuf::SetLogHandler(nullptr);
  (void)log_handler;
  char kind = static_cast<char>(input.Byte());
  if (kKinds.find(kind) == std::string_view::npos)
    kind = kKinds[static_cast<unsigned char>(kind) % kKinds.size()];
  const std::string_view bytes = input.rest();
  switch (kind) {
    case 'o': return Plan(OptimizeQueryBody(bytes), OptimizeQueryBody(bytes), PlanUse::kOptimize);
    case 'e': return Plan(EstimateCostBody(bytes), EstimateCostBody(bytes), PlanUse::kEstimate);
    case 'f': return Feedback(bytes);
    case 'g': return CheckRead(ReadGetModel(bytes).status());
    case 'p': return CheckRead(ReadPromoteModel(bytes).status());
    case 'r': return CheckRead(ReadReplay(bytes).status());
    default: return CheckRead(CheckListModels(bytes));
  }
}

}  // namespace
}  // namespace granary::services

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  granary::services::Run({data, size});
  return 0;
}
