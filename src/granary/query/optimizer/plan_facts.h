// PlanFacts: what a source's plan was chosen from, so that it can be chosen again, by another model
// or elsewhere, without the source.
//
// Threads    plain values; the functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "granary/query/optimizer/source_optimizer.h"

namespace granary::query {

struct PlanFacts {
  /// A question without its literals.
  struct Question {
    IndexQuestion::Kind kind = IndexQuestion::Kind::kEqual;
    std::uint32_t values = 1;
  };
  AccessShape shape;
  std::vector<Question> questions;
  std::vector<IndexQuestions::Node> nodes;
  int root = -1;
  std::vector<FactsClass> classes;
};

/// Those of a plan; `classes` are SourceChoices'.
PlanFacts FactsOf(const AccessShape& shape, const IndexQuestions& questions,
                  std::vector<FactsClass> classes);

/// What `model` chooses; with `forced` that way wherever it is possible. `facts` are
/// sound (AreSound).
SourceChoices Replan(const PlanFacts& facts, const CostModel& model,
                     std::optional<Way> forced = std::nullopt);

inline constexpr std::size_t kFactsQuestionsMax = 16;
inline constexpr std::size_t kFactsClassesMax = 32;
inline constexpr std::uint64_t kFactsSegmentsMax = 100'000;  ///< Of all classes together.

/// True when places point at something, counts are within the bounds above, and numbers are
/// numbers: for facts from outside.
bool AreSound(const PlanFacts& facts);

}  // namespace granary::query
