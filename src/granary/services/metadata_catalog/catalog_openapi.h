// The OpenAPI 3.1 document of the Metadata Catalog: docs/openapi/metadata_catalog.json, built into
// the program.
#pragma once

#include <string_view>

namespace granary::catalog {

std::string_view CatalogOpenApi();

}  // namespace granary::catalog
