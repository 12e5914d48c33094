// NullTexts: which texts of a CSV file mean null (`--null NA`), taken out of it as it passes, so
// that they arrive as what a node takes for null: nothing between two commas.
//
// Promise    nothing else changes: not the header, no cell in quotes, no cell that only contains
//            such a text, and no line that is short of cells and would be taken for a blank one.
// Source     nullstr of DuckDB, NULL of PostgreSQL's COPY: an unquoted cell that is the text.
// Memory     the longest of the texts; a file may come in pieces of any size.
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::cli {

class NullTexts {
 public:
  /// kInvalidArgument for a text that no unquoted cell can be: with a comma, a quote or a line end.
  static Result<NullTexts> Make(std::vector<std::string> texts);
  /// None: all passes as it is.
  NullTexts() = default;

  bool empty() const { return texts_.empty(); }
  /// Appends what the next piece of the file becomes. The file has no byte order mark.
  void Pass(std::string_view piece, std::string& out);
  /// Appends what was held back, once the file has ended.
  void Finish(std::string& out);

 private:
  enum class In : std::uint8_t { kFront, kText, kQuotes, kAfterQuote };

  bool IsNull() const;
  bool MayBecomeNull() const;
  /// Bytes up to the next one that matters, and with it.
  std::size_t PassedAtOnce(std::string_view piece) const;
  void PassFront(char c, std::string& out);
  void EndCell(char end);

  std::vector<std::string> texts_;
  In in_ = In::kFront;
  std::string held_;  ///< The cell so far, while it may become one of the texts.
  bool in_header_ = true;
  std::uint64_t columns_ = 1;  ///< Of the header.
  std::uint64_t cell_ = 0;     ///< Of the record, from 0.
};

}  // namespace granary::cli
