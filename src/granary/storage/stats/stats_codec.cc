// EncodeStats, DecodeStats (stats_builder.h): statistics as bytes for the manifest.
//
//   u8 version (2) · u8 flags · u64 rows · [u64 nulls] · value min · value max ·
//   [u16 count, values] · string sketch · string distribution
//
// Version 1 had no distribution: it is unknown.
#include <fmt/format.h>

#include "granary/storage/stats/stats_builder.h"
#include "granary/storage/stats/value_position.h"

namespace granary::storage {
namespace {

constexpr std::uint8_t kVersion = 2;

enum Flag : std::uint8_t {
  kHasNulls = 1,
  kMinExact = 2,
  kMaxExact = 4,
  kMayHaveNan = 8,
  kHasValues = 16,
  kKnownFlags = 31,
};

std::uint8_t FlagsOf(const ColumnStats& stats) {
  return static_cast<std::uint8_t>(
      (stats.nulls ? kHasNulls : 0) | (stats.min_exact ? kMinExact : 0) |
      (stats.max_exact ? kMaxExact : 0) | (stats.may_have_nan ? kMayHaveNan : 0) |
      (stats.values ? kHasValues : 0));
}

Result<std::vector<Value>> DecodeValues(ByteReader& in) {
  const auto count = in.Fixed<std::uint16_t>();
  if (count > kValueSetMax)
    return Status::Corruption(fmt::format("column statistics: a set of {} values", count));
  std::vector<Value> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    GRANARY_ASSIGN(values[i], DecodeValue(in));
    if (i > 0 && Compare(values[i - 1], values[i]) >= 0) {
      return Status::Corruption("column statistics: the value set is not in order");
    }
  }
  return values;
}

/// What would make readers leave out rows that match. Sketch and distribution are advice only, and
/// are checked where they are used.
Status CheckSense(const ColumnStats& stats) {
  if (stats.nulls && *stats.nulls > stats.rows) {
    return Status::Corruption(
        fmt::format("column statistics: {} nulls in {} rows", *stats.nulls, stats.rows));
  }
  if (IsNanValue(stats.min) || IsNanValue(stats.max))
    return Status::Corruption("column statistics: a bound is NaN");
  if (IsNull(stats.min) || IsNull(stats.max)) return Status::Ok();
  if (stats.min.index() != stats.max.index() || Compare(stats.min, stats.max) > 0)
    return Status::Corruption("column statistics: min is above max");
  return Status::Ok();
}

}  // namespace

void EncodeStats(const ColumnStats& stats, std::string& out) {
  PutFixed(out, kVersion);
  PutFixed(out, FlagsOf(stats));
  PutFixed(out, stats.rows);
  if (stats.nulls) PutFixed(out, *stats.nulls);
  EncodeValue(stats.min, out);
  EncodeValue(stats.max, out);
  if (stats.values) {
    PutFixed(out, static_cast<std::uint16_t>(stats.values->size()));
    for (const Value& value : *stats.values) EncodeValue(value, out);
  }
  PutString(out, stats.distinct_sketch);
  PutString(out, stats.distribution);
}

Result<ColumnStats> DecodeStats(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.Fixed<std::uint8_t>();
  const auto flags = in.Fixed<std::uint8_t>();
  if (version < 1 || version > kVersion || flags > kKnownFlags) {
    return Status::Corruption(
        fmt::format("column statistics: version {}, flags {}", version, flags));
  }
  ColumnStats stats{.rows = in.Fixed<std::uint64_t>()};
  if (flags & kHasNulls) stats.nulls = in.Fixed<std::uint64_t>();
  GRANARY_ASSIGN(stats.min, DecodeValue(in));
  GRANARY_ASSIGN(stats.max, DecodeValue(in));
  stats.min_exact = (flags & kMinExact) != 0;
  stats.max_exact = (flags & kMaxExact) != 0;
  stats.may_have_nan = (flags & kMayHaveNan) != 0;
  if (flags & kHasValues) {
    GRANARY_ASSIGN(stats.values, DecodeValues(in));
  }
  stats.distinct_sketch = in.String();
  if (version >= 2) stats.distribution = in.String();
  if (!in.ok() || in.remaining() != 0)
    return Status::Corruption("column statistics: cut short or too long");
  GRANARY_TRY(CheckSense(stats));
  return stats;
}

}  // namespace granary::storage
