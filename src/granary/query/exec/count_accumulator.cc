#include "granary/query/exec/accumulator.h"
#include "granary/query/exec/state_bytes.h"

namespace granary::query {
namespace {

class Count final : public Accumulator {
 public:
  void Resize(std::size_t groups) override { counts_.resize(groups, 0); }

  Status Update(const AccumulatorInput& input) override {
    const bool all = input.values == nullptr || input.values->valid() == nullptr;
    if (all && input.groups == nullptr) {
      counts_[0] += input.rows;
    } else if (all) {
      for (std::int64_t i = 0; i < input.rows; ++i) ++counts_[input.groups[i]];
    } else {
      for (std::int64_t i = 0; i < input.rows; ++i)
        counts_[input.GroupOf(i)] += input.values->valid()[i];
    }
    return Status::Ok();
  }

  Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
               const runtime::CancelToken& /*cancel*/) override {
    const auto& counts = static_cast<const Count&>(other).counts_;
    for (std::size_t group = 0; group < counts.size(); ++group)
      counts_[group_of[group]] += counts[group];
    return Status::Ok();
  }

  Value Finish(std::uint32_t group) override { return counts_[group]; }

  std::uint64_t bytes() const override { return BytesOf(counts_); }

  void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const override {
    for (std::uint32_t group = first; group < end; ++group) PutFixed(out, counts_[group]);
  }
  Status TakeStates(std::uint32_t end, ByteReader& in) override {
    for (std::uint32_t group = 0; group < end; ++group) {
      counts_[group] = TakeCount(in);
      if (counts_[group] < 0) return BadState("no count");
    }
    return Status::Ok();
  }

  bool AddStats(std::uint64_t rows, const ColumnStats* stats) override {
    if (stats != nullptr && !stats->nulls) return false;
    counts_[0] += static_cast<std::int64_t>(rows - (stats == nullptr ? 0 : *stats->nulls));
    return true;
  }

 private:
  std::vector<std::int64_t> counts_;
};

}  // namespace

std::unique_ptr<Accumulator> MakeCount() { return std::make_unique<Count>(); }

}  // namespace granary::query
