// Pages of a search: at most `limit` records, and where the next page goes on.
//
// Promise    the pages of a search, each run over the snapshots that its first one ran over (see
//            storage::Rewind), show every record once, whatever was written and flushed between
//            them. A page that does not fill its limit is the last. Without order_by and with a
//            filter the last page may be empty, because nobody looked whether more would match.
// Cost       with order_by that of the search itself, less what statistics show to lie on earlier
//            pages; without, about the page: earlier segments are not opened.
// Threads    as RunSearch.
#pragma once

#include <optional>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/search_position.h"

namespace granary::query {

struct SearchPage {
  QueryStats stats;
  std::optional<SearchPosition> next;  ///< Nothing: no more rows.
};

/// Sources are at the marks that the search began with. kInvalidRequest when `after` is not of such
/// a search; kCursorExpired when a segment that it names, or a column's values, are gone
/// (rewound_search.h). RunSearch's errors. A limit of 0 has no next page.
/// `begin` and `known` as RunSearch's.
Result<SearchPage> RunPage(const SearchRequest& request,
                           const std::vector<storage::SourceSnapshot>& sources,
                           const std::optional<SearchPosition>& after, const QueryContext& context,
                           const SearchSink& sink, const ShapeSink& begin = {},
                           const std::vector<storage::SourceSnapshot>* known = nullptr);

}  // namespace granary::query
