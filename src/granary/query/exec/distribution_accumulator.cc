// stddev, variance and percentile, over doubles.
#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/percentile_keys.h"
#include "granary/query/exec/state_bytes.h"

namespace granary::query {
namespace {

/// Mean and squared distances from it: Welford's update, merged by Chan's.
struct Moments {
  std::int64_t count = 0;
  double mean = 0;
  double squares = 0;

  void Add(double value) {
    ++count;
    const double before = value - mean;
    mean += before / static_cast<double>(count);
    squares += before * (value - mean);
  }
  void Add(const Moments& other) {
    if (other.count == 0) return;
    const auto ours = static_cast<double>(count);
    const auto theirs = static_cast<double>(other.count);
    const double apart = other.mean - mean;
    count += other.count;
    mean += apart * theirs / (ours + theirs);
    squares += other.squares + apart * apart * ours * theirs / (ours + theirs);
  }
};

// Below it no square, nor the sum of 2^50 of them, overflows. Larger values are kept apart, scaled
// down, where they cannot either: whether something overflowed on the way would depend on the order
// of rows.
constexpr double kLarge = 0x1p450;
constexpr double kScale = 0x1p-600;
// A run of up to 2^30 values below these has none that is large.
constexpr double kRunMeanMax = 0x1p440;
constexpr double kRunSquaresMax = 0x1p890;

/// The values of a group that are large, or no numbers.
struct LargeMoments {
  Moments scaled;
  bool is_finite = true;
};

class Spread final : public Accumulator {
 public:
  explicit Spread(bool root) : root_(root) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    const double* values = input.values->doubles();
    if (input.groups == nullptr && input.values->valid() == nullptr && input.rows > 0) {
      const Moments run = OfRun(values, input.rows);
      if (std::abs(run.mean) < kRunMeanMax && run.squares < kRunSquaresMax) {
        states_[0].Add(run);
        return Status::Ok();
      }
    }
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      if (std::abs(values[i]) < kLarge)
        states_[group].Add(values[i]);
      else
        AddLarge(values[i], large_[group]);
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& from = static_cast<const Spread&>(other);
    for (std::size_t group = 0; group < from.states_.size(); ++group)
      states_[group_of[group]].Add(from.states_[group]);
    for (const auto& [group, theirs] : from.large_) {
      LargeMoments& ours = large_[group_of[group]];
      ours.scaled.Add(theirs.scaled);
      ours.is_finite = ours.is_finite && theirs.is_finite;
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const Moments& state = states_[group];
    const auto large = large_.find(group);
    if (large != large_.end()) return FinishLarge(state, large->second);
    if (state.count < 2) return {};
    const double variance = state.squares / static_cast<double>(state.count - 1);
    return root_ ? std::sqrt(variance) : variance;
  }

  std::uint64_t bytes() const override { return BytesOf(states_) + large_.size() * kBytesOfLarge; }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      PutMoments(states_[group], out);
      const auto large = large_.find(group);
      PutFixed(out, static_cast<std::uint8_t>(large != large_.end()));
      if (large == large_.end()) continue;
      PutMoments(large->second.scaled, out);
      PutFixed(out, static_cast<std::uint8_t>(large->second.is_finite));
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) {
      states_[group] = TakeMoments(in);
      if (states_[group].count < 0) return BadState("no count");
      if (in.Fixed<std::uint8_t>() == 0) continue;
      LargeMoments& large = large_[group];
      large.scaled = TakeMoments(in);
      large.is_finite = in.Fixed<std::uint8_t>() != 0;
      if (large.scaled.count < 0) return BadState("no count");
    }
    return Status::Ok();
  }

 private:
  static void PutMoments(const Moments& moments, std::string& out) {
    PutFixed(out, moments.count);
    PutFixed(out, moments.mean);
    PutFixed(out, moments.squares);
  }
  static Moments TakeMoments(ByteReader& in) {
    Moments moments;
    moments.count = TakeCount(in);
    moments.mean = in.Fixed<double>();
    moments.squares = in.Fixed<double>();
    return moments;
  }

  static constexpr std::uint64_t kBytesOfLarge = 80;  ///< A node of the map and its bucket.

  static void AddLarge(double value, LargeMoments& large) {
    if (std::isfinite(value)) {
      large.scaled.Add(value * kScale);
    } else {
      ++large.scaled.count;
      large.is_finite = false;
    }
  }

  Value FinishLarge(const Moments& small, const LargeMoments& large) const {
    Moments all = large.scaled;
    all.Add({small.count, small.mean * kScale, small.squares * kScale * kScale});
    if (all.count < 2) return {};
    if (!large.is_finite) return std::numeric_limits<double>::quiet_NaN();
    const double variance = all.squares / static_cast<double>(all.count - 1);
    return root_ ? std::sqrt(variance) / kScale : variance / kScale / kScale;
  }

  /// In two passes, which need no division per value.
  static Moments OfRun(const double* values, std::int64_t rows) {
    Moments run;
    run.count = rows;
    double shifted = 0;
    for (std::int64_t i = 0; i < rows; ++i) shifted += values[i] - values[0];
    run.mean = values[0] + shifted / static_cast<double>(rows);
    for (std::int64_t i = 0; i < rows; ++i)
      run.squares += (values[i] - run.mean) * (values[i] - run.mean);
    return run;
  }

  bool root_;
  std::vector<Moments> states_;
  std::unordered_map<std::uint32_t, LargeMoments> large_;  ///< By group; most have none.
};

class Percentile final : public Accumulator {
 public:
  explicit Percentile(std::shared_ptr<PercentileValues> values, double p)
      : values_(std::move(values)), index_(values_->ps.size()) {
    values_->ps.push_back(p);
  }

  void Resize(std::size_t groups) override {
    if (IsFirst()) values_->keys.resize(groups);
  }

  Status Update(const AccumulatorInput& input) override {
    if (!IsFirst()) return Status::Ok();
    const double* values = input.values->doubles();
    if (input.groups == nullptr && input.values->valid() == nullptr) {
      std::vector<std::uint64_t>& keys = values_->keys[0];
      const std::size_t before = keys.size();
      const auto rows = static_cast<std::size_t>(input.rows);
      // As insert does, which resize need not: or each block would be moved anew.
      if (keys.capacity() < before + rows) keys.reserve(std::max(2 * before, before + rows));
      keys.resize(before + rows);
      for (std::size_t i = 0; i < rows; ++i) keys[before + i] = PercentileKeyOf(values[i]);
      values_->count += rows;
      return Status::Ok();
    }
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      values_->keys[group].push_back(PercentileKeyOf(values[i]));
      ++values_->count;
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& cancel) override {
    if (!IsFirst()) return Status::Ok();
    const PercentileValues& theirs = *static_cast<const Percentile&>(other).values_;
    for (std::size_t group = 0; group < theirs.keys.size(); ++group) {
      if (group % kKeysAtOnce == 0) GRANARY_TRY(cancel.Check());
      auto& into = values_->keys[group_of[group]];
      into.insert(into.end(), theirs.keys[group].begin(), theirs.keys[group].end());
    }
    values_->count += theirs.count;
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    PercentileValues& all = *values_;
    std::vector<std::uint64_t>& keys = all.keys[group];
    if (keys.empty()) return {};
    if (all.ps.size() == 1) {
      double picked = 0;
      PickPercentiles(all.ps, keys, {&picked, 1});
      return picked;
    }
    all.picked.resize(all.keys.size());
    std::vector<double>& picked = all.picked[group];
    if (picked.empty()) {
      picked.resize(all.ps.size());
      PickPercentiles(all.ps, keys, picked);
    }
    return picked[index_];
  }

  /// With what the vectors keep free, and what the allocator takes for each; and what is picked.
  std::uint64_t bytes() const override {
    if (!IsFirst()) return 0;
    const std::size_t ps = values_->ps.size();
    const std::uint64_t picked_bytes =
        ps == 1 ? 0 : sizeof(std::vector<double>) + kBlockBytes + ps * sizeof(double);
    return BytesOf(values_->keys) + values_->count * sizeof(std::uint64_t) * 3 / 2 +
           values_->keys.size() * (kBlockBytes + picked_bytes);
  }

  void PutStates(std::uint32_t, std::uint32_t, std::string&) const override {}
  Status TakeStates(std::uint32_t, ByteReader&) override { return Status::Ok(); }
  Status ForEachHeld(const EachHeld& each) const override {
    if (!IsFirst()) return Status::Ok();
    for (std::uint32_t group = 0; group < values_->keys.size(); ++group) {
      for (const std::uint64_t key : values_->keys[group])
        GRANARY_TRY(each(group, NumberOfPercentileKey(key)));
    }
    return Status::Ok();
  }

 private:
  static constexpr std::uint64_t kBlockBytes = 16;

  bool IsFirst() const { return index_ == 0; }

  std::shared_ptr<PercentileValues> values_;
  const std::size_t index_;
};

}  // namespace

std::unique_ptr<Accumulator> MakeMoments(AggregateType which) {
  return std::make_unique<Spread>(which == AggregateType::kStddev);
}

std::unique_ptr<Accumulator> MakePercentile(std::shared_ptr<PercentileValues> values, double p) {
  return std::make_unique<Percentile>(std::move(values), p);
}

}  // namespace granary::query
