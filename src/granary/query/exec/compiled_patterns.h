// Compiled patterns: a filter's regex and ilike patterns are compiled once for a query, before it is
// bound to each source's schema, in memory that the query's budget has given for them.
//
// Promise    between two patterns the query's deadline and its client are looked at. What patterns
//            take is reserved before the first one is compiled: kTooLarge where the query's share
//            does not hold them, kOverloaded where others hold it.
// Threads    one.
#pragma once

#include <optional>
#include <utility>

#include "granary/base/status.h"
#include "granary/query/exec/query_context.h"
#include "granary/query/plan/filter.h"
#include "granary/runtime/memory_budget.h"

namespace granary::query {

/// A pattern has at least so much of the share: program and automata of most need less.
inline constexpr std::uint64_t kPatternMemoryMin = 64u << 10;
/// So much of the share patterns take at most, where they can do with it.
inline constexpr std::uint64_t kPatternShareParts = 4;

/// kTooLarge at its pointer for a pattern longer than context.pattern_bytes_max; kInvalidLiteral at
/// it for a regular expression that is none.
Status CompilePatterns(Filter& filter, const QueryContext& context,
                       runtime::MemoryReservation& memory);
/// True when there is something left for it to do.
bool HasPatterns(const Filter& filter);

/// A request with its patterns compiled: the one given, which outlives it, where it has none.
template <typename Request>
class WithPatterns {
 public:
  static Result<WithPatterns> Make(const Request& request, const QueryContext& context) {
    WithPatterns made(request, context);
    GRANARY_TRY(made.Compile(&Request::filter, context, made.filters_));
    if constexpr (requires { request.having; })
      GRANARY_TRY(made.Compile(&Request::having, context, made.having_));
    return made;
  }
  const Request& get() const { return own_ ? *own_ : *given_; }

 private:
  WithPatterns(const Request& request, const QueryContext& context)
      : given_(&request), filters_(context.memory), having_(context.memory) {}

  Status Compile(std::optional<Filter> Request::*which, const QueryContext& context,
                 runtime::MemoryReservation& memory) {
    if (!(given_->*which) || !HasPatterns(*(given_->*which))) return Status::Ok();
    if (!own_) own_ = *given_;
    return CompilePatterns(*((*own_).*which), context, memory);
  }

  const Request* given_;
  std::optional<Request> own_;
  runtime::MemoryReservation filters_, having_;
};

}  // namespace granary::query
