// The answer of GET /sources/{id}/paths as JSON text.
#pragma once

#include <string>

#include "granary/base/ids.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

std::string PathsJson(const SourceId& id, const storage::SourcePaths& paths);

}  // namespace granary::api
