// Reading inside JSON documents: dotted names as in api.md ("commit.record.langs", "\." for a dot
// in a key) and the values they lead to. An array on the way means each of its elements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/types/literal.h"
#include "granary/types/predicate.h"

namespace granary::json {

/// "a.b\.c" -> {"a", "b.c"}. An empty key ("a..b") is the empty key. kUnknownColumn for a trailing
/// backslash.
Result<std::vector<std::string>> SplitPath(std::string_view dotted);

/// Three-valued outcome of a leaf with a path over each document of a json column (utf8 array): a
/// boolean array with nulls. An empty `leaf.path` means the document itself. kInvalidLiteral for a
/// bad regex; kCorruption for a document that is no JSON.
Result<std::shared_ptr<arrow::Array>> EvaluatePath(const arrow::Array& documents,
                                                   const Predicate& leaf);

/// The values at the path as an array of JSON texts (utf8, null where missing or null), for
/// columns, order_by and group_by. Where the path crosses an array: an array of what is there.
Result<std::shared_ptr<arrow::Array>> ExtractPath(const arrow::Array& documents,
                                                  const std::vector<std::string>& path);

}  // namespace granary::json
