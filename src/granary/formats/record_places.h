// Where in a body a record is that a parser found wrong in its chunk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/json/record_parser.h"

namespace granary::formats {

/// "line 7" for the record at a place in the chunk; empty when there are no lines.
using PlaceOf = std::function<std::string(std::int64_t index)>;

/// The failure with pointers that count from `first` on (/3/amount becomes /65539/amount) and the
/// place in front of each detail.
Status AtPlaces(const Status& status, std::uint64_t first, const PlaceOf& place_of);

/// The pointers of wider columns, counting from `first` on.
void MoveWidened(std::uint64_t first, std::vector<json::WidenedColumn>& widened);

/// `found` of a chunk added to those of the body.
void AddRejected(const json::RejectedRecords& found, std::uint64_t first, const PlaceOf& place_of,
                 json::RejectedRecords& all);

}  // namespace granary::formats
