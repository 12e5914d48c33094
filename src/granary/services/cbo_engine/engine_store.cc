#include "granary/services/cbo_engine/engine_store.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/real_number.h"

namespace granary::services {
namespace {

using query::QueryFeedback;

constexpr std::string_view kHistory = "execution_history", kModels = "models",
                           kPromotions = "promotions";
// All there are: a model every half minute for a year.
constexpr std::size_t kModelsMax = 1'000'000;

std::string HistoryDefinition() {
  return fmt::format(
      R"({{"source_id":"{}","name":"Executed queries","schema_definition":{{"received_at":"timestamp",)"
      R"("node_id":"string","tenant_id":"string","source":"string","shape":"string","shape_text":"string",)"
      R"("path":"string","model_version":"string","rows":"float64","rows_estimated":"float64","q_error":"float64",)"
      R"("ns":"float64","ns_estimated":"float64","record":"string"}}}})",
      kHistory);
}

constexpr std::string_view kModelsDefinition =
    R"({"source_id":"models","name":"Cost models","schema_definition":{"version":"string","parent":"string","text":"string"}})";
constexpr std::string_view kPromotionsDefinition =
    R"({"source_id":"promotions","name":"Which model served","schema_definition":{"version":"string","action":"string",)"
    R"("reason":"string","regret_before":"float64","regret_after":"float64","at_us":"int64"}})";

std::string TextOf(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? std::string() : *text;
}
double RealOf(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return 0;
}
std::int64_t WholeOf(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* wide = std::get_if<Int128>(&value)) return static_cast<std::int64_t>(*wide);
  return static_cast<std::int64_t>(RealOf(value));
}

/// Of the operator that took longest.
std::string_view MainPath(const QueryFeedback& record) {
  const auto at = std::ranges::max_element(record.operators, {}, &QueryFeedback::Operator::ns);
  return at == record.operators.end() ? "none" : query::AccessPathName(at->path);
}

void AppendHistory(const QueryFeedback& record, const api::FeedbackBody& body, std::int64_t now_us,
                   std::string& out) {
  const double estimated = std::max(record.rows_estimated, 1.0), rows = std::max(record.rows, 1.0);
  api::JsonObject fields(out);
  fields.Add("received_at",
             std::string_view(ValueToText(Value(now_us), DataType::Timestamp(TimeUnit::kMicro))));
  fields.Add("node_id", body.node);
  fields.Add("tenant_id", body.tenant);
  fields.Add("source", record.source);
  fields.Add("shape", fmt::format("{:016x}", record.shape));
  fields.Add("shape_text", record.shape_text);
  fields.Add("path", MainPath(record));
  fields.Add("model_version", record.model_version);
  api::AddReal(fields, "rows", record.rows);
  api::AddReal(fields, "rows_estimated", record.rows_estimated);
  if (record.rows_known)
    api::AddReal(fields, "q_error", std::max(estimated / rows, rows / estimated));
  api::AddReal(fields, "ns", record.ns);
  api::AddReal(fields, "ns_estimated", record.ns_estimated);
  std::string text;
  api::AppendFeedback(record, text);
  fields.Add("record", text);
  fields.Close();
}

}  // namespace

Result<std::unique_ptr<EngineStore>> EngineStore::Open(const std::string& root,
                                                       std::int64_t history_days, Logger& log) {
  GRANARY_ASSIGN(auto tenant,
                 hosting::EmbeddedTenant::Open({.root = root, .tenant_id = "cbo-engine"}, log));
  GRANARY_TRY(tenant->AddSource(kModelsDefinition));
  GRANARY_TRY(tenant->AddSource(kPromotionsDefinition));
  // One that is there has the retention that it was given last: that is changed below.
  const Status added = tenant->AddSource(HistoryDefinition());
  if (!added.ok() && added.code() != Code::kSourceConflict) return added;
  GRANARY_TRY(tenant->ChangeSource(
      std::string(kHistory),
      fmt::format(R"({{"retention":{{"column":"received_at","days":{}}}}})", history_days)));
  return std::unique_ptr<EngineStore>(new EngineStore(std::move(tenant)));
}

Status EngineStore::AddFeedback(const api::FeedbackBody& feedback, std::int64_t now_us) {
  if (feedback.records.empty()) return Status::Ok();
  std::string records = "[";
  for (const QueryFeedback& record : feedback.records) {
    if (records.size() > 1) records += ',';
    AppendHistory(record, feedback, now_us, records);
  }
  return tenant_->Write(std::string(kHistory), records + "]");
}

Status EngineStore::ReadNewest(std::string_view source, std::vector<std::string> columns,
                               std::size_t most,
                               const std::function<void(std::vector<Value>& row)>& read) {
  query::SearchRequest request;
  GRANARY_ASSIGN(const SourceId id, SourceId::Parse(std::string(source)));
  request.sources = {id};
  request.columns = std::move(columns);
  request.order_by = {{"_seq", query::Direction::kDescending, "/order_by/0"}};
  request.limit = most;
  std::vector<std::vector<Value>> rows;
  const auto keep = [&rows](const query::ResultBatch& batch) {
    for (std::int64_t row = 0; row < batch.batch->num_rows(); ++row) {
      std::vector<Value>& values = rows.emplace_back();
      for (int column = 0; column < batch.batch->num_columns(); ++column)
        values.push_back(ValueAt(*batch.batch->column(column), row));
    }
    return Status::Ok();
  };
  GRANARY_TRY(tenant_->tenant().Search(request, runtime::CancelToken(), keep).status());
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) read(*row);
  return Status::Ok();
}

Result<std::vector<QueryFeedback>> EngineStore::LatestFeedback(std::size_t most) {
  std::vector<QueryFeedback> out;
  GRANARY_TRY(ReadNewest(kHistory, {"record"}, most, [&out](std::vector<Value>& row) {
    auto record = api::ReadFeedbackRecord(TextOf(row[0]));
    if (record.ok()) out.push_back(record.Take());
  }));
  return out;
}

Status EngineStore::AddModel(const query::LearnedModel& model) {
  std::string record = "[";
  api::JsonObject fields(record);
  fields.Add("version", model.version());
  fields.Add("parent", model.parent);
  fields.Add("text", query::WriteModel(model));
  fields.Close();
  return tenant_->Write(std::string(kModels), record + "]");
}

Result<std::vector<query::LearnedModel>> EngineStore::Models() {
  std::vector<query::LearnedModel> out;
  GRANARY_TRY(ReadNewest(kModels, {"text"}, kModelsMax, [&out](std::vector<Value>& row) {
    auto model = query::ReadModel(TextOf(row[0]));
    if (model.ok()) out.push_back(model.Take());
  }));
  return out;
}

Status EngineStore::AddPromotion(const Promotion& promotion) {
  std::string record = "[";
  api::JsonObject fields(record);
  fields.Add("version", promotion.version);
  fields.Add("action", promotion.action);
  fields.Add("reason", promotion.reason);
  api::AddReal(fields, "regret_before", promotion.regret_before);
  api::AddReal(fields, "regret_after", promotion.regret_after);
  fields.Add("at_us", promotion.at_us);
  fields.Close();
  return tenant_->Write(std::string(kPromotions), record + "]");
}

Result<std::vector<Promotion>> EngineStore::Promotions() {
  std::vector<Promotion> out;
  GRANARY_TRY(ReadNewest(kPromotions,
                         {"version", "action", "reason", "regret_before", "regret_after", "at_us"},
                         kModelsMax, [&out](std::vector<Value>& row) {
                           out.push_back({TextOf(row[0]), TextOf(row[1]), TextOf(row[2]),
                                          RealOf(row[3]), RealOf(row[4]), WholeOf(row[5])});
                         }));
  return out;
}

Result<ExecutionSummary> EngineStore::Summary(const runtime::CancelToken& cancel) {
  ExecutionSummary out;
  const auto ask = [&](std::string_view body) { return tenant_->Aggregate(body, cancel); };
  constexpr double kNsInMs = 1e6;
  GRANARY_ASSIGN(
      const auto paths,
      ask(R"({"source_ids":["execution_history"],"group_by":["path"],"aggregations":[{"type":"count","alias":"n"},)"
          R"({"type":"sum","column":"rows","alias":"rows"},{"type":"avg","column":"ns","alias":"ns"},)"
          R"({"type":"avg","column":"ns_estimated","alias":"estimated"},)"
          R"({"type":"percentile","column":"q_error","p":0.5,"alias":"q"}],"order_by":[{"column":"path"}]})"));
  for (const std::vector<Value>& row : paths.rows) {
    out.paths.push_back({TextOf(row[0]), WholeOf(row[1]), RealOf(row[2]), RealOf(row[3]) / kNsInMs,
                         RealOf(row[4]) / kNsInMs, RealOf(row[5])});
  }
  GRANARY_ASSIGN(
      const auto nodes,
      ask(R"({"source_ids":["execution_history"],"group_by":["node_id"],"aggregations":[{"type":"count","alias":"n"},)"
          R"({"type":"avg","column":"ns","alias":"ns"}],"order_by":[{"column":"node_id"}]})"));
  for (const std::vector<Value>& row : nodes.rows)
    out.nodes.push_back({TextOf(row[0]), WholeOf(row[1]), RealOf(row[2]) / kNsInMs});
  return out;
}

Status EngineStore::Close() { return tenant_->Close(); }

}  // namespace granary::services
