#include "granary/storage/source/hot_keys.h"

#include <algorithm>

#include <arrow/array.h>
#include <arrow/record_batch.h>

namespace granary::storage {

Status HotKeys::CatchUp(const TierView& view, const SchemaPtr& schema) {
  for (const HotChunk& chunk : view.hot) GRANARY_TRY(TakeIn(chunk, schema));
  if (!unseen_ || unseen_->empty()) return Status::Ok();
  // All segments are read before any row is marked, so that a failure leaves nothing half done.
  std::vector<std::vector<EndedRow>> found;
  for (const auto& segment : view.segments) {
    GRANARY_ASSIGN(auto rows, unseen_->Find(*segment));
    if (segment->deletions() != nullptr) {  // Earlier versions of a key, mostly.
      const auto& gone = *segment->deletions()->rows();
      std::erase_if(rows, [&](const EndedRow& row) { return gone.Contains(row.row); });
    }
    std::sort(rows.begin(), rows.end(), [](const EndedRow& a, const EndedRow& b) {
      return a.sequence != b.sequence ? a.sequence < b.sequence : a.row < b.row;
    });
    found.push_back(std::move(rows));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].empty()) view.segments[i]->replaced()->Add(found[i]);
  }
  unseen_.reset();
  return Status::Ok();
}

Status HotKeys::TakeIn(const HotChunk& chunk, const SchemaPtr& schema) {
  const arrow::Int64Array& sequences = *chunk.sequences;
  const std::int64_t* const values = sequences.raw_values();
  const std::int64_t first =
      std::upper_bound(values, values + sequences.length(), static_cast<std::int64_t>(reached_)) -
      values;
  if (first == sequences.length()) return Status::Ok();
  GRANARY_ASSIGN(const arrow::ArrayVector columns,
                 KeyColumnsOf(*chunk.batch->Slice(first), *chunk.schema, key_));
  GRANARY_ASSIGN(const std::vector<Digest128> keys, KeysOf(columns));
  const auto shared = std::make_shared<const arrow::ArrayVector>(columns);
  if (!unseen_) unseen_.emplace(key_, schema);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::int64_t row = first + static_cast<std::int64_t>(i);
    const auto sequence = static_cast<std::uint64_t>(sequences.Value(row));
    Latest now{sequence, chunk.ends, chunk.ends_first + row};
    const auto [known, is_new] = latest_.try_emplace(keys[i], now);
    if (is_new) {
      unseen_->Add(keys[i], sequence, shared, static_cast<std::int64_t>(i));
    } else {
      known->second.ends->End(known->second.row, sequence);
      known->second = std::move(now);
    }
    reached_ = sequence;
  }
  return Status::Ok();
}

void HotKeys::Flushed(std::uint64_t sequence) {
  std::erase_if(latest_, [&](const auto& entry) { return entry.second.sequence <= sequence; });
}

}  // namespace granary::storage
