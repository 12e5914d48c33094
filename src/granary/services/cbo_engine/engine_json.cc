#include "granary/services/cbo_engine/engine_json.h"

#include <fmt/format.h>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/api/plan_facts_json.h"
#include "granary/api/real_number.h"

namespace granary::services {
namespace {

using api::AddReal;
using api::JsonObject;

constexpr std::size_t kDepthMax = 12;

std::string TimeText(std::int64_t us) {
  return ValueToText(Value(us), DataType::Timestamp(TimeUnit::kMicro));
}

template <typename Items, typename Append>
void AppendList(std::string& out, const Items& items, const Append& append) {
  out.push_back('[');
  bool first = true;
  for (const auto& item : items) {
    if (!first) out.push_back(',');
    first = false;
    append(item);
  }
  out.push_back(']');
}

void AppendReplay(const query::ReplayResult& result, std::string& out) {
  JsonObject object(out);
  object.Add("queries", result.queries);
  object.Add("left_out", result.left_out);
  AddReal(object, "regret_mean", result.regret_mean);
  AddReal(object, "regret_median", result.regret_median);
  AddReal(object, "regret_p95", result.regret_p95);
  AddReal(object, "same_choice", result.same_choice);
  object.Close();
}

void AppendPromotion(const Promotion& promotion, std::string& out) {
  JsonObject object(out);
  object.Add("version", promotion.version);
  object.Add("action", promotion.action);
  object.Add("reason", promotion.reason);
  AddReal(object, "regret_before", promotion.regret_before);
  AddReal(object, "regret_after", promotion.regret_after);
  object.Add("at", TimeText(promotion.at_us));
  object.Close();
}

void AddModel(const ModelInfo& info, JsonObject& object) {
  const query::LearnedModel& model = info.model;
  object.Add("version", model.version());
  object.Add("state", info.state);
  object.Add("parent", model.parent);
  object.Add("origin", query::ModelOriginName(model.origin));
  object.Add("owner", model.owner);
  object.Add("made_at", TimeText(model.made_us));
  object.Add("queries", model.queries);
}

}  // namespace

Result<PlanBody> ParsePlanBody(std::string_view body, PlanUse use) {
  GRANARY_ASSIGN(const api::JsonNode root, api::ParseJsonObject(body, kDepthMax));
  api::ObjectReader object(root, "");
  PlanBody out;
  if (const api::JsonNode* facts = object.Find("facts")) {
    GRANARY_ASSIGN(out.facts, api::ReadFacts(*facts, "/facts"));
  }
  if (use == PlanUse::kEstimate) {
    if (const api::JsonNode* work = object.Find("work")) {
      GRANARY_ASSIGN(out.work, api::ReadWork(*work, "/work"));
    }
    GRANARY_ASSIGN(const auto way, object.Text("way"));
    if (way) {
      GRANARY_ASSIGN(out.way, api::ReadWay(*way, "/way"));
    }
  }
  GRANARY_ASSIGN(auto model, object.Text("model"));
  out.model = std::move(model).value_or("");
  GRANARY_TRY(object.Finish());
  if (use == PlanUse::kOptimize && !out.facts)
    return api::WrongValue("/facts", "what a plan is chosen from is required");
  if (use == PlanUse::kEstimate && out.facts.has_value() == out.work.has_value())
    return api::WrongValue("/work", "expected either work or facts");
  return out;
}

std::string PlanJson(const query::SourceChoices& choices, std::string_view model) {
  std::string out;
  JsonObject object(out);
  object.Add("model_version", model);
  AddReal(object, "ns", choices.ns);
  AddReal(object, "rows", choices.rows);
  AddReal(object, "rows_examined", choices.examined);
  AppendList(object.Key("plan"), choices.groups, [&out](const query::PathGroup& group) {
    JsonObject one(out);
    one.Add("path", query::AccessPathName(group.path));
    one.Add("way", api::WayText(group.way));
    one.Add("segments", group.segments);
    AddReal(one, "rows", group.rows);
    AddReal(one, "rows_examined", group.examined);
    AddReal(one, "ns", group.ns);
    one.Close();
  });
  AppendList(object.Key("rejected"), choices.rejected, [&out](const query::Alternative& other) {
    JsonObject one(out);
    one.Add("way", api::WayText(other.way));
    AddReal(one, "rows_examined", other.examined);
    AddReal(one, "ns", other.ns);
    one.Close();
  });
  object.Close();
  return out;
}

std::string CostJson(double ns, std::string_view model) {
  std::string out;
  JsonObject object(out);
  object.Add("model_version", model);
  AddReal(object, "ns", ns);
  object.Close();
  return out;
}

std::string TakenJson(const api::FeedbackBody& feedback) {
  std::string out;
  JsonObject object(out);
  object.Add("accepted", feedback.records.size());
  object.Add("refused", feedback.refused);
  AppendList(object.Key("errors"), feedback.faults, [&out](const FieldError& fault) {
    JsonObject one(out);
    one.Add("pointer", fault.pointer);
    one.Add("detail", fault.detail);
    one.Close();
  });
  object.Close();
  return out;
}

std::string ModelsJson(const Trainer& trainer) {
  std::string out;
  JsonObject object(out);
  const std::string serving = trainer.serving();
  if (serving.empty())
    object.AddNull("serving");
  else
    object.Add("serving", serving);
  AppendList(object.Key("models"), trainer.Models(), [&out](const ModelInfo& info) {
    JsonObject one(out);
    AddModel(info, one);
    one.Close();
  });
  AppendList(object.Key("promotions"), trainer.Promotions(),
             [&out](const Promotion& promotion) { AppendPromotion(promotion, out); });
  object.Close();
  return out;
}

std::string ModelJson(const ModelInfo& info) {
  std::string out;
  JsonObject object(out);
  AddModel(info, object);
  std::string& prices = object.Key("prices");
  JsonObject each(prices);
  for (const query::Coefficient& price : query::Coefficients())
    AddReal(each, price.name, info.model.costs.*price.ns);
  each.Close();
  query::ShapeTable shapes;
  shapes.Restore(info.model.shapes);
  AppendList(object.Key("shapes"), info.model.shapes, [&](const query::ShapeRatios& shape) {
    JsonObject one(out);
    one.Add("shape", fmt::format("{:016x}", shape.shape));
    one.Add("text", shape.text);
    one.Add("queries", shape.ratios.size());
    AddReal(one, "factor", shapes.FactorOf(shape));
    one.Close();
  });
  object.Close();
  return out;
}

std::string PromotionJson(const Promotion& promotion) {
  std::string out;
  AppendPromotion(promotion, out);
  return out;
}

std::string ReplayJson(std::string_view version, const Trainer::Replayed& replayed,
                       std::string_view serving) {
  std::string out;
  JsonObject object(out);
  object.Add("version", version);
  AppendReplay(replayed.model, object.Key("replay"));
  if (serving.empty())
    object.AddNull("serving");
  else
    object.Add("serving", serving);
  AppendReplay(replayed.serving, object.Key("serving_replay"));
  object.Close();
  return out;
}

std::string ExecutionJson(const ExecutionSummary& summary, const Trainer& trainer) {
  std::string out;
  JsonObject object(out);
  object.Add("window_records", trainer.records());
  AppendList(object.Key("operators"), summary.paths, [&out](const ExecutionSummary::OfPath& path) {
    JsonObject one(out);
    one.Add("path", path.path);
    one.Add("queries", path.queries);
    AddReal(one, "rows", path.rows);
    AddReal(one, "ms", path.ms);
    AddReal(one, "estimated_ms", path.estimated_ms);
    AddReal(one, "q_error_median", path.q_error_median);
    one.Close();
  });
  AppendList(object.Key("nodes"), summary.nodes, [&out](const ExecutionSummary::OfNode& node) {
    JsonObject one(out);
    one.Add("node_id", node.node);
    one.Add("queries", node.queries);
    AddReal(one, "ms", node.ms);
    one.Close();
  });
  AppendReplay(trainer.Live(), object.Key("live"));
  object.Close();
  return out;
}

}  // namespace granary::services
