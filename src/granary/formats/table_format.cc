#include "granary/formats/table_format.h"

#include <array>

namespace granary::formats {
namespace {

// In the order of the enum.
constexpr std::array<std::string_view, 6> kMediaTypes = {"application/json",
                                                         "application/x-ndjson",
                                                         "text/csv",
                                                         "application/vnd.apache.arrow.stream",
                                                         "application/vnd.apache.parquet",
                                                         "text/event-stream"};

}  // namespace

std::string_view MediaTypeOf(TableFormat format) {
  return kMediaTypes[static_cast<std::size_t>(format)];
}

std::optional<TableFormat> FormatOfMediaType(std::string_view media_type) {
  for (std::size_t i = 0; i < kMediaTypes.size(); ++i) {
    if (kMediaTypes[i] == media_type) return static_cast<TableFormat>(i);
  }
  return std::nullopt;
}

}  // namespace granary::formats
