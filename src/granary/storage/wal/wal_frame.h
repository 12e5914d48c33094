// WalFrame: one acknowledged write of one source, as the log carries it. Bytes: wal_format.h.
#pragma once

#include <cstdint>
#include <string>

#include "granary/base/ids.h"

namespace granary::storage {

enum class FrameKind : std::uint8_t {
  kRecords = 1,       ///< Payload: one record batch without its schema (batch_codec.h).
  kEndOfLane = 2,     ///< Written by a clean stop: nothing follows in this file.
  kKeyedRecords = 3,  ///< As kRecords, of a write with an idempotency key; keyed_payload.h.
};

inline bool HoldsRecords(FrameKind kind) { return kind != FrameKind::kEndOfLane; }

struct WalFrame {
  FrameKind kind = FrameKind::kRecords;
  std::string tenant;
  std::string source;  ///< For people and tools; the uid decides.
  SourceUid source_uid;
  std::uint32_t schema_version = 0;
  std::uint64_t first_sequence = 0;  ///< Of the first record; records count up from it.
  std::uint32_t records = 0;
  std::string idempotency_key;  ///< Of kKeyedRecords; else empty.
  std::uint64_t body_hash = 0;  ///< Lower half of that of the request that carried the key.
  std::string payload;
};

}  // namespace granary::storage
