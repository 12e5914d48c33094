// RowRun: rows of an ordered search with their keys, sorted, in pages of a temporary file.
//
// Shape      a page is rows of one source: rows (u32), size of the rest of the head (u32), for each
//            row morsel (u32), row (i32), size of the key (u32), key; filled with zeroes to a
//            multiple of 64; then the columns to show as the body of an Arrow IPC message.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/bytes.h"
#include "granary/base/status.h"
#include "granary/query/exec/search.h"
#include "granary/query/exec/top_rows.h"
#include "granary/runtime/spill_space.h"

namespace granary::query {

struct RowRunPage {
  runtime::SpillExtent extent;
  std::size_t source = 0;
};

struct RowRun {
  std::vector<RowRunPage> pages;
};

/// Columns of dictionaries as plain ones, since pages are read without what came before them.
Result<std::shared_ptr<arrow::RecordBatch>> WithoutDictionaries(
    std::shared_ptr<arrow::RecordBatch> batch);

/// Appends a page: row i of `batch` has the key of rows[first + i].
Status AppendPage(runtime::SpillFile& file, std::size_t source, const arrow::RecordBatch& batch,
                  const std::vector<RankedRow>& rows, std::size_t first, RowRun& run);

/// Goes through a run, a page in memory.
class RowRunReader {
 public:
  /// The schema of each source's rows; all outlive the reader.
  RowRunReader(const RowRun& run, const runtime::SpillFile& file,
               const std::vector<std::shared_ptr<arrow::Schema>>& schemas)
      : run_(run), file_(file), schemas_(schemas) {}

  /// False at the end; else there is a row.
  Result<bool> Next();

  std::string_view key() const { return key_; }
  std::uint32_t morsel() const { return morsel_; }
  std::int32_t row() const { return row_; }
  std::size_t source() const { return run_.pages[next_page_ - 1].source; }
  /// The page that the row is in, and where.
  const std::shared_ptr<arrow::RecordBatch>& batch() const { return batch_; }
  std::int64_t at() const { return at_; }
  std::uint64_t page_bytes() const { return run_.pages[next_page_ - 1].extent.bytes; }

 private:
  Status Load();

  const RowRun& run_;
  const runtime::SpillFile& file_;
  const std::vector<std::shared_ptr<arrow::Schema>>& schemas_;
  std::size_t next_page_ = 0;
  std::shared_ptr<arrow::Buffer> page_;
  ByteReader head_{{}};
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = -1;
  std::string_view key_;
  std::uint32_t morsel_ = 0;
  std::int32_t row_ = 0;
};

}  // namespace granary::query
