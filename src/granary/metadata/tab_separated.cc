#include "granary/metadata/tab_separated.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary::metadata {
namespace {

struct Escape {
  char letter;
  char meaning;
};
constexpr Escape kEscapes[] = {{'t', '\t'}, {'n', '\n'}, {'r', '\r'}, {'b', '\b'},
                               {'f', '\f'}, {'0', '\0'}, {'\\', '\\'}};

// What other letters stand for is themselves: "\'" is "'".
char MeaningOf(char letter) {
  const auto* found = std::ranges::find(kEscapes, letter, &Escape::letter);
  return found == std::end(kEscapes) ? letter : found->meaning;
}

}  // namespace

void AppendTabSeparated(std::string_view value, std::string& out) {
  for (const char c : value) {
    const auto* found = std::ranges::find(kEscapes, c, &Escape::meaning);
    if (found == std::end(kEscapes))
      out.push_back(c);
    else
      out.append({'\\', found->letter});
  }
}

Result<std::vector<std::vector<std::string>>> ParseTabSeparated(std::string_view text,
                                                                std::size_t columns) {
  std::vector<std::vector<std::string>> rows;
  if (!text.empty() && text.back() != '\n')
    return Status::Corruption("an answer of ClickHouse ends in the middle of a row");
  std::vector<std::string> row(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    switch (const char c = text[at]) {
      case '\t': row.emplace_back(); break;
      case '\\':
        // A text ends with a newline, so there is something behind each backslash.
        row.back().push_back(MeaningOf(text[++at]));
        break;
      case '\n':
        if (row.size() != columns) {
          return Status::Corruption(fmt::format(
              "a row of ClickHouse's answer has {} values, not {}", row.size(), columns));
        }
        rows.push_back(std::move(row));
        row.assign(1, {});
        break;
      default: row.back().push_back(c);
    }
  }
  if (row.size() != 1 || !row[0].empty())
    return Status::Corruption("an answer of ClickHouse ends in the middle of an escape");
  return rows;
}

}  // namespace granary::metadata
