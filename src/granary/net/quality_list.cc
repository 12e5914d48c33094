#include "granary/net/quality_list.h"

#include <algorithm>

namespace granary::net {
namespace {

std::string_view Trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string_view TakeUntil(std::string_view& rest, char end) {
  const auto at = std::min(rest.find(end), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// "0.5" -> 500; 0 for what is no q-value.
int Thousandths(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int value = (text[0] - '0') * 1000;
  if (text.size() == 1) return value;
  const std::string_view digits = text.substr(2);
  if (text[1] != '.' || digits.size() > 3 || !std::ranges::all_of(digits, IsDigit)) return 0;
  for (int weight = 100; const char c : digits) {
    value += (c - '0') * weight;
    weight /= 10;
  }
  return value <= 1000 ? value : 0;
}

/// How closely a range names a type; nothing when it does not.
std::optional<int> Closeness(std::string_view range, std::string_view type) {
  if (range == type) return 2;
  if (range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1))) return 1;
  if (range == "*/*" || range == "*") return 0;
  return std::nullopt;
}

int QualityOf(const std::vector<QualityItem>& items, std::string_view type) {
  int closest = -1, quality = 0;
  for (const QualityItem& item : items) {
    const auto closeness = Closeness(item.value, type);
    if (!closeness || *closeness < closest) continue;
    quality = *closeness == closest ? std::max(quality, item.thousandths) : item.thousandths;
    closest = *closeness;
  }
  return quality;
}

}  // namespace

std::vector<QualityItem> ParseQualityList(std::string_view header) {
  std::vector<QualityItem> items;
  while (!header.empty()) {
    std::string_view rest = TakeUntil(header, ',');
    QualityItem item{Lower(Trimmed(TakeUntil(rest, ';'))), 1000};
    while (!rest.empty()) {
      const std::string parameter = Lower(Trimmed(TakeUntil(rest, ';')));
      if (parameter.starts_with("q=")) item.thousandths = Thousandths(parameter.substr(2));
    }
    if (!item.value.empty()) items.push_back(std::move(item));
  }
  return items;
}

std::optional<std::size_t> ChooseMediaType(std::string_view accept,
                                           std::span<const std::string_view> offered) {
  const std::vector<QualityItem> items = ParseQualityList(accept);
  if (items.empty()) return offered.empty() ? std::nullopt : std::optional<std::size_t>(0);
  std::optional<std::size_t> best;
  int best_quality = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const int quality = QualityOf(items, offered[i]);
    if (quality <= best_quality) continue;
    best = i;
    best_quality = quality;
  }
  return best;
}

}  // namespace granary::net
