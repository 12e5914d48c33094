#include "granary/types/rest_column.h"

#include <string>
#include <utility>
#include <vector>

namespace granary {

bool IsRestColumn(const Column& column) {
  return column.type.kind() == TypeKind::kJson && column.name == kRestColumnName;
}

const Column* RestColumn(const Schema& schema) {
  const Column* column = schema.Find(kRestColumnName);
  return column != nullptr && IsRestColumn(*column) ? column : nullptr;
}

Schema WithRestColumn(const Schema& schema) {
  if (RestColumn(schema) != nullptr) return schema;
  std::vector<Column> columns = schema.columns();
  const ColumnId id = schema.last_id() + 1;
  columns.push_back({id, std::string(kRestColumnName), TypeKind::kJson});
  return Schema(schema.version(), id, std::move(columns));
}

std::size_t DeclaredColumns(const Schema& schema) {
  return schema.columns().size() - (RestColumn(schema) == nullptr ? 0 : 1);
}

}  // namespace granary
