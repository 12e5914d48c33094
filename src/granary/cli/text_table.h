// TextTable: rows of text in aligned columns, for people at a terminal.
#pragma once

#include <string>
#include <vector>

namespace granary::cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header);
  /// Cells beyond the header's are dropped; missing ones are empty.
  void Add(std::vector<std::string> cells);
  /// Numbers are set right, all else left; a cell longer than 48 bytes is cut with "…".
  std::string ToString() const;
  std::size_t rows() const { return rows_.size(); }

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace granary::cli
