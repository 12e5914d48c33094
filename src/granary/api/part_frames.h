// PartFrames: a node's part of a query over several tenants as it goes to the Operation Node, and
// back.
//
// Shape      frames: u8 kind, u32 length, payload. Numbers are little-endian, strings have a u32
//            length in front.
//   1 start    first: u16 version, tenant, anchor, key_shape (PartStart)
//   2 columns  of a source, before its first rows and when they change: u32 number, source_id, u32
//              columns and of each name and type. Numbers count from 0.
//   3 rows     u32 rows; u32 batches and of each u32 number of the source, u32 rows, Arrow's record
//              batch without its schema; where there are several batches, u32 a row: which one its
//              next row is; u8 keyed, and then a key a row
//   4 states   a page of query/exec/group_states.h
//   5 end      last: u64 rows or pages before it, next_cursor, the stats
// Promise    an answer is whole exactly when it ends in `end`.
// Trust      PartReader believes nothing: every length, offset and text of a batch is verified, and
//            what json columns hold is JSON. A frame is `frame_bytes_max` at most.
// Threads    one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/text_check.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/exec/search.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

/// Makes frames of rows: some at a time, since each frame costs what a batch costs.
class PartWriter {
 public:
  using SinkFn = std::function<Status(std::string_view bytes)>;
  /// `is_due`: whether what waits for more has waited long enough; asked after each batch.
  explicit PartWriter(SinkFn sink, std::function<bool()> is_due = {})
      : sink_(std::move(sink)), is_due_(std::move(is_due)) {}

  /// Goes out at once.
  Status Start(const std::string& tenant, const PartStart& start);
  Status Rows(const query::ResultBatch& rows);
  Status States(std::string_view page);
  Status End(const SearchPageEnd& end);

 private:
  Status Frame(std::uint8_t kind, std::string_view payload);
  Status Flush();
  Result<std::uint32_t> NumberOf(const query::ResultBatch& rows);

  const SinkFn sink_;
  const std::function<bool()> is_due_;
  struct Known {
    std::uint32_t number = 0;
    std::vector<Column> columns;
  };
  std::map<SourceId, Known> known_;
  std::uint32_t numbers_ = 0;
  std::vector<query::ResultBatch> pending_;
  std::uint64_t pending_bytes_ = 0, pending_rows_ = 0;
  std::uint64_t count_ = 0;
};

/// Some rows of a part: as many as `order` has, in its order, the next row of batches[order[i]]
/// each.
struct PartRows {
  std::shared_ptr<void> memory;             ///< What the batches lie in.
  std::vector<query::ResultBatch> batches;  ///< Without keys.
  std::vector<std::uint32_t> order;
  std::vector<std::string> keys;  ///< One a row, or none.
};
struct PartStates {
  std::string page;
};
struct PartEnd {
  SearchPageEnd end;
};
using PartFrame = std::variant<PartStart, PartRows, PartStates, PartEnd>;

class PartReader {
 public:
  /// Gives some bytes; 0 at the end.
  using SourceFn = std::function<Result<std::size_t>(std::span<char> out)>;
  PartReader(SourceFn source, std::string tenant, std::uint64_t frame_bytes_max);

  /// kCorruption for what PartWriter does not write, also for an answer that ends before its `end`;
  /// kTooLarge for a frame that is longer than allowed; the source's failures.
  Result<PartFrame> Next();
  /// Of the last frame.
  std::uint64_t frame_bytes() const { return frame_.size(); }

 private:
  Status Fill(std::size_t bytes, char* out);
  Result<PartStart> ReadStart();
  Status ReadColumns();
  Result<PartRows> ReadRows();
  Result<PartEnd> ReadEnd();
  Status CheckTexts(const query::ResultBatch& rows);

  const SourceFn source_;
  const std::string tenant_;
  const std::uint64_t frame_bytes_max_;
  bool started_ = false;
  std::uint64_t count_ = 0;
  std::string frame_;
  struct Known {
    SourceId id;
    std::vector<Column> columns;
    std::shared_ptr<arrow::Schema> schema;
  };
  std::vector<Known> known_;
  json::TextCheck texts_;
};

}  // namespace granary::api
