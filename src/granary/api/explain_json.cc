#include "granary/api/explain_json.h"

#include <cmath>
#include <vector>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/base/append_format.h"

namespace granary::api {
namespace {

/// The same failure, of a request that stands at `pointer` of another.
Status Under(const Status& status, std::string_view pointer) {
  if (status.ok() || status.fields().empty()) return status;
  std::vector<FieldError> fields = status.fields();
  std::string message(status.message());
  if (message.starts_with(fields.front().pointer + ":")) message.insert(0, pointer);
  for (FieldError& field : fields) field.pointer.insert(0, pointer);
  return {status.code(), std::move(message), std::move(fields)};
}

std::string TextOf(const JsonNode& node) {
  std::string text;
  AppendJson(node, text);
  return text;
}

/// What is no number in JSON is none here.
void AddNumber(JsonObject& object, std::string_view name, double value, int digits) {
  AppendFormat(object.Key(name), "{:.{}f}", std::isfinite(value) && value > 0 ? value : 0.0,
               digits);
}

void AppendFigures(const query::StepFigures& figures, std::string& out) {
  JsonObject object(out);
  AddNumber(object, "rows", figures.rows,
            figures.rows < 10 && figures.rows != std::floor(figures.rows) ? 2 : 0);
  AddNumber(object, "ms", figures.ms, 3);
  object.Close();
}

void AppendStep(const query::PlanStep& step, std::string& out) {
  JsonObject object(out);
  object.Add("operator", step.name);
  object.Add("detail", step.detail);
  AppendFigures(step.estimated, object.Key("estimated"));
  if (step.actual)
    AppendFigures(*step.actual, object.Key("actual"));
  else
    object.AddNull("actual");
  AddNumber(object, "cost", step.cost, 1);
  object.Key("children").push_back('[');
  for (std::size_t i = 0; i < step.steps.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendStep(step.steps[i], out);
  }
  out.push_back(']');
  object.Close();
}

void AppendRejected(const query::RejectedPlan& rejected, std::string& out) {
  JsonObject object(out);
  object.Add("plan", rejected.plan);
  AddNumber(object, "cost", rejected.cost, 1);
  object.Add("reason", rejected.reason);
  object.Close();
}

void AppendPruned(const query::NamedPruned& pruned, std::string& out) {
  JsonObject object(out);
  object.Add("source_id", pruned.source.str());
  object.Add("segment", pruned.segment.value);
  object.Add("by", pruned.by);
  object.Add("reason", pruned.reason);
  object.Close();
}

void AppendPruning(const query::PruningReport& report, std::string& out) {
  JsonObject object(out);
  object.Add("segments_total", report.segments_total);
  object.Add("segments_pruned", report.by_partition + report.by_statistics + report.by_deletions +
                                    report.by_index.value_or(0));
  object.Add("by_partition", report.by_partition);
  object.Add("by_statistics", report.by_statistics);
  object.Add("by_deletions", report.by_deletions);
  object.Add("by_index", report.by_index);
  object.Add("pages_total", report.pages_total);
  object.Add("pages_pruned", report.pages_pruned);
  object.Key("segments").push_back('[');
  for (std::size_t i = 0; i < report.segments.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendPruned(report.segments[i], out);
  }
  out.push_back(']');
  object.Close();
}

}  // namespace

Result<ExplainBody> ParseExplain(std::string_view body, const RequestLimits& limits) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(body, limits.depth_max));
  ObjectReader reader(root, "");
  const JsonNode* search = reader.Find("search");
  const JsonNode* aggregate = reader.Find("aggregate");
  GRANARY_TRY(reader.Finish());
  if (search == nullptr && aggregate == nullptr) {
    const std::string missing =
        "expected search or aggregate, with the body that such a request has";
    return Status(Code::kInvalidRequest, "/search: " + missing,
                  {{"/search", missing}, {"/aggregate", missing}});
  }
  if (search != nullptr && aggregate != nullptr) {
    const std::string second = "expected either search or aggregate: search is there already";
    return Status(Code::kInvalidRequest, "/aggregate: " + second, {{"/aggregate", second}});
  }
  const bool is_search = search != nullptr;
  const std::string_view pointer = is_search ? "/search" : "/aggregate";
  const JsonNode& request = is_search ? *search : *aggregate;
  if (request.kind != JsonNode::Kind::kObject)
    return WrongKind(std::string(pointer), "an object", request);
  ExplainBody out;
  if (is_search) {
    auto parsed = ParseSearch(TextOf(request), /*streaming=*/false, limits);
    if (!parsed.ok()) return Under(parsed.status(), pointer);
    out.request = parsed.Take();
  } else {
    auto parsed = ParseAggregate(TextOf(request), limits);
    if (!parsed.ok()) return Under(parsed.status(), pointer);
    out.request = parsed.Take();
  }
  return out;
}

Status InExplain(const Status& status, const ExplainBody& body) {
  const bool is_search = std::holds_alternative<query::SearchRequest>(body.request);
  return Under(status, is_search ? "/search" : "/aggregate");
}

std::string ExplainJson(const query::Explanation& explanation) {
  std::string out;
  JsonObject object(out);
  AppendStep(explanation.plan, object.Key("plan"));
  object.Key("rejected").push_back('[');
  for (std::size_t i = 0; i < explanation.rejected.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendRejected(explanation.rejected[i], out);
  }
  out.push_back(']');
  AppendPruning(explanation.pruning, object.Key("pruning"));
  object.Add("model_version", explanation.model_version);
  std::string& distrusted = object.Key("distrusted");
  distrusted.push_back('[');
  for (std::size_t i = 0; i < explanation.distrusted.size(); ++i) {
    if (i > 0) distrusted.push_back(',');
    json::AppendString(explanation.distrusted[i], distrusted);
  }
  distrusted.push_back(']');
  object.Close();
  return out;
}

}  // namespace granary::api
