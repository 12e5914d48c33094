#include "granary/query/exec/percentile_spill.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "granary/base/check.h"
#include "granary/query/exec/key_pages.h"
#include "granary/query/exec/percentile_keys.h"

namespace granary::query {
namespace {

constexpr std::uint64_t kPiecesMax = 32;  ///< About; side by side.
constexpr std::uint64_t kCutsMax = 512;
// Selecting from a million keys takes some ten milliseconds, and nobody can stop it.
constexpr std::uint64_t kLoadedKeysMax = 1u << 20;
constexpr std::uint64_t kLoadedKeysMin = 2048;
constexpr std::uint64_t kLoadedKeysOfShare = 64;  ///< An eighth of its bytes.
constexpr std::uint64_t kPageKeysMax = 8192;
constexpr std::uint64_t kPageKeysMin = 64;
constexpr std::uint64_t kPageKeysOfShare = 8192;  ///< All pieces: about a tenth of its bytes.
constexpr std::uint64_t kSampleKeysMax = 4096;
constexpr std::uint64_t kSampleKeysMin = 64;
constexpr std::uint64_t kSampleKeysOfShare = 8192;

using Rank = std::uint64_t;

/// Keys and, in between, what equals one of them: place 2 i is below cut i, 2 i + 1 is the cut.
class Cuts {
 public:
  /// A sample's distinct keys, about kCutsMax of them. It has one at least.
  explicit Cuts(std::vector<std::uint64_t> sample) {
    std::sort(sample.begin(), sample.end());
    const std::size_t step = (sample.size() + kCutsMax - 1) / kCutsMax;
    for (std::size_t i = 0; i < sample.size(); i += step) {
      if (cuts_.empty() || cuts_.back() != sample[i]) cuts_.push_back(sample[i]);
    }
  }
  std::size_t places() const { return 2 * cuts_.size() + 1; }
  std::size_t PlaceOf(std::uint64_t key) const {
    const auto at = std::lower_bound(cuts_.begin(), cuts_.end(), key);
    const auto cut = static_cast<std::size_t>(at - cuts_.begin());
    return 2 * cut + (at != cuts_.end() && *at == key ? 1 : 0);
  }
  /// The key that all in this place are, if it is a cut.
  std::optional<std::uint64_t> CutAt(std::size_t place) const {
    return place % 2 == 0 ? std::nullopt : std::optional(cuts_[place / 2]);
  }

 private:
  std::vector<std::uint64_t> cuts_;
};

class Picker {
 public:
  Picker(std::span<const double> ps, std::span<const std::uint64_t> counts,
         const QueryContext& context, std::uint64_t& spilled_bytes)
      : ps_(ps), counts_(counts), context_(context), spilled_bytes_(spilled_bytes) {
    const std::uint64_t share = context.memory->reach();
    loaded_keys_ = std::clamp(share / kLoadedKeysOfShare, kLoadedKeysMin, kLoadedKeysMax);
    page_keys_ = std::clamp(share / kPageKeysOfShare, kPageKeysMin, kPageKeysMax);
    sample_keys_ = std::clamp(share / kSampleKeysOfShare, kSampleKeysMin, kSampleKeysMax);
    picked_.resize(ps.size(), std::vector<Value>(counts.size()));
  }

  using Keys = std::function<Status(const KeySink& each)>;

  /// All of the groups first … end - 1, whose keys `keys` gives.
  Status PickGroups(std::uint32_t first, std::uint32_t end, const Keys& keys) {
    const std::uint64_t total =
        std::accumulate(counts_.begin() + first, counts_.begin() + end, std::uint64_t{0});
    if (total <= loaded_keys_) return PickLoaded(first, end, total, keys);
    GRANARY_ASSIGN(const auto file, context_.spill->NewFile());
    GRANARY_ASSIGN(std::vector<KeyPages> pieces, WritePieces(first, end, total, keys, *file));
    spilled_bytes_ += file->bytes();
    for (KeyPages& piece : pieces) {
      if (piece.end - piece.first == 1 && piece.keys > loaded_keys_) {
        GRANARY_TRY(PickLargeGroup(piece, *file));
      } else {
        GRANARY_TRY(PickGroups(piece.first, piece.end, [&](const KeySink& each) {
          return ReadKeys(piece, *file, context_.cancel, each);
        }));
      }
      piece = KeyPages();
    }
    return Status::Ok();
  }

  std::vector<std::vector<Value>> TakePicked() { return std::move(picked_); }

 private:
  /// Neighbouring groups until they are too many for one piece; a large one is alone.
  std::vector<std::uint32_t> EndsOfPieces(std::uint32_t first, std::uint32_t end,
                                          std::uint64_t total) const {
    const std::uint64_t wanted = std::max(loaded_keys_, total / kPiecesMax);
    std::vector<std::uint32_t> ends;
    std::uint32_t begin = first;
    std::uint64_t keys = 0;
    for (std::uint32_t group = first; group < end; ++group) {
      if (group > begin && keys + counts_[group] > wanted) {
        ends.push_back(group);
        begin = group;
        keys = 0;
      }
      keys += counts_[group];
    }
    ends.push_back(end);
    return ends;
  }

  Result<std::vector<KeyPages>> WritePieces(std::uint32_t first, std::uint32_t end,
                                            std::uint64_t total, const Keys& keys,
                                            runtime::SpillFile& file) const {
    const std::vector<std::uint32_t> ends = EndsOfPieces(first, end, total);
    runtime::MemoryReservation held(context_.memory);
    if (const auto* refused =
            held.GrowTo((ends.size() + 1) * KeyPagesWriter::Bytes(page_keys_, sample_keys_)))
      return Outgrown(*refused, context_);
    std::vector<KeyPagesWriter> writers;
    writers.reserve(ends.size());
    for (std::size_t i = 0; i < ends.size(); ++i)
      writers.emplace_back(file, i == 0 ? first : ends[i - 1], ends[i], page_keys_, sample_keys_);
    GRANARY_TRY(keys(
        [&](std::span<const std::uint64_t> some, std::span<const std::uint32_t> groups) -> Status {
          for (std::size_t i = 0; i < some.size(); ++i) {
            const std::uint32_t group = groups.empty() ? first : groups[i];
            const auto piece = std::upper_bound(ends.begin(), ends.end(), group) - ends.begin();
            GRANARY_TRY(writers[static_cast<std::size_t>(piece)].Add(some[i], group));
          }
          return Status::Ok();
        }));
    std::vector<KeyPages> pieces;
    for (KeyPagesWriter& writer : writers) {
      GRANARY_ASSIGN(KeyPages piece, writer.Finish());
      pieces.push_back(std::move(piece));
    }
    return pieces;
  }

  Status PickLoaded(std::uint32_t first, std::uint32_t end, std::uint64_t total, const Keys& keys) {
    const std::size_t groups = end - first;
    runtime::MemoryReservation held(context_.memory);
    if (const auto* refused = held.GrowTo((total + groups + 1) * sizeof(std::uint64_t)))
      return Outgrown(*refused, context_);
    std::vector<std::uint64_t> sorted(total);  // By group.
    std::vector<std::uint64_t> next(groups);   // Of each group, where its next key goes.
    std::uint64_t place = 0;
    for (std::size_t i = 0; i < groups; ++i) {
      next[i] = place;
      place += counts_[first + i];
    }
    GRANARY_TRY(
        keys([&](std::span<const std::uint64_t> some, std::span<const std::uint32_t> of) -> Status {
          for (std::size_t i = 0; i < some.size(); ++i) {
            std::uint64_t& at = next[of.empty() ? 0 : of[i] - first];
            GRANARY_CHECK(at < total, "at={} keys={}", at, total);
            sorted[at++] = some[i];
          }
          return Status::Ok();
        }));
    GRANARY_TRY(context_.cancel.Check());
    std::vector<double> picked(ps_.size());
    std::uint64_t begin = 0;
    for (std::size_t i = 0; i < groups; ++i) {
      if (i % kGroupsBetweenLooks == 0) GRANARY_TRY(context_.cancel.Check());
      const std::uint64_t count = counts_[first + i];
      if (count == 0) continue;
      PickPercentiles(ps_, std::span(sorted).subspan(begin, count), picked);
      begin += count;
      for (std::size_t p = 0; p < ps_.size(); ++p) picked_[p][first + i] = picked[p];
    }
    return Status::Ok();
  }

  Status PickLargeGroup(const KeyPages& group, const runtime::SpillFile& file) {
    std::map<Rank, std::uint64_t> key_at;
    for (const double p : ps_) {
      const PercentilePlace place = PlaceOfPercentile(p, group.keys);
      key_at[place.below];
      key_at[Above(place, group.keys)];
    }
    std::vector<Rank> ranks;
    for (const auto& [rank, key] : key_at) ranks.push_back(rank);
    std::vector<std::uint64_t> keys(ranks.size());
    GRANARY_TRY(PickRanks(group, file, ranks, keys));
    for (std::size_t i = 0; i < ranks.size(); ++i) key_at[ranks[i]] = keys[i];
    for (std::size_t i = 0; i < ps_.size(); ++i) {
      const PercentilePlace place = PlaceOfPercentile(ps_[i], group.keys);
      picked_[i][group.first] =
          PercentileBetween(place, key_at[place.below], key_at[Above(place, group.keys)]);
    }
    return Status::Ok();
  }

  static Rank Above(const PercentilePlace& place, std::uint64_t keys) {
    return place.part == 0 ? place.below : std::min(place.below + 1, keys - 1);
  }

  /// out[i]: of all keys sorted, the one at ranks[i]. Ranks ascend.
  Status PickRanks(const KeyPages& all, const runtime::SpillFile& file, std::span<const Rank> ranks,
                   std::span<std::uint64_t> out) {
    if (all.keys <= loaded_keys_) return PickLoadedRanks(all, file, ranks, out);
    const Cuts cuts(all.sample);
    std::vector<std::uint64_t> counts(cuts.places(), 0);
    GRANARY_TRY(ReadKeys(all, file, context_.cancel, [&](auto keys, auto) {
      for (const std::uint64_t key : keys) ++counts[cuts.PlaceOf(key)];
      return Status::Ok();
    }));
    std::vector<WantedPlace> wanted;
    std::uint64_t below = 0;
    std::size_t rank = 0;
    for (std::size_t place = 0; place < counts.size() && rank < ranks.size(); ++place) {
      const std::size_t first = rank;
      while (rank < ranks.size() && ranks[rank] < below + counts[place]) {
        if (const auto cut = cuts.CutAt(place)) out[rank] = *cut;
        ++rank;
      }
      if (rank > first && !cuts.CutAt(place)) wanted.push_back({place, below, first, rank});
      below += counts[place];
    }
    for (std::size_t first = 0; first < wanted.size(); first += kPiecesMax) {
      const auto some = std::span(wanted).subspan(
          first, std::min<std::size_t>(kPiecesMax, wanted.size() - first));
      GRANARY_TRY(PickWanted(all, file, cuts, some, ranks, out));
    }
    return Status::Ok();
  }

  /// A place between two cuts, and the ranks that lie in it.
  struct WantedPlace {
    std::size_t place = 0;
    std::uint64_t below = 0;  ///< Keys that are lower.
    std::size_t first_rank = 0, end_rank = 0;
  };

  /// Goes on with the keys of some places alone.
  Status PickWanted(const KeyPages& all, const runtime::SpillFile& file, const Cuts& cuts,
                    std::span<const WantedPlace> wanted, std::span<const Rank> ranks,
                    std::span<std::uint64_t> out) {
    GRANARY_ASSIGN(const auto fewer, context_.spill->NewFile());
    GRANARY_ASSIGN(const std::vector<KeyPages> chosen,
                   WriteWanted(all, file, cuts, wanted, *fewer));
    spilled_bytes_ += fewer->bytes();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const WantedPlace& place = wanted[i];
      const std::size_t count = place.end_rank - place.first_rank;
      std::vector<Rank> inside;
      for (const Rank rank : ranks.subspan(place.first_rank, count))
        inside.push_back(rank - place.below);
      GRANARY_TRY(PickRanks(chosen[i], *fewer, inside, out.subspan(place.first_rank, count)));
    }
    return Status::Ok();
  }

  Result<std::vector<KeyPages>> WriteWanted(const KeyPages& all, const runtime::SpillFile& file,
                                            const Cuts& cuts, std::span<const WantedPlace> wanted,
                                            runtime::SpillFile& to) const {
    constexpr std::uint8_t kNone = 0xFF;
    static_assert(kPiecesMax < kNone);
    runtime::MemoryReservation held(context_.memory);
    if (const auto* refused =
            held.GrowTo((wanted.size() + 1) * KeyPagesWriter::Bytes(page_keys_, sample_keys_)))
      return Outgrown(*refused, context_);
    std::vector<std::uint8_t> writer_of(cuts.places(), kNone);
    std::vector<KeyPagesWriter> writers;
    writers.reserve(wanted.size());
    for (const WantedPlace& place : wanted) {
      writer_of[place.place] = static_cast<std::uint8_t>(writers.size());
      writers.emplace_back(to, all.first, all.end, page_keys_, sample_keys_);
    }
    GRANARY_TRY(ReadKeys(all, file, context_.cancel, [&](auto keys, auto) -> Status {
      for (const std::uint64_t key : keys) {
        const std::uint8_t writer = writer_of[cuts.PlaceOf(key)];
        if (writer != kNone) GRANARY_TRY(writers[writer].Add(key, all.first));
      }
      return Status::Ok();
    }));
    std::vector<KeyPages> chosen;
    for (KeyPagesWriter& writer : writers) {
      GRANARY_ASSIGN(KeyPages pages, writer.Finish());
      chosen.push_back(std::move(pages));
    }
    return chosen;
  }

  Status PickLoadedRanks(const KeyPages& all, const runtime::SpillFile& file,
                         std::span<const Rank> ranks, std::span<std::uint64_t> out) const {
    runtime::MemoryReservation held(context_.memory);
    if (const auto* refused = held.GrowTo(all.keys * sizeof(std::uint64_t)))
      return Outgrown(*refused, context_);
    std::vector<std::uint64_t> loaded;
    loaded.reserve(all.keys);
    GRANARY_TRY(ReadKeys(all, file, context_.cancel, [&](auto keys, auto) {
      loaded.insert(loaded.end(), keys.begin(), keys.end());
      return Status::Ok();
    }));
    auto unsorted = loaded.begin();
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      GRANARY_TRY(context_.cancel.Check());
      const auto at = loaded.begin() + static_cast<std::ptrdiff_t>(ranks[i]);
      std::nth_element(unsorted, at, loaded.end());
      out[i] = *at;
      unsorted = at + 1;
    }
    return Status::Ok();
  }

  static constexpr std::size_t kGroupsBetweenLooks = 1024;

  const std::span<const double> ps_;
  const std::span<const std::uint64_t> counts_;
  const QueryContext& context_;
  std::uint64_t& spilled_bytes_;
  std::uint64_t loaded_keys_ = 0;  ///< So many fit.
  std::size_t page_keys_ = 0;
  std::size_t sample_keys_ = 0;
  std::vector<std::vector<Value>> picked_;
};

}  // namespace

Result<std::vector<std::vector<Value>>> SpilledPercentiles(std::span<const double> ps,
                                                           std::span<const std::uint64_t> counts,
                                                           const GroupedValues& values,
                                                           const QueryContext& context,
                                                           std::uint64_t& spilled_bytes) {
  Picker picker(ps, counts, context, spilled_bytes);
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> of;
  const auto all = [&](const KeySink& each) {
    return values([&](const ValueBlock& block, const std::uint32_t* groups,
                      std::span<const std::int32_t> rows) {
      keys.clear();
      of.clear();
      for (const std::int32_t row : rows) {
        keys.push_back(PercentileKeyOf(block.doubles()[row]));
        of.push_back(groups[row]);
      }
      return each(keys, of);
    });
  };
  GRANARY_TRY(picker.PickGroups(0, static_cast<std::uint32_t>(counts.size()), all));
  return picker.TakePicked();
}

}  // namespace granary::query
