// What is known of how a column's values are distributed, as two members of its statistics:
//
//   "most_common": [{"value": "eu", "rows": 1200}, …]    the most frequent first
//   "histogram": {"described": 2000, "sampled": 1024, "nans": 0, "from": "a",
//                 "buckets": [{"to": "c", "rows": 12}, …]}
//
// Both are null when that is unknown. A bucket holds the values above the one before it, or from
// `from` on, up to `to`; common values are in none. Together they make up `described` values, those
// that are not null; where fewer were sampled, all counts are estimates.
#pragma once

#include "granary/api/json_object.h"
#include "granary/types/column_stats.h"
#include "granary/types/data_type.h"

namespace granary::api {

void AddDistribution(const ColumnStats& stats, const DataType& type, std::string& out,
                     JsonObject& object);

}  // namespace granary::api
