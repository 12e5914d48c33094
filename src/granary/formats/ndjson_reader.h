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
  /// The next lines of rest_, as many as fit a chunk.
  LineBlock TakePiece();

  const ReadLimits limits_;
  TextLines lines_;
  LineBlock rest_;               // Lines that were read, until all of them were taken.
  std::size_t next_line_ = 0;    // Of them.
  std::size_t piece_lines_ = 0;  // So many of them at once.
  json::RecordParser parser_;
  std::uint64_t records_ = 0;
};

/// For readers that keep the limits of a chunk themselves.
json::RecordLimits ParserLimits(const ReadLimits& limits);

}  // namespace granary::formats
