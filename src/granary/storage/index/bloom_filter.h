// A bloom filter of 256-bit buckets: each hash sets one bit in each of the 8 words of one bucket,
// so a look-up reads 32 bytes. About 1 in 100 absent values is said to be there.
//
// Source     "Split block Bloom filters", as Parquet's (parquet-format, BloomFilter.md).
// Threads    pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace granary::storage {

inline constexpr std::size_t kBloomBucketBytes = 32;
inline constexpr std::uint64_t kBloomBitsPerKey = 11;

/// Buckets for so many different hashes; at least one.
std::uint64_t BloomBuckets(std::uint64_t keys);
/// The bucket of a hash.
std::uint64_t BloomBucketOf(std::uint64_t hash, std::uint64_t buckets);

/// `bucket` points to kBloomBucketBytes.
void BloomAdd(std::uint64_t hash, char* bucket);
bool BloomMayContain(std::uint64_t hash, const char* bucket);

}  // namespace granary::storage
