#include "granary/query/optimizer/index_questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "granary/query/optimizer/selectivity.h"
#include "granary/storage/stats/like_prefix.h"

namespace granary::query {
namespace {

using Kind = Predicate::Kind;
using Node = IndexQuestions::Node;

// Nodes are numbered in 16 bits; a predicate with more of them asks nothing.
constexpr std::size_t kNodesMax = std::numeric_limits<std::uint16_t>::max() / 2;

bool IsIndexed(const Predicate& leaf) {
  return leaf.path.empty() && leaf.type.kind() != TypeKind::kJson &&
         leaf.type.kind() != TypeKind::kList && leaf.column != kSequenceColumnId;
}

class Asker {
 public:
  IndexQuestions Ask(const Predicate& predicate) {
    const auto root = Of(predicate);
    if (!root || made_.nodes.size() > kNodesMax) return {};
    made_.root = *root;
    return std::move(made_);
  }

 private:
  using Place = std::optional<std::uint16_t>;  // Among the nodes; nothing: it asks nothing.

  Place Of(const Predicate& predicate) {
    if (made_.nodes.size() > kNodesMax) return std::nullopt;
    switch (predicate.kind) {
      case Kind::kAnd: return And(predicate.children);
      case Kind::kOr: return Or(predicate.children);
      default: break;
    }
    if (!IsIndexed(predicate)) return std::nullopt;
    IndexQuestion question{.column = predicate.column, .type = predicate.type};
    switch (predicate.kind) {
      case Kind::kEqual:
      case Kind::kIn:
        if (predicate.values.empty()) return std::nullopt;
        question.values = predicate.values;
        return Add(std::move(question));
      case Kind::kLess:
      case Kind::kLessEqual:
      case Kind::kGreater:
      case Kind::kGreaterEqual:
        if (predicate.values.size() != 1) return std::nullopt;
        question.kind = IndexQuestion::Kind::kRange;
        Narrow(predicate, question);
        return Add(std::move(question));
      case Kind::kStartsWith: question.prefix = predicate.pattern; break;
      case Kind::kLike: question.prefix = storage::PrefixOfLike(predicate.pattern).prefix; break;
      default: return std::nullopt;
    }
    if (question.prefix.empty()) return std::nullopt;
    question.kind = IndexQuestion::Kind::kPrefix;
    return Add(std::move(question));
  }

  static void Narrow(const Predicate& leaf, IndexQuestion& question) {
    const bool is_open = leaf.kind == Kind::kGreater || leaf.kind == Kind::kLess;
    const auto edge = is_open ? storage::RangeEdge::kOpen : storage::RangeEdge::kClosed;
    const Value& value = leaf.values.front();
    const auto set = [&](Value& end, storage::RangeEdge& end_edge) {
      // Of two at one value the one that leaves it out is the narrower.
      if (!IsNull(end) && Compare(value, end) == 0 && !is_open) return;
      end = value;
      end_edge = edge;
    };
    if (SetsLowEnd(leaf.kind) && (IsNull(question.low) || Compare(value, question.low) >= 0))
      set(question.low, question.low_edge);
    if (SetsHighEnd(leaf.kind) && (IsNull(question.high) || Compare(value, question.high) <= 0))
      set(question.high, question.high_edge);
  }

  Place Add(IndexQuestion question) {
    made_.questions.push_back(std::move(question));
    return Add(
        Node{Node::Kind::kQuestion, static_cast<std::uint16_t>(made_.questions.size() - 1), {}});
  }
  Place Add(Node node) {
    made_.nodes.push_back(std::move(node));
    return static_cast<std::uint16_t>(made_.nodes.size() - 1);
  }

  Place And(const std::vector<Predicate>& children) {
    Node node{Node::Kind::kAnd, 0, {}};
    std::map<ColumnId, IndexQuestion> ranges;
    for (const Predicate& child : children) {
      const bool is_range = (SetsLowEnd(child.kind) || SetsHighEnd(child.kind)) &&
                            IsIndexed(child) && child.values.size() == 1;
      if (is_range) {
        IndexQuestion& range = ranges[child.column];
        range.kind = IndexQuestion::Kind::kRange;
        range.column = child.column;
        range.type = child.type;
        Narrow(child, range);
      } else if (const Place part = Of(child)) {
        node.parts.push_back(*part);
      }
    }
    for (auto& [column, range] : ranges) {
      if (const Place part = Add(std::move(range))) node.parts.push_back(*part);
    }
    if (node.parts.empty()) return std::nullopt;
    if (node.parts.size() == 1) return node.parts.front();
    return Add(std::move(node));
  }

  Place Or(const std::vector<Predicate>& children) {
    Node node{Node::Kind::kOr, 0, {}};
    for (const Predicate& child : children) {
      const Place part = Of(child);
      if (!part) return std::nullopt;
      node.parts.push_back(*part);
    }
    if (node.parts.empty()) return std::nullopt;
    if (node.parts.size() == 1) return node.parts.front();
    return Add(std::move(node));
  }

  IndexQuestions made_;
};

}  // namespace

std::vector<std::uint16_t> IndexQuestions::Alternatives() const {
  if (empty()) return {};
  const Node& node = nodes[static_cast<std::size_t>(root)];
  if (node.kind == Node::Kind::kAnd) return node.parts;
  return {static_cast<std::uint16_t>(root)};
}

std::string IndexQuestion::ToString(const Schema& schema) const {
  const Column* found = schema.FindId(column);
  const std::string name = found == nullptr ? fmt::format("column {}", column) : found->name;
  const auto text = [this](const Value& value) { return ValueToText(value, type); };
  switch (kind) {
    case Kind::kEqual:
      if (values.size() == 1) return fmt::format("{} = {}", name, text(values.front()));
      return fmt::format("{} in {} values", name, values.size());
    case Kind::kPrefix: return fmt::format("{} starts with {}", name, prefix);
    case Kind::kRange: break;
  }
  if (IsNull(low)) return fmt::format("{} <= {}", name, text(high));
  if (IsNull(high)) return fmt::format("{} >= {}", name, text(low));
  return fmt::format("{} between {} and {}", name, text(low), text(high));
}

double IndexQuestion::NamedOf(const storage::ColumnEstimator* known) const {
  const storage::ColumnEstimator& column = OrNothing(known);
  switch (kind) {
    case Kind::kEqual: return column.In(values).fraction;
    case Kind::kPrefix: return column.Prefix(prefix).fraction;
    case Kind::kRange: break;
  }
  return column.Range({low, low_edge}, {high, high_edge}).fraction;
}

IndexQuestions QuestionsOf(const Predicate& predicate) {
  IndexQuestions asked = Asker().Ask(predicate);
  return asked.questions.size() > kIndexQuestionsMax ? IndexQuestions() : std::move(asked);
}

}  // namespace granary::query
