// Strings, documents, bytes and UUIDs: compared by bytes, bounds and kept values no longer than
// kBoundMaxBytes. Booleans, which are the same thing with two values, stand here too.
#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <arrow/array.h>

#include "granary/base/check.h"
#include "granary/storage/stats/byte_bounds.h"
#include "granary/storage/stats/collector.h"
#include "granary/storage/stats/seen_values.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

/// The first eight bytes as a number that orders like them: most comparisons end there.
std::uint64_t HeadOf(std::string_view value) {
  std::uint64_t head = 0;
  if (value.empty()) return head;
  std::memcpy(&head, value.data(), std::min<std::size_t>(value.size(), sizeof head));
  return __builtin_bswap64(head);
}

class Extreme {
 public:
  /// True when `value` took the place.
  template <typename Better>
  bool Offer(std::string_view value, std::uint64_t head, const Better& better) {
    if (known_ &&
        !(better(head, head_) || (head == head_ && better(value, std::string_view(value_))))) {
      return false;
    }
    value_ = value;
    head_ = head;
    known_ = true;
    return true;
  }
  bool known() const { return known_; }
  const std::string& value() const { return value_; }

 private:
  std::string value_;
  std::uint64_t head_ = 0;
  bool known_ = false;
};

class BytesCollector final : public Collector {
 public:
  explicit BytesCollector(BytesKind kind) : kind_(kind) {}

  void Add(const arrow::Array& array) override {
    switch (array.type_id()) {
      case arrow::Type::STRING:
      case arrow::Type::BINARY: return AddAll(static_cast<const arrow::BinaryArray&>(array));
      case arrow::Type::FIXED_SIZE_BINARY:
        return AddAll(static_cast<const arrow::FixedSizeBinaryArray&>(array));
      default: GRANARY_CHECK(false, "{} is not bytes", array.type()->ToString());
    }
  }

  void Finish(ColumnStats& stats) const override {
    stats.may_have_nan = false;
    if (min_.known()) {
      const std::string_view low = CutPrefix(min_.value(), kBoundMaxBytes, kind_);
      stats.min = std::string(low);
      stats.min_exact = low.size() == min_.value().size();
      FinishMax(stats);
    }
    const auto seen = seen_.values();
    FinishDistinct({seen.begin(), seen.end()}, seen_.too_many(), sketch_, stats);
  }

 private:
  template <typename ArrayType>
  void AddAll(const ArrayType& array) {
    const bool has_nulls = array.null_count() > 0;
    for (std::int64_t i = 0; i < array.length(); ++i) {
      if (!has_nulls || array.IsValid(i)) AddValue(array.GetView(i));
    }
  }

  void AddValue(std::string_view value) {
    const std::uint64_t hash = HashBytes(value);
    if (!seen_.too_many()) {
      if (value.size() > kBoundMaxBytes) seen_.GiveUp();
      if (seen_.Insert(value, hash) == Seen::kBefore) return;
    }
    sketch_.Add(hash);
    const std::uint64_t head = HeadOf(value);
    min_.Offer(value, head, std::less<>());
    max_.Offer(value, head, std::greater<>());
  }

  void FinishMax(ColumnStats& stats) const {
    const std::string_view high = CutPrefix(max_.value(), kBoundMaxBytes, kind_);
    stats.max_exact = high.size() == max_.value().size();
    if (stats.max_exact) {
      stats.max = std::string(high);
    } else if (auto above = PrefixSuccessor(high, kind_)) {
      stats.max = *std::move(above);
    }
  }

  BytesKind kind_;
  Extreme min_;
  Extreme max_;
  SeenValues<std::string> seen_;
  DistinctSketch sketch_;
};

class BoolCollector final : public Collector {
 public:
  void Add(const arrow::Array& array) override {
    const auto& flags = static_cast<const arrow::BooleanArray&>(array);
    const std::int64_t valid = flags.length() - flags.null_count();
    const std::int64_t trues = flags.true_count();
    has_true_ = has_true_ || trues > 0;
    has_false_ = has_false_ || trues < valid;
  }

  void Finish(ColumnStats& stats) const override {
    stats.may_have_nan = false;
    stats.values.emplace();
    if (has_false_) stats.values->emplace_back(false);
    if (has_true_) stats.values->emplace_back(true);
    if (stats.values->empty()) return;
    stats.min = stats.values->front();
    stats.max = stats.values->back();
    stats.min_exact = stats.max_exact = true;
  }

 private:
  bool has_false_ = false;
  bool has_true_ = false;
};

}  // namespace

std::unique_ptr<Collector> MakeBytesCollector(const DataType& type) {
  const bool is_text = type.kind() == TypeKind::kString || type.kind() == TypeKind::kJson;
  return std::make_unique<BytesCollector>(is_text ? BytesKind::kText : BytesKind::kBinary);
}

std::unique_ptr<Collector> MakeBoolCollector() { return std::make_unique<BoolCollector>(); }

void FinishDistinct(std::vector<Value> values, bool too_many, const DistinctSketch& sketch,
                    ColumnStats& stats) {
  if (too_many) {
    stats.distinct_sketch = sketch.Encode();
    return;
  }
  std::sort(values.begin(), values.end(),
            [](const Value& a, const Value& b) { return Compare(a, b) < 0; });
  stats.values = std::move(values);
}

}  // namespace granary::storage
