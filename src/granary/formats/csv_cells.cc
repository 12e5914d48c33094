#include "granary/formats/csv_cells.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::formats {
namespace {

Status Wrong(std::size_t column, std::string_view what) {
  return {Code::kInvalidRecord, fmt::format("column {}: {}", column + 1, what)};
}

std::string Undoubled(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] == '"') ++i;
  }
  return out;
}

}  // namespace

Status SplitCsv(std::string_view record, std::vector<CsvCell>& cells,
                std::vector<std::string>& store) {
  cells.clear();
  store.clear();
  for (std::size_t at = 0;;) {
    if (at < record.size() && record[at] == '"') {
      std::size_t end = record.find('"', at + 1);
      bool doubled = false;
      while (end != std::string_view::npos && record.substr(end + 1).starts_with('"')) {
        doubled = true;
        end = record.find('"', end + 2);
      }
      if (end == std::string_view::npos) return Wrong(cells.size(), "the quotes are not closed");
      std::string_view text = record.substr(at + 1, end - at - 1);
      if (doubled) {
        // Views into strings of the store must not move while it grows.
        if (store.empty())
          store.reserve(static_cast<std::size_t>(std::ranges::count(record, ',')) + 1);
        text = store.emplace_back(Undoubled(text));
      }
      cells.push_back({text, true});
      at = end + 1;
      if (at < record.size() && record[at] != ',')
        return Wrong(cells.size() - 1, "text behind the closing quote");
    } else {
      const std::size_t end = std::min(record.find(',', at), record.size());
      const std::string_view text = record.substr(at, end - at);
      if (text.find('"') != std::string_view::npos)
        return Wrong(cells.size(), "a quote inside a cell that is not quoted");
      cells.push_back({text, false});
      at = end;
    }
    if (at >= record.size()) return Status::Ok();
    ++at;  // The comma; what follows, be it nothing, is a cell.
  }
}

}  // namespace granary::formats
