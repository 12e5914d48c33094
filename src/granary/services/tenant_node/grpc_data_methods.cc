// WriteData, WriteStream, SearchData, AggregateData, Explain.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/api/proto_answer.h"
#include "granary/api/proto_request.h"
#include "granary/api/request_json.h"
#include "granary/services/tenant_node/explain.h"
#include "granary/services/tenant_node/gateway_guard.h"
#include "granary/services/tenant_node/grpc_methods.h"
#include "granary/services/tenant_node/idempotency.h"

namespace granary::services {
namespace {

using hosting::GrpcMethodCall;

constexpr std::size_t kRowPieceBytes = 64u << 10;
constexpr std::size_t kArrowPieceBytes = 1u << 20;  // A client takes 4 MiB unless told otherwise.

Caller CallerOf(const GrpcMethodCall& call) {
  return {call.call.cancel, call.call.request_id, RightsOf(call)};
}

Result<WriteAnswer> WriteBatch(NodeState& state, Tenant& tenant, std::string_view message,
                               const Caller& caller, std::string& source_id) {
  GRANARY_ASSIGN(const api::WriteMessage request, api::ReadWriteMessage(message, source_id));
  GRANARY_ASSIGN(const api::WriteBody body, api::ParseWrite(request.body, state.limits));
  GRANARY_TRY(caller.rights.Need(security::Verb::kWrite, body.source));
  GRANARY_ASSIGN(auto key, WriteKeyOf(request.idempotency_key, request.body));
  GRANARY_ASSIGN(const WriteAnswer answer, tenant.Write({.source = body.source,
                                                         .records = body.records,
                                                         .skips_wrong = body.skips_wrong,
                                                         .key = std::move(key),
                                                         .cancel = caller.cancel}));
  if (!answer.repeated) CountWritten(state, tenant, answer.written);
  return answer;
}

Status WriteData(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string message, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  std::string source_id;
  GRANARY_ASSIGN(const WriteAnswer answer,
                 WriteBatch(state, *tenant, message, CallerOf(call), source_id));
  return call.messages.Write(api::WriteAnswerMessage(answer));
}

// What was acknowledged before a failure stays written, so a failure tells how much that is.
Status WriteStream(NodeState& state, GrpcMethodCall& call) {
  std::string source_id;
  std::uint64_t batches = 0, written = 0, rejected = 0;
  bool durable = true;
  std::shared_ptr<Tenant> tenant;
  for (;;) {
    call.error_metadata = {{"batches", std::to_string(batches)},
                           {"written", std::to_string(written)}};
    GRANARY_ASSIGN(const auto message, call.messages.Read());
    if (!message) break;
    GRANARY_TRY(call.call.cancel.Check());
    if (tenant == nullptr) {
      GRANARY_ASSIGN(tenant, TenantOf(state, call));
    }
    const Result<WriteAnswer> answer =
        WriteBatch(state, *tenant, *message, CallerOf(call), source_id);
    if (!answer.ok()) return answer.status().At(fmt::format("message {}", batches));
    ++batches;
    written += answer->written;
    durable = durable && answer->outcome.durable;
    if (answer->rejected) rejected += answer->rejected->total;
  }
  return call.messages.Write(api::WriteStreamAnswerMessage(batches, written, durable, rejected));
}

Status SearchData(NodeState& state, GrpcMethodCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::SearchMessage message, api::ReadSearchMessage(bytes));
  GRANARY_ASSIGN(const query::SearchRequest request,
                 api::ParseSearch(message.body, message.streaming, state.limits));
  const std::size_t piece_bytes =
      message.format == api::RowFormat::kArrow ? kArrowPieceBytes : kRowPieceBytes;
  std::uint64_t count = 0;
  const auto send = [&](std::string_view piece) { return call.messages.Write(piece); };
  const auto send_rows = [&](const query::ResultBatch& rows) {
    GRANARY_TRY(api::SendRowMessages(rows, message.format, piece_bytes, send));
    const auto n = static_cast<std::uint64_t>(rows.batch->num_rows());
    count += n;
    CountReturned(state, *tenant, n);
    return Status::Ok();
  };
  SearchPageEnd end;
  if (message.streaming) {
    GRANARY_ASSIGN(end.stats, tenant->Search(request, CallerOf(call), send_rows));
  } else {
    GRANARY_ASSIGN(end, tenant->SearchPage(request, CallerOf(call), send_rows));
  }
  return call.messages.Write(api::SummaryMessage(count, end, MillisSince(state, start_ns)));
}

Status AggregateData(NodeState& state, GrpcMethodCall& call) {
  const std::int64_t start_ns = state.clock.MonotonicNanos();
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(const api::AggregateMessage message, api::ReadAggregateMessage(bytes));
  GRANARY_ASSIGN(const query::AggregateRequest request,
                 api::ParseAggregate(message.body, state.limits));
  GRANARY_ASSIGN(const query::AggregateAnswer answer, tenant->Aggregate(request, CallerOf(call)));
  CountReturned(state, *tenant, answer.rows.size());
  GRANARY_ASSIGN(const std::string out,
                 api::AggregateAnswerMessage(answer, message.format, MillisSince(state, start_ns)));
  return call.messages.Write(out);
}

Status ExplainQuery(NodeState& state, GrpcMethodCall& call) {
  GRANARY_ASSIGN(const std::string bytes, call.Request());
  GRANARY_ASSIGN(const api::ExplainMessage message, api::ReadExplainMessage(bytes));
  GRANARY_ASSIGN(const std::shared_ptr<Tenant> tenant, TenantOf(state, call));
  GRANARY_ASSIGN(std::string answer,
                 AnswerExplain(state, *tenant, message.body, message.analyze, CallerOf(call)));
  return call.messages.Write(api::ExplainAnswerMessage(std::move(answer)));
}

}  // namespace

void AddGrpcDataMethods(NodeState& state, std::vector<hosting::GrpcMethod>& methods) {
  const auto bind = [&state](auto handler) {
    return [&state, handler](GrpcMethodCall& call) { return handler(state, call); };
  };
  // Patient, since a write with a key waits for another one with the same key.
  methods.push_back({"WriteData", bind(WriteData), true, net::HandlerLane::kPatient});
  methods.push_back({"WriteStream", bind(WriteStream), true, net::HandlerLane::kPatient});
  methods.push_back({"SearchData", bind(SearchData), true, net::HandlerLane::kPatient});
  methods.push_back({"AggregateData", bind(AggregateData), true, net::HandlerLane::kPatient});
  methods.push_back({"Explain", bind(ExplainQuery), true, net::HandlerLane::kPatient});
}

}  // namespace granary::services
