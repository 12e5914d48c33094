// What we add to a Parquet file; docs/formats/segment.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary::storage {

/// Iceberg's reserved field id of `_row_id` (spec, "Reserved Field IDs"), which a sequence is:
/// unique and ascending in its table. Readers that do not know it show a plain int64 column.
inline constexpr std::int32_t kSequenceFieldId = 2147483540;

/// Key-value metadata of the file: the CRC-32C of each column chunk, row group by row group, leaf
/// by leaf, eight hexadecimal digits each. Parquet's own page checksums leave page headers
/// unguarded.
inline constexpr std::string_view kChunkChecksumsKey = "granary.chunk_crc32c";

/// Key-value metadata of the file: the CRC-32C of each page with its header, chunk by chunk as
/// above, separated by commas; of a chunk its dictionary first, then its data pages, eight
/// hexadecimal digits each. So a page can be read without its chunk.
inline constexpr std::string_view kPageChecksumsKey = "granary.page_crc32c";

/// Key-value metadata of a file with json columns: json::ShredLayout.
inline constexpr std::string_view kShreddedKey = "granary.shredded";
/// Field ids of lanes, counted up from here in each file; columns are numbered from 1.
inline constexpr std::int32_t kFirstLaneFieldId = 1'000'000'000;

std::string EncodeChecksums(const std::vector<std::uint32_t>& checksums);
/// kCorruption unless it is exactly `count` checksums.
Result<std::vector<std::uint32_t>> DecodeChecksums(std::string_view text, std::size_t count);

/// The page checksums of each chunk, as text.
std::string EncodePageChecksums(const std::vector<std::vector<std::uint32_t>>& chunks);
/// Of `chunks` chunks; kCorruption for what is none.
Result<std::vector<std::vector<std::uint32_t>>> DecodePageChecksums(std::string_view text,
                                                                    std::size_t chunks);

/// A failure of Arrow as one of ours, naming the file.
Status FromArrow(const arrow::Status& status, std::string_view path, Code otherwise);

}  // namespace granary::storage
