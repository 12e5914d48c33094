// Where in a write the record is that made a column wider than the stored values allow.
#pragma once

#include <vector>

#include "granary/base/status.h"
#include "granary/json/record_parser.h"
#include "granary/storage/manifest/findings.h"

namespace granary {

/// Each retry means that another writer has just added a column; more than this is not a race.
inline constexpr int kEvolveAttemptsMax = 128;

/// The store refuses a wider column by the column's name; the record that made it wider is what a
/// client can mend.
inline Status AtRecord(const Status& status, const std::vector<json::WidenedColumn>& widened) {
  if (status.code() != Code::kInvalidRecord || status.fields().size() != 1) return status;
  const FieldError& at = status.fields().front();
  for (const json::WidenedColumn& column : widened) {
    if (at.pointer == "/" + storage::PointerStep(column.name))
      return Status::Invalid(status.code(), column.pointer, at.detail);
  }
  return status;
}

}  // namespace granary
