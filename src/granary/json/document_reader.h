// Documents of a json column, read one at a time.
//
// Threads    one a reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "granary/json/cell.h"

namespace granary::json {

class DocumentReader {
 public:
  DocumentReader();

  /// Reads `text`, any JSON value, into `cell`, which is good until the next call.
  Taken Read(std::string_view text, CellContext& context, Cell& cell);

 private:
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
  simdjson::ondemand::array wrapper_;
  std::string padded_;
};

/// One text for documents that are equal: keys sorted, numbers in one spelling.
Taken AppendCanonical(Cell& cell, CellContext& context, std::string& out);

}  // namespace granary::json
