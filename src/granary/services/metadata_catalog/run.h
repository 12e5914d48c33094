// `granary metadata-catalog`: the Metadata Catalog as a process.
#pragma once

#include "granary/hosting/run_service.h"

namespace granary::catalog {

hosting::ServiceProgram MetadataCatalogProgram();

}  // namespace granary::catalog
