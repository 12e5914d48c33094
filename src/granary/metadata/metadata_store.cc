#include "granary/metadata/metadata_store.h"

#include <algorithm>

#include "granary/metadata/clickhouse_metadata.h"
#include "granary/metadata/postgres_metadata.h"
#include "granary/metadata/sqlite_metadata.h"

namespace granary::metadata {
namespace {

struct TypeName {
  StoreType type;
  std::string_view name;
};
constexpr TypeName kTypeNames[] = {{StoreType::kSqlite, "sqlite"},
                                   {StoreType::kPostgres, "postgresql"},
                                   {StoreType::kClickHouse, "clickhouse"}};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

std::optional<StoreType> ParseStoreType(std::string_view name) {
  for (const TypeName& known : kTypeNames)
    if (known.name == name) return known.type;
  return std::nullopt;
}

std::string_view StoreTypeName(StoreType type) {
  return std::ranges::find(kTypeNames, type, &TypeName::type)->name;
}

bool IsDatabaseName(std::string_view name) {
  return !name.empty() && name.size() <= 63 && IsLetter(name[0]) &&
         std::ranges::all_of(name, [](char c) { return IsLetter(c) || (c >= '0' && c <= '9'); });
}

std::unique_ptr<MetadataStore> MakeMetadataStore(const Options& options) {
  switch (options.type) {
    case StoreType::kPostgres: return std::make_unique<PostgresMetadata>(options);
    case StoreType::kClickHouse: return std::make_unique<ClickHouseMetadata>(options);
    case StoreType::kSqlite: break;
  }
  return std::make_unique<SqliteMetadata>(options);
}

}  // namespace granary::metadata
