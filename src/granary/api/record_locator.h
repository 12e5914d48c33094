// Finds the records of a write in its body without parsing them: they are most of it, and the
// record parser reads them itself.
#pragma once

#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace granary::api {

struct LocatedRecords {
  std::string_view
      records;           ///< The text of the array; empty when there is none. Points into the body.
  std::string envelope;  ///< The body with "[]" in its place.
};

/// One pass over the bytes, no allocation per value. Checks only what finding the borders needs:
/// both parts are parsed properly by whoever gets them. kInvalidJson, naming the byte, when there
/// are no borders to find.
Result<LocatedRecords> LocateRecords(std::string_view body);

}  // namespace granary::api
