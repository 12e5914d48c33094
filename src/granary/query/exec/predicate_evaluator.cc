#include "granary/query/exec/predicate_evaluator.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cstring>

#include "granary/query/optimizer/access_facts.h"
#include "granary/query/optimizer/filter_order.h"

namespace granary::query {
namespace {

Polarity Opposite(Polarity polarity) {
  return polarity == Polarity::kPlain ? Polarity::kNegated : Polarity::kPlain;
}

/// How often a leaf, or its negation, is true.
double MatchesOf(const Predicate& leaf, Polarity polarity, const KnownColumns& known) {
  constexpr double kNobodyKnows = 0.5;
  if (!known) return kNobodyKnows;
  const Fractions of = Selectivity(leaf, known);
  return polarity == Polarity::kPlain ? of.matches : 1 - of.matches - of.unknown;
}

}  // namespace

Result<PredicateEvaluator> PredicateEvaluator::Make(const Predicate& predicate,
                                                    const std::vector<ColumnId>& columns,
                                                    const KnownColumns& known) {
  PredicateEvaluator evaluator;
  GRANARY_ASSIGN(evaluator.root_, Build(predicate, Polarity::kPlain, columns, known));
  return evaluator;
}

void PredicateEvaluator::Order(Node& node) {
  const bool is_and = node.kind == Node::Kind::kAnd;
  const auto rank = [is_and](const Node& part) {
    const PartRank of{part.cost, part.matches};
    return is_and ? RankInAnd(of) : RankInOr(of);
  };
  std::stable_sort(node.children.begin(), node.children.end(),
                   [&](const Node& a, const Node& b) { return rank(a) < rank(b); });
  double all = 1, none = 1;
  for (const Node& part : node.children) {
    node.cost += part.cost;
    all *= part.matches;
    none *= 1 - part.matches;
  }
  node.matches = is_and ? all : 1 - none;
}

Result<PredicateEvaluator::Node> PredicateEvaluator::Build(const Predicate& predicate,
                                                           Polarity polarity,
                                                           const std::vector<ColumnId>& columns,
                                                           const KnownColumns& known) {
  using Kind = Predicate::Kind;
  Node node;
  if (predicate.kind == Kind::kNot)
    return Build(predicate.children.at(0), Opposite(polarity), columns, known);
  if (predicate.kind == Kind::kConstant) {
    node.constant = predicate.constant == (polarity == Polarity::kPlain);
    node.matches = node.constant ? 1 : 0;
    return node;
  }
  if (predicate.kind == Kind::kAnd || predicate.kind == Kind::kOr) {
    const bool is_and = (predicate.kind == Kind::kAnd) == (polarity == Polarity::kPlain);
    node.kind = is_and ? Node::Kind::kAnd : Node::Kind::kOr;
    for (const Predicate& child : predicate.children) {
      GRANARY_ASSIGN(Node built, Build(child, polarity, columns, known));
      node.children.push_back(std::move(built));
    }
    Order(node);
    return node;
  }
  const auto at = std::find(columns.begin(), columns.end(), predicate.column);
  if (at == columns.end())
    return Status::Internal("the filter reads a column that is not in the batch");
  node.kind = Node::Kind::kLeaf;
  node.position = static_cast<int>(at - columns.begin());
  GRANARY_ASSIGN(PredicateLeaf leaf, PredicateLeaf::Make(predicate, polarity));
  static const CostModel kModel;
  node.cost = CheckCost(predicate, kModel);
  node.matches = MatchesOf(predicate, polarity, known);
  node.leaf.push_back(std::move(leaf));
  return node;
}

Status PredicateEvaluator::Evaluate(const arrow::RecordBatch& batch, std::int64_t first,
                                    std::int64_t count, ByteMask& truth) const {
  truth.resize(static_cast<std::size_t>(count));
  return Evaluate(root_, {batch, first, count}, nullptr, truth.data());
}

Status PredicateEvaluator::Evaluate(const Node& node, const Rows& rows, const std::uint8_t* wanted,
                                    std::uint8_t* out) {
  switch (node.kind) {
    case Node::Kind::kAnd: return EvaluateAnd(node, rows, wanted, out);
    case Node::Kind::kOr: return EvaluateOr(node, rows, wanted, out);
    case Node::Kind::kLeaf:
      return node.leaf[0].Evaluate(*rows.batch.column(node.position), rows.first, rows.count,
                                   wanted, out);
    case Node::Kind::kConstant: break;
  }
  std::memset(out, node.constant ? 1 : 0, static_cast<std::size_t>(rows.count));
  return Status::Ok();
}

Status PredicateEvaluator::EvaluateAnd(const Node& node, const Rows& rows,
                                       const std::uint8_t* wanted, std::uint8_t* out) {
  if (node.children.empty()) std::memset(out, 1, static_cast<std::size_t>(rows.count));
  ByteMask next(node.children.size() > 1 ? static_cast<std::size_t>(rows.count) : 0);
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i == 0) {
      GRANARY_TRY(Evaluate(node.children[i], rows, wanted, out));
    } else {
      GRANARY_TRY(Evaluate(node.children[i], rows, out, next.data()));
      for (std::int64_t row = 0; row < rows.count; ++row)
        out[row] &= next[static_cast<std::size_t>(row)];
    }
    if (i + 1 < node.children.size() && !AnySet(out, rows.count)) break;
  }
  return Status::Ok();
}

Status PredicateEvaluator::EvaluateOr(const Node& node, const Rows& rows,
                                      const std::uint8_t* wanted, std::uint8_t* out) {
  if (node.children.empty()) std::memset(out, 0, static_cast<std::size_t>(rows.count));
  ByteMask next(node.children.size() > 1 ? static_cast<std::size_t>(rows.count) : 0);
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i == 0) {
      GRANARY_TRY(Evaluate(node.children[i], rows, wanted, out));
      continue;
    }
    GRANARY_TRY(Evaluate(node.children[i], rows, wanted, next.data()));
    for (std::int64_t row = 0; row < rows.count; ++row)
      out[row] |= next[static_cast<std::size_t>(row)];
  }
  return Status::Ok();
}

}  // namespace granary::query
