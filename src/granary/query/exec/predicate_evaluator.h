// PredicateEvaluator: which rows of a batch make a predicate true.
//
// Logic      SQL's three values; a row counts only when the predicate is true, not when it is
//            unknown.
// How        a tree of ANDs, ORs and leaves with every NOT pushed into the leaves; leaves fill byte
//            masks in tight loops; costly leaves (patterns, JSON) look only at rows that are still
//            in question. What is cheap and decides much comes first
//            (query/optimizer/filter_order.h).
// Threads    const from many.
#pragma once

#include <cstdint>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/byte_mask.h"
#include "granary/query/exec/predicate_leaf.h"
#include "granary/query/optimizer/selectivity.h"
#include "granary/types/predicate.h"

namespace granary::query {

class PredicateEvaluator {
 public:
  /// `columns` are those of the batches to come, in order. kInternal when the predicate reads
  /// another one.
  /// `known`, when given, tells how often the parts are true; else only what they cost counts.
  static Result<PredicateEvaluator> Make(const Predicate& predicate,
                                         const std::vector<ColumnId>& columns,
                                         const KnownColumns& known = {});

  /// truth[i] = 1 where the predicate is true at row first + i; truth gets `count` bytes.
  Status Evaluate(const arrow::RecordBatch& batch, std::int64_t first, std::int64_t count,
                  ByteMask& truth) const;

 private:
  struct Node {
    enum class Kind { kAnd, kOr, kConstant, kLeaf } kind = Kind::kConstant;
    std::vector<Node> children;
    bool constant = true;
    double cost = 0;                  ///< A row.
    double matches = 1;               ///< Of the rows.
    int position = 0;                 ///< Of the leaf's column in the batch.
    std::vector<PredicateLeaf> leaf;  ///< One, for kLeaf.
  };
  struct Rows {
    const arrow::RecordBatch& batch;
    std::int64_t first;
    std::int64_t count;
  };

  static Result<Node> Build(const Predicate& predicate, Polarity polarity,
                            const std::vector<ColumnId>& columns, const KnownColumns& known);
  static void Order(Node& node);
  static Status Evaluate(const Node& node, const Rows& rows, const std::uint8_t* wanted,
                         std::uint8_t* out);
  static Status EvaluateAnd(const Node& node, const Rows& rows, const std::uint8_t* wanted,
                            std::uint8_t* out);
  static Status EvaluateOr(const Node& node, const Rows& rows, const std::uint8_t* wanted,
                           std::uint8_t* out);

  Node root_;
};

}  // namespace granary::query
