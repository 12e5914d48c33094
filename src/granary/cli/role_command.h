// granary role: named lists of rights at the Auth Gateway.
#pragma once

#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/account_client.h"

namespace granary::cli {

struct RoleOptions : AccountOptions {
  std::string role;
  std::string tenant;               ///< Empty: the caller's.
  std::vector<std::string> grants;  ///< "read:sales_*"
};

Status ListRoles(const RoleOptions& options);
Status ShowRole(const RoleOptions& options);
/// A new role with these rights; kConflict when there is one of that name.
Status CreateRole(const RoleOptions& options);
Status GrantToRole(const RoleOptions& options);
Status RevokeFromRole(const RoleOptions& options);
Status DeleteRole(const RoleOptions& options);

}  // namespace granary::cli
