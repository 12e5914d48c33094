#include "granary/query/optimizer/predicate_estimates.h"

#include <algorithm>
#include <cmath>

#include "granary/query/optimizer/predicate_shape.h"

namespace granary::query {
namespace {

using AskedKind = IndexQuestion::Kind;

double Bounded(double fraction) {
  return std::isnan(fraction) ? 0.5 : std::clamp(fraction, 0.0, 1.0);
}

/// True when the question's estimate is the leaf's, or with others of the leaf's column.
bool IsEstimateOf(const IndexQuestion& question, const Predicate& leaf) {
  if (!leaf.path.empty() || question.column != leaf.column || leaf.in_has_null) return false;
  switch (question.kind) {
    case AskedKind::kEqual:
      return (leaf.kind == Predicate::Kind::kEqual || leaf.kind == Predicate::Kind::kIn) &&
             question.values == leaf.values;
    case AskedKind::kPrefix:
      return leaf.kind == Predicate::Kind::kStartsWith && question.prefix == leaf.pattern;
    case AskedKind::kRange: break;
  }
  return (SetsLowEnd(leaf.kind) || SetsHighEnd(leaf.kind)) && leaf.values.size() == 1;
}

}  // namespace

PredicateEstimates::PredicateEstimates(const Predicate& predicate, const IndexQuestions& questions,
                                       const Learning& learning)
    : questions_(questions) {
  std::vector<std::uint16_t> parts;
  for (const std::uint16_t node : questions.Alternatives()) {
    if (questions.nodes[node].kind == IndexQuestions::Node::Kind::kQuestion)
      parts.push_back(questions.nodes[node].question);
  }
  const auto add = [&](const Predicate& part) {
    const auto at = std::ranges::find_if(parts, [&](std::uint16_t question) {
      return IsEstimateOf(questions.questions[question], part);
    });
    if (at == parts.end())
      others_.push_back(&part);
    else if (std::ranges::find(terms_, *at) == terms_.end())
      terms_.push_back(*at);
  };
  if (predicate.kind == Predicate::Kind::kAnd)
    for (const Predicate& part : predicate.children) add(part);
  else
    add(predicate);
  for (std::size_t i = 0; i < questions.questions.size(); ++i) {
    const auto question = static_cast<std::uint16_t>(i);
    if (std::ranges::find(terms_, question) == terms_.end()) only_asked_.push_back(question);
  }
  if (learning.corrections != nullptr) Correct(predicate, learning);
}

void PredicateEstimates::Correct(const Predicate& predicate, const Learning& learning) {
  Found typical;
  // Of a source without files nothing is known.
  const KnownColumns nothing = [](ColumnId) -> const storage::ColumnEstimator* { return nullptr; };
  Of(learning.typical ? learning.typical : nothing, /*with_questions=*/true, typical);
  shape_ = WithMagnitude(ShapeOf(predicate, learning.source), typical.matches);
  for (std::size_t i = 0; i < questions_.questions.size(); ++i) {
    question_shapes_.push_back(WithMagnitude(ShapeOf(questions_.questions[i], learning.source),
                                             typical.named_by_statistics[i]));
  }
  if (learning.corrections->empty()) return;
  for (const std::uint64_t shape : question_shapes_)
    factors_.push_back(learning.corrections->FactorOf(shape));
  whole_ = learning.corrections->FactorOf(shape_);
  if (whole_ != 1) return;
  for (const std::uint16_t term : terms_) whole_ *= factors_[term];
}

void PredicateEstimates::Of(const KnownColumns& known, bool with_questions, Found& found) const {
  found.named.assign(questions_.questions.size(), 1);
  const auto estimate = [&](std::uint16_t at) {
    const IndexQuestion& question = questions_.questions[at];
    found.named[at] = Bounded(question.NamedOf(known(question.column)));
  };
  double matches = 1;
  for (const std::uint16_t term : terms_) {
    estimate(term);
    matches *= found.named[term];
  }
  for (const Predicate* other : others_) matches *= Selectivity(*other, known).matches;
  if (with_questions)
    for (const std::uint16_t question : only_asked_) estimate(question);
  found.matches_by_statistics = matches;
  found.matches = Bounded(matches * whole_);
  found.named_by_statistics = found.named;
  for (std::size_t i = 0; i < factors_.size(); ++i)
    found.named[i] = Bounded(found.named[i] * factors_[i]);
  // What an index names are the rows that match, and others.
  for (const std::uint16_t term : terms_)
    found.named[term] = std::max(found.named[term], found.matches);
}

}  // namespace granary::query
