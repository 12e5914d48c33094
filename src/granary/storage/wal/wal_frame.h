// WalFrame: one acknowledged write of one source, as the log carries it. Bytes: wal_format.h.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/ids.h"

namespace granary::storage {

enum class FrameKind : std::uint8_t {
  kRecords = 1,    ///< Payload: one record batch without its schema (batch_codec.h).
  kEndOfLane = 2,  ///< Written by a clean stop: nothing follows in this file.
};

struct WalFrame {
  FrameKind kind = FrameKind::kRecords;
  std::string tenant;
  std::string source;  ///< For people and tools; the uid decides.
  SourceUid source_uid;
  std::uint32_t schema_version = 0;
  std::uint64_t first_sequence = 0;  ///< Of the first record; records count up from it.
  std::uint32_t records = 0;
  std::string idempotency_key;  ///< Empty when the client sent none.
  std::uint64_t body_hash = 0;  ///< Of the request that carried the key.
  std::string payload;
};

}  // namespace granary::storage
