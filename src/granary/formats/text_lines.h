// TextLines: text from a source, cut into whole lines (or CSV records, whose quotes may hold line
// ends), a chunk at a time.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/base/status.h"
#include "granary/formats/table_reader.h"

namespace granary::formats {

enum class LineRule : std::uint8_t {
  kPlain,   ///< A line ends at its line feed.
  kQuoted,  ///< Not inside double quotes.
};

/// Lines of a body: their text without its end, and which lines of the body they are.
struct LineBlock {
  std::string text;
  std::vector<json::TextLine> lines;
  std::vector<std::uint64_t> numbers;  ///< From 1: the line each begins at.
};

class TextLines {
 public:
  TextLines(ByteSource source, LineRule rule, const ReadLimits& limits)
      : source_(std::move(source)), rule_(rule), limits_(limits) {}

  /// At most `rows_max` lines; fewer at the end and where they are long; none at all at the end.
  /// kTooLarge for a line longer than chunk_bytes.
  Result<LineBlock> Next(std::size_t rows_max);

 private:
  /// Finds the end of the line that starts at begin_; false when more text is needed.
  bool FindEnd();
  Status Fill();
  void Take(std::size_t end, std::size_t next, LineBlock& block);

  const ByteSource source_;
  const LineRule rule_;
  const ReadLimits limits_;
  std::string arrived_;      // Room for what the source gives next.
  std::string text_;         // From the first line of the block on.
  std::size_t begin_ = 0;    // Of the line that is being looked at.
  std::size_t scanned_ = 0;  // Up to here it has no end.
  bool quoted_ = false;      // At scanned_.
  bool at_end_ = false;
  std::uint64_t number_ = 1;      // Of the line at begin_.
  std::uint64_t line_feeds_ = 0;  // In it, inside quotes.
};

}  // namespace granary::formats
