// Accumulator: the running state of one aggregate for every group.
//
// Place      a worker has one per aggregate and updates it block by block; at the end accumulators
//            of all workers are merged in a fixed order, so that an answer does not depend on
//            scheduling.
// Nulls      never take part. NaN is above all numbers, as in filters and orders.
// Threads    one writer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/base/bytes.h"
#include "granary/base/status.h"
#include "granary/query/exec/key_table.h"
#include "granary/query/exec/value_block.h"
#include "granary/query/plan/requests.h"
#include "granary/types/column_stats.h"

namespace granary::query {

/// A block of rows, each of which belongs to a group.
struct AccumulatorInput {
  const ValueBlock* values = nullptr;     ///< Null only for a count of rows.
  const std::uint32_t* groups = nullptr;  ///< One a row; null: all in group 0.
  std::int64_t rows = 0;
  const std::int64_t* sequences = nullptr;       ///< One a row, where NeedsSequence.
  std::uint32_t source = 0;                      ///< Breaks ties of sequences.
  const runtime::CancelToken* cancel = nullptr;  ///< For what holds much; never null there.

  std::uint32_t GroupOf(std::int64_t i) const { return groups == nullptr ? 0 : groups[i]; }
};

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  /// Groups 0 … groups - 1 exist from now on.
  virtual void Resize(std::size_t groups) = 0;
  /// kTypeMismatch when an exact sum outgrows 128 bits.
  virtual Status Update(const AccumulatorInput& input) = 0;
  /// other's group g is group_of[g] here; `other` has the same make. Those whose groups hold much
  /// look at `cancel` now and then.
  virtual Status Merge(const Accumulator& other, const std::vector<std::uint32_t>& group_of,
                       const runtime::CancelToken& cancel) = 0;
  virtual Value Finish(std::uint32_t group) = 0;
  /// About the memory that all states take.
  virtual std::uint64_t bytes() const = 0;

  /// Appends the states of groups [first, end) for another process (group_states.h); of values that
  /// are held (HoldsValues) nothing: those ForEachHeld gives.
  virtual void PutStates(std::uint32_t first, std::uint32_t end, std::string& out) const = 0;
  /// In place of the states of groups [0, end), of an accumulator that is new. kCorruption for what
  /// PutStates does not write; nothing of it is believed.
  virtual Status TakeStates(std::uint32_t end, ByteReader& in) = 0;
  using EachHeld = std::function<Status(std::uint32_t group, Value value)>;
  /// Calls `each` with every value that is held, in any order, until it fails.
  virtual Status ForEachHeld(const EachHeld& /*each*/) const { return Status::Ok(); }

  /// Adds rows of group 0 of which only statistics are read; false (changing nothing) when those do
  /// not say enough. `stats` is null for a count of rows.
  virtual bool AddStats(std::uint64_t /*rows*/, const ColumnStats* /*stats*/) { return false; }
};

enum class Grouping : std::uint8_t { kNone, kSome };

/// What an aggregate over a column of some type is made of.
struct AggregateShape {
  DataType input;  ///< Blocks are loaded as this type.
  DataType output;
  bool json_integer = false;  ///< See AggregateColumn.
  bool json_numbers = false;  ///< The column is json: blocks hold its numbers (NumbersOf).
  bool canonical = false;     ///< The column is json: blocks hold CanonicalTexts.
  bool number_texts = false;  ///< Blocks hold NumberTexts of a column of mixed numbers.
};

/// kTypeMismatch for an operation that the type lacks. `type` is null for a count of rows.
Result<AggregateShape> ShapeOf(AggregateType aggregate, const DataType* type);
/// The same of a column that has integers or decimals in one source and floats in another, which
/// have `type` in common: what compares its values does so exactly, all else computes with floats.
Result<AggregateShape> MixedShapeOf(AggregateType aggregate, const DataType& type);

bool NeedsSequence(AggregateType aggregate);

bool IsPercentile(AggregateType aggregate);
/// True for an aggregate whose state has a part for each (distinct) value, and whose answer does
/// not depend on the order of values: count_distinct and the percentiles.
bool HoldsValues(AggregateType aggregate);

std::unique_ptr<Accumulator> MakeAccumulator(const Aggregation& aggregation,
                                             const AggregateShape& shape, Grouping grouping,
                                             KeyLookup lookup = KeyLookup::kFast);

/// The values of every group, shared by all percentiles of a column: the first of them fills it.
struct PercentileValues {
  std::vector<double> ps;
  std::vector<std::vector<std::uint64_t>> keys;  ///< By group.
  std::vector<std::vector<double>> picked;  ///< By group, once its first percentile is finished.
  std::uint64_t count = 0;                  ///< Of all keys.
};
/// Those that share `values` are updated, merged and finished with each other.
std::unique_ptr<Accumulator> MakePercentile(std::shared_ptr<PercentileValues> values, double p);

/// Its parts.
std::unique_ptr<Accumulator> MakeCount();
std::unique_ptr<Accumulator> MakeSum(const AggregateShape& shape);
std::unique_ptr<Accumulator> MakeAvg(const AggregateShape& shape);
std::unique_ptr<Accumulator> MakeExtreme(const AggregateShape& shape, AggregateType which);
std::unique_ptr<Accumulator> MakeMoments(AggregateType which);
std::unique_ptr<Accumulator> MakeDistinct(const AggregateShape& shape, Grouping grouping,
                                          KeyLookup lookup);
std::unique_ptr<Accumulator> MakeApproxDistinct();
std::unique_ptr<Accumulator> MakePick(const AggregateShape& shape, AggregateType which);

/// Calls each(i, group) for the rows whose value is not null.
template <typename Each>
void ForEachValue(const AccumulatorInput& input, Each each) {
  const std::uint8_t* valid = input.values->valid();
  const std::uint32_t* groups = input.groups;
  if (valid == nullptr && groups == nullptr) {
    for (std::int64_t i = 0; i < input.rows; ++i) each(i, std::uint32_t{0});
  } else if (valid == nullptr) {
    for (std::int64_t i = 0; i < input.rows; ++i) each(i, groups[i]);
  } else {
    for (std::int64_t i = 0; i < input.rows; ++i) {
      if (valid[i] != 0) each(i, input.GroupOf(i));
    }
  }
}

}  // namespace granary::query
