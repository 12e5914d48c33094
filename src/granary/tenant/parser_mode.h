// What a source's schema_mode is to those who parse its records.
#pragma once

#include "granary/base/status.h"
#include "granary/json/record_parser.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary {

/// kUnsupported for json.
inline Result<json::SchemaMode> ParserMode(storage::SchemaMode mode) {
  switch (mode) {
    case storage::SchemaMode::kStrict: return json::SchemaMode::kStrict;
    case storage::SchemaMode::kEvolve: return json::SchemaMode::kEvolve;
    case storage::SchemaMode::kJson: break;
  }
  return Status::Unsupported(
      "schema_mode json is not offered by this version; use evolve or strict");
}

}  // namespace granary
