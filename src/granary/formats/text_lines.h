// TextLines: text from a source, cut into whole lines (or CSV records, whose quotes may hold line
// ends), a chunk at a time. A byte order mark at the very front is no part of the first one.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"
#include "granary/formats/csv_block.h"
#include "granary/formats/table_reader.h"

namespace granary::formats {

enum class LineRule : std::uint8_t {
  kPlain,  ///< A line ends at its line feed; a carriage return before that belongs to the end.
  /// CSV: a record ends at LF, CRLF or CR, but not inside quotes. Quotes open at the front of a
  /// cell alone; elsewhere they are text, which is for the parser of the record to refuse.
  kQuoted,
};

/// Lines of a body: their text without its end, and which lines of the body they are.
struct LineBlock {
  std::string text;
  std::vector<json::TextLine> lines;
  std::vector<std::uint64_t> numbers;  ///< From 1: the line each begins at.

  std::string_view Text(std::size_t i) const {
    return std::string_view(text).substr(lines[i].offset, lines[i].bytes);
  }
  template <typename IsBlank>
  void DropBlankLines(const IsBlank& is_blank) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (is_blank(Text(i))) continue;
      lines[kept] = lines[i];
      numbers[kept++] = numbers[i];
    }
    lines.resize(kept);
    numbers.resize(kept);
  }
};

class TextLines {
 public:
  TextLines(ByteSource source, LineRule rule, const ReadLimits& limits)
      : source_(std::move(source)),
        rule_(rule),
        limits_(limits),
        line_bytes_max_(limits.line_bytes_max > 0 ? limits.line_bytes_max : limits.chunk_bytes) {}

  /// At most `rows_max` lines; fewer at the end and where they are long; none at all at the end.
  /// kTooLarge for a line longer than line_bytes_max. kInvalidRequest for quotes that the body's end
  /// leaves open, with the line where they open: no one can tell what of the rest they were to
  /// hold.
  Result<LineBlock> Next(std::size_t rows_max);

 private:
  using In = InCsv;

  Status PassByteOrderMark();
  /// Finds the end of the line that starts at begin_; false when more text is needed.
  bool FindEnd();
  bool FindRecordEnd();
  /// The same a byte further.
  bool PassByte();
  /// Looks at the 64 bytes from scanned_ at once. False when that does not do.
  bool ReadBlock();
  /// Behind the block, in which no record ends any more.
  void PassBlock();
  /// The second half of a CRLF, at begin_.
  void PassLineFeed();
  Status Fill();
  void Take(std::size_t end, std::size_t next, LineBlock& block);
  Status TooLong() const;

  const ByteSource source_;
  const LineRule rule_;
  const ReadLimits limits_;
  const std::size_t line_bytes_max_;
  std::string arrived_;      // Room for what the source gives next.
  std::string text_;         // From the first line of the block on.
  std::size_t begin_ = 0;    // Of the line that is being looked at.
  std::size_t scanned_ = 0;  // Up to here it has no end.
  bool started_ = false;
  bool at_end_ = false;
  bool after_return_ = false;      // A line feed at begin_ belongs to the end of the line before.
  std::uint64_t number_ = 1;       // Of the line at begin_.
  In in_ = In::kCellFront;         // At scanned_.
  std::optional<CsvBlock> block_;  // What was seen of the text around scanned_.
  std::uint64_t line_ends_ = 0;    // In the record, inside quotes.
  std::uint64_t quote_line_ = 0;   // Where the last quotes opened.
};

}  // namespace granary::formats
