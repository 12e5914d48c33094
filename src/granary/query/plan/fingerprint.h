// Fingerprints of requests. Two searches with one fingerprint ask for the same records in the same
// order, `limit` and `cursor` apart: what a cursor is bound to. Two aggregates with one fingerprint
// ask for the same states of the same groups: what they are kept under.
//
// Promise    a search's is the same in every process and release: cursors outlive restarts. A
//            member that a request gains must be added here.
// Threads    pure functions.
#pragma once

#include "granary/base/hash.h"
#include "granary/query/plan/requests.h"

namespace granary::query {

/// The order of `source_ids`, and of what is ANDed or ORed, does not matter; of columns it does.
Digest128 Fingerprint(const SearchRequest& request);
/// Of the filter, the groups and the aggregates, in their order: what names them, what is shown of
/// them, and which sources they are asked of, does not matter.
Digest128 FingerprintOfStates(const AggregateRequest& request);

}  // namespace granary::query
