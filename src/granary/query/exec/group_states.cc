#include "granary/query/exec/group_states.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "granary/query/exec/state_bytes.h"

namespace granary::query {
namespace {

enum class PageKind : std::uint8_t { kGroups = 1, kValues = 2 };

constexpr std::uint32_t kGroupsOfPage = 1024;
constexpr std::uint32_t kRowsOfPage = 8192;

bool Holds(const AggregatePlan& plan, std::size_t aggregate) {
  return HoldsValues(plan.aggregates[aggregate].aggregation->type);
}

void PutGroup(const AggregatePlan& plan, const AggregateTable& table, std::uint32_t group,
              std::string& out) {
  for (std::size_t column = 0; column < plan.groups.size(); ++column)
    EncodeValue(table.GroupValue(column, group), out);
}

/// The groups [first, end), in as many pages as that takes.
Status PutGroups(const AggregatePlan& plan, AggregateTable& table, std::uint32_t first,
                 std::uint32_t end, const StatesSink& sink) {
  std::string page;
  PutFixed(page, static_cast<std::uint8_t>(PageKind::kGroups));
  PutFixed(page, end - first);
  for (std::uint32_t group = first; group < end; ++group) PutGroup(plan, table, group, page);
  for (std::size_t i = 0; i < plan.aggregates.size(); ++i) {
    if (!Holds(plan, i)) table.accumulator(i).PutStates(first, end, page);
  }
  if (page.size() <= kStatesPageBytes || end - first == 1) return sink(page);
  const std::uint32_t half = first + (end - first) / 2;
  GRANARY_TRY(PutGroups(plan, table, first, half, sink));
  return PutGroups(plan, table, half, end, sink);
}

/// The values that one aggregate holds, some at a time.
class ValuePages {
 public:
  ValuePages(const AggregatePlan& plan, const AggregateTable& table, std::size_t aggregate,
             const runtime::CancelToken& cancel, const StatesSink& sink)
      : plan_(plan), table_(table), aggregate_(aggregate), cancel_(cancel), sink_(sink) {}

  Status Add(std::uint32_t group, const Value& value) {
    const auto [at, is_new] = places_.emplace(group, static_cast<std::uint32_t>(places_.size()));
    if (is_new) PutGroup(plan_, table_, group, groups_);
    PutFixed(values_, at->second);
    EncodeValue(value, values_);
    const bool is_full =
        ++rows_ == kRowsOfPage || groups_.size() + values_.size() >= kStatesPageBytes;
    return is_full ? Flush() : Status::Ok();
  }

  Status Flush() {
    if (rows_ == 0) return Status::Ok();
    GRANARY_TRY(cancel_.Check());
    std::string page;
    PutFixed(page, static_cast<std::uint8_t>(PageKind::kValues));
    PutFixed(page, static_cast<std::uint32_t>(aggregate_));
    PutFixed(page, static_cast<std::uint32_t>(places_.size()));
    page.append(groups_);
    PutFixed(page, rows_);
    page.append(values_);
    places_.clear();
    groups_.clear();
    values_.clear();
    rows_ = 0;
    return sink_(page);
  }

 private:
  const AggregatePlan& plan_;
  const AggregateTable& table_;
  const std::size_t aggregate_;
  const runtime::CancelToken& cancel_;
  const StatesSink& sink_;
  std::unordered_map<std::uint32_t, std::uint32_t> places_;
  std::string groups_, values_;
  std::uint32_t rows_ = 0;
};

Status CutShort() { return BadState("a page is cut short"); }

/// Columns of values as blocks.
class Blocks {
 public:
  Blocks(std::vector<DataType> types, const std::vector<bool>& number_texts)
      : types_(std::move(types)), values_(types_.size()) {
    for (std::size_t i = 0; i < types_.size(); ++i)
      checks_.emplace_back(types_[i], number_texts[i]);
  }

  /// Takes a value for each column.
  Status Take(ByteReader& in) {
    for (std::size_t i = 0; i < types_.size(); ++i) {
      GRANARY_ASSIGN(Value value, DecodeValue(in));
      if (!checks_[i].Has(value)) return BadState("a value of another type");
      values_[i].push_back(std::move(value));
    }
    return in.ok() ? Status::Ok() : CutShort();
  }

  Result<std::vector<ValueBlock>> Load() const {
    std::vector<ValueBlock> blocks(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i)
      GRANARY_TRY(blocks[i].LoadValues(types_[i], values_[i]));
    return blocks;
  }

 private:
  const std::vector<DataType> types_;
  std::deque<StateValues> checks_;
  std::vector<std::vector<Value>> values_;
};

Blocks GroupBlocks(const AggregatePlan& plan) {
  std::vector<bool> number_texts;
  for (const PlannedGroup& group : plan.groups)
    number_texts.push_back(group.column.use == ColumnUse::kNumberTexts);
  return Blocks(plan.GroupTypes(), number_texts);
}

/// u32 n and n groups; how many that are.
Result<std::uint32_t> TakeGroups(ByteReader& in, const AggregatePlan& plan, Blocks& groups) {
  const auto count = in.Fixed<std::uint32_t>();
  const std::uint32_t most = plan.groups.empty() ? 1 : std::max(kGroupsOfPage, kRowsOfPage);
  if (count == 0 || count > most) return BadState("groups that no page has");
  for (std::uint32_t i = 0; i < count; ++i) GRANARY_TRY(groups.Take(in));
  return count;
}

Status AddGroups(ByteReader& in, const AggregatePlan& plan, const runtime::CancelToken& cancel,
                 AggregateTable& table) {
  Blocks groups = GroupBlocks(plan);
  GRANARY_ASSIGN(const std::uint32_t count, TakeGroups(in, plan, groups));
  GRANARY_ASSIGN(const auto blocks, groups.Load());
  AggregateTable page(plan, KeyLookup::kCompact);
  GRANARY_TRY(page.AddGroups(blocks, count, cancel));
  if (page.groups() != count) return BadState("a group twice");
  for (std::size_t i = 0; i < plan.aggregates.size(); ++i) {
    if (!Holds(plan, i)) GRANARY_TRY(page.accumulator(i).TakeStates(count, in));
  }
  if (!in.ok() || in.remaining() != 0) return CutShort();
  return table.Merge(page, cancel);
}

Status AddValues(ByteReader& in, const AggregatePlan& plan, const runtime::CancelToken& cancel,
                 AggregateTable& table) {
  const auto aggregate = in.Fixed<std::uint32_t>();
  if (aggregate >= plan.aggregates.size() || !Holds(plan, aggregate))
    return BadState("values of an aggregate that holds none");
  const PlannedAggregate& planned = plan.aggregates[aggregate];
  Blocks groups = GroupBlocks(plan);
  GRANARY_ASSIGN(const std::uint32_t count, TakeGroups(in, plan, groups));
  const auto rows = in.Fixed<std::uint32_t>();
  if (rows == 0 || rows > kRowsOfPage) return BadState("values that no page has");
  Blocks values({planned.shape.input}, {planned.shape.number_texts});
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < rows; ++i) {
    places.push_back(in.Fixed<std::uint32_t>());
    if (places.back() >= count) return BadState("a value of no group");
    GRANARY_TRY(values.Take(in));
  }
  if (!in.ok() || in.remaining() != 0) return CutShort();
  GRANARY_ASSIGN(const auto group_blocks, groups.Load());
  GRANARY_ASSIGN(const auto value_blocks, values.Load());
  GRANARY_TRY(table.AddGroups(group_blocks, count, cancel));
  for (std::uint32_t& place : places) place = table.group_of()[place];
  AccumulatorInput input;
  input.values = &value_blocks.front();
  input.groups = plan.groups.empty() ? nullptr : places.data();
  input.rows = rows;
  input.cancel = &cancel;
  return table.accumulator(aggregate).Update(input);
}

}  // namespace

Status PutGroupStates(const AggregatePlan& plan, AggregateTable& table,
                      const runtime::CancelToken& cancel, const StatesSink& sink) {
  const auto groups = static_cast<std::uint32_t>(table.groups());
  for (std::uint32_t first = 0; first < groups; first += kGroupsOfPage) {
    GRANARY_TRY(cancel.Check());
    GRANARY_TRY(PutGroups(plan, table, first, std::min(groups, first + kGroupsOfPage), sink));
  }
  for (std::size_t i = 0; i < plan.aggregates.size(); ++i) {
    if (!Holds(plan, i)) continue;
    ValuePages pages(plan, table, i, cancel, sink);
    GRANARY_TRY(table.accumulator(i).ForEachHeld(
        [&](std::uint32_t group, const Value& value) { return pages.Add(group, value); }));
    GRANARY_TRY(pages.Flush());
  }
  return Status::Ok();
}

Status AddGroupStates(std::string_view page, const AggregatePlan& plan,
                      const runtime::CancelToken& cancel, AggregateTable& table) {
  ByteReader in(page);
  switch (static_cast<PageKind>(in.Fixed<std::uint8_t>())) {
    case PageKind::kGroups: return AddGroups(in, plan, cancel, table);
    case PageKind::kValues: return AddValues(in, plan, cancel, table);
  }
  return BadState("a page of no known kind");
}

}  // namespace granary::query
