// IndexQuestions: what a predicate may ask of indexes, and how the answers combine.
//
// How        equality and in; the two ends that an AND sets on one column, together; prefixes, also
//            of LIKE. An AND is told by any of its parts, each one leaving fewer rows; an OR only
//            by all of them together. What negates, reaches into JSON or searches in text asks
//            nothing.
// Promise    the rows that the answers leave are a superset of those that match, whichever
//            questions are asked.
// Threads    immutable once made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/storage/stats/column_estimator.h"
#include "granary/types/predicate.h"

namespace granary::query {

struct IndexQuestion {
  enum class Kind : std::uint8_t { kEqual, kRange, kPrefix };
  Kind kind = Kind::kEqual;
  ColumnId column = 0;
  DataType type;              ///< The column's, now.
  std::vector<Value> values;  ///< kEqual: one of them; none is null.
  Value low, high;            ///< kRange: an index names them, too; null: no end.
  /// Whether the predicate means them, too: for estimates.
  storage::RangeEdge low_edge = storage::RangeEdge::kClosed;
  storage::RangeEdge high_edge = storage::RangeEdge::kClosed;
  std::string prefix;

  /// Of all rows, what an answer names, as far as is known (null: nothing).
  double NamedOf(const storage::ColumnEstimator* known) const;
  /// "customer = 'C1'", with the column's name from `schema`.
  std::string ToString(const Schema& schema) const;
};

struct IndexQuestions {
  struct Node {
    enum class Kind : std::uint8_t { kQuestion, kAnd, kOr };
    Kind kind = Kind::kQuestion;
    std::uint16_t question = 0;        ///< kQuestion: position in `questions`.
    std::vector<std::uint16_t> parts;  ///< Positions in `nodes`.
  };
  std::vector<IndexQuestion> questions;
  std::vector<Node> nodes;
  int root = -1;  ///< -1: there is nothing to ask.

  bool empty() const { return root < 0; }
  /// The parts of the root that tell something by themselves: of an AND its parts, else the root.
  std::vector<std::uint16_t> Alternatives() const;
};

/// A filter with more of them asks no index: planning would take longer than looking at all rows.
inline constexpr std::size_t kIndexQuestionsMax = 1024;

IndexQuestions QuestionsOf(const Predicate& predicate);

}  // namespace granary::query
