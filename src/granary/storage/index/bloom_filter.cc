#include "granary/storage/index/bloom_filter.h"

#include <algorithm>
#include <cstring>

namespace granary::storage {
namespace {

constexpr int kWords = 8;
constexpr std::uint32_t kSalts[kWords] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                          0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

std::uint32_t BitOf(std::uint64_t hash, int word) {
  return 1u << (static_cast<std::uint32_t>(hash) * kSalts[word] >> 27);
}

}  // namespace

std::uint64_t BloomBuckets(std::uint64_t keys) {
  return std::max<std::uint64_t>(1, (keys * kBloomBitsPerKey + 255) / (8 * kBloomBucketBytes));
}

std::uint64_t BloomBucketOf(std::uint64_t hash, std::uint64_t buckets) {
  return (hash >> 32) * buckets >> 32;  // Both are below 2^32.
}

void BloomAdd(std::uint64_t hash, char* bucket) {
  for (int i = 0; i < kWords; ++i) {
    std::uint32_t word;
    std::memcpy(&word, bucket + 4 * i, sizeof(word));
    word |= BitOf(hash, i);
    std::memcpy(bucket + 4 * i, &word, sizeof(word));
  }
}

bool BloomMayContain(std::uint64_t hash, const char* bucket) {
  for (int i = 0; i < kWords; ++i) {
    std::uint32_t word;
    std::memcpy(&word, bucket + 4 * i, sizeof(word));
    if ((word & BitOf(hash, i)) == 0) return false;
  }
  return true;
}

}  // namespace granary::storage
