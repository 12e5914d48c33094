#include "granary/query/exec/finish_groups.h"

namespace granary::query {

Result<AnswerColumns> FinishGroups(const AggregatePlan& plan, AggregateTable& table,
                                   const runtime::CancelToken& cancel) {
  AnswerColumns answer;
  answer.columns = plan.answer;
  answer.groups = table.groups();
  for (std::size_t column = 0; column < plan.answer.size(); ++column) {
    std::vector<Value> values;
    values.reserve(answer.groups);
    for (std::uint32_t group = 0; group < answer.groups; ++group) {
      if (group % kGroupsAtOnce == 0) GRANARY_TRY(cancel.Check());
      const bool is_group = column < plan.groups.size();
      values.push_back(is_group ? table.GroupValue(column, group)
                                : table.AggregateValue(column - plan.groups.size(), group));
    }
    answer.values.push_back(std::move(values));
  }
  return answer;
}

std::uint64_t FinishedBytes(const AggregatePlan& plan, const AggregateTable& table) {
  return table.groups() * plan.answer.size() * sizeof(Value) + table.bytes() / 2;
}

}  // namespace granary::query
