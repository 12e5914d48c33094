#include "granary/query/learning/learn_shapes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace granary::query {
namespace {

using Node = IndexQuestions::Node;

// Numbers that were multiplied in another order differ by less.
constexpr double kSameShare = 0.02;

/// The questions that the root is an AND of; none where it is anything else.
std::vector<std::uint16_t> TermsOf(const PlanFacts& facts) {
  if (facts.root < 0) return {};
  const Node& root = facts.nodes[static_cast<std::size_t>(facts.root)];
  if (root.kind == Node::Kind::kQuestion) return {root.question};
  std::vector<std::uint16_t> terms;
  for (const std::uint16_t part : root.parts) {
    const Node& node = facts.nodes[part];
    if (root.kind != Node::Kind::kAnd || node.kind != Node::Kind::kQuestion) return {};
    terms.push_back(node.question);
  }
  return terms;
}

/// True when the predicate is those terms and nothing else, which the estimates show.
bool AreAll(const QueryFeedback& of, const std::vector<std::uint16_t>& terms,
            const std::vector<double>& corrections) {
  bool any = false;
  for (const FactsClass& each : of.facts.classes) {
    if (each.hot || each.facts.all_match || each.named.empty()) continue;
    double product = 1;
    for (const std::uint16_t term : terms) product *= each.named[term] / corrections[term];
    const double matches = each.facts.matches / of.correction;
    if (!(std::abs(matches - product) <= kSameShare * std::max(matches, product))) return false;
    any = true;
  }
  return any;
}

void InferTerms(const QueryFeedback& of, ShapeTable& shapes) {
  if (!of.rows_known || !AreSound(of.facts)) return;
  const std::vector<std::uint16_t> terms = TermsOf(of.facts);
  if (terms.size() < 2) return;
  std::vector<double> corrections(of.facts.questions.size(), 1);
  std::vector<const QueryFeedback::Question*> questions(corrections.size());
  for (const QueryFeedback::Question& each : of.questions) {
    if (each.place >= questions.size()) return;
    questions[each.place] = &each;
    corrections[each.place] = each.correction;
  }
  if (!AreAll(of, terms, corrections)) return;
  double expected = std::log(of.rows_by_statistics + 1);
  std::vector<const QueryFeedback::Question*> unseen;
  for (const std::uint16_t term : terms) {
    if (questions[term] == nullptr) return;
    expected += shapes.MedianLog(questions[term]->shape).value_or(0);
    if (!shapes.HasSeen(questions[term]->shape)) unseen.push_back(questions[term]);
  }
  if (unseen.empty()) return;
  const double left = (std::log(of.rows + 1) - expected) / static_cast<double>(unseen.size());
  for (const QueryFeedback::Question* each : unseen)
    shapes.Infer(each->shape, each->text, shapes.MedianLog(each->shape).value_or(0) + left);
}

}  // namespace

void LearnShapes(const QueryFeedback& feedback, ShapeTable& shapes) {
  if (feedback.rows_known)
    shapes.Learn(feedback.shape, feedback.shape_text, feedback.rows_by_statistics, feedback.rows);
  for (const QueryFeedback::Question& each : feedback.questions)
    shapes.Learn(each.shape, each.text, each.rows_by_statistics, each.rows);
  InferTerms(feedback, shapes);
}

}  // namespace granary::query
