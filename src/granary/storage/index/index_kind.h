// IndexKind: the three kinds of index beside a segment, and what each is good for.
//
//   hash    equality and in: keys are 64-bit hashes of the values
//   btree   the same, ranges, prefixes and order: keys are bytes that order as the values do
//   bloom   whether a value may be there at all, in about ten bits a value
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "granary/types/data_type.h"

namespace granary::storage {

enum class IndexKind : std::uint8_t { kHash, kBtree, kBloom };

std::string_view IndexKindName(IndexKind kind);
std::optional<IndexKind> ParseIndexKind(std::string_view name);

/// What a column gets that was only named: hash for bytes and booleans, B-tree for what has an
/// order that people ask by.
IndexKind DefaultIndexKind(const DataType& type);

/// False for lists and json.
bool IsIndexable(const DataType& type);

}  // namespace granary::storage
