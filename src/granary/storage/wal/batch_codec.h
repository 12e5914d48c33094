// A record batch without its schema <-> WAL payload bytes (an Arrow IPC record batch message).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::storage {

Result<std::string> EncodeBatch(const arrow::RecordBatch& batch);

/// kCorruption when the bytes are not a batch of this schema. The batch owns its memory.
Result<std::shared_ptr<arrow::RecordBatch>> DecodeBatch(
    std::string_view payload, const std::shared_ptr<arrow::Schema>& schema);

}  // namespace granary::storage
