#include "granary/storage/index/index_kind.h"

namespace granary::storage {

std::string_view IndexKindName(IndexKind kind) {
  switch (kind) {
    case IndexKind::kHash: return "hash";
    case IndexKind::kBtree: return "btree";
    case IndexKind::kBloom: return "bloom";
  }
  return "unknown";
}

std::optional<IndexKind> ParseIndexKind(std::string_view name) {
  for (const IndexKind kind : {IndexKind::kHash, IndexKind::kBtree, IndexKind::kBloom}) {
    if (name == IndexKindName(kind)) return kind;
  }
  return std::nullopt;
}

IndexKind DefaultIndexKind(const DataType& type) {
  return type.IsBytes() || type.kind() == TypeKind::kBool ? IndexKind::kHash : IndexKind::kBtree;
}

bool IsIndexable(const DataType& type) {
  return type.kind() != TypeKind::kList && type.kind() != TypeKind::kJson;
}

}  // namespace granary::storage
