// PredicateEstimates: what a predicate and each of its index questions leave of a segment's rows,
// every condition estimated once: what an AND consists of is mostly the same as what indexes can be
// asked.
//
// Corrected  what was learned of the predicate's shape is multiplied in or, where that is nothing,
//            what was learned of the questions that it consists of; the estimates without that are
//            told besides, for those who learn. Shapes differ by the order of magnitude of what is
//            estimated of them in a typical segment: literals that statistics know well are not
//            corrected by what was learned of those that they know nothing of.
// Threads    const from many; `Found` belongs to one.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/query/optimizer/cardinality_corrections.h"
#include "granary/query/optimizer/index_questions.h"
#include "granary/query/optimizer/selectivity.h"

namespace granary::query {

class PredicateEstimates {
 public:
  /// What is learned of: null corrections when nobody does.
  struct Learning {
    const CardinalityCorrections* corrections = nullptr;
    std::uint64_t source = 0;  ///< What shapes are made with.
    KnownColumns typical;      ///< Of a segment that stands for all; null when there is none.
  };
  /// Predicate, questions and corrections outlive it.
  PredicateEstimates(const Predicate& predicate, const IndexQuestions& questions,
                     const Learning& learning);

  struct Found {
    double matches = 1;  ///< Of the rows, the predicate.
    double matches_by_statistics = 1;
    std::vector<double> named;  ///< One a question; where it was not asked for: 1.
    std::vector<double> named_by_statistics;
  };
  /// `with_questions`: also of questions that tell nothing of `matches`.
  void Of(const KnownColumns& known, bool with_questions, Found& found) const;

  /// By what the estimates of the whole predicate are multiplied.
  double correction() const { return whole_; }
  /// True when the predicate is what one question asks, and nothing else.
  bool is_one_question() const { return terms_.size() == 1 && others_.empty(); }
  /// And those of a question.
  double correction_of(std::size_t question) const {
    return factors_.empty() ? 1 : factors_[question];
  }
  /// 0 when nobody learns.
  std::uint64_t shape() const { return shape_; }
  /// One a question; empty when nobody learns.
  const std::vector<std::uint64_t>& question_shapes() const { return question_shapes_; }

 private:
  void Correct(const Predicate& predicate, const Learning& learning);

  const IndexQuestions& questions_;
  std::vector<std::uint16_t> terms_;       ///< Questions that are parts of the AND.
  std::vector<const Predicate*> others_;   ///< Its other parts.
  std::vector<std::uint16_t> only_asked_;  ///< Questions that are in those.
  std::uint64_t shape_ = 0;
  std::vector<std::uint64_t> question_shapes_;
  double whole_ = 1;
  std::vector<double> factors_;  ///< One a question; empty: all are 1.
};

}  // namespace granary::query
