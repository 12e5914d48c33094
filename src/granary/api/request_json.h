// Request bodies (JSON) to the structs of tenant and query, with a JSON Pointer on every refusal:
// unknown members and operators, wrong shapes, bad ids. The text is parsed once, depth-limited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/manifest/source_change.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

/// What a request may ask for at most.
struct RequestLimits {
  std::size_t depth_max = 64;
  std::uint64_t page_records_max = query::kLimitMax;
};

/// Points into `body`, which must outlive it. The records are located, not parsed.
struct WriteBody {
  SourceId source;
  std::string_view records;
  bool skips_wrong = false;  ///< "on_error": "skip"
};
/// "reject" (or nothing) is false, "skip" is true.
Result<bool> ParseOnError(std::optional<std::string_view> text, const std::string& pointer);
Result<WriteBody> ParseWrite(std::string_view body, const RequestLimits& limits = {});
struct DeleteBody {
  SourceId source;
  query::Filter filter;
};
/// `filters` must be there, so that a member that is missing never deletes more.
Result<DeleteBody> ParseDelete(std::string_view body, const RequestLimits& limits = {});
Result<storage::SourceDefinition> ParseSource(std::string_view body,
                                              const RequestLimits& limits = {});
Result<storage::SourceChange> ParseSourceChange(std::string_view body,
                                                const RequestLimits& limits = {});
/// What a query over several tenants says besides the query.
struct Spread {
  std::vector<TenantId> tenants;  ///< Each once; empty: none was named.
  std::vector<TenantId> nodes;    ///< Likewise, by their ids. Not with tenants.
  bool may_miss = false;          ///< "partial": "allow"; else ("refuse", or nothing) all or none.
};
/// `streaming`: no default limit and no cap. `spread`: takes the members of a query over several
/// tenants; null: they are unknown.
Result<query::SearchRequest> ParseSearch(std::string_view body, bool streaming,
                                         const RequestLimits& limits = {},
                                         Spread* spread = nullptr);
Result<query::AggregateRequest> ParseAggregate(std::string_view body,
                                               const RequestLimits& limits = {},
                                               Spread* spread = nullptr);
/// For calls whose body may be left out: OK for nothing and for an object without members.
Status ParseNothing(std::string_view body, const RequestLimits& limits = {});

}  // namespace granary::api
