// Shredder: takes values out of the documents of a column into typed lanes.
//
// Place      SegmentWriter, a row group at a time.
// Promise    ShredMerger puts the very documents together again.
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/shred_choice.h"

namespace granary::json {

struct ShreddedColumn {
  std::shared_ptr<arrow::Array> documents;  ///< With nulls where values were taken.
  arrow::ArrayVector lanes;                 ///< In the order of paths and their lanes.
};

class Shredder {
 public:
  explicit Shredder(std::span<const ChosenPath> paths);
  ~Shredder();

  /// `documents` are arrays of minified texts, one behind the other. kCorruption for a text that is
  /// none, kTooLarge for more than one column holds.
  Result<ShreddedColumn> Shred(const arrow::ArrayVector& documents);

  /// For each path, of all documents so far: ShreddedPath::left.
  std::vector<std::uint64_t> left() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The lane's column in memory: utf8, int64, float64 or bool.
std::shared_ptr<arrow::DataType> LaneType(Lane lane);

}  // namespace granary::json
