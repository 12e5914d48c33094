// Members that search and aggregate share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "granary/api/object_reader.h"
#include "granary/api/request_json.h"
#include "granary/base/ids.h"
#include "granary/query/plan/requests.h"

namespace granary::api {

/// `source_ids` or `source_id`; not both. Each source once, with where it is named. Empty: none was.
Status ReadSources(ObjectReader& body, std::vector<SourceId>& out,
                   std::vector<std::string>& pointers);
/// `filters` or `having`.
Result<std::optional<query::Filter>> ReadOptionalFilter(ObjectReader& body, std::string_view name);
Result<std::vector<query::OrderBy>> ReadOrderBy(ObjectReader& body);

/// `tenants` and `partial`.
Status ReadSpread(ObjectReader& body, Spread& out);

}  // namespace granary::api
