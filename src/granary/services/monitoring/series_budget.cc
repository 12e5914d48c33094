#include "granary/services/monitoring/series_budget.h"

#include <algorithm>
#include <functional>
#include <set>

namespace granary::services {
namespace {

std::uint64_t SeriesHash(const MetricSample& sample) {
  std::string text = sample.name;
  for (const auto& [name, value] : sample.labels)
    text.append(1, '\0').append(name).append(1, '\0').append(value);
  return std::hash<std::string>{}(text);
}

}  // namespace

std::size_t SeriesBudget::Trim(Scrape& scrape) {
  Seen& seen = nodes_[scrape.target.node];
  const std::int64_t now_us = scrape.at_us;
  const auto forget = [&] {
    std::erase_if(seen, [&](const auto& one) { return now_us - one.second > kForgetUs; });
  };
  std::size_t left_out = 0;
  bool has_forgotten = false;
  for (MetricFamily& family : scrape.metrics.families) {
    left_out += std::erase_if(family.samples, [&](const MetricSample& sample) {
      const std::uint64_t hash = SeriesHash(sample);
      if (const auto known = seen.find(hash); known != seen.end()) {
        known->second = now_us;
        return false;
      }
      if (seen.size() >= series_max_ && !std::exchange(has_forgotten, true)) forget();
      if (seen.size() >= series_max_) return true;
      seen.emplace(hash, now_us);
      return false;
    });
  }
  std::erase_if(scrape.metrics.families,
                [](const MetricFamily& family) { return family.samples.empty(); });
  return left_out;
}

void SeriesBudget::Keep(const std::vector<Scrape>& scrapes) {
  std::set<std::string_view> there;
  for (const Scrape& scrape : scrapes) there.insert(scrape.target.node);
  std::erase_if(nodes_, [&](const auto& entry) { return !there.contains(entry.first); });
}

}  // namespace granary::services
