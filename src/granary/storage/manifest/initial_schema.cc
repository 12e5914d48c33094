// What a definition says, checked against the types it names.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "granary/storage/manifest/findings.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/types/rest_column.h"

namespace granary::storage {
namespace {

constexpr std::uint32_t kFileSizeMaxMb = 65'536;

const Column* FindDeclared(const Schema& schema, std::string_view name, std::string pointer,
                           Findings& findings) {
  const Column* column = schema.Find(name);
  if (column == nullptr || IsRestColumn(*column)) {
    findings.Add(std::move(pointer), fmt::format("the source has no column \"{}\"", name));
    return nullptr;
  }
  return column;
}

void CheckPartitions(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  PartitionSpec seen;
  for (std::size_t i = 0; i < definition.partitions.size(); ++i) {
    const DeclaredPartition& partition = definition.partitions[i];
    const std::string pointer = fmt::format("/partition_columns/{}", i);
    const Column* column = FindDeclared(schema, partition.column, pointer, findings);
    if (column == nullptr) continue;
    const Transform transform = partition.transform.value_or(DefaultTransform(column->type));
    findings.Add(pointer, CheckTransform(transform, column->type));
    const PartitionField field{column->id, transform};
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      findings.Add(pointer, "the same column and transform twice");
    }
    seen.push_back(field);
  }
}

void CheckIndexes(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  for (std::size_t i = 0; i < definition.indexes.size(); ++i) {
    const std::string pointer = fmt::format("/index_columns/{}", i);
    const Column* column = FindDeclared(schema, definition.indexes[i].column, pointer, findings);
    if (column == nullptr) continue;
    if (!IsIndexable(column->type)) {
      findings.Add(pointer,
                   fmt::format("a column of type {} cannot be indexed", column->type.ToString()));
    }
  }
}

void CheckSortColumns(const SourceDefinition& definition, const Schema& schema,
                      Findings& findings) {
  for (std::size_t i = 0; i < definition.sort_columns.size(); ++i) {
    const std::string pointer = fmt::format("/sort_columns/{}", i);
    const std::string& name = definition.sort_columns[i];
    const Column* column = FindDeclared(schema, name, pointer, findings);
    if (column != nullptr && column->type.kind() == TypeKind::kList) {
      findings.Add(pointer, "a list has no order");
    }
    const auto begin = definition.sort_columns.begin();
    if (std::find(begin, begin + static_cast<std::ptrdiff_t>(i), name) !=
        begin + static_cast<std::ptrdiff_t>(i)) {
      findings.Add(pointer, fmt::format("column \"{}\" twice", name));
    }
  }
}

void CheckKey(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  const std::vector<std::string>& key = definition.primary_key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::string pointer = fmt::format("/primary_key/{}", i);
    const Column* column = FindDeclared(schema, key[i], pointer, findings);
    if (column == nullptr) continue;
    const TypeKind kind = column->type.kind();
    if (kind == TypeKind::kList || kind == TypeKind::kJson) {
      findings.Add(pointer, fmt::format("a column of type {} cannot be part of a primary key",
                                        column->type.ToString()));
    }
    if (std::find(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(i), key[i]) !=
        key.begin() + static_cast<std::ptrdiff_t>(i)) {
      findings.Add(pointer, fmt::format("column \"{}\" twice", key[i]));
    }
  }
}

void CheckRetention(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  if (!definition.retention) return;
  const Column* column =
      FindDeclared(schema, definition.retention->column, "/retention/column", findings);
  if (column == nullptr) return;
  const TypeKind kind = column->type.kind();
  if (kind != TypeKind::kDate && kind != TypeKind::kTimestamp) {
    findings.Add("/retention/column",
                 fmt::format("records grow old by a date or a timestamp, not by {}",
                             column->type.ToString()));
  }
}

void CheckFiles(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  findings.Add("/compression", CheckCompression(definition.compression));
  for (const auto& [name, codec] : definition.compression.columns) {
    FindDeclared(schema, name, fmt::format("/compression/columns/{}", PointerStep(name)), findings);
  }
  if (definition.max_file_size_mb < 1 || definition.max_file_size_mb > kFileSizeMaxMb) {
    findings.Add("/max_file_size_mb", fmt::format("{} is not between 1 and {}",
                                                  definition.max_file_size_mb, kFileSizeMaxMb));
  }
}

void CheckDurability(const SourceDefinition& definition, Findings& findings) {
  if (definition.durability == Durability::kInterval && !definition.wal_enabled) {
    findings.Add("/durability",
                 "\"interval\" says when the log reaches the disk, and wal_enabled is "
                 "false: leave one of the two away");
  }
}

void CheckAll(const SourceDefinition& definition, const Schema& schema, Findings& findings) {
  CheckPartitions(definition, schema, findings);
  CheckIndexes(definition, schema, findings);
  CheckSortColumns(definition, schema, findings);
  CheckKey(definition, schema, findings);
  CheckRetention(definition, schema, findings);
  CheckFiles(definition, schema, findings);
  CheckDurability(definition, findings);
}

}  // namespace

Status CheckDefinition(const SourceDefinition& definition, const Schema& schema) {
  Findings findings;
  CheckAll(definition, schema, findings);
  return findings.Take();
}

Result<Schema> InitialSchema(const SourceDefinition& definition) {
  Findings findings;
  Schema schema;
  for (const DeclaredColumn& column : definition.columns) {
    Result<Schema> next = schema.WithColumn(column.name, column.type);
    if (next.ok()) {
      schema = next->WithVersion(1);
    } else {
      findings.Add(fmt::format("/schema_definition/{}", PointerStep(column.name)), next.status());
    }
  }
  CheckAll(definition, schema, findings);
  GRANARY_TRY(findings.Take());
  return definition.schema_mode == SchemaMode::kJson ? WithRestColumn(schema) : schema;
}

SourceDefinition SourceDefinition::WithDefaults() const {
  SourceDefinition out = *this;
  const auto type_of = [this](const std::string& column) -> const DataType* {
    const auto found = std::ranges::find(columns, column, &DeclaredColumn::name);
    return found == columns.end() ? nullptr : &found->type;
  };
  for (DeclaredPartition& partition : out.partitions) {
    const DataType* type = type_of(partition.column);
    if (type != nullptr && !partition.transform) partition.transform = DefaultTransform(*type);
  }
  for (DeclaredIndex& index : out.indexes) {
    const DataType* type = type_of(index.column);
    if (type != nullptr && !index.kind) index.kind = DefaultIndexKind(*type);
  }
  return out;
}

std::vector<IndexKey> ResolveIndexes(const SourceDefinition& definition, const Schema& schema) {
  std::set<IndexKey> keys;
  for (const DeclaredIndex& index : definition.indexes) {
    const Column* column = schema.Find(index.column);
    if (column == nullptr) continue;
    keys.insert({column->id, index.kind.value_or(DefaultIndexKind(column->type))});
  }
  for (const ColumnId id : ResolveKey(definition, schema)) {
    const DataType& type = schema.FindId(id)->type;
    const bool has_one = keys.contains({id, IndexKind::kHash}) ||
                         keys.contains({id, IndexKind::kBtree}) || !IsIndexable(type);
    if (!has_one) keys.insert({id, DefaultIndexKind(type)});
  }
  return {keys.begin(), keys.end()};
}

std::vector<ColumnId> ResolveKey(const SourceDefinition& definition, const Schema& schema) {
  std::vector<ColumnId> key;
  for (const std::string& name : definition.primary_key) {
    if (const Column* column = schema.Find(name)) key.push_back(column->id);
  }
  return key;
}

Result<PartitionSpec> ResolvePartitions(const SourceDefinition& definition, const Schema& schema) {
  Findings findings;
  PartitionSpec spec;
  for (std::size_t i = 0; i < definition.partitions.size(); ++i) {
    const DeclaredPartition& partition = definition.partitions[i];
    const Column* column =
        FindDeclared(schema, partition.column, fmt::format("/partition_columns/{}", i), findings);
    if (column == nullptr) continue;
    spec.push_back({column->id, partition.transform.value_or(DefaultTransform(column->type))});
  }
  GRANARY_TRY(findings.Take());
  return spec;
}

}  // namespace granary::storage
