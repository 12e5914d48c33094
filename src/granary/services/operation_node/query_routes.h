// Queries over several tenants: /query/search, /query/search/stream, /query/aggregate.
#pragma once

#include <memory>
#include <string_view>

#include "granary/base/status.h"
#include "granary/hosting/router.h"
#include "granary/services/operation_node/desk.h"
#include "granary/services/operation_node/spread_query.h"

namespace granary::operation {

/// Of a streamed answer: whom it is without.
inline constexpr std::string_view kMissingHeader = "Granary-Missing-Tenants";

/// What they return may go on using the desk.
Result<net::HttpResponse> QuerySearch(const std::shared_ptr<Desk>& desk, hosting::RouteCall& call);
Result<net::HttpResponse> QueryStream(const std::shared_ptr<Desk>& desk, hosting::RouteCall& call);
Result<net::HttpResponse> QueryAggregate(const std::shared_ptr<Desk>& desk,
                                         hosting::RouteCall& call);

}  // namespace granary::operation
