// Request bodies (JSON) to the structs of tenant and query, with a JSON Pointer on every refusal:
// unknown members and operators, wrong shapes, bad ids. The text is parsed once, depth-limited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "granary/base/status.h"
#include "granary/query/plan/requests.h"
#include "granary/storage/manifest/source_definition.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

inline constexpr std::size_t kDepthMax = 64;

/// Points into `body`, which must outlive it.
struct WriteBody {
  SourceId source;
  std::string_view records;
};
Result<WriteBody> ParseWrite(std::string_view body);
Result<storage::SourceDefinition> ParseSource(std::string_view body);
/// `streaming`: no default limit and no cap.
Result<query::SearchRequest> ParseSearch(std::string_view body, bool streaming);
Result<query::AggregateRequest> ParseAggregate(std::string_view body);

}  // namespace granary::api
