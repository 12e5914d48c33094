// What a write is answered whose idempotency key was used before.
#pragma once

#include "granary/base/status.h"
#include "granary/storage/manifest/key_record.h"
#include "granary/tenant/tenant.h"

namespace granary {

inline Result<WriteAnswer> RepeatedAnswer(const SourceId& source, const storage::KeyRecord& first) {
  WriteAnswer answer{.source = source, .written = first.records, .outcome = {}, .repeated = true};
  answer.outcome = {.first_sequence = first.first_sequence,
                    .last_sequence = first.last_sequence(),
                    .schema_version = first.schema_version,
                    .durable = first.durable};
  GRANARY_ASSIGN(answer.rejected, Rejections::FromNote(first.note));
  return answer;
}

}  // namespace granary
