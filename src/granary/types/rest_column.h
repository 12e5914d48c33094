// The rest of a record: in a source of schema_mode json, what a record has beside the declared
// columns is kept in one more column of its schema, of type json and under a reserved name.
//
// Shape      one JSON object a record, as json columns keep it (no white space, keys in their
//            order, numbers digit for digit); null when there is nothing beside the declared
//            columns. A declared column that a record names with null stands in it as that null,
//            so a record that says null and one that says nothing stay apart.
// Names      a name that no column has is a path into it. Its own name is reserved, so that no
//            declared column is in the way; a member of that name is reached as
//            _granary_rest._granary_rest.
// Threads    pure functions.
#pragma once

#include <cstddef>
#include <string_view>

#include "granary/types/schema.h"

namespace granary {

inline constexpr std::string_view kRestColumnName = "_granary_rest";

bool IsRestColumn(const Column& column);
/// Null when the source was never of schema_mode json.
const Column* RestColumn(const Schema& schema);
/// The same version with the column at the end; as it is when it has one.
Schema WithRestColumn(const Schema& schema);
/// How many columns a user has declared, or records have added.
std::size_t DeclaredColumns(const Schema& schema);

}  // namespace granary
