// A schema with a column of every type, for tests and fuzz targets.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/types/schema.h"

namespace granary::json {

/// Ids count from 1 in this order; the names are short, so that chance finds them.
inline SchemaPtr EveryTypeSchema() {
  const std::vector<std::pair<std::string, DataType>> declared = {
      {"s", TypeKind::kString},
      {"b", TypeKind::kBool},
      {"i8", TypeKind::kInt8},
      {"i16", TypeKind::kInt16},
      {"i32", TypeKind::kInt32},
      {"i", TypeKind::kInt64},
      {"u8", TypeKind::kUInt8},
      {"u16", TypeKind::kUInt16},
      {"u32", TypeKind::kUInt32},
      {"u", TypeKind::kUInt64},
      {"f32", TypeKind::kFloat32},
      {"f", TypeKind::kFloat64},
      {"d", DataType::Decimal(10, 2)},
      {"big", DataType::Decimal(38, 0)},
      {"day", TypeKind::kDate},
      {"sec", DataType::Timestamp(TimeUnit::kSecond)},
      {"at", DataType::Timestamp(TimeUnit::kMicro)},
      {"ns", DataType::Timestamp(TimeUnit::kNano)},
      {"t", TypeKind::kTime},
      {"bin", TypeKind::kBinary},
      {"id", TypeKind::kUuid},
      {"j", TypeKind::kJson},
      {"l", DataType::List(TypeKind::kInt64)},
      {"ll", DataType::List(DataType::List(TypeKind::kString))},
  };
  std::vector<Column> columns;
  for (const auto& [name, type] : declared)
    columns.push_back({static_cast<ColumnId>(columns.size() + 1), name, type});
  return std::make_shared<const Schema>(1, static_cast<ColumnId>(columns.size()), columns);
}

}  // namespace granary::json
