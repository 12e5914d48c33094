// The orders of a web shop that every case works on, in the shapes that the rooms take.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "granary/base/check.h"
#include "granary/base/status.h"
#include "granary/io/posix_file_system.h"
#include "granary/storage/source/source_snapshot.h"
#include "granary/testing/temp_directory.h"
#include "granary/types/schema.h"

namespace granary::bench {

template <typename T>
T Must(Result<T> result) {
  GRANARY_CHECK(result.ok(), "{}", result.status().ToString());
  return result.Take();
}
inline void Must(const Status& status) { GRANARY_CHECK(status.ok(), "{}", status.ToString()); }

/// order_id (text, unique), customer_id (text, 2,000 of them), amount, order_date, region (8),
/// quantity, note (a third null).
SchemaPtr OrdersSchema();
inline constexpr ColumnId kOrderId = 1, kCustomerId = 2, kAmount = 3, kOrderDate = 4, kRegion = 5,
                          kQuantity = 6, kNote = 7;

std::string OrderIdOf(std::int64_t row);
/// Rows `first` and on; the same row is the same order however it is asked for.
std::shared_ptr<arrow::RecordBatch> OrdersBatch(std::int64_t first, std::int64_t rows);
/// [{"fields": {…}}, …], as in POST /data/write.
std::string OrdersJson(std::int64_t first, std::int64_t rows);
std::shared_ptr<arrow::Int64Array> SequencesFrom(std::int64_t first, std::int64_t rows);

/// A source of one segment of orders, with a hash index on order_id and a B-tree on order_date.
class StoredOrders {
 public:
  explicit StoredOrders(std::int64_t rows);
  const storage::SourceSnapshot& snapshot() const { return snapshot_; }

 private:
  testing::TempDirectory directory_;
  io::PosixFileSystem files_;
  storage::SegmentFiles segment_files_{files_, {}};
  storage::SourceSnapshot snapshot_;
};

}  // namespace granary::bench
