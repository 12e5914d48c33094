// Search: the records of some sources that match a filter, in order, up to a limit.
//
// How        partitions and segments are pruned by statistics, then row groups by theirs; per row
//            group the filter's columns are decoded first and the others only where something
//            matched; row groups and hot chunks are morsels that run in parallel. With order_by
//            each morsel keeps its best `limit` rows and the merge keeps the best of all; without,
//            morsels are emitted in order (source, sequence of segments, then hot), and work stops
//            once the limit is full.
// Order      nulls last in both directions; ties by `_seq` ascending, then by source id.
// Snapshot   what a source's snapshot says: of a rewound one (storage::Rewind) rows above its
//            visible sequence never match. Searches that go on page by page are search_pages.h.
// Cancel     context.cancel is looked at before each column of a row group is decoded, between
//            blocks of batch_rows rows, between runs of a sort and before each batch for the sink.
// Memory     the morsels in flight; with order_by also the best `limit` rows (all matches without a
//            limit), which go to temporary files when they outgrow context.memory
//            (ordered_spill.h).
// Threads    a call may use context.pool; the sink is called from one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/query/exec/answer_shape.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// Rows of one source, ready to be written out.
struct ResultBatch {
  SourceId source;
  /// Names as the request wrote them (or the schema's), types as stored; a path into json is a json
  /// column.
  std::vector<Column> columns;
  std::shared_ptr<arrow::RecordBatch> batch;  ///< Unnamed: its schema tells nothing.
  /// With QueryContext::wants_keys, of an ordered search: one a row, ascending as bytes. They end in
  /// the row's sequence and its source's rank among the sources of the search, which no two rows
  /// share; what is in front compares with keys of other searches of the same key_shape.
  std::vector<std::string> keys = {};
  std::string tenant = {};  ///< Of an answer over several tenants.
};

/// Of a key what stands at its end: u64 sequence, u32 rank, both big-endian.
inline constexpr std::size_t kKeyTailBytes = 12;
inline constexpr std::size_t kKeyRankBytes = 4;

using SearchSink = std::function<Status(const ResultBatch& rows)>;
/// Called once, before any rows, when the request was found good.
using ShapeSink = std::function<Status(const AnswerShape& shape)>;

/// Checks names and literals of the request against the sources: kUnknownColumn (with its pointer)
/// for a column that no searched source has; BindFilter's errors.
Status CheckSearch(const SearchRequest& request,
                   const std::vector<storage::SourceSnapshot>& sources);

/// Calls `sink` with the records in order, in batches of any size. A failing sink ends the search
/// with its failure.
///
/// `known`: all sources that the search is about, when others search those that are not among
/// `sources`: a column must be in one of these, and has the type that it has over all of them. Null:
/// `sources`.
Result<QueryStats> RunSearch(const SearchRequest& request,
                             const std::vector<storage::SourceSnapshot>& sources,
                             const QueryContext& context, const SearchSink& sink,
                             const ShapeSink& begin = {},
                             const std::vector<storage::SourceSnapshot>* known = nullptr);

}  // namespace granary::query
