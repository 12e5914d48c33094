// Members that a source's definition and a change of it have in common.
//
// Errors     kInvalidRequest, kInvalidDefinition and kUnsupported, each with the member's pointer.
// Threads    const from many.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/api/object_reader.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary::api {

inline constexpr std::uint64_t kFileSizeMbMax = 65'536;
inline constexpr std::uint64_t kRetentionDaysMax = 36'500;

/// {"amount": "float64", …}
Status ReadColumns(ObjectReader& body, std::string_view member,
                   std::vector<storage::DeclaredColumn>& out);
/// "amount", or {"column": "amount", "kind": "btree"}.
Result<storage::DeclaredIndex> ReadIndex(const JsonNode& node, const std::string& pointer);
/// `compression`: "zstd", or {"default": "snappy", "columns": {"note": "zstd"}}. False when not
/// given.
Result<bool> ReadCodecs(ObjectReader& body, storage::Compression& out);
/// `compression_level`; nothing when not given. Whether the codec has it, CheckCompression says.
Result<std::optional<int>> ReadLevel(ObjectReader& body);
/// Nothing when not given.
Result<std::optional<storage::SchemaMode>> ReadSchemaMode(ObjectReader& body);
/// Nothing when not given.
Result<std::optional<storage::Durability>> ReadDurability(ObjectReader& body);

/// `retention`: {"column": "order_date", "days": 90}, or "none". Nothing when not given.
Result<std::optional<std::optional<storage::Retention>>> ReadRetention(ObjectReader& body);

}  // namespace granary::api
