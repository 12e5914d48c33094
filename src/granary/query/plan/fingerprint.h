// The fingerprint of a search: two requests with one fingerprint ask for the same records in the
// same order, `limit` and `cursor` apart. What a cursor is bound to.
//
// Promise    the same in every process and release: cursors outlive restarts. A member that
//            SearchRequest gains must be added here.
// Threads    pure functions.
#pragma once

#include "granary/base/hash.h"
#include "granary/query/plan/requests.h"

namespace granary::query {

/// The order of `source_ids`, and of what is ANDed or ORed, does not matter; of columns it does.
Digest128 Fingerprint(const SearchRequest& request);

}  // namespace granary::query
