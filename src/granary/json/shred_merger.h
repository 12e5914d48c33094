// ShredMerger: puts documents together again of what a Shredder made of them.
//
// How        the nulls of a document that stand for values are found once for each text that the
//            column of documents has; there are few when most values were taken out.
// Threads    one.
#pragma once

#include <memory>
#include <span>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/json/shred_layout.h"

namespace granary::json {

class ShredMerger {
 public:
  explicit ShredMerger(std::span<const ShreddedPath> paths);
  ~ShredMerger();

  /// `documents` is of utf8, plain or coded; `lanes` has the lanes of all paths in their order,
  /// strings plain or coded. A null pointer: the lane is not asked for, and its values stay null.
  /// Rows for which `wanted` is 0 come out null. kCorruption for what is no document.
  Result<std::shared_ptr<arrow::Array>> Merge(const arrow::Array& documents,
                                              const arrow::ArrayVector& lanes,
                                              const std::uint8_t* wanted = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace granary::json
