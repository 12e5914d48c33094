// count_distinct and approx_count_distinct.
#include <algorithm>

#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/block_hash.h"
#include "granary/query/exec/key_column.h"
#include "granary/query/exec/state_bytes.h"
#include "granary/storage/stats/distinct_sketch.h"

namespace granary::query {
namespace {

/// Values are numbered over all groups; a set of (group, number) pairs says which group has met
/// which.
class Distinct final : public Accumulator {
 public:
  Distinct(DataType type, Grouping grouping, KeyLookup lookup)
      : grouping_(grouping), values_(std::move(type), lookup) {}

  void Resize(std::size_t groups) override { counts_.resize(groups, 0); }

  Status Update(const AccumulatorInput& input) override {
    const auto rows = static_cast<std::size_t>(input.rows);
    GRANARY_TRY(values_.MakeRoom(rows, *input.cancel));
    values_.Number(*input.values, ids_);
    if (grouping_ == Grouping::kNone) return Status::Ok();
    GRANARY_TRY(pairs_.MakeRoom(rows, *input.cancel));
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      Meet(group, ids_[static_cast<std::size_t>(i)]);
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& cancel) override {
    const auto& from = static_cast<const Distinct&>(other);
    GRANARY_TRY(values_.Merge(from.values_, ids_, cancel));
    for (std::uint32_t i = 0; i < from.pairs_.size(); ++i) {
      if (i % kKeysAtOnce == 0) {
        GRANARY_TRY(cancel.Check());
        GRANARY_TRY(pairs_.MakeRoom(kKeysAtOnce, cancel));
      }
      const std::uint64_t pair = from.pairs_.key(i);
      Meet(group_of[pair >> 32], ids_[static_cast<std::uint32_t>(pair)]);
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    if (grouping_ == Grouping::kSome) return counts_[group];
    const bool has_null = values_.null_id() != kNoId;
    return static_cast<std::int64_t>(values_.size()) - (has_null ? 1 : 0);
  }

  std::uint64_t bytes() const override {
    return values_.bytes() + pairs_.bytes() + BytesOf(counts_) + BytesOf(ids_);
  }

  void PutStates(std::uint32_t, std::uint32_t, std::string&) const override {}
  Status TakeStates(std::uint32_t, ByteReader&) override { return Status::Ok(); }
  Status ForEachHeld(const EachHeld& each) const override {
    if (grouping_ == Grouping::kNone) {
      for (std::uint32_t id = 0; id < values_.size(); ++id) {
        if (id != values_.null_id()) GRANARY_TRY(each(0, values_.ValueOf(id)));
      }
      return Status::Ok();
    }
    for (std::uint32_t i = 0; i < pairs_.size(); ++i) {
      const std::uint64_t pair = pairs_.key(i);
      GRANARY_TRY(each(static_cast<std::uint32_t>(pair >> 32),
                       values_.ValueOf(static_cast<std::uint32_t>(pair))));
    }
    return Status::Ok();
  }

 private:
  void Meet(std::uint32_t group, std::uint32_t value) {
    const std::size_t before = pairs_.size();
    pairs_.FindOrAdd(std::uint64_t{group} << 32 | value);
    if (pairs_.size() > before) ++counts_[group];
  }

  Grouping grouping_;
  KeyColumn values_;
  IntKeyTable pairs_;
  std::vector<std::int64_t> counts_;
  std::vector<std::uint32_t> ids_;
};

/// A few hashes as they are, then a sketch: most groups are small, and a sketch takes 4 KiB.
class ApproxDistinct final : public Accumulator {
  static constexpr std::size_t kGroupsAtOnce = 1024;  // Each may have a sketch.

 public:
  void Resize(std::size_t groups) override { states_.resize(groups); }

  Status Update(const AccumulatorInput& input) override {
    ForEachValue(input, [&](std::int64_t i, std::uint32_t group) {
      Add(HashAt(*input.values, i), states_[group]);
    });
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& cancel) override {
    const auto& states = static_cast<const ApproxDistinct&>(other).states_;
    for (std::size_t group = 0; group < states.size(); ++group) {
      if (group % kGroupsAtOnce == 0) GRANARY_TRY(cancel.Check());
      State& into = states_[group_of[group]];
      for (const std::uint64_t hash : states[group].few) Add(hash, into);
      if (states[group].sketch == nullptr) continue;
      Sketch(into);
      into.sketch->Merge(*states[group].sketch);
    }
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override {
    const State& state = states_[group];
    const std::uint64_t count =
        state.sketch == nullptr ? state.few.size() : state.sketch->Estimate();
    return static_cast<std::int64_t>(count);
  }

  std::uint64_t bytes() const override { return BytesOf(states_) + heap_bytes_; }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) {
      const State& state = states_[group];
      PutFixed(out,
               state.sketch == nullptr ? static_cast<std::uint8_t>(state.few.size()) : kIsSketch);
      for (const std::uint64_t hash : state.few) PutFixed(out, hash);
      if (state.sketch != nullptr) PutString(out, state.sketch->Encode());
    }
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) {
      const auto few = in.Fixed<std::uint8_t>();
      if (few == kIsSketch) {
        GRANARY_ASSIGN(const storage::DistinctSketch sketch,
                       storage::DistinctSketch::Decode(in.String()));
        Sketch(states_[group]);
        *states_[group].sketch = sketch;
        continue;
      }
      if (few > kFewMax) return BadState("too many hashes");
      for (std::uint8_t i = 0; i < few; ++i) Add(in.Fixed<std::uint64_t>(), states_[group]);
    }
    return Status::Ok();
  }

 private:
  static constexpr std::size_t kFewMax = 32;
  static constexpr std::uint8_t kIsSketch = 255;
  static constexpr std::uint64_t kSketchBytes = 4096;
  struct State {
    std::vector<std::uint64_t> few;
    std::unique_ptr<storage::DistinctSketch> sketch;
  };
  void Sketch(State& state) {
    if (state.sketch != nullptr) return;
    heap_bytes_ += sizeof(storage::DistinctSketch) + kSketchBytes;
    state.sketch = std::make_unique<storage::DistinctSketch>();
    for (const std::uint64_t hash : state.few) state.sketch->Add(hash);
    state.few = {};
  }
  void Add(std::uint64_t hash, State& state) {
    if (state.sketch == nullptr) {
      if (std::find(state.few.begin(), state.few.end(), hash) != state.few.end()) return;
      state.few.push_back(hash);
      heap_bytes_ += 2 * sizeof hash;  // With what the vector keeps free.
      if (state.few.size() > kFewMax) Sketch(state);
      return;
    }
    state.sketch->Add(hash);
  }

  std::vector<State> states_;
  std::uint64_t heap_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Accumulator> MakeDistinct(const AggregateShape& shape, Grouping grouping,
                                          KeyLookup lookup) {
  return std::make_unique<Distinct>(shape.input, grouping, lookup);
}

std::unique_ptr<Accumulator> MakeApproxDistinct() { return std::make_unique<ApproxDistinct>(); }

}  // namespace granary::query
