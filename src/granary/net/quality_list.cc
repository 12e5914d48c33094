#include "granary/net/quality_list.h"

#include <algorithm>
#include <utility>

namespace granary::net {
namespace {

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

bool IsTrueOf(const OfferedType& offered, const HeaderParameter& parameter) {
  return std::ranges::any_of(offered.parameters, [&](const auto& known) {
    return known.first == parameter.name && known.second == InLowerCase(parameter.value);
  });
}

/// How closely a range names a type; nothing when it does not.
std::optional<std::size_t> Closeness(const QualityItem& range, const OfferedType& offered) {
  if (range.value == offered.type) {
    for (const HeaderParameter& parameter : range.parameters) {
      if (!IsTrueOf(offered, parameter)) return std::nullopt;
    }
    return 2 + range.parameters.size();
  }
  const std::string_view any = range.value;
  if (any.ends_with("/*") && offered.type.starts_with(any.substr(0, any.size() - 1))) return 1;
  if (any == "*/*" || any == "*") return 0;
  return std::nullopt;
}

int QualityOf(const std::vector<QualityItem>& items, const OfferedType& offered) {
  std::optional<std::size_t> closest;
  int quality = 0;
  for (const QualityItem& item : items) {
    const auto closeness = Closeness(item, offered);
    if (!closeness || (closest && *closeness < *closest)) continue;
    quality = closest == closeness ? std::max(quality, item.thousandths) : item.thousandths;
    closest = closeness;
  }
  return quality;
}

}  // namespace

std::vector<QualityItem> ParseQualityList(std::string_view header) {
  std::vector<QualityItem> items;
  for (HeaderItem& parsed : ParseHeaderList(header)) {
    QualityItem item{std::move(parsed.value), std::move(parsed.parameters)};
    const auto q = std::ranges::find(item.parameters, "q", &HeaderParameter::name);
    if (q != item.parameters.end()) {
      item.thousandths = Thousandths(q->value);
      item.parameters.erase(q, item.parameters.end());
    }
    items.push_back(std::move(item));
  }
  return items;
}

std::optional<std::size_t> ChooseMediaType(std::string_view accept,
                                           std::span<const OfferedType> offered) {
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
