#include "granary/formats/key_sample.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace granary::formats {
namespace {

constexpr std::size_t kMuchLonger = 8;  // Times the average.

/// Calls `on_key` with the text of each key of the object itself, as it is written.
template <typename OnKey>
void ForEachKey(std::string_view line, const OnKey& on_key) {
  int depth = 0;
  bool is_key = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    switch (line[i]) {
      case '{':
      case '[': is_key = ++depth == 1; break;
      case '}':
      case ']': --depth; break;
      case ',': is_key = depth == 1; break;
      case '"': {
        const std::size_t begin = ++i;
        while (i < line.size() && line[i] != '"') i += line[i] == '\\' ? 2 : 1;
        if (is_key) on_key(line.substr(begin, std::min(i, line.size()) - begin));
        is_key = false;
        break;
      }
      default: break;
    }
  }
}

}  // namespace

std::size_t ColumnsIn(const LineBlock& block, std::size_t most) {
  const std::size_t lines = block.lines.size();
  const std::size_t step = std::max<std::size_t>(1, lines / kLinesLookedAt);
  const std::size_t long_one =
      kMuchLonger * (block.text.size() / std::max<std::size_t>(lines, 1) + 1);
  std::unordered_map<std::string_view, std::size_t> seen;
  std::size_t once = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < lines && seen.size() <= most; ++i) {
    const bool is_chosen = i == next;
    // Not at equal distances, which keys that take turns might keep to.
    if (is_chosen) next = i - i % step + step + (i / step * 7 + 3) % step;
    if (!is_chosen && block.lines[i].bytes < long_one) continue;
    ForEachKey(block.Text(i), [&](std::string_view key) {
      const std::size_t times = ++seen[key];
      if (times == 1) ++once;
      if (times == 2) --once;
    });
  }
  return std::min(most, seen.size() + once * (step - 1));
}

}  // namespace granary::formats
