#include "granary/services/metadata_catalog/run.h"

#include "granary/services/metadata_catalog/catalog.h"

namespace granary::catalog {

hosting::ServiceProgram MetadataCatalogProgram() {
  return hosting::OneService("metadata-catalog",
                             "Keep what all sources are made of, and say when files are merged",
                             LoadConfig, MetadataCatalog::Listen);
}

}  // namespace granary::catalog
