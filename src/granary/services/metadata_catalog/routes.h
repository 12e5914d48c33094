// The routes of a Metadata Catalog that are its own. All that is handed over outlives the router.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/hosting/router.h"
#include "granary/services/metadata_catalog/desk.h"

namespace granary::catalog {

void AddNodeRoutes(const FindDesk& find, hosting::Router& router);        ///< /metadata/nodes…
void AddSourceRoutes(const FindDesk& find, hosting::Router& router);      ///< /metadata/sources…
void AddCompactionRoutes(const FindDesk& find, hosting::Router& router);  ///< /metadata/compact…
void AddIcebergRoutes(hosting::Router& router);                           ///< /iceberg/v1/…: 501

using DeskHandler = std::function<Result<net::HttpResponse>(Desk& desk, hosting::RouteCall& call)>;
/// A route whose handler gets the desk.
void AddDeskRoute(const FindDesk& find, std::string method, std::string pattern,
                  DeskHandler handler, hosting::Router& router,
                  std::vector<std::string> query = {});

/// The identifier at a place of the path. kInvalidIdentifier.
Result<std::string> PathIdentifier(const hosting::RouteCall& call, std::size_t at);
/// kUnsupportedMediaType for another body than JSON.
Status CheckJson(const net::HttpRequest& request);

inline constexpr std::uint64_t kPageMax = 1'000;
/// A whole number of the query, `otherwise` when it is not given. kInvalidArgument.
Result<std::uint64_t> NumberQuery(const net::HttpRequest& request, std::string_view name,
                                  std::uint64_t least, std::uint64_t most, std::uint64_t otherwise);
/// Nothing when it is not given. kInvalidArgument for what is no identifier.
Result<std::optional<std::string>> IdentifierQuery(const net::HttpRequest& request,
                                                   std::string_view name);

}  // namespace granary::catalog
