#include "granary/api/plan_facts_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <vector>

#include "granary/api/json_object.h"
#include "granary/api/object_reader.h"
#include "granary/api/real_number.h"

namespace granary::api {
namespace {

using query::AccessPath;
using query::FactsClass;
using query::IndexQuestion;
using query::PlanFacts;
using query::Way;
using Node = query::IndexQuestions::Node;

constexpr double kCountMost = 1e15;
constexpr std::array<std::string_view, query::kSingle> kWayNames = {"scan", "metadata", "first",
                                                                    "pages", "combined"};
constexpr std::array<std::string_view, 3> kQuestionNames = {"equal", "range", "prefix"};
constexpr std::array<std::string_view, 3> kNodeNames = {"question", "and", "or"};

template <typename T, typename Append>
void AppendArray(std::string& out, const std::vector<T>& items, const Append& append) {
  out.push_back('[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.push_back(',');
    append(items[i]);
  }
  out.push_back(']');
}

template <std::size_t N>
Result<std::size_t> OneOf(ObjectReader& object, std::string_view name,
                          const std::array<std::string_view, N>& names) {
  GRANARY_ASSIGN(const std::string text, object.RequiredText(name));
  const auto at = std::ranges::find(names, text);
  if (at == names.end())
    return WrongValue(object.PointerOf(name),
                      fmt::format("\"{}\" is not one of {}", text, fmt::join(names, ", ")));
  return static_cast<std::size_t>(at - names.begin());
}

void AppendColumns(const query::ColumnGroup& columns, std::string& out) {
  JsonObject object(out);
  AddReal(object, "numbers", columns.numbers);
  AddReal(object, "texts", columns.texts);
  object.Close();
}

Result<query::ColumnGroup> ReadColumns(ObjectReader& of, std::string_view name) {
  query::ColumnGroup columns;
  const JsonNode* node = of.Find(name);
  if (node == nullptr) return columns;
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(*node, of.PointerOf(name)));
  GRANARY_ASSIGN(columns.numbers, RealMember(object, "numbers", 0, kCountMost, 0));
  GRANARY_ASSIGN(columns.texts, RealMember(object, "texts", 0, kCountMost, 0));
  GRANARY_TRY(object.Finish());
  return columns;
}

void AppendShape(const query::AccessShape& shape, std::string& out) {
  JsonObject object(out);
  object.Add("filters", shape.filters);
  AppendWork(shape.checks, object.Key("checks"));
  AppendColumns(shape.filter, object.Key("filter"));
  AppendColumns(shape.rest, object.Key("rest"));
  AddReal(object, "comparisons", shape.comparisons);
  AddReal(object, "per_match_ns", shape.per_match_ns);
  object.Add("limit", shape.limit);
  object.Add("first", shape.first);
  object.Add("first_orders", shape.first_orders);
  object.Close();
}

Result<query::AccessShape> ReadShape(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  query::AccessShape shape;
  GRANARY_ASSIGN(const auto filters, object.Boolean("filters"));
  shape.filters = filters.value_or(false);
  if (const JsonNode* checks = object.Find("checks")) {
    GRANARY_ASSIGN(shape.checks, ReadWork(*checks, object.PointerOf("checks")));
  }
  GRANARY_ASSIGN(shape.filter, ReadColumns(object, "filter"));
  GRANARY_ASSIGN(shape.rest, ReadColumns(object, "rest"));
  GRANARY_ASSIGN(shape.comparisons, RealMember(object, "comparisons", 0, kCountMost, 0));
  GRANARY_ASSIGN(shape.per_match_ns, RealMember(object, "per_match_ns", 0, kCountMost, 0));
  constexpr std::uint64_t kRowsMost = 1'000'000'000'000;
  GRANARY_ASSIGN(shape.limit, object.WholeNumber("limit", 0, kRowsMost));
  GRANARY_ASSIGN(shape.first, object.WholeNumber("first", 0, kRowsMost));
  GRANARY_ASSIGN(const auto orders, object.WholeNumber("first_orders", 0, 1000));
  shape.first_orders = static_cast<std::size_t>(orders.value_or(1));
  GRANARY_TRY(object.Finish());
  return shape;
}

void AppendNode(const Node& node, std::string& out) {
  JsonObject object(out);
  object.Add("kind", kNodeNames[static_cast<std::size_t>(node.kind)]);
  if (node.kind == Node::Kind::kQuestion) {
    object.Add("question", node.question);
  } else {
    AppendArray(object.Key("parts"), node.parts,
                [&out](std::uint16_t part) { out += std::to_string(part); });
  }
  object.Close();
}

Result<Node> ReadNode(const JsonNode& json, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(json, pointer));
  Node node;
  GRANARY_ASSIGN(const std::size_t kind, OneOf(object, "kind", kNodeNames));
  node.kind = static_cast<Node::Kind>(kind);
  GRANARY_ASSIGN(const auto question, object.WholeNumber("question", 0, query::kFactsQuestionsMax));
  node.question = static_cast<std::uint16_t>(question.value_or(0));
  GRANARY_TRY(object.Each("parts", node.parts,
                          [](const JsonNode& part, const std::string& at) -> Result<std::uint16_t> {
                            GRANARY_ASSIGN(const double place, RealNumber(part, at, 0, 1000));
                            if (place != std::floor(place))
                              return WrongValue(at, "a whole number is needed");
                            return static_cast<std::uint16_t>(place);
                          }));
  GRANARY_TRY(object.Finish());
  return node;
}

void AppendClass(const FactsClass& of, std::string& out) {
  JsonObject object(out);
  object.Add("segments", of.segments);
  object.Add("hot", of.hot);
  object.Add("rows", of.facts.rows);
  object.Add("row_groups", of.facts.row_groups);
  object.Add("all_match", of.facts.all_match);
  object.Add("by_metadata", of.facts.by_metadata);
  object.Add("first_by_index", of.facts.first_by_index);
  AddReal(object, "matches", of.facts.matches);
  if (of.facts.pages) {
    JsonObject pages(object.Key("pages"));
    AddReal(pages, "rows", of.facts.pages->rows);
    AddReal(pages, "kept", of.facts.pages->kept);
    AddReal(pages, "total", of.facts.pages->total);
    AddReal(pages, "row_groups", of.facts.pages->row_groups);
    pages.Close();
  }
  if (of.facts.cached)
    object.Add("cached", *of.facts.cached);
  else
    object.AddNull("cached");
  AppendArray(object.Key("indexes"), of.indexes, [&out](const query::QuestionIndexes& indexes) {
    JsonObject has(out);
    if (indexes.hash) has.Add("hash", true);
    if (indexes.btree) has.Add("btree", true);
    if (indexes.bloom) has.Add("bloom", true);
    has.Close();
  });
  AppendArray(object.Key("named"), of.named,
              [&out](double share) { out += fmt::format("{}", share); });
  object.Close();
}

Result<query::QuestionIndexes> ReadIndexes(const JsonNode& json, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(json, pointer));
  query::QuestionIndexes indexes;
  GRANARY_ASSIGN(const auto hash, object.Boolean("hash"));
  GRANARY_ASSIGN(const auto btree, object.Boolean("btree"));
  GRANARY_ASSIGN(const auto bloom, object.Boolean("bloom"));
  indexes = {hash.value_or(false), btree.value_or(false), bloom.value_or(false)};
  GRANARY_TRY(object.Finish());
  return indexes;
}

Result<query::PageFacts> ReadPages(const JsonNode& json, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(json, pointer));
  query::PageFacts pages;
  GRANARY_ASSIGN(pages.rows, RequiredReal(object, "rows", 0, kCountMost));
  GRANARY_ASSIGN(pages.kept, RequiredReal(object, "kept", 0, kCountMost));
  GRANARY_ASSIGN(pages.total, RequiredReal(object, "total", 0, kCountMost));
  GRANARY_ASSIGN(pages.row_groups, RequiredReal(object, "row_groups", 0, kCountMost));
  GRANARY_TRY(object.Finish());
  return pages;
}

Result<FactsClass> ReadClass(const JsonNode& json, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(json, pointer));
  FactsClass of;
  constexpr std::uint64_t kRowsMost = 1'000'000'000'000;
  const auto flag = [&](std::string_view name, bool& out) -> Status {
    GRANARY_ASSIGN(const auto value, object.Boolean(name));
    out = value.value_or(false);
    return Status::Ok();
  };
  GRANARY_ASSIGN(const auto segments, object.WholeNumber("segments", 1, query::kFactsSegmentsMax));
  of.segments = segments.value_or(1);
  GRANARY_TRY(flag("hot", of.hot));
  GRANARY_ASSIGN(const auto rows, object.WholeNumber("rows", 0, kRowsMost));
  GRANARY_ASSIGN(const auto groups, object.WholeNumber("row_groups", 0, kRowsMost));
  of.facts.rows = rows.value_or(0);
  of.facts.row_groups = groups.value_or(1);
  GRANARY_TRY(flag("all_match", of.facts.all_match));
  GRANARY_TRY(flag("by_metadata", of.facts.by_metadata));
  GRANARY_TRY(flag("first_by_index", of.facts.first_by_index));
  GRANARY_ASSIGN(of.facts.matches, RealMember(object, "matches", 0, 1, 1));
  if (const JsonNode* pages = object.Find("pages")) {
    GRANARY_ASSIGN(of.facts.pages, ReadPages(*pages, object.PointerOf("pages")));
  }
  GRANARY_ASSIGN(of.facts.cached, object.Boolean("cached"));
  GRANARY_TRY(object.Each("indexes", of.indexes, ReadIndexes));
  GRANARY_TRY(object.Each("named", of.named, [](const JsonNode& share, const std::string& at) {
    return RealNumber(share, at, 0, 1);
  }));
  GRANARY_TRY(object.Finish());
  return of;
}

Result<PlanFacts::Question> ReadQuestion(const JsonNode& json, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(json, pointer));
  PlanFacts::Question question;
  GRANARY_ASSIGN(const std::size_t kind, OneOf(object, "kind", kQuestionNames));
  question.kind = static_cast<IndexQuestion::Kind>(kind);
  GRANARY_ASSIGN(const auto values, object.WholeNumber("values", 0, 100'000));
  question.values = static_cast<std::uint32_t>(values.value_or(1));
  GRANARY_TRY(object.Finish());
  return question;
}

}  // namespace

void AppendWork(const query::Work& work, std::string& out) {
  JsonObject object(out);
  for (std::size_t i = 0; i < query::kUnits; ++i) {
    const double times = work[static_cast<query::Unit>(i)];
    if (times != 0) AddReal(object, query::Coefficients()[i].name, times);
  }
  object.Close();
}

Result<query::Work> ReadWork(const JsonNode& node, const std::string& pointer) {
  if (node.kind != JsonNode::Kind::kObject) return WrongKind(pointer, "an object", node);
  query::Work work;
  for (const JsonMember& member : node.members) {
    const auto unit = query::FindUnit(member.name);
    const std::string at = PointerTo(pointer, member.name);
    if (!unit) return WrongValue(at, fmt::format("\"{}\" is no unit of work", member.name));
    GRANARY_ASSIGN(work[*unit], RealNumber(member.value, at, 0, 1e13));
  }
  return work;
}

std::string WayText(Way way) {
  if (way < query::kSingle) return std::string(kWayNames[way]);
  return fmt::format("single-{}", way - query::kSingle);
}

Result<Way> ReadWay(const std::string& text, const std::string& pointer) {
  const auto at = std::ranges::find(kWayNames, text);
  if (at != kWayNames.end()) return static_cast<Way>(at - kWayNames.begin());
  std::size_t single = 0;
  constexpr std::string_view kSinglePrefix = "single-";
  const char* end = text.data() + text.size();
  if (text.starts_with(kSinglePrefix)) {
    const auto read = std::from_chars(text.data() + kSinglePrefix.size(), end, single);
    if (read.ec == std::errc() && read.ptr == end && single < query::kWays - query::kSingle)
      return static_cast<Way>(query::kSingle + single);
  }
  return WrongValue(pointer,
                    fmt::format("\"{}\" is not one of {}, single-0 to single-{}", text,
                                fmt::join(kWayNames, ", "), query::kWays - query::kSingle - 1));
}

Result<AccessPath> ReadPath(const std::string& text, const std::string& pointer) {
  for (int i = 0; i <= static_cast<int>(AccessPath::kHot); ++i) {
    if (query::AccessPathName(static_cast<AccessPath>(i)) == text)
      return static_cast<AccessPath>(i);
  }
  return WrongValue(pointer, fmt::format("\"{}\" is no access path", text));
}

void AppendFacts(const PlanFacts& facts, std::string& out) {
  JsonObject object(out);
  AppendShape(facts.shape, object.Key("shape"));
  AppendArray(object.Key("questions"), facts.questions, [&out](const PlanFacts::Question& each) {
    JsonObject question(out);
    question.Add("kind", kQuestionNames[static_cast<std::size_t>(each.kind)]);
    question.Add("values", each.values);
    question.Close();
  });
  AppendArray(object.Key("nodes"), facts.nodes,
              [&out](const Node& node) { AppendNode(node, out); });
  if (facts.root >= 0)
    object.Add("root", facts.root);
  else
    object.AddNull("root");
  AppendArray(object.Key("classes"), facts.classes,
              [&out](const FactsClass& of) { AppendClass(of, out); });
  object.Close();
}

Result<PlanFacts> ReadFacts(const JsonNode& node, const std::string& pointer) {
  GRANARY_ASSIGN(ObjectReader object, ObjectReader::Of(node, pointer));
  PlanFacts facts;
  if (const JsonNode* shape = object.Find("shape")) {
    GRANARY_ASSIGN(facts.shape, ReadShape(*shape, object.PointerOf("shape")));
  }
  GRANARY_TRY(object.Each("questions", facts.questions, ReadQuestion));
  GRANARY_TRY(object.Each("nodes", facts.nodes, ReadNode));
  GRANARY_ASSIGN(const auto root, object.WholeNumber("root", 0, 2 * query::kFactsQuestionsMax));
  facts.root = root ? static_cast<int>(*root) : -1;
  GRANARY_TRY(object.Each("classes", facts.classes, ReadClass));
  GRANARY_TRY(object.Finish());
  if (!query::AreSound(facts)) {
    return WrongValue(
        pointer,
        fmt::format("the facts contradict themselves: nodes are a tree whose parts "
                    "stand before it, each class has an index and a share for each "
                    "question or none, there are at most {} questions, {} classes "
                    "and {} segments",
                    query::kFactsQuestionsMax, query::kFactsClassesMax, query::kFactsSegmentsMax));
  }
  return facts;
}

}  // namespace granary::api
