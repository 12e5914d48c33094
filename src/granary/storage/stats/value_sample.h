// ValueSample: some values of a stream of unknown length, spread evenly over it.
//
// Method     the stream is cut into stretches of equal length and one value at random is taken of
//            each. When the sample is full, one of each two neighbours stays, by a coin, and
//            stretches are twice as long. So each value has the same chance; what is counted in the
//            sample errs no more than in a simple random sample, and far less where the stream is
//            sorted or clustered.
// Size       all of up to 511 values; 256 to 512 of up to 32,768, so that sorting them costs little
//            a value; from there on more, 1,024 to 2,048 from 131,072 on.
// Chance     a fixed sequence: the same stream gives the same sample.
// Cost       nothing for a value that is not taken.
// Threads    one.
// Source     Manku, Rajagopalan, Lindsay, "Random Sampling Techniques for Space Efficient Online
//            Computation of Order Statistics of Large Datasets" (1999): one of each block, blocks
//            that double. Cochran, "Sampling Techniques" (1977), chapter 5: the variance of strata.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "granary/storage/stats/value_hash.h"

namespace granary::storage {

inline constexpr std::size_t kSampleMax = 2048;
/// While stretches are shorter than kLongStretch.
inline constexpr std::size_t kShortSampleMax = 512;
inline constexpr std::uint64_t kLongStretch = 64;

template <typename T>
class ValueSample {
 public:
  /// Before the first value, if it is known that so many come: begins with the stretches that the
  /// sample would have ended with.
  void Expect(std::uint64_t count) {
    if (passed_ != 0 || stretch_ != 1) return;
    while (count / stretch_ >= Capacity()) stretch_ *= 2;
    values_.reserve(count / stretch_ + 1);
    next_ = Chance() % stretch_;
  }

  /// The next `count` values of the stream, of which `at(i)` gives the i-th.
  template <typename At>
  void Pass(std::uint64_t count, const At& at) {
    const std::uint64_t end = passed_ + count;
    while (next_ < end) {
      values_.push_back(at(next_ - passed_));
      PlanNext();
    }
    passed_ = end;
  }

  std::uint64_t passed() const { return passed_; }
  /// In the order of the stream.
  const std::vector<T>& values() const { return values_; }

 private:
  std::uint64_t Chance() { return HashInteger(chances_++); }
  std::size_t Capacity() const { return stretch_ < kLongStretch ? kShortSampleMax : kSampleMax; }

  void PlanNext() {
    stretch_begin_ += stretch_;
    if (values_.size() == Capacity()) Halve();
    next_ = stretch_begin_ + Chance() % stretch_;
  }

  void Halve() {
    std::uint64_t coins = 0;
    for (std::size_t i = 0; i < values_.size() / 2; ++i, coins >>= 1) {
      if (i % 64 == 0) coins = Chance();
      const std::size_t stays = 2 * i + (coins & 1);
      if (stays != i) values_[i] = std::move(values_[stays]);
    }
    values_.resize(values_.size() / 2);
    stretch_ *= 2;
  }

  std::vector<T> values_;
  std::uint64_t passed_ = 0;
  std::uint64_t stretch_ = 1;
  std::uint64_t stretch_begin_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t chances_ = 0;
};

static_assert(kSampleMax % 2 == 0 && kShortSampleMax % 2 == 0, "a full sample has pairs only");

}  // namespace granary::storage
