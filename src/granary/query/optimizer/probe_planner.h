// ProbePlanner: which questions are put to a segment's indexes, in which order, and how far to go.
//
// How        of the questions of an AND the one that leaves fewest rows comes first; others follow
//            while they save more than they cost, which whoever asks decides by the rows that are
//            really left (Probe::enough). An OR is asked whole or not at all.
// Insured    estimates may be wrong: what costs a small part of looking at the rows at hand is
//            asked all the same (kInsurance).
// Threads    one a ProbePlanner. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/query/optimizer/index_questions.h"
#include "granary/query/optimizer/segment_costs.h"

namespace granary::query {

// Such a part of what is to be done is worth to learn whether an index names few rows.
inline constexpr double kInsurance = 0.03;
// More rows than a segment has.
inline constexpr double kRowsMost = 4e9;

/// Questions that are put to the indexes of a segment, in this order.
struct Probe {
  std::vector<std::uint16_t> questions;  ///< Positions in IndexQuestions::questions.
  /// One a question: with at most so many rows left by those before it in its AND, to look at these
  /// is cheaper than to ask it.
  std::vector<std::uint32_t> enough;
  /// With more rows left it is asked all the same, since that is a small part of looking at them:
  /// up to this part of their number may be named.
  std::uint32_t insured_from = 0;
  float insured_part = 0;
  bool operator==(const Probe&) const = default;
};

class ProbePlanner {
 public:
  /// All outlive it; `model` is Sound.
  ProbePlanner(const IndexQuestions& questions, const CostModel& model, const SegmentCosts& costs)
      : questions_(questions), model_(model), costs_(costs) {}

  /// What the questions below a node leave of a segment, and which of them to ask; `probe` is as it
  /// was when that tells nothing.
  Told Plan(const SegmentFacts& facts, std::uint16_t node, Probe& probe);

  /// Leaves of `probe` what can be asked for `ns`, and says how many rows each may name for the
  /// rest of it; below 1 when it is not worth asking.
  double Afford(double ns, Probe& probe) const;

 private:
  /// A question, and Probe::enough.
  struct Asked {
    std::uint16_t question = 0;
    std::uint32_t enough = 0;
  };
  /// Of a node, with its questions in asked_.
  struct Run : Told {
    std::size_t begin = 0, end = 0;
  };
  Run Ask(const SegmentFacts& facts, std::uint16_t node);
  Run AskQuestion(const SegmentFacts& facts, std::uint16_t question);
  Run AskAnd(const SegmentFacts& facts, const IndexQuestions::Node& node);
  Run AskOr(const SegmentFacts& facts, const IndexQuestions::Node& node);

  const IndexQuestions& questions_;
  const CostModel& model_;
  const SegmentCosts& costs_;
  std::vector<Asked> asked_;
};

}  // namespace granary::query
