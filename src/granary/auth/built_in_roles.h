// The roles that every tenant has from the start, and cannot change.
//
//   reader    read every source            writer    read and write every source
//   admin     everything in its tenant     operator  admin, and the users, roles and keys of others
//
// Threads    pure functions.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "granary/security/permissions.h"

namespace granary::auth {

inline constexpr std::string_view kAdminRole = "admin";
inline constexpr std::string_view kOperatorRole = "operator";

std::span<const std::string_view> BuiltInRoles();
/// Nothing for a name that is none of them.
std::optional<std::vector<security::Grant>> GrantsOfBuiltIn(std::string_view role);

}  // namespace granary::auth
