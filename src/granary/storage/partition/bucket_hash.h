// The hash behind bucket[N], as Iceberg defines it, so that other engines agree on a file's bucket.
//
// Source     https://iceberg.apache.org/spec/#appendix-b-32-bit-hash-requirements: Murmur3, x86, 32
//            bits, seed 0, over the value's bytes (https://github.com/aappleby/smhasher, public
//            domain).
#pragma once

#include <cstdint>
#include <string_view>

#include "granary/base/int128.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::storage {

std::int32_t Murmur3(std::string_view bytes);

/// Integers, dates, times and timestamps: eight little-endian bytes.
std::int32_t BucketHashOfLong(std::int64_t value);
/// Decimals: the fewest big-endian bytes of two's complement.
std::int32_t BucketHashOfDecimal(Int128 unscaled);

/// Timestamps are hashed in microseconds whatever their unit (a finer part is cut).
std::int64_t BucketMicros(std::int64_t value, TimeUnit unit);

/// The hash of a value that is not null, of a type that has buckets.
std::int32_t BucketHash(const DataType& type, const Value& value);

/// hash without its sign, modulo `buckets`.
constexpr std::int64_t BucketOf(std::int32_t hash, std::uint32_t buckets) {
  return static_cast<std::int64_t>((static_cast<std::uint32_t>(hash) & 0x7FFFFFFFu) % buckets);
}

}  // namespace granary::storage
