// PointGet: the first records whose indexed column has one of a few values, found without a plan.
//
// Why        look-ups by key are most of what a serving system is asked, and there is one way to
//            answer them; to weigh it against others costs several times what it costs itself.
// How        statistics, bloom filter and index of one segment after the other, then the hash
//            indices of the hot chunks, until one row more than the limit is found; rows are taken
//            out of columns that are decoded already, and checked.
// Promise    the page that a planned search gives. Where that is not sure (an index is missing or
//            damaged, columns are not in the cache, the filter asks for more) there is no page, and
//            the sink has seen nothing: then the search is planned. Nothing is learned from it,
//            since nothing was estimated.
// Memory     the rows of one page, reserved; a page that finds no room is planned, too.
// Threads    the caller's alone.
// Source     the operators Point_Get and Batch_Point_Get of TiDB,
//            https://docs.pingcap.com/tidb/stable/explain-indexes
#pragma once

#include <cstdint>
#include <optional>

#include "granary/base/status.h"
#include "granary/query/exec/search_pages.h"

namespace granary::query {

/// A page of more rows, or of more keys, is planned: what that costs is little beside the rest.
inline constexpr std::uint64_t kPointRowsMax = 256;
inline constexpr std::size_t kPointKeysMax = 256;

/// The first page of a search over `source` alone.
Result<std::optional<SearchPage>> PointGet(const SearchRequest& request,
                                           const storage::SourceSnapshot& source,
                                           const QueryContext& context, const SearchSink& sink);

}  // namespace granary::query
