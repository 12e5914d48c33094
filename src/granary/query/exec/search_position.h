// SearchPosition: where a page of a search ended, so that the next one begins behind it.
//
// Ordered    by the values of the last row, its sequence and its source: whatever came since, a row
//            is behind it or is not. Values keep the type that they had; a column that was widened
//            since compares them exactly.
// Stored     without order_by, by the place of the last row: in a segment that was there when the
//            snapshot began, or, behind all of those, among the rows that were hot then, which
//            count in order of sequence wherever a flush has put them.
// Threads    a value; Encode and Decode are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "granary/base/bytes.h"
#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::query {

struct OrderedPosition {
  struct Key {
    DataType type;
    Value value;
    bool operator==(const Key&) const = default;
  };
  std::vector<Key> keys;  ///< One for each of order_by.
  std::uint64_t sequence = 0;
  std::uint32_t source = 0;  ///< Its rank by id among the sources of the search.
  bool operator==(const OrderedPosition&) const = default;
};

struct RowPlace {
  std::uint64_t min_sequence = 0;  ///< Of the segment; segments are in order of it and the id.
  SegmentId segment;
  std::int32_t row_group = 0;
  std::int32_t row = 0;  ///< In the row group.
  bool operator==(const RowPlace&) const = default;
};

struct StoredPosition {
  std::uint32_t source = 0;         ///< As above.
  std::optional<RowPlace> segment;  ///< Nothing: among the rows that were hot.
  std::uint64_t sequence = 0;       ///< Of the row, when it was hot.
  bool operator==(const StoredPosition&) const = default;
};

using SearchPosition = std::variant<OrderedPosition, StoredPosition>;

void EncodePosition(const SearchPosition& position, std::string& out);
/// kCorruption when the bytes are no position.
Result<SearchPosition> DecodePosition(ByteReader& in);

}  // namespace granary::query
