#include "granary/storage/source/key_probe.h"

#include <algorithm>
#include <iterator>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "granary/storage/stats/stats_builder.h"

namespace granary::storage {
namespace {

// A look-up costs about as much as reading so many keys.
constexpr std::uint64_t kRowsPerLookUp = 256;
// Beyond that the places of keys are not kept.
constexpr std::size_t kLookUpsMax = 4096;
// More rows than that of one value are rather read.
constexpr std::size_t kRowsOfAValueMax = 4096;

}  // namespace

KeyProbe::KeyProbe(std::vector<ColumnId> key, SchemaPtr schema)
    : key_(std::move(key)), schema_(std::move(schema)), bounds_(key_.size()) {}

void KeyProbe::Add(const Digest128& key, std::uint64_t sequence,
                   const std::shared_ptr<const arrow::ArrayVector>& columns, std::int64_t row) {
  sequences_.emplace(key, sequence);
  if (places_.size() < kLookUpsMax) places_.push_back({columns, row});
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    Value value = ValueAt(*(*columns)[i], row);
    Bounds& bounds = bounds_[i];
    if (IsNull(bounds.low) || Compare(value, bounds.low) < 0) bounds.low = value;
    if (IsNull(bounds.high) || Compare(value, bounds.high) > 0) bounds.high = std::move(value);
  }
}

const std::uint64_t* KeyProbe::SequenceOf(const Digest128& key) const {
  const auto found = sequences_.find(key);
  return found == sequences_.end() ? nullptr : &found->second;
}

// By what the manifest knows. A NaN is in no bound.
bool KeyProbe::MayHold(const Segment& segment) const {
  for (std::size_t i = 0; i < key_.size(); ++i) {
    const auto known = segment.meta().columns.find(key_[i]);
    if (known == segment.meta().columns.end()) continue;
    const ColumnStats& stats = known->second;
    if (IsNull(stats.min) || IsNull(stats.max) || schema_->FindId(key_[i])->type.IsFloat())
      continue;
    if (Compare(bounds_[i].high, stats.min) < 0 || Compare(bounds_[i].low, stats.max) > 0)
      return false;
  }
  return true;
}

// A superset of the rows; nothing when an index is missing or damaged, or too many rows have the
// value.
Result<std::optional<std::vector<std::uint32_t>>> KeyProbe::AskIndexes(
    const Segment& segment) const {
  using Rows = std::vector<std::uint32_t>;
  if (places_.size() != sequences_.size() || places_.size() > segment.meta().rows / kRowsPerLookUp)
    return std::optional<Rows>();
  std::vector<std::shared_ptr<const IndexReader>> indexes;
  for (const ColumnId id : key_) {
    auto index = segment.Index({id, IndexKind::kHash});
    if (index == nullptr) index = segment.Index({id, IndexKind::kBtree});
    indexes.push_back(std::move(index));
  }
  Rows all;
  for (const Place& place : places_) {
    std::optional<Rows> rows;
    for (std::size_t i = 0; i < key_.size(); ++i) {
      if (indexes[i] == nullptr) continue;
      FoundRows found{kRowsOfAValueMax, {}, false};
      const Status asked = indexes[i]->FindEqual(ValueAt(*(*place.columns)[i], place.row), found);
      if (asked.code() == Code::kCorruption) segment.ReportDamage(indexes[i]->key());
      if (!asked.ok() || found.too_many) continue;
      Rows some(found.rows.begin(), found.rows.end());
      std::sort(some.begin(), some.end());
      some.erase(std::unique(some.begin(), some.end()), some.end());
      if (rows) {
        Rows both;
        std::set_intersection(rows->begin(), rows->end(), some.begin(), some.end(),
                              std::back_inserter(both));
        some = std::move(both);
      }
      rows = std::move(some);
    }
    if (!rows) return std::optional<Rows>();
    all.insert(all.end(), rows->begin(), rows->end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return std::optional(std::move(all));
}

Status KeyProbe::FindIn(const Segment& segment, const std::vector<std::uint32_t>* candidates,
                        std::vector<EndedRow>& found) const {
  GRANARY_ASSIGN(const auto reader, segment.Reader());
  std::uint32_t begin = 0;
  for (int group = 0; group < reader->row_groups(); ++group) {
    const std::uint32_t end = begin + static_cast<std::uint32_t>(reader->rows(group));
    const std::uint32_t first = std::exchange(begin, end);
    if (candidates != nullptr) {
      const auto next = std::lower_bound(candidates->begin(), candidates->end(), first);
      if (next == candidates->end() || *next >= end) continue;
    }
    Segment::ReadCounts counts;
    GRANARY_ASSIGN(const auto batch, segment.Read(group, key_, *schema_, counts));
    const auto add = [&](const std::vector<Digest128>& keys, std::uint32_t from) {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        if (const std::uint64_t* sequence = SequenceOf(keys[i]))
          found.push_back({from + static_cast<std::uint32_t>(i), *sequence});
      }
    };
    if (candidates == nullptr) {
      GRANARY_ASSIGN(const auto keys, KeysOf(batch->columns()));
      add(keys, first);
      continue;
    }
    for (auto row = std::lower_bound(candidates->begin(), candidates->end(), first);
         row != candidates->end() && *row < end; ++row) {
      GRANARY_ASSIGN(const auto keys, KeysOf(batch->Slice(*row - first, 1)->columns()));
      add(keys, *row);
    }
  }
  return Status::Ok();
}

Result<std::vector<EndedRow>> KeyProbe::Find(const Segment& segment) const {
  std::vector<EndedRow> found;
  if (empty() || !MayHold(segment)) return found;
  GRANARY_ASSIGN(const auto candidates, AskIndexes(segment));
  if (candidates && candidates->empty()) return found;
  GRANARY_TRY(FindIn(segment, candidates ? &*candidates : nullptr, found));
  return found;
}

Status ForEachKey(const Segment& segment, const std::vector<ColumnId>& key, const Schema& schema,
                  const std::function<void(std::uint32_t row, const Digest128& key,
                                           std::uint64_t sequence)>& visit) {
  std::vector<ColumnId> columns = key;
  columns.push_back(kSequenceColumnId);
  GRANARY_ASSIGN(const auto reader, segment.Reader());
  std::uint32_t begin = 0;
  for (int group = 0; group < reader->row_groups(); ++group) {
    GRANARY_ASSIGN(const auto batch, reader->Read(group, columns, schema));
    arrow::ArrayVector of_key = batch->columns();
    const auto& sequences = static_cast<const arrow::Int64Array&>(*of_key.back());
    of_key.pop_back();
    GRANARY_ASSIGN(const auto keys, KeysOf(of_key));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      visit(begin + static_cast<std::uint32_t>(i), keys[i],
            static_cast<std::uint64_t>(sequences.Value(static_cast<std::int64_t>(i))));
    }
    begin += static_cast<std::uint32_t>(keys.size());
  }
  return Status::Ok();
}

}  // namespace granary::storage
