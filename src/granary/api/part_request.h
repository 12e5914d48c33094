// PartRequest: what an Operation Node asks of a node for its part of a query over several tenants:
// the client's own body, and what the node cannot know: the sources of the other tenants.
//
// Shape      "GRPQ", u16 version, u8 kind, then strings (u32 length) and numbers, little-endian:
//            tenant, body, u32 schemas and each, u32 sources and of each tenant, id, u32 which
//            schema; u64 limit, u64 skip, cursor. A schema that several sources have is there once.
// Trust      Decode believes nothing: lengths, ids and schemas are checked, and it takes no more
//            memory than the bytes times a small number.
// Threads    values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

inline constexpr std::uint16_t kPartVersion = 1;
inline constexpr std::string_view kPartMediaType = "application/vnd.granary.part";

struct PartRequest {
  enum class Kind : std::uint8_t { kSources = 0, kSearch = 1, kStream = 2, kAggregate = 3 };
  Kind kind = Kind::kSources;
  std::string tenant;  ///< That the node is to serve: an answer of another's would be wrong.
  std::string body;    ///< Of POST /query/search, …/stream or /query/aggregate.
  std::vector<PeerSource> all;  ///< By tenant and id.
  std::uint64_t limit = 0;      ///< Of kSearch: rows; those that are skipped do not count.
  std::uint64_t skip = 0;
  std::string cursor;  ///< Of kSearch: the node's own; empty: from the beginning.
};

std::string EncodePartRequest(const PartRequest& request);
/// kInvalidRequest for anything that EncodePartRequest does not write; kUnsupported for another
/// version.
Result<PartRequest> DecodePartRequest(std::string_view bytes);

/// The answer to kSources: all sources of a tenant, by id, and back. kCorruption.
std::string EncodeSources(const SourceList& sources);
Result<std::vector<PeerSource>> DecodeSources(std::string_view bytes, const std::string& tenant);

}  // namespace granary::api
