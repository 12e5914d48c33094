// PickFlush: memory first (whatever holds most), then logs that cannot be collected, then hot tiers
// that are full or old.
#include <fmt/format.h>

#include <algorithm>

#include "granary/storage/source/store.h"

namespace granary::storage {
namespace {

// Past three quarters of the memory the biggest go, until half would be left: early enough that
// writes are not refused while the flush runs, far enough apart that files do not become small.
constexpr std::uint64_t kPressureNumerator = 3, kPressureDenominator = 4;
constexpr std::uint64_t kRelief = 2;

enum class Why : std::uint8_t { kMemory, kLog, kFull, kAge, kNone };

Why Judge(const HotTierInfo& tier, const StoreOptions& options) {
  if (tier.holds_back_log) return Why::kLog;
  if (tier.rows >= options.flush_rows || tier.bytes >= options.flush_bytes) return Why::kFull;
  if (tier.oldest_age_us >= options.flush_age_us) return Why::kAge;
  return Why::kNone;
}

// The bytes of the smallest tier that has to go so that half of the memory is free; nothing when
// there is no pressure.
std::uint64_t SmallestToGo(std::vector<std::uint64_t> bytes, std::uint64_t bytes_max) {
  std::uint64_t left = 0;
  for (const std::uint64_t b : bytes) left += b;
  if (left <= bytes_max / kPressureDenominator * kPressureNumerator) return UINT64_MAX;
  std::sort(bytes.begin(), bytes.end(), std::greater<>());
  for (const std::uint64_t b : bytes) {
    left -= b;
    if (left <= bytes_max / kRelief) return b;
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

FlushChoice PickFlush(const std::vector<HotTierInfo>& tiers, const StoreOptions& options) {
  std::vector<std::uint64_t> bytes;
  for (const HotTierInfo& tier : tiers) bytes.push_back(tier.bytes);
  const std::uint64_t pressing = SmallestToGo(std::move(bytes), options.hot_bytes_max);

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
