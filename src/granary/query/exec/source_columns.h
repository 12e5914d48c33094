// SourceColumns: the names of a request, found in the schemas of the sources that it asks.
//
// Rules      a source that lacks a column of the filter contributes nothing; nor does one that has it
//            of a type with which the filter cannot be, where another source's can. A source that
//            lacks another column has nulls there; a column that no source has is kUnknownColumn.
// Threads    immutable once made.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/plan/filter.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/source/source_snapshot.h"

namespace granary::query {

/// A source that may contribute rows.
struct BoundSource {
  const storage::SourceSnapshot* snapshot = nullptr;
  std::optional<Predicate> predicate;
};

/// A column of a request in each of the bound sources.
struct BoundColumn {
  std::vector<std::optional<ColumnRef>> refs;  ///< One a source; nothing where the source lacks it.
  DataType type;                               ///< Common to all.
  bool mixed_numbers = false;                  ///< Some hold integers or decimals, some floats.
};

/// A path into json is of type json.
DataType TypeOf(const ColumnRef& ref);

bool HasColumn(const std::vector<storage::SourceSnapshot>& sources, const std::string& name);
/// kUnknownColumn at `pointer`.
Status UnknownColumn(const std::string& pointer, const std::string& name);

/// kUnknownColumn for a filter's column that no source has; BindFilter's errors where no source takes
/// the filter: of all its comparisons that no source takes, with the code of the first.
Result<std::vector<BoundSource>> BindSources(const std::optional<Filter>& filter,
                                             const std::vector<storage::SourceSnapshot>& sources);
/// Of parts of a search's sources: a column must be in one of `known`.
Result<std::vector<BoundSource>> BindSources(const std::optional<Filter>& filter,
                                             const std::vector<storage::SourceSnapshot>& sources,
                                             const std::vector<storage::SourceSnapshot>& known);

/// kUnknownColumn when none of `sources` has it, kTypeMismatch when the types have no common one,
/// each at `pointer`.
Result<BoundColumn> BindColumn(const std::string& name, const std::string& pointer,
                               const std::vector<BoundSource>& bound,
                               const std::vector<storage::SourceSnapshot>& sources);

}  // namespace granary::query
