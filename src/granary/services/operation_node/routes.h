// The routes of an Operation Node that are its own. All that is handed over outlives the router.
//
// Reading    answers come from the store, or, while that is away, from what was seen of it last:
//            the header Granary-Stale-Ms then says how old that is.
// Changing   503 while the store is away, and nothing is changed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "granary/hosting/router.h"
#include "granary/services/operation_node/desk.h"
#include "granary/services/operation_node/page_json.h"

namespace granary::operation {

inline constexpr std::string_view kStaleHeader = "Granary-Stale-Ms";

void AddTenantRoutes(const FindDesk& desk, hosting::Router& router);   ///< /tenants…
void AddNodeRoutes(const FindDesk& desk, hosting::Router& router);     ///< /nodes…
void AddScalingRoutes(const FindDesk& desk, hosting::Router& router);  ///< /scaling…
void AddQueryRoutes(const FindDesk& desk, hosting::Router& router);    ///< /query…, /jwks.json
void AddLaterRoutes(hosting::Router& router);                          ///< /query/sql: 501

using DeskHandler = std::function<Result<net::HttpResponse>(Desk& desk, hosting::RouteCall& call)>;
/// A route whose handler gets the desk.
void AddDeskRoute(const FindDesk& find, hosting::Route route, DeskHandler handler,
                  hosting::Router& router);

/// JSON that was made of `seen`.
net::HttpResponse SeenResponse(const Fleet::Seen& seen, std::string body);

/// The identifier in the path. kInvalidIdentifier.
Result<std::string> PathIdentifier(const hosting::RouteCall& call);

inline constexpr std::uint64_t kPageMax = 1'000;
/// Of ?limit= and ?cursor=. kInvalidArgument.
Result<PageRequest> ParsePage(const net::HttpRequest& request);

}  // namespace granary::operation
