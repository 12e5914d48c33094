// What a source's schema_mode is to those who parse its records.
#pragma once

#include "granary/json/record_parser.h"
#include "granary/storage/manifest/source_definition.h"

namespace granary {

inline json::SchemaMode ParserMode(storage::SchemaMode mode) {
  switch (mode) {
    case storage::SchemaMode::kStrict: return json::SchemaMode::kStrict;
    case storage::SchemaMode::kEvolve: return json::SchemaMode::kEvolve;
    case storage::SchemaMode::kJson: return json::SchemaMode::kJson;
  }
  return json::SchemaMode::kStrict;
}

}  // namespace granary
