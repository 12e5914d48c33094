// SplitByPartition (partition.h): each field's keys get small codes, the codes of all fields one
// group number a row, and one pass over the rows deals them out.
#include <algorithm>
#include <numeric>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <tsl/robin_map.h>

#include "granary/storage/partition/coded_column.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

struct IntegerHash {
  std::size_t operator()(std::uint64_t value) const { return HashInteger(value); }
};

/// The rows' group numbers, and the key of each group.
struct Grouping {
  std::vector<std::uint32_t> groups;
  std::vector<PartitionKey> keys;
};

Grouping StartGrouping(CodedColumn first) {
  Grouping grouping{.groups = std::move(first.codes)};
  for (Value& value : first.keys) grouping.keys.push_back({std::move(value)});
  return grouping;
}

/// Splits each group by another field.
Grouping Refine(const Grouping& coarse, const CodedColumn& field) {
  Grouping fine{.groups = std::vector<std::uint32_t>(coarse.groups.size())};
  tsl::robin_map<std::uint64_t, std::uint32_t, IntegerHash> numbers;
  std::uint64_t last_pair = ~std::uint64_t{0};
  std::uint32_t last_number = 0;
  for (std::size_t row = 0; row < coarse.groups.size(); ++row) {
    const std::uint64_t pair = std::uint64_t{coarse.groups[row]} << 32 | field.codes[row];
    if (pair != last_pair) {
      const auto next = static_cast<std::uint32_t>(fine.keys.size());
      const auto [entry, added] = numbers.try_emplace(pair, next);
      if (added) {
        fine.keys.push_back(coarse.keys[coarse.groups[row]]);
        fine.keys.back().push_back(field.keys[field.codes[row]]);
      }
      last_pair = pair;
      last_number = entry->second;
    }
    fine.groups[row] = last_number;
  }
  return fine;
}

Result<CodedColumn> CodeField(const PartitionField& field, const Schema& schema,
                              const arrow::RecordBatch& batch) {
  const int position = schema.IndexOfId(field.column);
  if (position < 0 || position >= batch.num_columns()) {
    return Status::Internal(fmt::format("partition column {} is not in the batch", field.column));
  }
  const DataType& type = schema.columns()[static_cast<std::size_t>(position)].type;
  const auto array = batch.column(position);
  if (!array->type()->Equals(*type.ToArrow())) {
    return Status::Internal(fmt::format("partition column {} is {}, not {}", field.column,
                                        array->type()->ToString(), type.ToString()));
  }
  GRANARY_TRY(CheckTransform(field.transform, type));
  return CodeColumn(field.transform, type, *array);
}

Result<Grouping> GroupRows(const PartitionSpec& spec, const Schema& schema,
                           const arrow::RecordBatch& batch) {
  Grouping grouping;
  for (std::size_t i = 0; i < spec.size(); ++i) {
    GRANARY_ASSIGN(CodedColumn coded, CodeField(spec[i], schema, batch));
    grouping = i == 0 ? StartGrouping(std::move(coded)) : Refine(grouping, coded);
  }
  return grouping;
}

/// An array of row numbers that is filled in place.
struct RowList {
  std::shared_ptr<arrow::Buffer> buffer;
  std::int64_t* end = nullptr;
};

Result<RowList> MakeRowList(std::int64_t rows) {
  auto buffer = arrow::AllocateBuffer(rows * static_cast<std::int64_t>(sizeof(std::int64_t)));
  if (!buffer.ok()) return Status::Internal(buffer.status().ToString());
  RowList list{.buffer = buffer.MoveValueUnsafe()};
  list.end = reinterpret_cast<std::int64_t*>(list.buffer->mutable_data());
  return list;
}

std::shared_ptr<arrow::Int64Array> ToArray(RowList list) {
  const auto rows = list.buffer->size() / static_cast<std::int64_t>(sizeof(std::int64_t));
  return std::make_shared<arrow::Int64Array>(rows, std::move(list.buffer));
}

Result<std::vector<RowList>> DealRows(const Grouping& grouping) {
  std::vector<std::int64_t> counts(grouping.keys.size());
  for (const std::uint32_t group : grouping.groups) ++counts[group];
  std::vector<RowList> lists;
  for (const std::int64_t count : counts) {
    GRANARY_ASSIGN(lists.emplace_back(), MakeRowList(count));
  }
  for (std::size_t row = 0; row < grouping.groups.size(); ++row) {
    *lists[grouping.groups[row]].end++ = static_cast<std::int64_t>(row);
  }
  return lists;
}

bool ComesBefore(const PartitionGroup& a, const PartitionGroup& b) {
  return std::lexicographical_compare(
      a.key.begin(), a.key.end(), b.key.begin(), b.key.end(),
      [](const Value& x, const Value& y) { return Compare(x, y) < 0; });
}

Result<std::vector<PartitionGroup>> OneGroup(std::int64_t rows) {
  GRANARY_ASSIGN(RowList list, MakeRowList(rows));
  std::iota(list.end, list.end + rows, std::int64_t{0});
  return std::vector<PartitionGroup>{{.key = {}, .rows = ToArray(std::move(list))}};
}

}  // namespace

Result<std::vector<PartitionGroup>> SplitByPartition(const PartitionSpec& spec,
                                                     const Schema& schema,
                                                     const arrow::RecordBatch& batch) {
  if (spec.empty()) return OneGroup(batch.num_rows());
  GRANARY_ASSIGN(Grouping grouping, GroupRows(spec, schema, batch));
  GRANARY_ASSIGN(std::vector<RowList> lists, DealRows(grouping));
  std::vector<PartitionGroup> groups;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    groups.push_back({.key = std::move(grouping.keys[i]), .rows = ToArray(std::move(lists[i]))});
  }
  std::sort(groups.begin(), groups.end(), ComesBefore);
  return groups;
}

}  // namespace granary::storage
