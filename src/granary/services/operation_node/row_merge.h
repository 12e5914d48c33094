// RowMerge: the rows of all parts of a search as one answer.
//
// Order      with order_by as one node orders: by the rows' keys, which all parts make alike, then by
//            `_seq`, by tenant and by source. Without, a page goes part by part, in the order of the
//            tenants, and a stream takes whatever has come.
// Memory     a frame of each part, and what waits in the source.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/api/part_frames.h"
#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/services/operation_node/part_source.h"

namespace granary::operation {

enum class MergeOrder : std::uint8_t { kByKey, kByPart, kAsTheyCome };

/// Where one part stands.
struct PartProgress {
  std::string anchor;                      ///< Where its rows begin, in its node's words.
  std::uint64_t taken = 0;                 ///< Rows of it that went into the answer.
  bool whole = false;                      ///< Its end came, and all rows before it were taken.
  std::optional<std::string> next_cursor;  ///< Of a whole one that goes on.
  query::QueryStats stats;                 ///< Once its end came.
};

class RowMerge {
 public:
  RowMerge(PartSource& parts, MergeOrder order);

  /// Waits until all parts have begun. The failure of one of them: failed_part() then says whose.
  /// kCursorExpired when their keys do not compare: schemas moved on between pages.
  Status Start();
  /// Hands on at most `limit` rows, all without one; batches name their tenant.
  Status Run(std::optional<std::uint64_t> limit, const query::SearchSink& sink);

  const PartProgress& progress(std::size_t part) const { return heads_[part].progress; }
  std::optional<std::size_t> failed_part() const { return failed_; }
  std::uint64_t rows() const { return rows_; }

 private:
  struct Head {
    PartProgress progress;
    std::optional<api::PartRows> rows;
    std::size_t at = 0;              ///< In rows->order.
    std::vector<std::int64_t> used;  ///< Of each batch.
    bool ended = false;
    std::string_view key() const { return rows->keys[at]; }
  };
  /// Rows of one batch, one after the other, that are not handed on yet.
  struct Slice {
    std::uint32_t batch = 0;
    std::int64_t first = 0, count = 0;
  };

  Status Failed(std::size_t part, Status why);
  /// Takes frames until there is a row, or the part has ended.
  Status Load(std::size_t part);
  /// Moves on by a row; behind a frame's last there are no rows.
  Status Take(std::size_t part, const query::SearchSink& sink);
  /// The same, and loads the next frame behind the last row.
  Status Step(std::size_t part, const query::SearchSink& sink);
  /// Looks, from a part on, until there is a row or nothing left: so that a full page knows whether
  /// another follows.
  Status LookBehind(std::size_t part);
  Status Flush(std::size_t part, const query::SearchSink& sink);
  bool ComesAfter(std::size_t a, std::size_t b) const;
  Status RunByKey(const query::SearchSink& sink);
  Status RunPart(std::size_t part, const query::SearchSink& sink);
  Status RunAsTheyCome(const query::SearchSink& sink);

  PartSource& parts_;
  const MergeOrder order_;
  std::vector<Head> heads_;
  std::optional<std::size_t> failed_;
  std::uint64_t left_ = 0, rows_ = 0;
  Slice slice_;  // Of the part that is at its turn.
};

}  // namespace granary::operation
