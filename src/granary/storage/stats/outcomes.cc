#include "granary/storage/stats/outcomes.h"

namespace granary::storage {
namespace {

bool Any(const Outcomes& a) { return a.may_be_true || a.may_be_false || a.may_be_unknown; }

}  // namespace

Outcomes Either(const Outcomes& a, const Outcomes& b) {
  return {a.may_be_true || b.may_be_true, a.may_be_false || b.may_be_false,
          a.may_be_unknown || b.may_be_unknown};
}

Outcomes AndOf(const Outcomes& a, const Outcomes& b) {
  if (!Any(a) || !Any(b)) return kNoOutcome;
  return {.may_be_true = a.may_be_true && b.may_be_true,
          .may_be_false = a.may_be_false || b.may_be_false,
          .may_be_unknown = (a.may_be_unknown && (b.may_be_true || b.may_be_unknown)) ||
                            (b.may_be_unknown && a.may_be_true)};
}

Outcomes OrOf(const Outcomes& a, const Outcomes& b) { return NotOf(AndOf(NotOf(a), NotOf(b))); }

Outcomes NotOf(const Outcomes& a) { return {a.may_be_false, a.may_be_true, a.may_be_unknown}; }

}  // namespace granary::storage
