#include "granary/query/exec/explain_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "granary/query/exec/segment_stats.h"
#include "granary/query/optimizer/predicate_shape.h"
#include "granary/query/optimizer/selectivity.h"
#include "granary/storage/partition/partition.h"

namespace granary::query {
namespace {

using storage::IndexKind;
using Node = IndexQuestions::Node;

// What is off by less is an estimate like others.
constexpr double kFarOff = 8;

StepFigures FiguresOf(const Measured& measured) {
  return {static_cast<double>(measured.rows), static_cast<double>(measured.ns) / kNsInMs};
}

const storage::Segment* FirstInGroup(const AccessPlan& plan, std::size_t group) {
  for (const PlannedSegment& planned : plan.segments) {
    if (planned.choice.group == group) return planned.segment.get();
  }
  return nullptr;
}

bool IsIndexed(const storage::Segment& segment, ColumnId column, IndexKind kind) {
  return std::ranges::find(segment.meta().indexes, storage::IndexKey{column, kind},
                           &storage::IndexMeta::key) != segment.meta().indexes.end();
}

std::string_view IndexAsked(const storage::Segment* segment, const IndexQuestion& question) {
  if (segment == nullptr) return "hot";  // Hash indices of a chunk in memory.
  if (question.kind != IndexQuestion::Kind::kEqual) return "btree_index";
  if (IsIndexed(*segment, question.column, IndexKind::kHash)) return "hash_index";
  return IsIndexed(*segment, question.column, IndexKind::kBtree) ? "btree_index" : "bloom";
}

PlanStep QuestionStep(const SourceScan& scan, const PlanRecord::OfSource& record,
                      std::uint16_t question, const storage::Segment* segment, Analyze analyze) {
  const IndexQuestion& asked = scan.questions().questions[question];
  PlanStep step;
  step.name = IndexAsked(segment, asked);
  step.detail = asked.ToString(*scan.snapshot().schema);
  step.estimated.rows = record.plan.named[question];
  step.estimated.ms = record.plan.asking_ns[question] / kNsInMs;
  step.cost = record.plan.asking_ns[question] / kNsInCost;
  if (analyze == Analyze::kRun) step.actual = FiguresOf(record.questions[question]);
  return step;
}

std::string Segments(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string PagesText(double kept, double total) {
  return fmt::format("{} of {} pages", CountText(kept), CountText(total));
}

PlanStep GroupStep(const SourceScan& scan, const PlanRecord::OfSource& record, std::size_t at,
                   Analyze analyze) {
  const PathGroup& group = record.plan.choices.groups[at];
  const storage::Segment* first = FirstInGroup(record.plan, at);
  PlanStep step;
  step.name = AccessPathName(group.path);
  step.detail = Segments(group.segments, group.path == AccessPath::kHot ? "chunk" : "segment");
  step.detail += fmt::format(", {} rows examined", CountText(group.examined));
  step.estimated = {group.rows, group.ns / kNsInMs};
  step.cost = group.ns / kNsInCost;
  if (analyze == Analyze::kRun) {
    step.actual = FiguresOf(record.groups[at]);
    if (group.way == kMetadata) step.actual->rows = group.rows;
  }
  if (group.way == kFirst) {
    step.detail += ", in order of ";
    for (const AccessAsk::Order& order : record.plan.first_by)
      step.detail += order.column.name + " ";
    step.detail.pop_back();
  }
  if (group.way == kPages) step.detail += ", " + PagesText(group.pages_kept, group.pages_total);
  if (group.probe < 0) return step;
  const Probe& probe = record.plan.choices.probes[static_cast<std::size_t>(group.probe)];
  if (group.way == kScan) {
    step.detail += ", unless an index names few rows";
    return step;
  }
  if (probe.questions.size() == 1) {
    step.detail +=
        ": " + scan.questions().questions[probe.questions[0]].ToString(*scan.snapshot().schema);
    return step;
  }
  if (group.path != AccessPath::kHot) {
    const Node& root = scan.questions().nodes[static_cast<std::size_t>(scan.questions().root)];
    step.name = root.kind == Node::Kind::kOr ? "index_union" : "index_intersection";
  }
  for (const std::uint16_t question : probe.questions)
    step.steps.push_back(QuestionStep(scan, record, question, first, analyze));
  return step;
}

std::string WayName(const SourceScan& scan, const AccessPlan& plan, const Alternative& other) {
  const IndexQuestions& questions = scan.questions();
  switch (other.way) {
    case kScan: return "read every segment that is left";
    case kMetadata: return "metadata";
    case kFirst:
      return fmt::format("btree_index in order of {}", plan.first_by.front().column.name);
    case kPages:
      return fmt::format("page_index: {}", PagesText(other.pages_kept, other.pages_total));
    case kCombined: return "the indexes of several conditions, combined";
    default: break;
  }
  const Node& node = questions.nodes[questions.Alternatives()[other.single]];
  if (node.kind != Node::Kind::kQuestion)
    return node.kind == Node::Kind::kOr ? "a union of indexes" : "an intersection of indexes";
  return fmt::format("index: {}",
                     questions.questions[node.question].ToString(*scan.snapshot().schema));
}

/// The first part of an AND that rules the segment out by itself.
const Predicate& DecisivePart(const Predicate& predicate, StatsView& view) {
  if (predicate.kind != Predicate::Kind::kAnd) return predicate;
  for (const Predicate& part : predicate.children) {
    if (view.OutcomesOf(part).NoneMatch()) return part;
  }
  return predicate;
}

std::string WhyByStatistics(const SourceScan& scan, const storage::Segment& segment) {
  const Schema& schema = *scan.snapshot().schema;
  StatsView view = StatsView::OfSegment(segment, schema);
  const Predicate& part = DecisivePart(*scan.predicate(), view);
  std::string why = fmt::format("no row has {}", part.ToString(schema));
  const std::vector<ColumnId> columns = part.Columns();
  if (columns.size() != 1) return why;
  const ColumnStats* stats = view.Find(columns.front());
  const Column* column = schema.FindId(columns.front());
  if (stats == nullptr) return why;
  const DataType type = column == nullptr ? DataType(TypeKind::kInt64) : column->type;
  const std::string name = column == nullptr ? std::string(kSequenceColumnName) : column->name;
  if (!IsNull(stats->min) && !IsNull(stats->max)) {
    why += fmt::format(": {} is from {} to {}", name, ValueToText(stats->min, type),
                       ValueToText(stats->max, type));
    if (type.IsFloat() && stats->may_have_nan) why += " or NaN";
    if (stats->values) why += fmt::format(" and has {} values", stats->values->size());
  } else if (stats->nulls == stats->rows) {
    why += fmt::format(": {} is null everywhere", name);
  }
  return why;
}

}  // namespace

std::string CountText(double rows) {
  if (!(rows >= 0)) return "0";
  return fmt::format("{}", static_cast<std::uint64_t>(std::llround(std::min(rows, 1e18))));
}

PlanStep SourceStep(const SourceScan& scan, const PlanRecord::OfSource& record, Analyze analyze) {
  PlanStep step;
  step.name = "source";
  step.detail = scan.snapshot().id.str();
  if (scan.predicate())
    step.detail += " where " + scan.predicate()->ToString(*scan.snapshot().schema);
  const SourceChoices& choices = record.plan.choices;
  step.estimated = {choices.rows, choices.ns / kNsInMs};
  step.cost = choices.ns / kNsInCost;
  if (analyze == Analyze::kRun) step.actual.emplace();
  for (std::size_t group = 0; group < choices.groups.size(); ++group) {
    PlanStep part = GroupStep(scan, record, group, analyze);
    if (step.actual) {
      step.actual->rows += part.actual->rows;
      step.actual->ms += part.actual->ms;
    }
    step.steps.push_back(std::move(part));
  }
  return step;
}

void AddRejected(const SourceScan& scan, const AccessPlan& plan, double others_ns,
                 std::vector<RejectedPlan>& rejected) {
  for (const Alternative& other : plan.choices.rejected) {
    RejectedPlan one;
    one.plan = fmt::format("{}: {}", scan.snapshot().id.str(), WayName(scan, plan, other));
    const double chosen = others_ns + plan.choices.ns, cost = others_ns + other.ns;
    one.cost = cost / kNsInCost;
    const std::string rows =
        fmt::format("{} rows examined instead of {}", CountText(other.examined),
                    CountText(plan.choices.examined));
    if (cost > chosen) {
      one.reason =
          fmt::format("costs {:.2f} times as much: {}", cost / std::max(chosen, 1.0), rows);
    } else {
      one.reason = fmt::format("no cheaper by more than estimates are good for: {}", rows);
    }
    rejected.push_back(std::move(one));
  }
}

void AddPruned(const SourceScan& scan, const AccessPlan& plan, PruningReport& report) {
  report.segments_total += plan.segments_total;
  for (const PathGroup& group : plan.choices.groups) {
    report.pages_total += static_cast<std::uint64_t>(std::llround(group.pages_total));
    report.pages_pruned +=
        static_cast<std::uint64_t>(std::llround(group.pages_total - group.pages_kept));
  }
  for (const PrunedSegment& pruned : plan.pruned) {
    const bool is_named = report.segments.size() < kPrunedNamedMax;
    NamedPruned named{scan.snapshot().id, pruned.segment->meta().id, {}, {}};
    switch (pruned.by) {
      case PrunedBy::kPartition:
        ++report.by_partition;
        named.by = "partition";
        if (is_named) {
          named.reason = "partition " + storage::PartitionPath(scan.snapshot().partitions,
                                                               *pruned.segment->file_schema(),
                                                               pruned.segment->meta().partition);
        }
        break;
      case PrunedBy::kStatistics:
        ++report.by_statistics;
        named.by = "statistics";
        if (is_named) named.reason = WhyByStatistics(scan, *pruned.segment);
        break;
      case PrunedBy::kDeletions:
        ++report.by_deletions;
        named.by = "deletions";
        named.reason = "every row is deleted";
        break;
    }
    if (is_named) report.segments.push_back(std::move(named));
  }
}

void AddDistrusted(const SourceScan& scan, std::vector<std::string>& distrusted) {
  if (!scan.predicate()) return;
  const storage::SourceSnapshot& snapshot = scan.snapshot();
  for (const ColumnId id : scan.predicate()->Columns()) {
    const Column* column = snapshot.schema->FindId(id);
    for (const auto& segment : snapshot.segments) {
      if (distrusted.size() >= kDistrustedNamedMax) return;
      const storage::ColumnEstimator* known = segment->Estimator(id);
      if (known == nullptr || column == nullptr || known->distrusted().empty()) continue;
      distrusted.push_back(fmt::format("statistics of {} in segment {} of {}: {}", column->name,
                                       segment->meta().id.value, snapshot.id.str(),
                                       known->distrusted()));
    }
  }
}

void AddCorrected(const SourceScan& scan, const AccessPlan& plan,
                  std::vector<std::string>& distrusted) {
  if (!scan.predicate()) return;
  if (distrusted.size() >= kDistrustedNamedMax) return;
  const storage::SourceSnapshot& snapshot = scan.snapshot();
  const double times = plan.correction;
  if (times < kFarOff && times > 1 / kFarOff) return;
  distrusted.push_back(
      fmt::format("statistics of {}: queries with {} found {:.3g} times as many rows as they say",
                  snapshot.id.str(), ShapeText(*scan.predicate(), *snapshot.schema), times));
}

}  // namespace granary::query
