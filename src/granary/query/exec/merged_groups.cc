#include "granary/query/exec/merged_groups.h"

#include <algorithm>
#include <utility>

#include "granary/query/exec/answer_rows.h"
#include "granary/query/exec/finish_groups.h"
#include "granary/query/exec/group_states.h"
#include "granary/query/exec/query_context.h"

namespace granary::query {
namespace {

Status OutOfShare(const runtime::MemoryBudget& refused_by, std::uint64_t bytes) {
  if (refused_by.IsAlone()) {
    return {Code::kTooLarge,
            "the groups take more memory than all queries over tenants may: ask "
            "for fewer groups, or raise QUERY_MERGE_MEMORY_MB"};
  }
  return runtime::OutOfMemory(refused_by, bytes);
}

}  // namespace

storage::SourceSnapshot WithoutRows(const SourceId& id, SchemaPtr schema) {
  storage::SourceSnapshot snapshot;
  snapshot.id = id;
  snapshot.schema = std::move(schema);
  return snapshot;
}

Result<PartedAggregate> SplitByPart(const AggregateRequest& request, std::string_view part_column) {
  PartedAggregate out{request, std::nullopt, false};
  out.request.group_by.clear();
  for (std::size_t i = 0; i < request.group_by.size(); ++i) {
    const GroupBy& group = request.group_by[i];
    if (group.column != part_column) {
      out.request.group_by.push_back(group);
      continue;
    }
    if (out.part) {
      return Status::Invalid(Code::kInvalidRequest, group.pointer,
                             std::string(part_column) + " is grouped by twice");
    }
    if (!std::holds_alternative<std::monostate>(group.transform)) {
      return Status::Invalid(Code::kTypeMismatch, group.pointer,
                             std::string(part_column) + " has no transform");
    }
    out.part = i;
  }
  out.counts_rows = out.part && out.request.group_by.empty();
  if (out.counts_rows) {
    Aggregation rows;
    rows.alias = std::string(1, '\0') + "rows";  // No request can name it.
    rows.pointer = "/group_by";
    out.request.aggregations.push_back(std::move(rows));
  }
  return out;
}

MergedGroups::MergedGroups(AggregateRequest request, PartedAggregate parted,
                           std::vector<storage::SourceSnapshot> sources)
    : request_(std::move(request)), parted_(std::move(parted)), sources_(std::move(sources)) {}

Result<std::unique_ptr<MergedGroups>> MergedGroups::Make(
    const AggregateRequest& request, std::string_view part_column,
    std::vector<storage::SourceSnapshot> sources, std::vector<std::string> names,
    runtime::MemoryBudget* memory) {
  GRANARY_ASSIGN(PartedAggregate parted, SplitByPart(request, part_column));
  std::unique_ptr<MergedGroups> made(
      new MergedGroups(request, std::move(parted), std::move(sources)));
  GRANARY_ASSIGN(made->plan_, PlanAggregate(made->parted_.request, made->sources_));
  const std::vector<AggregateColumn> columns = made->Columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto same = [&](const AggregateColumn& other) { return other.alias == columns[i].alias; };
    if (std::ranges::count_if(columns, same) > 1) {
      return Status::Invalid(Code::kInvalidRequest, "/group_by",
                             "the alias \"" + columns[i].alias + "\" is taken");
    }
  }
  GRANARY_TRY(CheckAnswer(made->request_, columns));
  for (std::string& name : names)
    made->parts_.push_back({std::move(name), nullptr, runtime::MemoryReservation(memory)});
  return made;
}

Status MergedGroups::Add(std::size_t at, std::string_view page,
                         const runtime::CancelToken& cancel) {
  Part& part = parts_[at];
  if (part.table == nullptr)
    part.table = std::make_unique<AggregateTable>(plan_, KeyLookup::kCompact);
  GRANARY_TRY(AddGroupStates(page, plan_, cancel, *part.table));
  const std::uint64_t bytes = part.table->bytes() / 2 * 3;  // Vectors double.
  const runtime::MemoryBudget* refused_by = part.held.GrowTo(bytes);
  return refused_by == nullptr ? Status::Ok() : OutOfShare(*refused_by, bytes);
}

void MergedGroups::Leave(std::size_t at) {
  parts_[at].table.reset();
  parts_[at].held.ShrinkTo(0);
}

// All into the first of them.
Status MergedGroups::Merge(const runtime::CancelToken& cancel) {
  Part& into = parts_.front();
  if (into.table == nullptr)
    into.table = std::make_unique<AggregateTable>(plan_, KeyLookup::kCompact);
  for (std::size_t i = 1; i < parts_.size(); ++i) {
    if (parts_[i].table == nullptr) continue;
    GRANARY_TRY(into.table->Merge(*parts_[i].table, cancel));
    Leave(i);
    const runtime::MemoryBudget* refused_by = into.held.GrowTo(into.table->bytes());
    if (refused_by != nullptr) return OutOfShare(*refused_by, into.table->bytes());
  }
  return Status::Ok();
}

std::vector<AggregateColumn> MergedGroups::Columns() const {
  std::vector<AggregateColumn> columns = plan_.answer;
  if (parted_.counts_rows) columns.pop_back();
  if (parted_.part) {
    columns.insert(columns.begin() + static_cast<std::ptrdiff_t>(*parted_.part),
                   {request_.group_by[*parted_.part].alias, TypeKind::kString});
  }
  return columns;
}

Status MergedGroups::AppendGroups(Part& part, const runtime::CancelToken& cancel,
                                  std::size_t columns, std::vector<std::vector<Value>>& values) {
  if (part.table == nullptr) return Status::Ok();
  const std::uint64_t bytes = part.held.bytes() + FinishedBytes(plan_, *part.table);
  if (const auto* refused_by = part.held.GrowTo(bytes)) return OutOfShare(*refused_by, bytes);
  GRANARY_ASSIGN(AnswerColumns groups, FinishGroups(plan_, *part.table, cancel));
  part.table.reset();
  if (parted_.counts_rows) {
    if (groups.values.back().front() == Value(std::int64_t{0})) return Status::Ok();
    groups.values.pop_back();
  }
  if (parted_.part) {
    groups.values.insert(groups.values.begin() + static_cast<std::ptrdiff_t>(*parted_.part),
                         std::vector<Value>(groups.groups, part.name));
  }
  for (std::size_t column = 0; column < columns; ++column)
    std::ranges::move(groups.values[column], std::back_inserter(values[column]));
  return Status::Ok();
}

Status MergedGroups::Finish(const runtime::CancelToken& cancel, const AggregateSink& sink) {
  if (parts_.empty()) parts_.emplace_back();
  if (!parted_.part) GRANARY_TRY(Merge(cancel));
  AnswerColumns answer;
  answer.columns = Columns();
  answer.values.resize(answer.columns.size());
  for (Part& part : parts_)
    GRANARY_TRY(AppendGroups(part, cancel, answer.columns.size(), answer.values));
  answer.groups = answer.values.front().size();
  GRANARY_ASSIGN(const auto picked, PickGroups(request_, answer, cancel));
  for (std::size_t first = 0; first < picked.size(); first += kGroupsAtOnce) {
    GRANARY_TRY(cancel.Check());
    std::vector<std::vector<Value>> rows;
    for (std::size_t i = first; i < std::min<std::size_t>(picked.size(), first + kGroupsAtOnce);
         ++i) {
      std::vector<Value>& row = rows.emplace_back();
      for (std::vector<Value>& column : answer.values) row.push_back(std::move(column[picked[i]]));
    }
    GRANARY_TRY(sink(answer.columns, std::move(rows)));
  }
  return Status::Ok();
}

}  // namespace granary::query
