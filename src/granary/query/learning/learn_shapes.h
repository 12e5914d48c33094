// LearnShapes: what a query's rows say of its predicate's shape, of the questions that were asked,
// and of those that were not.
//
// How        a question that an index answered is seen. Of those that no index was asked something
//            follows where the predicate is an AND of questions alone: what is left of the error,
//            once all that was seen is taken off, is theirs, shared equally. So statistics that are
//            wrong are doubted after a few queries of whatever kind, an index is asked, and then
//            the answer is seen.
// Threads    one.
#pragma once

#include "granary/query/learning/query_feedback.h"
#include "granary/query/learning/shape_table.h"

namespace granary::query {

void LearnShapes(const QueryFeedback& feedback, ShapeTable& shapes);

}  // namespace granary::query
