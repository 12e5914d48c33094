// SourceChange: what is to be different about a source (PATCH /sources/{id}), and what the source
// is then.
//
// Names      of columns to rename, drop and widen are those before the change; of columns to add,
//            and in sort_columns and compression, those after it. So {"a": "b", "b": "a"} swaps,
//            and a name that is dropped and added in one change starts empty.
// Follow     partition, index and sort columns and column codecs follow a rename. A column that
//            divides, sorts or is indexed cannot be dropped.
// Promise    all of it or nothing.
// Threads    values; ApplyChange is pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/types/schema.h"

namespace granary::storage {

struct ColumnRename {
  std::string from;
  std::string to;
};

/// What is absent stays as it is.
struct SourceChange {
  std::vector<DeclaredColumn> add_columns;
  std::vector<ColumnRename> rename_columns;
  std::vector<std::string> drop_columns;
  std::vector<DeclaredColumn> widen_columns;
  std::vector<DeclaredIndex> add_indexes;
  std::vector<std::string> drop_indexes;

  std::optional<std::string> name;  ///< Empty: the id.
  std::optional<std::string> connection_string;
  /// The codecs, the level with them: a level belongs to its codec.
  std::optional<Compression> compression;
  std::optional<int> compression_level;  ///< Of the codec that is there; not beside `compression`.
  std::optional<std::uint32_t> max_file_size_mb;
  std::optional<std::vector<std::string>> sort_columns;  ///< For files written from now on.
  std::optional<SchemaMode> schema_mode;
  std::optional<Durability> durability;
  /// Given at all, and then what it is to be.
  std::optional<std::optional<Retention>> retention;
};

/// A source after a change.
struct ChangedSource {
  Schema schema;  ///< The one before when no column changed, else its next version.
  SourceDefinition definition;
  bool new_schema = false;
  bool new_definition = false;
};

/// kInvalidDefinition with a pointer to every place that is wrong (/rename_columns/a,
/// /drop_columns/0, /widen_columns/i, /add_columns/c, …): names that are unknown, taken or
/// reserved, columns named twice, types that no value widens to, more than `columns_max` columns,
/// columns that are in use. kUnsupported for what a later version offers. A widening that depends
/// on the stored values (Widening::kWhileExact) is let through: the caller looks at them.
Result<ChangedSource> ApplyChange(const SourceChange& change, const Schema& schema,
                                  const SourceDefinition& definition, std::size_t columns_max);

/// What a schema has that the one before it had not, in words: "added a (string); renamed b to c;
/// dropped d; widened e from int32 to int64". Without `before`: "created with 3 columns".
std::string DescribeChange(const Schema* before, const Schema& after);

}  // namespace granary::storage
