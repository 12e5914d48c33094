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

/// Deeper than any document that comes in; it stops runaway recursion.
inline constexpr std::size_t kDocumentDepthMax = 512;

class DocumentReader {
 public:
  DocumentReader();

  /// Reads `text`, any JSON value, into `cell`, which is good until the next call.
  Taken Read(std::string_view text, CellContext& context, Cell& cell);

  /// Appends `text`, which must be one JSON value with nothing around it, as AppendMinified does:
  /// what a json column keeps of a document. Refuses nothing: a text that is none is broken.
  Taken Minify(std::string_view text, std::size_t depth_max, CellContext& context,
               std::string& out);

 private:
  Taken Open(std::string_view text, CellContext& context);

  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
  simdjson::ondemand::array wrapper_;
  std::string padded_;
};

/// One text for documents that are equal: keys sorted, numbers in one spelling.
Taken AppendCanonical(Cell& cell, CellContext& context, std::string& out);

}  // namespace granary::json
