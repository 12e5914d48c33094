// granary user: who may log in at the Auth Gateway or own keys there.
#pragma once

#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/cli/account_client.h"
#include "granary/hosting/config_flags.h"

namespace granary::cli {

struct UserOptions : AccountOptions {
  std::string user;    ///< A name, or an id ("u_…"); of create: the name.
  std::string tenant;  ///< Empty: the caller's.
  std::vector<std::string> roles;
  bool with_password = false;
};

Status ListUsers(const UserOptions& options);
Status ShowUser(const UserOptions& options);
Status CreateUser(const UserOptions& options);
Status SetPassword(const UserOptions& options);
Status GrantRoles(const UserOptions& options);
Status RevokeRoles(const UserOptions& options);
Status DisableUser(const UserOptions& options);
Status EnableUser(const UserOptions& options);
Status DeleteUser(const UserOptions& options);

/// One more operator, straight into the file of the gateway that the settings name; its key is
/// printed. MakeRecoveryKey's failures.
Status RecoverOperator(const hosting::ConfigFlags& flags);

/// The id of a user by name or id. kNotFound when there is none.
Result<std::string> FindUser(AccountClient& client, const std::string& user,
                             const std::string& tenant);

}  // namespace granary::cli
