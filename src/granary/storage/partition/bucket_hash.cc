#include "granary/storage/partition/bucket_hash.h"

#include <array>
#include <bit>
#include <cstring>

#include "granary/base/check.h"
#include "granary/storage/partition/civil_time.h"

namespace granary::storage {
namespace {

std::uint32_t MixBlock(std::uint32_t block) {
  return std::rotl(block * 0xCC9E2D51u, 15) * 0x1B873593u;
}

std::uint32_t Finish(std::uint32_t hash, std::size_t length) {
  hash ^= static_cast<std::uint32_t>(length);
  hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
  hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
  return hash ^ hash >> 16;
}

}  // namespace

std::int32_t Murmur3(std::string_view bytes) {
  std::uint32_t hash = 0;
  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t block;
    std::memcpy(&block, bytes.data() + at, sizeof block);
    hash = std::rotl(hash ^ MixBlock(block), 13) * 5 + 0xE6546B64u;
  }
  std::uint32_t tail = 0;
  for (std::size_t i = bytes.size(); i > at; --i) {
    tail = tail << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
  }
  if (at < bytes.size()) hash ^= MixBlock(tail);
  return static_cast<std::int32_t>(Finish(hash, bytes.size()));
}

std::int32_t BucketHashOfLong(std::int64_t value) {
  std::array<char, 8> bytes;
  std::memcpy(bytes.data(), &value, bytes.size());
  return Murmur3({bytes.data(), bytes.size()});
}

std::int32_t BucketHashOfDecimal(Int128 unscaled) {
  std::array<char, 16> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[bytes.size() - 1 - i] = static_cast<char>(unscaled >> (8 * i));
  }
  const auto is_sign_of_next = [&](std::size_t i) {
    const bool next_negative = static_cast<std::int8_t>(bytes[i + 1]) < 0;
    return bytes[i] == (next_negative ? '\xFF' : '\0');
  };
  std::size_t first = 0;
  while (first + 1 < bytes.size() && is_sign_of_next(first)) ++first;
  return Murmur3(std::string_view(bytes.data(), bytes.size()).substr(first));
}

std::int64_t BucketMicros(std::int64_t value, TimeUnit unit) {
  const std::int64_t micros_per_second = UnitsPerSecond(TimeUnit::kMicro);
  const std::int64_t per_second = UnitsPerSecond(unit);
  if (per_second >= micros_per_second) return FloorDivide(value, per_second / micros_per_second);
  // Beyond the years that 64 bits of microseconds hold it wraps: any fixed answer will do there.
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) *
                                   static_cast<std::uint64_t>(micros_per_second / per_second));
}

std::int32_t BucketHash(const DataType& type, const Value& value) {
  switch (type.kind()) {
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kDate:
    case TypeKind::kTime: return BucketHashOfLong(std::get<std::int64_t>(value));
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32:
      return BucketHashOfLong(static_cast<std::int64_t>(std::get<std::uint64_t>(value)));
    case TypeKind::kUInt64: return BucketHashOfDecimal(std::get<std::uint64_t>(value));
    case TypeKind::kDecimal: return BucketHashOfDecimal(std::get<Int128>(value));
    case TypeKind::kTimestamp:
      return BucketHashOfLong(BucketMicros(std::get<std::int64_t>(value), type.unit()));
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kUuid: return Murmur3(std::get<std::string>(value));
    default: GRANARY_CHECK(false, "{} has no buckets", type.ToString());
  }
  return 0;
}

}  // namespace granary::storage
