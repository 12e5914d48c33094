// EncodeDistribution, DecodeDistribution (distribution.h):
//
//   u8 version (1) · u64 described · u64 sampled · u64 nans ·
//   u8 common values · (value, rows)… · u8 buckets · [value lower] · (value upper, rows)…
//
// `rows` of seven bits a byte, the lowest first, 0x80 set in all but the last.
#include <fmt/format.h>

#include "granary/base/bytes.h"
#include "granary/storage/stats/distribution.h"
#include "granary/storage/stats/value_position.h"

namespace granary::storage {
namespace {

constexpr std::uint8_t kDistributionVersion = 1;
static_assert(kCommonValuesMax <= 255 && kHistogramBuckets <= 255, "counts are a byte");

void PutCount(std::uint64_t count, std::string& out) {
  for (; count >= 0x80; count >>= 7) out.push_back(static_cast<char>(count | 0x80));
  out.push_back(static_cast<char>(count));
}

std::uint64_t ReadCount(ByteReader& in) {
  std::uint64_t count = 0;
  for (int shift = 0; shift < 64 && in.ok(); shift += 7) {
    const auto byte = in.Fixed<std::uint8_t>();
    count |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return count;
  }
  return 0;  // Too long; no count is 0, so it is refused.
}

Status WrongDistribution(std::string_view what) {
  return Status::Corruption(fmt::format("distribution: {}", what));
}

class DistributionDecoder {
 public:
  explicit DistributionDecoder(std::string_view bytes) : in_(bytes) {}

  Result<Distribution> Decode() {
    const auto version = in_.Fixed<std::uint8_t>();
    if (version != kDistributionVersion)
      return WrongDistribution(fmt::format("version {}", version));
    made_.described = in_.Fixed<std::uint64_t>();
    made_.sampled = in_.Fixed<std::uint64_t>();
    made_.nans = in_.Fixed<std::uint64_t>();
    sum_ = made_.nans;
    GRANARY_TRY(ReadCommon());
    GRANARY_TRY(ReadBuckets());
    if (!in_.ok() || in_.remaining() != 0) return WrongDistribution("cut short or too long");
    if (sum_ != made_.described) return WrongDistribution("its counts do not add up");
    if (made_.sampled > made_.described || (made_.sampled == 0 && made_.described > 0))
      return WrongDistribution("an impossible number of sampled values");
    return std::move(made_);
  }

 private:
  Status ReadCommon() {
    const std::size_t count = in_.Fixed<std::uint8_t>();
    if (count > kCommonValuesMax) return WrongDistribution(fmt::format("{} common values", count));
    for (std::size_t i = 0; i < count && in_.ok(); ++i) {
      CommonValue common;
      GRANARY_ASSIGN(common.value, ReadValue());
      if (i > 0 && Compare(made_.common.back().value, common.value) >= 0)
        return WrongDistribution("the common values are not in order");
      GRANARY_ASSIGN(common.rows, ReadRows());
      made_.common.push_back(std::move(common));
    }
    return Status::Ok();
  }

  Status ReadBuckets() {
    const std::size_t count = in_.Fixed<std::uint8_t>();
    if (count > kHistogramBuckets) return WrongDistribution(fmt::format("{} buckets", count));
    if (count > 0) {
      GRANARY_ASSIGN(made_.lower, ReadValue());
    }
    for (std::size_t i = 0; i < count && in_.ok(); ++i) {
      HistogramBucket bucket;
      GRANARY_ASSIGN(bucket.upper, ReadValue());
      const auto order = Compare(i == 0 ? made_.lower : made_.buckets.back().upper, bucket.upper);
      if (order > 0 || (order == 0 && i > 0))
        return WrongDistribution("the bounds are not in order");
      GRANARY_ASSIGN(bucket.rows, ReadRows());
      made_.buckets.push_back(std::move(bucket));
    }
    return Status::Ok();
  }

  Result<Value> ReadValue() {
    GRANARY_ASSIGN(Value value, DecodeValue(in_));
    if (IsNull(value) || IsNanValue(value)) return WrongDistribution("a bound is null or NaN");
    if (kind_ != 0 && value.index() != kind_) return WrongDistribution("values of several kinds");
    kind_ = value.index();
    return value;
  }

  Result<std::uint64_t> ReadRows() {
    const std::uint64_t rows = ReadCount(in_);
    if (rows == 0 || __builtin_add_overflow(sum_, rows, &sum_))
      return WrongDistribution("an impossible count");
    return rows;
  }

  ByteReader in_;
  Distribution made_;
  std::uint64_t sum_ = 0;
  std::size_t kind_ = 0;  // Of the values; 0 before the first.
};

}  // namespace

std::string EncodeDistribution(const Distribution& distribution) {
  std::string out;
  PutFixed(out, kDistributionVersion);
  PutFixed(out, distribution.described);
  PutFixed(out, distribution.sampled);
  PutFixed(out, distribution.nans);
  PutFixed(out, static_cast<std::uint8_t>(distribution.common.size()));
  for (const CommonValue& common : distribution.common) {
    EncodeValue(common.value, out);
    PutCount(common.rows, out);
  }
  PutFixed(out, static_cast<std::uint8_t>(distribution.buckets.size()));
  if (!distribution.buckets.empty()) EncodeValue(distribution.lower, out);
  for (const HistogramBucket& bucket : distribution.buckets) {
    EncodeValue(bucket.upper, out);
    PutCount(bucket.rows, out);
  }
  return out;
}

Result<Distribution> DecodeDistribution(std::string_view bytes) {
  return DistributionDecoder(bytes).Decode();
}

}  // namespace granary::storage
