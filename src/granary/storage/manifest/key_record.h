// KeyRecord: what is remembered of a write that carried an idempotency key: enough to answer the
// same again, and to tell the same body from another one.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/hash.h"

namespace granary::storage {

struct KeyRecord {
  std::string key;
  Digest128 body;
  std::uint64_t first_sequence = 0;
  std::uint64_t records = 0;
  std::uint32_t schema_version = 0;
  bool durable = true;          ///< As it was told when the write was acknowledged.
  std::int64_t written_us = 0;  ///< Wall clock, since the Unix epoch.
  std::string note;             ///< What else the answer said, in the words of whoever wrote it.

  std::uint64_t last_sequence() const { return first_sequence + records - 1; }
  bool operator==(const KeyRecord&) const = default;
};

}  // namespace granary::storage
