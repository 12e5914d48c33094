#include "granary/query/exec/query_feedback_of.h"

#include <algorithm>

#include "granary/query/exec/plan_record.h"
#include "granary/query/learning/shape_table.h"
#include "granary/query/optimizer/predicate_shape.h"

namespace granary::query {
namespace {

double Count(const std::atomic<std::uint64_t>& counter) {
  return static_cast<double>(counter.load(std::memory_order_relaxed));
}

Work WorkOf(const Measured& measured, const AccessShape& shape) {
  const auto counted = [&](Counted what) {
    return Count(measured.work[static_cast<std::size_t>(what)]);
  };
  Work work;
  work[Unit::kChunk] = counted(Counted::kChunkDecoded);
  work[Unit::kCachedChunk] = counted(Counted::kChunkDecoded) + counted(Counted::kChunkCached);
  work[Unit::kDecodeNumber] = counted(Counted::kNumberDecoded);
  work[Unit::kDecodeText] = counted(Counted::kTextDecoded);
  work[Unit::kRowGroup] = counted(Counted::kRowGroup);
  work[Unit::kIndexLookup] = counted(Counted::kLookup);
  work[Unit::kIndexRow] = counted(Counted::kIndexRow);
  work[Unit::kBloomLookup] = counted(Counted::kBloomLookup);
  work[Unit::kPickChunk] = counted(Counted::kChunkPicked);
  work[Unit::kPickValue] = counted(Counted::kValuePicked);
  work[Unit::kPageLook] = counted(Counted::kPageLooked);
  work[Unit::kPageChunk] = counted(Counted::kPageChunk);
  work[Unit::kTakeValue] = counted(Counted::kValueTaken);
  for (const Unit check :
       {Unit::kCheckNumber, Unit::kCheckText, Unit::kCheckPattern, Unit::kCheckJson})
    work[check] = counted(Counted::kRowChecked) * shape.checks[check];
  return work;
}

void AddOperators(const PlanRecord::OfSource& source, QueryFeedback& out) {
  const SourceChoices& choices = source.plan.choices;
  for (std::size_t i = 0; i < choices.groups.size(); ++i) {
    const PathGroup& group = choices.groups[i];
    QueryFeedback::Operator one{.path = group.path,
                                .way = group.way,
                                .segments = group.segments,
                                .rows_estimated = group.rows,
                                .ns_estimated = group.ns,
                                .rows = Count(source.groups[i].rows),
                                .ns = Count(source.groups[i].ns),
                                .work = WorkOf(source.groups[i], source.plan.shape)};
    if (group.way == kMetadata) one.rows = group.rows;
    // The first rows of an order are not those that match.
    if (group.way == kFirst) out.rows_known = false;
    out.rows += one.rows;
    out.ns += one.ns;
    out.operators.push_back(std::move(one));
  }
}

void AnswerQuestions(const PlanRecord::OfSource& source, QueryFeedback& out) {
  std::vector<QueryFeedback::Question>& questions = out.questions;
  if (source.plan.is_one_question && out.rows_known && questions.size() == 1) {
    // Whoever read everything knows the answer, too.
    questions[0].rows_by_statistics = out.rows_by_statistics;
    questions[0].rows = out.rows;
    return;
  }
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Measured& measured = source.questions[i];
    // Where others had left few rows it was not asked any more.
    const bool everywhere = static_cast<double>(source.plan.asked[i]) == Count(measured.calls);
    const double rows = Count(measured.rows) + Count(measured.rows_at_least);
    // That there are so many at least tells nothing where more were expected.
    const bool known = Count(measured.rows_at_least) == 0 || rows > source.plan.named[i];
    questions[i].rows =
        source.plan.asked[i] > 0 && everywhere && known ? rows : ShapeTable::kRowsUnknown;
  }
}

}  // namespace

QueryFeedback PlannedFeedback(AccessPlan& plan, const storage::SourceSnapshot& snapshot,
                              const Predicate* predicate, const IndexQuestions& questions) {
  QueryFeedback out;
  out.source = snapshot.id.str();
  out.rows_estimated = plan.choices.rows;
  out.ns_estimated = plan.choices.ns;
  out.rejected = plan.choices.rejected;
  out.rows_by_statistics = plan.matches_by_statistics;
  out.correction = plan.correction;
  if (predicate != nullptr) {
    out.shape = plan.predicate_shape;
    out.shape_text = ShapeText(*predicate, *snapshot.schema);
  }
  for (const PlannedSegment& segment : plan.segments) {
    if (segment.all_match)
      out.rows_by_statistics += static_cast<double>(segment.segment->meta().rows);
  }
  if (questions.questions.size() <= kFactsQuestionsMax &&
      plan.choices.classes.size() <= kFactsClassesMax)
    out.facts = FactsOf(plan.shape, questions, std::move(plan.choices.classes));
  for (std::size_t i = 0; i < std::min(questions.questions.size(), kFactsQuestionsMax); ++i) {
    const IndexQuestion& question = questions.questions[i];
    if (plan.question_shapes.empty()) break;
    out.questions.push_back({.shape = plan.question_shapes[i],
                             .text = ShapeText(question, *snapshot.schema),
                             .place = static_cast<std::uint16_t>(i),
                             .rows_by_statistics = plan.named_by_statistics[i],
                             .correction = plan.corrections[i],
                             .rows = 0});
  }
  return out;
}

std::vector<QueryFeedback> FeedbackOf(PlanRecord& record, std::int64_t now_us,
                                      const std::string& model_version) {
  std::vector<QueryFeedback> all;
  double rows = 0;
  for (auto* sources : {&record.earlier, &record.sources}) {
    for (PlanRecord::OfSource& source : *sources) {
      if (!source.feedback) continue;
      QueryFeedback& out = all.emplace_back(std::move(*source.feedback));
      out.at_us = now_us;
      out.model_version = model_version;
      out.rows_known = !record.miscounts && out.shape != 0;
      AddOperators(source, out);
      const auto& limit = source.plan.shape.limit;
      rows += out.rows;
      // A limit that was reached ended the search somewhere.
      if (limit && rows >= static_cast<double>(*limit)) out.rows_known = false;
      AnswerQuestions(source, out);
    }
  }
  return all;
}

}  // namespace granary::query
