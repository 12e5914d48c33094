// TableFormat: the forms in which rows travel, by their media types.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace granary::formats {

enum class TableFormat : std::uint8_t {
  kJson,     ///< application/json; one document.
  kNdjson,   ///< application/x-ndjson; a JSON object a line.
  kCsv,      ///< text/csv (RFC 4180) with a header line.
  kArrow,    ///< application/vnd.apache.arrow.stream: Arrow's IPC stream.
  kParquet,  ///< application/vnd.apache.parquet
  kEvents,   ///< text/event-stream: server-sent events; answers only.
};

std::string_view MediaTypeOf(TableFormat format);
/// `media_type` in lower case, without parameters. Nothing for any other type.
std::optional<TableFormat> FormatOfMediaType(std::string_view media_type);

}  // namespace granary::formats
