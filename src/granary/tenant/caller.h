// Caller: who asks, how to tell them that nobody waits any more, and what they may do.
//
// Threads    a value; its rights are immutable.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/runtime/cancel.h"
#include "granary/security/permissions.h"

namespace granary {

/// What somebody may do; nothing set: everything, as on a node that asks nobody who they are.
class Rights {
 public:
  Rights() = default;
  explicit Rights(std::vector<security::Grant> grants)
      : grants_(std::make_shared<const std::vector<security::Grant>>(std::move(grants))) {}

  bool unlimited() const { return grants_ == nullptr; }
  /// kPermissionDenied, whether there is such a source or not.
  Status Need(security::Verb verb, const SourceId& source) const {
    if (unlimited()) return Status::Ok();
    return AsStatus(security::Allows(*grants_, verb, source.str()));
  }
  bool May(security::Verb verb, const SourceId& source) const {
    return unlimited() || security::Allows(*grants_, verb, source.str()).allowed;
  }
  /// Of what is the tenant's and no one source's.
  Status NeedEverywhere(security::Verb verb) const {
    if (unlimited()) return Status::Ok();
    return AsStatus(security::AllowsEverywhere(*grants_, verb));
  }
  Status NeedSomewhere(security::Verb verb) const {
    if (unlimited()) return Status::Ok();
    return AsStatus(security::AllowsSomewhere(*grants_, verb));
  }
  /// True when a list of sources shows them this one: they may do something with it.
  bool Sees(const SourceId& source) const {
    for (const security::Verb verb : security::kVerbs) {
      if (May(verb, source)) return true;
    }
    return false;
  }

 private:
  std::shared_ptr<const std::vector<security::Grant>> grants_;
};

/// A bare token is a caller without a name who may do everything.
struct Caller {
  Caller(runtime::CancelToken token = {}, std::string id = {},  // NOLINT: implicit on purpose
         Rights what = {})
      : cancel(std::move(token)), request_id(std::move(id)), rights(std::move(what)) {}

  runtime::CancelToken cancel;
  std::string request_id;
  Rights rights;
};

}  // namespace granary
