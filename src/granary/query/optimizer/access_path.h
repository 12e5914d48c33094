// AccessPath: how the rows of a segment or hot chunk are found; the names are those that answers
// carry in stats.access_paths.
#pragma once

#include <cstdint>
#include <string_view>

namespace granary::query {

enum class AccessPath : std::uint8_t {
  kMetadata,      ///< Statistics alone answer.
  kPartialCache,  ///< The states of an aggregate are kept.
  kHashIndex,
  kBtreeIndex,
  kBloom,  ///< Tells that a value is not there; else everything is read.
  kPageIndex,
  kColumnCache,  ///< Everything is looked at, and is decoded already.
  kFullScan,
  kHot,
};

constexpr std::string_view AccessPathName(AccessPath path) {
  switch (path) {
    case AccessPath::kMetadata: return "metadata";
    case AccessPath::kPartialCache: return "partial_cache";
    case AccessPath::kHashIndex: return "hash_index";
    case AccessPath::kBtreeIndex: return "btree_index";
    case AccessPath::kBloom: return "bloom";
    case AccessPath::kPageIndex: return "page_index";
    case AccessPath::kColumnCache: return "column_cache";
    case AccessPath::kFullScan: return "full_scan";
    case AccessPath::kHot: break;
  }
  return "hot";
}

}  // namespace granary::query
