// NdjsonReader: records a line each, bare objects; blank lines are passed over.
#pragma once

#include <memory>

#include "granary/formats/table_reader.h"
#include "granary/formats/text_lines.h"

namespace granary::formats {

class NdjsonReader final : public TableReader {
 public:
  NdjsonReader(ByteSource source, const ReadLimits& limits);
  Result<std::unique_ptr<TableChunk>> Next() override;

 private:
  /// The first lines of rest_, as many as fit a chunk.
  LineBlock TakePiece();

  const ReadLimits limits_;
  TextLines lines_;
  LineBlock rest_;               // Lines that were read.
  std::size_t piece_lines_ = 0;  // So many of them at once.
  json::RecordParser parser_;
  std::uint64_t records_ = 0;
};

/// For readers that keep the limits of a chunk themselves.
json::RecordLimits ParserLimits(const ReadLimits& limits);

}  // namespace granary::formats
