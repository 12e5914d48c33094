// CheckSchemaChange: what a node would say to a change of a source, and what the change breaks.
//
// Promise    the same code decides as on the node (ApplyChange, CheckWidenings). Where a widening
//            depends on stored values, the bounds decide that the node told last; where there are
//            none, the answer says that the values do.
// Pure       no clock, no database.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/storage/manifest/source_change.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/types/column_stats.h"
#include "granary/types/schema.h"

namespace granary::catalog {

/// The source as it is.
struct CheckedSource {
  Schema schema;
  storage::SourceDefinition definition;
  std::size_t columns_max = 1'000;
  /// Of columns, over all that is stored; nothing when the node has not told them of this schema.
  std::optional<std::map<ColumnId, ColumnStats>> bounds;
};

struct SchemaVerdict {
  Status refused;                   ///< OK: the node would take the change.
  bool depends_on_values = false;   ///< It would, unless stored values do not fit.
  std::optional<Schema> next;       ///< When it is taken and the schema is another then.
  std::string change;               ///< In words; empty where the schema stays.
  std::vector<std::string> breaks;  ///< What readers and writers of before will miss.
};

SchemaVerdict CheckSchemaChange(const CheckedSource& source, const storage::SourceChange& change);

/// The change that makes the columns of `wanted` of a schema: those that it lacks are added, those
/// that are not wanted are dropped, those of another type are widened. A rename cannot be told from
/// that.
storage::SourceChange ChangeTo(const Schema& schema,
                               const std::vector<storage::DeclaredColumn>& wanted);

/// {"tenant_id": "acme", "source_id": "s"} with "change" as in PATCH /sources/{id}, or with
/// "schema_definition" as in POST /sources/add.
struct SchemaQuestion {
  std::string tenant, source;
  std::string pointer;  ///< Of what is asked: "/change" or "/schema_definition".
  std::optional<storage::SourceChange> change;
  std::vector<storage::DeclaredColumn> wanted;
};
/// Errors with pointers, those of the change being the ones of PATCH behind "/change".
Result<SchemaQuestion> ParseSchemaQuestion(std::string_view body);

}  // namespace granary::catalog
