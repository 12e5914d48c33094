// Filter: the `filters` of a request as it was written, and its binding to a source's schema.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/types/literal.h"
#include "granary/types/predicate.h"
#include "granary/types/schema.h"

namespace granary::query {

enum class Operator : std::uint8_t {
  kEq,
  kNe,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kNin,
  kBetween,
  kLike,
  kILike,
  kStartsWith,
  kEndsWith,
  kContains,
  kRegex,
  kExists,
};
/// "eq" … "exists", and the aliases "in_list", "not_in".
std::optional<Operator> ParseOperator(std::string_view name);
std::string_view OperatorName(Operator op);

struct Filter {
  enum class Kind : std::uint8_t { kAnd, kOr, kNot, kCompare };
  Kind kind = Kind::kAnd;
  std::vector<Filter> children;
  std::string column;  ///< As written: a column, or a dotted path into a json one.
  Operator op = Operator::kEq;
  Literal literal;
  std::string pointer;  ///< Where it stands in the request: /filters/amount/gt
  /// Of kRegex and kILike, once somebody compiled it: it is bound without being looked at again.
  std::shared_ptr<const PatternProgram> program = {};
};

/// A name of a request, found in a schema: a declared column of that very name, else the json
/// column that is the longest dotted prefix, with the path inside it, else a path into the rest of
/// the records where the schema keeps one. `_seq` is found too.
struct ColumnRef {
  ColumnId id = 0;
  std::string name;               ///< As written.
  DataType type;                  ///< The column's; json for a path.
  std::vector<std::string> path;  ///< Inside a json column.
};
/// Nothing when the schema has no such column.
std::optional<ColumnRef> ResolveColumn(const Schema& schema, std::string_view name);

/// Literals are checked and put into the column's domain, so that the predicate compares like with
/// like; `ne` and `nin` become NOT. A column that the schema lacks makes the whole result nothing
/// ("a source that lacks a filtered column contributes nothing"). kInvalidLiteral, kTypeMismatch
/// (like on a number), kInvalidLiteral for a bad regex, each with the literal's pointer, and all that
/// are wrong together, with the code of the first.
Result<std::optional<Predicate>> BindFilter(const Filter& filter, const Schema& schema);

}  // namespace granary::query
