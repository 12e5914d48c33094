// SourceDefinition: what a user said a source is (POST /sources/add), checked and completed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/storage/index/index_meta.h"
#include "granary/storage/partition/partition.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/types/data_type.h"

namespace granary::storage {

enum class SchemaMode : std::uint8_t { kStrict, kEvolve, kJson };

/// When a write is acknowledged.
enum class Durability : std::uint8_t {
  kSync,      ///< Once the disk has it.
  kInterval,  ///< Once the log file has it; the disk follows within DURABILITY_INTERVAL_MS.
};

struct DeclaredColumn {
  std::string name;
  DataType type;
  bool operator==(const DeclaredColumn&) const = default;
};
struct DeclaredPartition {
  std::string column;
  std::optional<Transform> transform;  ///< DefaultTransform of the column's type when absent.
  bool operator==(const DeclaredPartition&) const = default;
};
struct DeclaredIndex {
  std::string column;
  std::optional<IndexKind> kind;  ///< hash for strings, B-tree for ordered types when absent.
  bool operator==(const DeclaredIndex&) const = default;
};

/// Records go once a column of theirs is older than that.
struct Retention {
  std::string column;  ///< A date or an instant.
  std::uint32_t days = 0;
  bool operator==(const Retention&) const = default;
};

struct SourceDefinition {
  SourceId id;
  std::string name;               ///< The id when not given.
  std::string connection_string;  ///< Kept and shown; chooses nothing.
  std::string data_path;          ///< As given; empty: "sources/<id>" in the tenant's folder.
  std::vector<DeclaredColumn> columns;
  std::vector<DeclaredPartition> partitions;
  std::vector<DeclaredIndex> indexes;
  std::vector<std::string> sort_columns;
  Compression compression;
  std::uint32_t max_file_size_mb = 256;
  bool wal_enabled = true;
  SchemaMode schema_mode = SchemaMode::kEvolve;
  Durability durability = Durability::kSync;
  std::vector<std::string> primary_key;  ///< Empty: every record stays.
  std::optional<Retention> retention;

  bool operator==(const SourceDefinition&) const = default;
  /// With each transform and kind of index said that follows from a declared column's type, so that
  /// what says a default is the same as what leaves it out.
  SourceDefinition WithDefaults() const;

  void EncodeTo(std::string& out) const;
  static Result<SourceDefinition> Decode(std::string_view bytes);
};

/// The first schema, with ids in order of declaration, the rest of records last where the mode
/// keeps one. kInvalidDefinition (with pointers such as /schema_definition/amount,
/// /partition_columns/0, /sort_columns/1) when names are taken, types lack a transform, or a
/// partition, index or sort column is not declared.
Result<Schema> InitialSchema(const SourceDefinition& definition);
/// What of that holds for a definition whose columns have a schema already: its partition, index
/// and sort columns and its files.
Status CheckDefinition(const SourceDefinition& definition, const Schema& schema);
/// The indexes over a schema that has the names of the definition, each once; columns of the
/// primary key have one in any case.
std::vector<IndexKey> ResolveIndexes(const SourceDefinition& definition, const Schema& schema);
/// The columns of the primary key, in its order.
std::vector<ColumnId> ResolveKey(const SourceDefinition& definition, const Schema& schema);
/// The partition spec over such a schema: the newest.
Result<PartitionSpec> ResolvePartitions(const SourceDefinition& definition, const Schema& schema);

}  // namespace granary::storage
