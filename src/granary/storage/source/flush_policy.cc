// PickFlush: memory first (whatever holds most), then logs that cannot be collected, then hot tiers
// that are full or old.
//
// Memory     is what the budget says, not what the tiers add up to: writes on their way and bulks
//            hold some too, and what is in the way of a write may be the limit of the tenant or of
//            the process. Nobody knows how much of that a flush gives back, so half of the tiers
//            goes. For queries and bodies, which may wait for very little, not where so much would
//            be too little to help.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "granary/storage/source/store.h"

namespace granary::storage {
namespace {

// Past three quarters of the memory the biggest go, until half would be left: early enough that
// writes are not refused while the flush runs, far enough apart that files do not become small.
constexpr std::uint64_t kPressureNumerator = 3, kPressureDenominator = 4;
constexpr std::uint64_t kRelief = 2;
// Tiers that make less than such a part of the limit, and less than what is wanted, stay: it is not
// they that take the memory, and every wait would leave another small file.
constexpr std::uint64_t kWorthwhileParts = 64;

enum class Why : std::uint8_t { kMemory, kLog, kFull, kAge, kNone };

Why Judge(const HotTierInfo& tier, const StoreOptions& options) {
  if (tier.holds_back_log) return Why::kLog;
  if (tier.rows >= options.flush_rows || tier.bytes >= options.flush_bytes) return Why::kFull;
  if (tier.oldest_age_us >= options.flush_age_us) return Why::kAge;
  return Why::kNone;
}

// How many bytes of the tiers, `held` in all, are to go for want of memory.
std::uint64_t BytesToGo(std::uint64_t held, const HotMemory& memory, std::uint64_t bytes_max) {
  std::uint64_t bytes = 0;
  if (memory.reserved_bytes > bytes_max / kPressureDenominator * kPressureNumerator)
    bytes = memory.reserved_bytes - bytes_max / kRelief;
  if (memory.wanted_bytes > 0 &&
      held >= std::min(memory.wanted_bytes, bytes_max / kWorthwhileParts))
    bytes = std::max({bytes, memory.wanted_bytes, held / kRelief});
  if (memory.asked_bytes > 0 && held >= bytes_max / kWorthwhileParts)
    bytes = std::max({bytes, memory.asked_bytes, held / kRelief});
  return bytes;
}

// The bytes of the smallest tier that has to go so that `to_go` are free, the biggest going first.
std::uint64_t SmallestToGo(std::vector<std::uint64_t> bytes, std::uint64_t to_go) {
  if (to_go == 0) return UINT64_MAX;
  std::sort(bytes.begin(), bytes.end(), std::greater<>());
  for (const std::uint64_t b : bytes) {
    if (b >= to_go) return b;
    to_go -= b;
  }
  return 0;
}

struct Judged {
  Why why;
  const HotTierInfo* tier;

  bool operator<(const Judged& other) const {
    if (why != other.why) return why < other.why;
    if (why == Why::kAge) return tier->oldest_age_us > other.tier->oldest_age_us;
    return tier->bytes > other.tier->bytes;
  }
};

std::string Describe(const std::vector<Judged>& judged) {
  const std::pair<Why, std::string_view> words[] = {{Why::kMemory, "for memory"},
                                                    {Why::kLog, "to free the log"},
                                                    {Why::kFull, "full"},
                                                    {Why::kAge, "by age"}};
  std::string text;
  for (const auto& [why, word] : words) {
    const auto count =
        std::count_if(judged.begin(), judged.end(), [&](const Judged& j) { return j.why == why; });
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word);
  }
  return text.empty() ? "nothing to flush" : text;
}

}  // namespace

FlushChoice PickFlush(const std::vector<HotTierInfo>& tiers, const HotMemory& memory,
                      const StoreOptions& options) {
  std::vector<std::uint64_t> bytes;
  for (const HotTierInfo& tier : tiers) bytes.push_back(tier.bytes);
  const std::uint64_t held = std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
  const std::uint64_t pressing =
      SmallestToGo(std::move(bytes), BytesToGo(held, memory, options.hot_bytes_max));

  std::vector<Judged> judged;
  for (const HotTierInfo& tier : tiers) {
    if (tier.rows == 0) continue;
    const Why why = tier.bytes >= pressing ? Why::kMemory : Judge(tier, options);
    if (why != Why::kNone) judged.push_back({why, &tier});
  }
  std::stable_sort(judged.begin(), judged.end());

  FlushChoice choice{{}, Describe(judged)};
  for (const Judged& j : judged) choice.sources.push_back(j.tier->source);
  return choice;
}

}  // namespace granary::storage
