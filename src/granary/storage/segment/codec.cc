#include <fmt/format.h>

#include "granary/storage/segment/segment_writer.h"

namespace granary::storage {
namespace {

struct CodecRow {
  Codec codec;
  std::string_view name;
  int level_min;  // Above level_max: the codec has no levels.
  int level_max;
};

constexpr CodecRow kCodecs[] = {
    {Codec::kSnappy, "snappy", 1, 0},  {Codec::kZstd, "zstd", 1, 22},
    {Codec::kLz4, "lz4", 1, 0},        {Codec::kGzip, "gzip", 1, 9},
    {Codec::kBrotli, "brotli", 0, 11}, {Codec::kNone, "none", 1, 0},
};

const CodecRow& RowOf(Codec codec) {
  for (const CodecRow& row : kCodecs) {
    if (row.codec == codec) return row;
  }
  return kCodecs[0];
}

}  // namespace

Result<Codec> ParseCodec(std::string_view name) {
  for (const CodecRow& row : kCodecs) {
    if (row.name == name) return row.codec;
  }
  return Status(
      Code::kInvalidDefinition,
      fmt::format("no codec \"{}\"; known are snappy, zstd, lz4, gzip, brotli, none", name));
}

std::string_view CodecName(Codec codec) { return RowOf(codec).name; }

Status CheckCompression(const Compression& compression) {
  if (!compression.level) return Status::Ok();
  const CodecRow& row = RowOf(compression.codec);
  if (row.level_min > row.level_max) {
    return Status(Code::kInvalidDefinition, fmt::format("{} has no compression levels", row.name));
  }
  if (*compression.level >= row.level_min && *compression.level <= row.level_max)
    return Status::Ok();
  return Status(Code::kInvalidDefinition,
                fmt::format("compression level {} of {}: allowed are {} to {}", *compression.level,
                            row.name, row.level_min, row.level_max));
}

}  // namespace granary::storage
