// min and max.
#include <string>
#include <type_traits>

#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/json_values.h"
#include "granary/query/exec/number_texts.h"
#include "granary/query/exec/sort_key.h"
#include "granary/query/exec/state_bytes.h"

namespace granary::query {
namespace {

template <typename T>
T Number(const ValueBlock& block, std::int64_t i) {
  if constexpr (std::is_same_v<T, std::int64_t>) return block.ints()[i];
  if constexpr (std::is_same_v<T, std::uint64_t>) return block.naturals()[i];
  if constexpr (std::is_same_v<T, double>) return block.doubles()[i];
  if constexpr (std::is_same_v<T, Int128>) return block.decimals()[i];
}

/// Of a segment's statistics, when they tell the very value. Sets `none` when no value takes part.
/// NaN is in no bound: a max is known only where there is none.
const Value* ExactBound(const ColumnStats& stats, bool is_max, bool& none) {
  none = stats.nulls && *stats.nulls == stats.rows;
  const Value& bound = is_max ? stats.max : stats.min;
  const bool exact = is_max ? stats.max_exact && !stats.may_have_nan : stats.min_exact;
  return exact && !IsNull(bound) ? &bound : nullptr;
}

/// NaN is above all numbers and equals itself.
template <typename T>
bool Below(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, double>) return a < b || (b != b && a == a);
  return a < b;
}

template <typename T, bool kMax>
class NumberExtreme final : public Accumulator {
 public:
  explicit NumberExtreme(DataType type) : type_(std::move(type)) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    if (input.groups == nullptr) {
      State state = states_[0];
      ForEachValue(
          input, [&](std::int64_t i, std::uint32_t) { Take(Number<T>(*input.values, i), state); });
      states_[0] = state;
      return Status::Ok();
    }
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      Take(Number<T>(*input.values, i), states_[group]);
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const NumberExtreme&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group) {
      if (states[group].seen) Take(states[group].best, states_[group_of[group]]);
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const State& state = states_[group];
    if (!state.seen) return {};
    if constexpr (std::is_same_v<T, std::int64_t>) return IntValue(type_, state.best);
    return Value(state.best);
  }

  std::uint64_t bytes() const override { return BytesOf(states_); }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      PutFixed(out, static_cast<std::uint8_t>(states_[group].seen));
      if (states_[group].seen) PutNumber(states_[group].best, out);
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    StateValues values(type_, /*number_texts=*/false);
    for (std::uint32_t group = 0; group < end; ++group) {
      if (in.Fixed<std::uint8_t>() == 0) continue;
      const T best = TakeNumber<T>(in);
      if constexpr (std::is_same_v<T, std::int64_t>) {
        if (!values.Has(IntValue(type_, best))) return BadState("a value of another type");
      }
      Take(best, states_[group]);
    }
    return Status::Ok();
  }

  bool AddStats(std::uint64_t /*rows*/, const ColumnStats* stats) override {
    bool none = false;
    const Value* bound = ExactBound(*stats, kMax, none);
    if (none) return true;
    if (bound == nullptr) return false;
    if (const auto* number = std::get_if<T>(bound)) {
      Take(*number, states_[0]);
    } else if (const auto* flag = std::get_if<bool>(bound)) {
      Take(static_cast<T>(*flag), states_[0]);
    } else {
      return false;
    }
    return true;
  }

 private:
  struct State {
    T best{};
    bool seen = false;
  };
  static void Take(T value, State& state) {
    const bool better = kMax ? Below(state.best, value) : Below(value, state.best);
    if (better || !state.seen) state.best = value;
    state.seen = true;
  }

  DataType type_;
  std::vector<State> states_;
};

/// Strings and their like by bytes; JSON values and mixed numbers by their order.
template <bool kMax, KeyForm kForm>
class BytesExtreme final : public Accumulator {
 public:
  explicit BytesExtreme(DataType type) : type_(std::move(type)) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      Take(input.values->bytes(i), states_[group]);
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const BytesExtreme&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group) {
      if (states[group].seen) Take(states[group].best, states_[group_of[group]]);
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    if (!states_[group].seen) return {};
    return states_[group].best;
  }

  std::uint64_t bytes() const override { return BytesOf(states_) + heap_bytes_; }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      PutFixed(out, static_cast<std::uint8_t>(states_[group].seen));
      if (states_[group].seen) PutString(out, states_[group].best);
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    StateValues values(type_, kForm == KeyForm::kMixedNumbers);
    for (std::uint32_t group = 0; group < end; ++group) {
      if (in.Fixed<std::uint8_t>() == 0) continue;
      std::string best(in.String());
      if (!in.ok() || !values.Has(best)) return BadState("a value of another type");
      Take(best, states_[group]);
    }
    return Status::Ok();
  }

  bool AddStats(std::uint64_t /*rows*/, const ColumnStats* stats) override {
    if (kForm == KeyForm::kJson) return false;
    bool none = false;
    const Value* bound = ExactBound(*stats, kMax, none);
    if (none) return true;
    const auto* bytes = bound == nullptr ? nullptr : std::get_if<std::string>(bound);
    if (bytes != nullptr) Take(*bytes, states_[0]);
    return bytes != nullptr;
  }

 private:
  struct State {
    std::string best;
    std::string order;  ///< Unless kPlain: what `best` compares by.
    bool seen = false;
  };
  void Take(std::string_view bytes, State& state) {
    std::string_view compared = bytes;
    if constexpr (kForm != KeyForm::kPlain) {
      order_.clear();
      if constexpr (kForm == KeyForm::kJson)
        AppendJsonOrder(bytes, order_);
      else
        AppendNumberTextOrder(bytes, order_);
      compared = order_;
    }
    const std::string_view best = kForm == KeyForm::kPlain ? state.best : state.order;
    if (state.seen && !(kMax ? compared > best : compared < best)) return;
    const std::size_t before = state.best.capacity() + state.order.capacity();
    state.best = bytes;
    if constexpr (kForm != KeyForm::kPlain) state.order = compared;
    state.seen = true;
    heap_bytes_ += state.best.capacity() + state.order.capacity() - before;
  }

  DataType type_;
  std::string order_;
  std::vector<State> states_;
  std::uint64_t heap_bytes_ = 0;
};

template <bool kMax>
std::unique_ptr<Accumulator> Make(const AggregateShape& shape) {
  const DataType& type = shape.input;
  if (shape.number_texts) return std::make_unique<BytesExtreme<kMax, KeyForm::kMixedNumbers>>(type);
  if (type.kind() == TypeKind::kJson)
    return std::make_unique<BytesExtreme<kMax, KeyForm::kJson>>(type);
  switch (ValueKindOf(type)) {
    case ValueKind::kInt64: return std::make_unique<NumberExtreme<std::int64_t, kMax>>(type);
    case ValueKind::kUInt64: return std::make_unique<NumberExtreme<std::uint64_t, kMax>>(type);
    case ValueKind::kDouble: return std::make_unique<NumberExtreme<double, kMax>>(type);
    case ValueKind::kInt128: return std::make_unique<NumberExtreme<Int128, kMax>>(type);
    case ValueKind::kBytes: break;
  }
  return std::make_unique<BytesExtreme<kMax, KeyForm::kPlain>>(type);
}

}  // namespace

std::unique_ptr<Accumulator> MakeExtreme(const AggregateShape& shape, AggregateType which) {
  return which == AggregateType::kMax ? Make<true>(shape) : Make<false>(shape);
}

}  // namespace granary::query
