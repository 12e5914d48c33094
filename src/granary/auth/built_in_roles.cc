#include "granary/auth/built_in_roles.h"

#include <algorithm>

namespace granary::auth {
namespace {

using security::Verb;

constexpr std::string_view kBuiltIn[] = {kAdminRole, kOperatorRole, "reader", "writer"};

}  // namespace

std::span<const std::string_view> BuiltInRoles() { return kBuiltIn; }

std::optional<std::vector<security::Grant>> GrantsOfBuiltIn(std::string_view role) {
  if (std::ranges::find(kBuiltIn, role) == std::end(kBuiltIn)) return std::nullopt;
  security::VerbSet verbs{Verb::kRead};
  if (role != "reader") verbs.Add(Verb::kWrite);
  if (role == kAdminRole || role == kOperatorRole) verbs.Add(Verb::kAdmin);
  return std::vector<security::Grant>{{verbs, std::string(security::kAnySource)}};
}

}  // namespace granary::auth
