// first, last and any: one value of each group, chosen by its sequence or met first.
#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/state_bytes.h"

namespace granary::query {
namespace {

struct Place {
  std::int64_t sequence = 0;
  std::uint32_t source = 0;
  auto operator<=>(const Place&) const = default;
};

class Pick final : public Accumulator {
 public:
  Pick(const AggregateShape& shape, AggregateType which)
      : which_(which), type_(shape.input), number_texts_(shape.number_texts) {}

  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      const Place place{input.sequences == nullptr ? 0 : input.sequences[i], input.source};
      State& state = states_[group];
      if (!Better(place, state)) return;
      if (state.row < 0) changed_.push_back(group);
      state.place = place;
      state.seen = true;
      state.row = i;
    });
    for (const std::uint32_t group : changed_) {
      SetValue(input.values->ValueOf(states_[group].row), states_[group].value);
      states_[group].row = -1;
    }
    changed_.clear();
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& states = static_cast<const Pick&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group) {
      State& into = states_[group_of[group]];
      if (!states[group].seen || !Better(states[group].place, into)) continue;
      heap_bytes_ += HeapOf(states[group].value) - HeapOf(into.value);
      into = states[group];
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override { return states_[group].value; }

  std::uint64_t bytes() const override {
    return BytesOf(states_) + BytesOf(changed_) + heap_bytes_;
  }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      const State& state = states_[group];
      PutFixed(out, static_cast<std::uint8_t>(state.seen));
      if (!state.seen) continue;
      PutFixed(out, state.place.sequence);
      PutFixed(out, state.place.source);
      EncodeValue(state.value, out);
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    StateValues values(type_, number_texts_);
    for (std::uint32_t group = 0; group < end; ++group) {
      State& state = states_[group];
      state.seen = in.Fixed<std::uint8_t>() != 0;
      if (!state.seen) continue;
      state.place.sequence = in.Fixed<std::int64_t>();
      state.place.source = in.Fixed<std::uint32_t>();
      GRANARY_ASSIGN(Value value, DecodeValue(in));
      if (!values.Has(value)) return BadState("a value of another type");
      SetValue(std::move(value), state.value);
    }
    return Status::Ok();
  }

 private:
  struct State {
    Value value;
    Place place;
    std::int64_t row = -1;  ///< Of the block at hand; its value is copied when the block is done.
    bool seen = false;
  };
  bool Better(const Place& place, const State& state) const {
    if (!state.seen) return true;
    if (which_ == AggregateType::kFirst) return place < state.place;
    return which_ == AggregateType::kLast && place > state.place;
  }

  static std::uint64_t HeapOf(const Value& value) {
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? 0 : text->size();
  }
  void SetValue(Value value, Value& into) {
    heap_bytes_ += HeapOf(value) - HeapOf(into);
    into = std::move(value);
  }

  AggregateType which_;
  DataType type_;
  bool number_texts_;
  std::uint64_t heap_bytes_ = 0;
  std::vector<State> states_;
  std::vector<std::uint32_t> changed_;
};

}  // namespace

std::unique_ptr<Accumulator> MakePick(const AggregateShape& shape, AggregateType which) {
  return std::make_unique<Pick>(shape, which);
}

}  // namespace granary::query
