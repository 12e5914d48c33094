#include "granary/cli/text_table.h"

#include <algorithm>

namespace granary::cli {
namespace {

constexpr std::size_t kCellBytesMax = 48;

bool IsNumber(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.+-eE,") == std::string::npos;
}

// Columns on a terminal, not bytes: continuation bytes of UTF-8 take no place.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Cut(std::string cell) {
  if (cell.size() <= kCellBytesMax) return cell;
  std::size_t end = kCellBytesMax - 1;
  while (end > 0 && (static_cast<unsigned char>(cell[end]) & 0xC0) == 0x80) --end;
  cell.resize(end);
  return cell + "…";
}

}  // namespace

TextTable::TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

void TextTable::Add(std::vector<std::string> cells) {
  cells.resize(header_.size());
  for (auto& cell : cells) cell = Cut(std::move(cell));
  rows_.push_back(std::move(cells));
}

std::string TextTable::ToString() const {
  std::vector<std::size_t> widths;
  std::vector<bool> right(header_.size(), !rows_.empty());
  for (std::size_t i = 0; i < header_.size(); ++i) {
    std::size_t width = Width(header_[i]);
    for (const auto& row : rows_) {
      width = std::max(width, Width(row[i]));
      if (!row[i].empty() && !IsNumber(row[i])) right[i] = false;
    }
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(widths[i] - Width(cells[i]), ' ');
      if (i > 0) out += "  ";
      out += right[i] ? pad + cells[i] : cells[i] + (i + 1 < cells.size() ? pad : "");
    }
    out += '\n';
  };
  line(header_);
  std::vector<std::string> rule;
  for (const std::size_t width : widths) rule.emplace_back(width, '-');
  line(rule);
  for (const auto& row : rows_) line(row);
  return out;
}

}  // namespace granary::cli
