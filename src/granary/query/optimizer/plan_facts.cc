#include "granary/query/optimizer/plan_facts.h"

#include <algorithm>
#include <utility>

namespace granary::query {
namespace {

constexpr double kCountMax = 1e15;

using Node = IndexQuestions::Node;

bool IsCount(double value) { return value >= 0 && value <= kCountMax; }

/// Parts stand before what they are parts of, and are part of nothing else: it is a tree.
bool AreTree(const std::vector<Node>& nodes, std::size_t questions) {
  std::vector<bool> is_part(nodes.size());
  for (std::size_t place = 0; place < nodes.size(); ++place) {
    const Node& node = nodes[place];
    const bool is_question = node.kind == Node::Kind::kQuestion;
    if (is_question != node.parts.empty()) return false;
    if (is_question && node.question >= questions) return false;
    for (const std::uint16_t part : node.parts) {
      if (part >= place || is_part[part]) return false;
      is_part[part] = true;
    }
  }
  return true;
}

bool IsSound(const FactsClass& of, std::size_t questions) {
  const bool fits = (of.indexes.empty() && of.named.empty()) ||
                    (of.indexes.size() == questions && of.named.size() == questions);
  const bool has_pages =
      !of.facts.pages || (IsCount(of.facts.pages->rows) && IsCount(of.facts.pages->kept) &&
                          IsCount(of.facts.pages->total) && IsCount(of.facts.pages->row_groups));
  const auto is_share = [](double share) { return share >= 0 && share <= 1; };
  return fits && has_pages && of.segments > 0 && of.segments <= kFactsSegmentsMax &&
         IsCount(static_cast<double>(of.facts.rows)) && of.facts.row_groups <= of.facts.rows + 1 &&
         is_share(of.facts.matches) && std::ranges::all_of(of.named, is_share);
}

}  // namespace

PlanFacts FactsOf(const AccessShape& shape, const IndexQuestions& questions,
                  std::vector<FactsClass> classes) {
  PlanFacts facts{.shape = shape,
                  .questions = {},
                  .nodes = questions.nodes,
                  .root = questions.root,
                  .classes = std::move(classes)};
  for (const IndexQuestion& question : questions.questions)
    facts.questions.push_back({question.kind, static_cast<std::uint32_t>(question.values.size())});
  return facts;
}

bool AreSound(const PlanFacts& facts) {
  if (facts.questions.size() > kFactsQuestionsMax || facts.classes.size() > kFactsClassesMax ||
      facts.nodes.size() > 2 * kFactsQuestionsMax || facts.classes.empty())
    return false;
  if (facts.root >= static_cast<int>(facts.nodes.size()) || facts.root < -1) return false;
  if (!AreTree(facts.nodes, facts.questions.size())) return false;
  std::uint64_t segments = 0;
  for (const FactsClass& of : facts.classes) {
    if (!IsSound(of, facts.questions.size())) return false;
    segments += of.segments;
  }
  if (segments > kFactsSegmentsMax) return false;
  const AccessShape& shape = facts.shape;
  const bool has_counts = IsCount(shape.filter.numbers) && IsCount(shape.filter.texts) &&
                          IsCount(shape.rest.numbers) && IsCount(shape.rest.texts) &&
                          IsCount(shape.per_match_ns) && IsCount(shape.comparisons);
  for (std::size_t i = 0; i < kUnits; ++i) {
    if (!IsCount(shape.checks[static_cast<Unit>(i)])) return false;
  }
  return has_counts;
}

SourceChoices Replan(const PlanFacts& facts, const CostModel& model, std::optional<Way> forced) {
  IndexQuestions questions;
  for (const PlanFacts::Question& each : facts.questions) {
    IndexQuestion& question = questions.questions.emplace_back();
    question.kind = each.kind;
    question.values.resize(each.values);
  }
  questions.nodes = facts.nodes;
  questions.root = facts.root;
  const CostModel sound = Sound(model);
  SourceOptimizer optimizer(facts.shape, questions, sound, Choosing::kByCost);
  if (forced) optimizer.Force(*forced);
  for (const FactsClass& of : facts.classes) {
    SegmentFacts segment = of.facts;
    segment.indexes = of.indexes;
    segment.named = of.named;
    for (std::uint64_t i = 0; i < of.segments; ++i) {
      if (of.hot)
        optimizer.ChooseHot(segment);
      else
        optimizer.Choose(segment);
    }
  }
  return std::move(optimizer).Finish();
}

}  // namespace granary::query
