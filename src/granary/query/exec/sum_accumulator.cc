// sum and avg. Integers and decimals in 128 bits; floats with the rounding errors added up beside
// (Knuth's TwoSum), so that the order of rows hardly matters.
#include <fmt/format.h>

#include <cmath>
#include <string>

#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/json_values.h"
#include "granary/query/exec/state_bytes.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

struct ExactState {
  Int128 sum = 0;
  std::int64_t count = 0;
  std::int64_t wraps = 0;  ///< What went over: so many times 2^128.

  /// True when `sum` went over, which only an average can bear.
  bool Add(Int128 number) {
    const bool over = __builtin_add_overflow(sum, number, &sum);
    if (over) wraps += number < 0 ? -1 : 1;
    return over;
  }
};

void PutState(const ExactState& state, std::string& out) {
  PutNumber(state.sum, out);
  PutFixed(out, state.count);
  PutFixed(out, state.wraps);
}

Status TakeState(ByteReader& in, ExactState& state) {
  state.sum = TakeNumber<Int128>(in);
  state.count = TakeCount(in);
  state.wraps = in.Fixed<std::int64_t>();
  const bool is_sum = state.count >= 0 && state.wraps <= state.count && state.wraps >= -state.count;
  return is_sum ? Status::Ok() : BadState("no sum");
}

Status Overflow() {
  return {Code::kTypeMismatch,
          "a sum has more than 38 digits, which no decimal and no 128-bit integer holds"};
}

/// The sum / count / 10^scale as the nearest double, or next to it.
double Quotient(const ExactState& state, int scale) {
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  const bool small = state.wraps == 0 && state.sum <= kExact && state.sum >= -kExact;
  if (scale == 0 && small && state.count <= kExact) {
    return static_cast<double>(state.sum) / static_cast<double>(state.count);
  }
  const auto divisor =
      static_cast<long double>(PowerOfTen(scale)) * static_cast<long double>(state.count);
  const long double total =
      std::ldexp(static_cast<long double>(state.wraps), 128) + static_cast<long double>(state.sum);
  return static_cast<double>(total / divisor);
}

template <ValueKind kKind>
Int128 Number(const ValueBlock& block, std::int64_t i) {
  if constexpr (kKind == ValueKind::kInt64) return block.ints()[i];
  if constexpr (kKind == ValueKind::kUInt64) return static_cast<Int128>(block.naturals()[i]);
  if constexpr (kKind == ValueKind::kInt128) return block.decimals()[i];
}

template <ValueKind kKind>
class ExactSum final : public Accumulator {
 public:
  ExactSum(bool average, int scale) : average_(average), scale_(scale) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    bool overflow = false;
    if (input.groups == nullptr) {
      ExactState state = states_[0];  // kept in registers
      ForEachValue(input,
                   [&](std::int64_t i, std::uint32_t) { Add(*input.values, i, state, overflow); });
      states_[0] = state;
    } else {
      ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
        Add(*input.values, i, states_[group], overflow);
      });
    }
    return overflow && !average_ ? Overflow() : Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const ExactSum&>(other).states_;
    bool overflow = false;
    for (std::size_t group = 0; group < states.size(); ++group) {
      ExactState& state = states_[group_of[group]];
      overflow |= state.Add(states[group].sum);
      state.count += states[group].count;
      state.wraps += states[group].wraps;
    }
    return overflow && !average_ ? Overflow() : Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const ExactState& state = states_[group];
    if (state.count == 0) return {};
    if (average_) return Quotient(state, scale_);
    return state.sum;
  }

  std::uint64_t bytes() const override { return BytesOf(states_); }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) PutState(states_[group], out);
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) GRANARY_TRY(TakeState(in, states_[group]));
    return Status::Ok();
  }

 private:
  static void Add(const ValueBlock& block, std::int64_t i, ExactState& state, bool& overflow) {
    const Int128 number = Number<kKind>(block, i);
    if constexpr (kKind == ValueKind::kInt128) {
      overflow |= state.Add(number);
    } else {
      state.sum += number;  // 2^63 rows of 64 bits fit
    }
    ++state.count;
  }

  bool average_;
  int scale_;
  std::vector<ExactState> states_;
};

struct FloatState {
  double sum = 0;
  double error = 0;  ///< What rounding has taken from `sum`.
  std::int64_t count = 0;

  void Add(double value) {
    const double next = sum + value;
    const double shown = next - sum;
    error += (sum - (next - shown)) + (value - shown);
    sum = next;
  }
  void Add(const FloatState& other) {
    Add(other.sum);
    error += other.error;
    count += other.count;
  }
  /// With an infinity in it the error is NaN and means nothing.
  double Total() const { return std::isfinite(sum) ? sum + error : sum; }
};

void PutState(const FloatState& state, std::string& out) {
  PutFixed(out, state.sum);
  PutFixed(out, state.error);
  PutFixed(out, state.count);
}

Status TakeState(ByteReader& in, FloatState& state) {
  state.sum = in.Fixed<double>();
  state.error = in.Fixed<double>();
  state.count = TakeCount(in);
  return state.count >= 0 ? Status::Ok() : BadState("no count");
}

class FloatSum final : public Accumulator {
 public:
  explicit FloatSum(bool average) : average_(average) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    const double* values = input.values->doubles();
    if (input.groups == nullptr && input.values->valid() == nullptr) {
      AddRun(values, input.rows);
      return Status::Ok();
    }
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      states_[group].Add(values[i]);
      ++states_[group].count;
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const FloatSum&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group)
      states_[group_of[group]].Add(states[group]);
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const FloatState& state = states_[group];
    if (state.count == 0) return {};
    const double total = state.Total();
    return average_ ? total / static_cast<double>(state.count) : total;
  }

  std::uint64_t bytes() const override { return BytesOf(states_); }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) PutState(states_[group], out);
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) GRANARY_TRY(TakeState(in, states_[group]));
    return Status::Ok();
  }

 private:
  /// Eight chains side by side, since one addition waits for the one before it.
  void AddRun(const double* values, std::int64_t rows) {
    constexpr std::size_t kChains = 8;
    FloatState chains[kChains];
    std::int64_t i = 0;
    for (; i + static_cast<std::int64_t>(kChains) <= rows;
         i += static_cast<std::int64_t>(kChains)) {
      for (std::size_t chain = 0; chain < kChains; ++chain)
        chains[chain].Add(values[i + static_cast<std::int64_t>(chain)]);
    }
    for (; i < rows; ++i) chains[0].Add(values[i]);
    for (const FloatState& chain : chains) states_[0].Add(chain);
    states_[0].count += rows;
  }

  bool average_;
  std::vector<FloatState> states_;
};

/// Numbers inside JSON documents: integers exactly, all else as floats.
class JsonSum final : public Accumulator {
 public:
  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    bool overflow = false;
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      const std::string_view text = input.values->bytes(i);
      if (!IsNumberText(text)) return;
      State& state = states_[group];
      const auto whole = IsPlainInteger(text) ? ParseInt128(text) : std::nullopt;
      if (whole) {
        overflow |= __builtin_add_overflow(state.whole.sum, *whole, &state.whole.sum);
        ++state.whole.count;
      } else {
        state.floats.Add(NearestDouble(text));
        ++state.floats.count;
      }
    });
    return overflow ? Overflow() : Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const JsonSum&>(other).states_;
    bool overflow = false;
    for (std::size_t group = 0; group < states.size(); ++group) {
      State& state = states_[group_of[group]];
      overflow |=
          __builtin_add_overflow(state.whole.sum, states[group].whole.sum, &state.whole.sum);
      state.whole.count += states[group].whole.count;
      state.floats.Add(states[group].floats);
    }
    return overflow ? Overflow() : Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const State& state = states_[group];
    if (state.whole.count + state.floats.count == 0) return {};
    if (state.floats.count == 0) return ToString(state.whole.sum);
    std::string text;
    FloatState total = state.floats;
    total.Add(static_cast<double>(state.whole.sum));
    if (!std::isfinite(total.Total())) return {};
    AppendDoubleText(total.Total(), text);
    return text;
  }

  std::uint64_t bytes() const override { return BytesOf(states_); }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      PutState(states_[group].whole, out);
      PutState(states_[group].floats, out);
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) {
      GRANARY_TRY(TakeState(in, states_[group].whole));
      GRANARY_TRY(TakeState(in, states_[group].floats));
    }
    return Status::Ok();
  }

 private:
  struct State {
    ExactState whole;
    FloatState floats;
  };
  std::vector<State> states_;
};

std::unique_ptr<Accumulator> Make(const AggregateShape& shape, bool average) {
  switch (ValueKindOf(shape.input)) {
    case ValueKind::kInt64: return std::make_unique<ExactSum<ValueKind::kInt64>>(average, 0);
    case ValueKind::kUInt64: return std::make_unique<ExactSum<ValueKind::kUInt64>>(average, 0);
    case ValueKind::kInt128:
      return std::make_unique<ExactSum<ValueKind::kInt128>>(average, shape.input.scale());
    case ValueKind::kDouble: return std::make_unique<FloatSum>(average);
    case ValueKind::kBytes: break;
  }
  return std::make_unique<JsonSum>();
}

}  // namespace

std::unique_ptr<Accumulator> MakeSum(const AggregateShape& shape) { return Make(shape, false); }
std::unique_ptr<Accumulator> MakeAvg(const AggregateShape& shape) { return Make(shape, true); }

}  // namespace granary::query
