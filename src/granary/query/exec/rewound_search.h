// A search over rewound snapshots (storage::Rewind) shows what it would have shown at their moment,
// though columns were dropped or widened since; or says that it cannot.
//
// Threads    pure functions; the sink is of one thread at a time.
#pragma once

#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// kCursorExpired when the request needs a column whose values are lost, or filters by one that was
/// float32, whose literals were the nearest float32 then.
Status CheckRewound(const SearchRequest& request,
                    const std::vector<storage::SourceSnapshot>& sources);

/// Gives `sink` the rows in the types that they had. Both outlive it.
SearchSink AsShownThen(const std::vector<storage::SourceSnapshot>& sources, const SearchSink& sink);

}  // namespace granary::query
