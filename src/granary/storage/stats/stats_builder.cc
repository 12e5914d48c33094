#include "granary/storage/stats/stats_builder.h"

#include <vector>

#include <arrow/array.h>
#include <arrow/type.h>

#include "granary/base/check.h"
#include "granary/storage/stats/collector.h"

namespace granary::storage {
namespace {

std::unique_ptr<Collector> MakeCollector(const DataType& type) {
  if (type.kind() == TypeKind::kList) return nullptr;
  if (type.kind() == TypeKind::kBool) return MakeBoolCollector();
  if (type.IsBytes()) return MakeBytesCollector(type);
  return MakeFixedCollector(type);
}

/// Which values of the dictionary some row has; and how many rows have none.
struct UsedValues {
  std::vector<bool> used;
  std::int64_t nulls = 0;
};

UsedValues FindUsed(const arrow::DictionaryArray& coded) {
  UsedValues found{.used =
                       std::vector<bool>(static_cast<std::size_t>(coded.dictionary()->length()))};
  for (std::int64_t row = 0; row < coded.length(); ++row) {
    const std::int64_t index = coded.IsValid(row) ? coded.GetValueIndex(row) : -1;
    if (index < 0 || coded.dictionary()->IsNull(index)) {
      ++found.nulls;
    } else {
      found.used[static_cast<std::size_t>(index)] = true;
    }
  }
  return found;
}

/// Calls `add` for each run of values that are in use.
template <typename Add>
void VisitUsed(const arrow::Array& dictionary, const std::vector<bool>& used, const Add& add) {
  for (std::size_t start = 0, end = 0; start < used.size(); start = end + 1) {
    for (end = start; end < used.size() && used[end];) ++end;
    if (end > start) {
      add(*dictionary.Slice(static_cast<std::int64_t>(start),
                            static_cast<std::int64_t>(end - start)));
    }
  }
}

}  // namespace

struct StatsBuilder::State {
  DataType type;
  std::shared_ptr<arrow::DataType> arrow_type;
  std::unique_ptr<Collector> collector;  ///< None for a list.
  std::uint64_t rows = 0;
  std::uint64_t nulls = 0;
};

StatsBuilder::StatsBuilder(DataType type) : state_(std::make_unique<State>()) {
  state_->arrow_type = type.ToArrow();
  state_->collector = MakeCollector(type);
  state_->type = std::move(type);
}
StatsBuilder::~StatsBuilder() = default;
StatsBuilder::StatsBuilder(StatsBuilder&&) noexcept = default;
StatsBuilder& StatsBuilder::operator=(StatsBuilder&&) noexcept = default;

void StatsBuilder::Add(const arrow::Array& array) {
  State& state = *state_;
  state.rows += static_cast<std::uint64_t>(array.length());
  if (array.type_id() == arrow::Type::DICTIONARY && state.collector != nullptr) {
    const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
    GRANARY_CHECK(coded.dictionary()->type()->Equals(*state.arrow_type), "{} for {}",
                  array.type()->ToString(), state.type.ToString());
    state.collector->Sample(array);
    const UsedValues found = FindUsed(coded);
    state.nulls += static_cast<std::uint64_t>(found.nulls);
    VisitUsed(*coded.dictionary(), found.used,
              [&](const arrow::Array& values) { state.collector->Add(values); });
    return;
  }
  state.nulls += static_cast<std::uint64_t>(array.null_count());
  if (state.collector == nullptr || array.null_count() == array.length()) return;
  GRANARY_CHECK(array.type()->Equals(*state.arrow_type), "{} for {}", array.type()->ToString(),
                state.type.ToString());
  state.collector->Add(array);
  state.collector->Sample(array);
}

ColumnStats StatsBuilder::FinishWithoutDistribution() const {
  ColumnStats stats{.rows = state_->rows, .nulls = state_->nulls};
  if (state_->collector != nullptr) state_->collector->Finish(stats);
  return stats;
}

ColumnStats StatsBuilder::Finish() const {
  ColumnStats stats = FinishWithoutDistribution();
  if (state_->collector == nullptr || state_->type.kind() == TypeKind::kJson) return stats;
  stats.distribution = EncodeDistribution(Distil(state_->collector->Observe()));
  return stats;
}

}  // namespace granary::storage
