#include "granary/api/feedback_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "granary/api/json_object.h"
#include "granary/api/plan_facts_json.h"
#include "granary/api/real_number.h"
#include "granary/base/ids.h"
#include "granary/query/learning/coefficient_fitter.h"
#include "granary/query/learning/shape_table.h"

namespace granary::api {
namespace {

using query::QueryFeedback;

constexpr std::size_t kDepthMax = 12;
constexpr std::size_t kOperatorsMax = 64;
constexpr double kRowsMost = query::ShapeTable::kRowsMax;
constexpr double kNsMost = query::CoefficientFitter::kNsMax;
constexpr double kFactorMost = query::ShapeTable::kFactorMax;

Result<std::uint64_t> ShapeMember(ObjectReader& object) {
  GRANARY_ASSIGN(const auto text, object.Text("shape"));
  std::uint64_t shape = 0;
  if (!text) return shape;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), shape, 16);
  if (read.ec != std::errc() || read.ptr != text->data() + text->size())
    return WrongValue(object.PointerOf("shape"), "expected 16 hexadecimal digits");
  return shape;
}

Result<std::string> ShortText(ObjectReader& object, std::string_view name, std::size_t most) {
  GRANARY_ASSIGN(auto text, object.Text(name));
  std::string out = std::move(text).value_or("");
  if (out.size() > most) out.resize(most);
  return out;
}

Result<QueryFeedback::Operator> ReadOperator(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  QueryFeedback::Operator out;
  GRANARY_ASSIGN(const std::string path, object.RequiredText("path"));
  GRANARY_ASSIGN(out.path, ReadPath(path, object.PointerOf("path")));
  GRANARY_ASSIGN(const std::string way, object.RequiredText("way"));
  GRANARY_ASSIGN(out.way, ReadWay(way, object.PointerOf("way")));
  GRANARY_ASSIGN(const auto segments, object.WholeNumber("segments", 0, query::kFactsSegmentsMax));
  out.segments = segments.value_or(0);
  GRANARY_ASSIGN(out.rows_estimated, RealMember(object, "rows_estimated", 0, kRowsMost, 0));
  GRANARY_ASSIGN(out.ns_estimated, RealMember(object, "ns_estimated", 0, kNsMost, 0));
  GRANARY_ASSIGN(out.rows, RequiredReal(object, "rows", 0, kRowsMost));
  GRANARY_ASSIGN(out.ns, RequiredReal(object, "ns", 0, kNsMost));
  if (const JsonNode* work = object.Find("work")) {
    GRANARY_ASSIGN(out.work, ReadWork(*work, object.PointerOf("work")));
  }
  GRANARY_TRY(object.Finish());
  return out;
}

Result<QueryFeedback::Question> ReadAnswered(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  QueryFeedback::Question out;
  GRANARY_ASSIGN(out.shape, ShapeMember(object));
  GRANARY_ASSIGN(out.text, ShortText(object, "text", query::ShapeTable::kTextMax));
  GRANARY_ASSIGN(const auto place, object.WholeNumber("place", 0, query::kFactsQuestionsMax - 1));
  out.place = static_cast<std::uint16_t>(place.value_or(0));
  GRANARY_ASSIGN(out.rows_by_statistics, RequiredReal(object, "rows_by_statistics", 0, kRowsMost));
  GRANARY_ASSIGN(out.correction, RealMember(object, "correction", 1 / kFactorMost, kFactorMost, 1));
  GRANARY_ASSIGN(out.rows,
                 RealMember(object, "rows", 0, kRowsMost, query::ShapeTable::kRowsUnknown));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<query::Alternative> ReadRejected(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  query::Alternative out;
  GRANARY_ASSIGN(const std::string way, object.RequiredText("way"));
  GRANARY_ASSIGN(out.way, ReadWay(way, object.PointerOf("way")));
  out.single = out.way < query::kSingle ? 0 : out.way - query::kSingle;
  GRANARY_ASSIGN(out.ns, RealMember(object, "ns", 0, kNsMost, 0));
  GRANARY_ASSIGN(out.examined, RealMember(object, "rows_examined", 0, kRowsMost, 0));
  GRANARY_TRY(object.Finish());
  return out;
}

Result<QueryFeedback> ReadRecord(const JsonNode& node, const std::string& pointer,
                                 std::string_view batch_node) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  QueryFeedback out;
  GRANARY_ASSIGN(const auto of_node, object.Text("node_id"));
  if (of_node && *of_node != batch_node) {
    return WrongValue(
        object.PointerOf("node_id"),
        fmt::format("it is of node \"{}\", the others of \"{}\"", *of_node, batch_node));
  }
  GRANARY_ASSIGN(const auto at, object.WholeNumber("at_us", 0, 1ull << 62));
  out.at_us = static_cast<std::int64_t>(at.value_or(0));
  GRANARY_ASSIGN(out.source, object.RequiredText("source_id"));
  if (!IsIdentifier(out.source))
    return WrongValue(object.PointerOf("source_id"), "not an identifier");
  GRANARY_ASSIGN(out.model_version, ShortText(object, "model_version", 128));
  GRANARY_ASSIGN(out.shape, ShapeMember(object));
  GRANARY_ASSIGN(out.shape_text, ShortText(object, "shape_text", query::ShapeTable::kTextMax));
  GRANARY_ASSIGN(out.rows_by_statistics, RealMember(object, "rows_by_statistics", 0, kRowsMost, 0));
  GRANARY_ASSIGN(out.correction, RealMember(object, "correction", 1 / kFactorMost, kFactorMost, 1));
  GRANARY_ASSIGN(out.rows_estimated, RealMember(object, "rows_estimated", 0, kRowsMost, 0));
  GRANARY_ASSIGN(out.rows, RequiredReal(object, "rows", 0, kRowsMost));
  GRANARY_ASSIGN(const auto known, object.Boolean("rows_known"));
  out.rows_known = known.value_or(false);
  GRANARY_ASSIGN(out.ns_estimated, RealMember(object, "ns_estimated", 0, kNsMost, 0));
  GRANARY_ASSIGN(out.ns, RequiredReal(object, "ns", 0, kNsMost));
  GRANARY_TRY(object.Each("operators", out.operators, ReadOperator));
  GRANARY_TRY(object.Each("questions", out.questions, ReadAnswered));
  GRANARY_TRY(object.Each("rejected", out.rejected, ReadRejected));
  if (out.operators.size() > kOperatorsMax || out.rejected.size() > kOperatorsMax)
    return WrongValue(pointer, fmt::format("more than {} operators or plans", kOperatorsMax));
  if (const JsonNode* facts = object.Find("facts")) {
    GRANARY_ASSIGN(out.facts, ReadFacts(*facts, object.PointerOf("facts")));
  }
  GRANARY_TRY(object.Finish());
  return out;
}

}  // namespace

void AppendFeedback(const QueryFeedback& record, std::string& out) {
  JsonObject object(out);
  object.Add("at_us", std::max<std::int64_t>(record.at_us, 0));
  object.Add("source_id", record.source);
  object.Add("model_version", record.model_version);
  object.Add("shape", fmt::format("{:016x}", record.shape));
  object.Add("shape_text", record.shape_text);
  AddReal(object, "rows_by_statistics", record.rows_by_statistics);
  AddReal(object, "correction", record.correction);
  AddReal(object, "rows_estimated", record.rows_estimated);
  AddReal(object, "rows", record.rows);
  object.Add("rows_known", record.rows_known);
  AddReal(object, "ns_estimated", record.ns_estimated);
  AddReal(object, "ns", record.ns);
  object.Key("operators").push_back('[');
  for (std::size_t i = 0; i < record.operators.size(); ++i) {
    const QueryFeedback::Operator& each = record.operators[i];
    if (i > 0) out.push_back(',');
    JsonObject one(out);
    one.Add("path", query::AccessPathName(each.path));
    one.Add("way", WayText(each.way));
    one.Add("segments", each.segments);
    AddReal(one, "rows_estimated", each.rows_estimated);
    AddReal(one, "ns_estimated", each.ns_estimated);
    AddReal(one, "rows", each.rows);
    AddReal(one, "ns", each.ns);
    AppendWork(each.work, one.Key("work"));
    one.Close();
  }
  out.push_back(']');
  object.Key("questions").push_back('[');
  bool is_first = true;
  for (const QueryFeedback::Question& each : record.questions) {
    if (!std::exchange(is_first, false)) out.push_back(',');
    JsonObject one(out);
    one.Add("shape", fmt::format("{:016x}", each.shape));
    one.Add("text", each.text);
    one.Add("place", each.place);
    AddReal(one, "rows_by_statistics", each.rows_by_statistics);
    AddReal(one, "correction", each.correction);
    if (each.rows >= 0) AddReal(one, "rows", each.rows);
    one.Close();
  }
  out.push_back(']');
  object.Key("rejected").push_back('[');
  for (std::size_t i = 0; i < record.rejected.size(); ++i) {
    const query::Alternative& each = record.rejected[i];
    if (i > 0) out.push_back(',');
    JsonObject one(out);
    one.Add("way", WayText(each.way));
    AddReal(one, "ns", each.ns);
    AddReal(one, "rows_examined", each.examined);
    one.Close();
  }
  out.push_back(']');
  if (query::AreSound(record.facts)) AppendFacts(record.facts, object.Key("facts"));
  object.Close();
}

std::string FeedbackJson(std::string_view node, std::string_view tenant,
                         const std::vector<QueryFeedback>& records) {
  std::string out;
  JsonObject object(out);
  object.Add("node_id", node);
  object.Add("tenant_id", tenant);
  object.Key("records").push_back('[');
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendFeedback(records[i], out);
  }
  out.push_back(']');
  object.Close();
  return out;
}

Result<QueryFeedback> ReadFeedbackRecord(std::string_view text) {
  GRANARY_ASSIGN(const JsonNode node, ParseJsonObject(text, kDepthMax));
  return ReadRecord(node, "", "");
}

Result<FeedbackBody> ReadFeedback(std::string_view body) {
  GRANARY_ASSIGN(const JsonNode root, ParseJsonObject(body, kDepthMax));
  ObjectReader object(root, "");
  FeedbackBody out;
  GRANARY_ASSIGN(out.node, object.RequiredText("node_id"));
  GRANARY_ASSIGN(out.tenant, object.RequiredText("tenant_id"));
  for (const auto& [name, id] :
       {std::pair("node_id", &out.node), std::pair("tenant_id", &out.tenant)}) {
    if (!IsIdentifier(*id))
      return WrongValue(object.PointerOf(name), fmt::format("\"{}\" is not an identifier", *id));
  }
  GRANARY_ASSIGN(const JsonNode* records, object.Array("records"));
  GRANARY_TRY(object.Finish());
  if (records == nullptr) return WrongValue("/records", "an array of records is required");
  if (records->items.size() > kFeedbackRecordsMax) {
    return WrongValue("/records", fmt::format("{} records; at most {} are taken at once",
                                              records->items.size(), kFeedbackRecordsMax));
  }
  for (std::size_t i = 0; i < records->items.size(); ++i) {
    auto record = ReadRecord(records->items[i], PointerTo("/records", i), out.node);
    if (record.ok()) {
      out.records.push_back(record.Take());
      continue;
    }
    ++out.refused;
    for (const FieldError& fault : record.status().fields()) {
      if (out.faults.size() < kFeedbackFaultsMax) out.faults.push_back(fault);
    }
  }
  return out;
}

}  // namespace granary::api
