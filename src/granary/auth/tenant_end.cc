// What ends with a tenant, and what must not.
#include <utility>

#include <fmt/format.h>

#include "granary/auth/authority.h"
#include "granary/auth/authority_state.h"

namespace granary::auth {

// Nobody but an operator makes operators: without one that can come in, nobody ever could again.
Status Authority::State::KeepingAnOperator(AuthRows& rows, const std::function<Status()>& change) {
  GRANARY_ASSIGN(const bool before, rows.HasOperatorWhoComesIn());
  GRANARY_TRY(change());
  GRANARY_ASSIGN(const bool after, rows.HasOperatorWhoComesIn());
  if (after || !before) return Status::Ok();
  return {Code::kConflict,
          "this would leave no operator who can come in: give another user the role operator and a "
          "password, or a key without scope and end, first"};
}

Status Authority::EndTenant(const Act& act, const std::string& tenant) {
  State& state = *state_;
  // No tenant's id has such a letter.
  const std::string kept_as = fmt::format("{}#{}", tenant, state.now_us());
  return state.store->Write([&](AuthRows& rows) -> Status {
    bool any = false;
    GRANARY_TRY(State::KeepingAnOperator(rows, [&]() -> Status {
      GRANARY_ASSIGN(any, rows.DropTenant(tenant, kept_as));
      return Status::Ok();
    }));
    if (!any) return Status::Ok();
    return rows.AddAudit(state.Entry(act, kept_as, "tenant.end", tenant,
                                     "its users, keys, sessions and roles ended with it"));
  });
}

}  // namespace granary::auth
