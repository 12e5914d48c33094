// Identity: who a request comes from, once its key or token was found good, and what they may do.
//
// Threads    a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/security/permissions.h"

namespace granary::auth {

struct Identity {
  std::string user_id, user_name;
  std::string tenant;
  std::string credential;  ///< "key:4be0643f1d98573b" or "session:9c…", for logs and the audit.
  std::vector<std::string> roles;
  std::vector<security::Grant> grants;  ///< The roles', narrowed by the key's own.
  std::int64_t expires_us = 0;          ///< Of the key; 0: never, or a session.
  bool is_old_secret = false;           ///< A key that was rotated, in its grace.
  /// May administer users, roles and keys of every tenant; never their data.
  bool is_operator = false;
};

/// An administrator's doing, for the audit: who, from where, in which request.
struct Act {
  const Identity& who;
  std::string address;
  std::string request_id;
};

/// Everything may be administered in its own tenant.
bool IsTenantAdmin(const Identity& identity);

}  // namespace granary::auth
