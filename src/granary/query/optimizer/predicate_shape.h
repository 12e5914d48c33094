// PredicateShape: what predicates have in common that differ in their literals only.
//
// Shape      columns, operators and how they nest; of an IN the order of magnitude of its values.
//            The parts of an AND or OR may stand in any order.
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "granary/query/optimizer/index_questions.h"
#include "granary/types/predicate.h"

namespace granary::query {

/// `source` tells the shapes of several sources apart. A question for one value and for several
/// are alike: what is estimated of each is added up.
std::uint64_t ShapeOf(const Predicate& predicate, std::uint64_t source);
std::uint64_t ShapeOf(const IndexQuestion& question, std::uint64_t source);

/// The shape of those of the literals of which about such a part of the rows is expected.
std::uint64_t WithMagnitude(std::uint64_t shape, double share);

/// "customer = ? AND amount > ?", for people.
std::string ShapeText(const Predicate& predicate, const Schema& schema);
std::string ShapeText(const IndexQuestion& question, const Schema& schema);

}  // namespace granary::query
