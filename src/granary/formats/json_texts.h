// Arrow columns of any shape as JSON texts: structs as objects, lists as arrays, maps with text
// keys as objects, others as arrays of pairs; plain values as in JSON answers.
//
// Threads    pure.
#pragma once

#include <memory>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::formats {

/// Of nested columns and of JSON texts in columns: how deep they may be.
inline constexpr int kJsonDepthMax = 64;

/// One text a row; null where the row is. kUnsupported for a type that no JSON holds, by name;
/// kInvalidRecord for texts beyond what one column holds.
Result<std::shared_ptr<arrow::Array>> ToJsonTexts(const std::shared_ptr<arrow::Array>& array,
                                                  arrow::MemoryPool* pool);

}  // namespace granary::formats
