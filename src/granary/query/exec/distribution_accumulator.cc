// stddev, variance and percentile, over doubles.
#include <algorithm>
#include <cmath>

#include "granary/query/exec/accumulator.h"

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

class Spread final : public Accumulator {
 public:
  explicit Spread(bool root) : root_(root) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    const double* values = input.values->doubles();
    if (input.groups == nullptr && input.values->valid() == nullptr && input.rows > 0) {
      states_[0].Add(OfRun(values, input.rows));
      return Status::Ok();
    }
    ForEachValue(input,
                 [&](std::int64_t i, std::uint32_t group) { states_[group].Add(values[i]); });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of) override {
    const auto& states = static_cast<const Spread&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group)
      states_[group_of[group]].Add(states[group]);
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const Moments& state = states_[group];
    if (state.count < 2) return {};
    const double variance = state.squares / static_cast<double>(state.count - 1);
    return root_ ? std::sqrt(variance) : variance;
  }

  std::uint64_t bytes() const override { return BytesOf(states_); }

 private:
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
};

class Percentile final : public Accumulator {
 public:
  explicit Percentile(double p) : p_(p) {}

  void Resize(std::size_t groups) override { values_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    const double* values = input.values->doubles();
    if (input.groups == nullptr && input.values->valid() == nullptr) {
      values_[0].insert(values_[0].end(), values, values + input.rows);
      count_ += static_cast<std::uint64_t>(input.rows);
      return Status::Ok();
    }
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      values_[group].push_back(values[i]);
      ++count_;
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of) override {
    const auto& values = static_cast<const Percentile&>(other).values_;
    for (std::size_t group = 0; group < values.size(); ++group) {
      auto& into = values_[group_of[group]];
      into.insert(into.end(), values[group].begin(), values[group].end());
    }
    count_ += static_cast<const Percentile&>(other).count_;
    return Status::Ok();
  }

  /// The value at position p * (n - 1) of the sorted ones, between two of them on the line from one
  /// to the other.
  Value Finish(std::uint32_t group) override {
    std::vector<double>& values = values_[group];
    if (values.empty()) return {};
    const auto below = [](double a, double b) {
      return a < b || (b != b && a == a);
    };  // NaN is last
    const double position = p_ * static_cast<double>(values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(position);
    std::nth_element(values.begin(), at, values.end(), below);
    const double part = position - std::floor(position);
    if (part == 0 || at + 1 == values.end()) return *at;
    const double next = *std::min_element(at + 1, values.end(), below);
    return next == *at ? *at : *at + (next - *at) * part;
  }

  /// With what the vectors keep free, and what the allocator takes for each.
  std::uint64_t bytes() const override {
    return BytesOf(values_) + count_ * sizeof(double) * 3 / 2 + values_.size() * kBlockBytes;
  }

 private:
  static constexpr std::uint64_t kBlockBytes = 16;

  double p_;
  std::uint64_t count_ = 0;
  std::vector<std::vector<double>> values_;
};

}  // namespace

std::unique_ptr<Accumulator> MakeMoments(AggregateType which) {
  return std::make_unique<Spread>(which == AggregateType::kStddev);
}

std::unique_ptr<Accumulator> MakePercentile(double p) { return std::make_unique<Percentile>(p); }

}  // namespace granary::query
