#include "granary/auth/identity.h"

namespace granary::auth {

bool IsTenantAdmin(const Identity& identity) {
  return security::AllowsEverywhere(identity.grants, security::Verb::kAdmin).allowed;
}

}  // namespace granary::auth
