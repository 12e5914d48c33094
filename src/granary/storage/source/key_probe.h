// KeyProbe: which rows of a segment have one of some primary keys.
//
// How        segments whose bounds leave no room for the keys are not read. Few keys are looked up
//            in the indexes of the key's columns, and the rows they name compared; for many the
//            columns of the key are read, row group by row group.
// Memory     a row group's columns of the key, besides the keys.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/source/record_keys.h"
#include "granary/storage/source/segment.h"
#include "granary/types/column_stats.h"

namespace granary::storage {

class KeyProbe {
 public:
  /// `key`: the columns, which are of `schema`.
  KeyProbe(std::vector<ColumnId> key, SchemaPtr schema);

  /// Each key once, with the sequence of its record. `row` of `columns`, which are the key's, is
  /// where its values are.
  void Add(const Digest128& key, std::uint64_t sequence,
           const std::shared_ptr<const arrow::ArrayVector>& columns, std::int64_t row);
  bool empty() const { return sequences_.empty(); }
  /// Null when the key is not among those.
  const std::uint64_t* SequenceOf(const Digest128& key) const;

  /// The rows with one of the keys, each with the sequence of the key's record; by row.
  Result<std::vector<EndedRow>> Find(const Segment& segment) const;

 private:
  struct Place {
    std::shared_ptr<const arrow::ArrayVector> columns;
    std::int64_t row = 0;
  };
  bool MayHold(const Segment& segment) const;
  Result<std::optional<std::vector<std::uint32_t>>> AskIndexes(const Segment& segment) const;
  Status FindIn(const Segment& segment, const std::vector<std::uint32_t>* candidates,
                std::vector<EndedRow>& found) const;

  const std::vector<ColumnId> key_;
  const SchemaPtr schema_;
  std::unordered_map<Digest128, std::uint64_t, DigestHash> sequences_;
  std::vector<Place> places_;  // One a key, while there are few.
  struct Bounds {
    Value low, high;
  };
  std::vector<Bounds> bounds_;  // One a column of the key; null: none is known.
};

/// Calls `visit` with the position, the key and the sequence of each row of a segment.
Status ForEachKey(const Segment& segment, const std::vector<ColumnId>& key, const Schema& schema,
                  const std::function<void(std::uint32_t row, const Digest128& key,
                                           std::uint64_t sequence)>& visit);

}  // namespace granary::storage
