// Numbers, decimals, dates and times: the values stand side by side in one buffer.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include <arrow/array.h>
#include <arrow/util/bit_run_reader.h>

#include "granary/base/check.h"
#include "granary/storage/stats/collector.h"
#include "granary/storage/stats/sample_rows.h"
#include "granary/storage/stats/seen_values.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::storage {
namespace {

/// values[i]. Arrow's buffers are aligned to 8 bytes where they come from outside, and decimals
/// want 16.
template <typename T>
T ValueAt(const T* values, std::int64_t i) {
  T value;
  std::memcpy(&value, reinterpret_cast<const char*>(values) + i * std::int64_t{sizeof(T)},
              sizeof(T));
  return value;
}

/// Calls `visit(values, count)` for each run of values that are not null.
template <typename T, typename Visit>
void VisitRuns(const arrow::Array& array, const Visit& visit) {
  const auto& data = *array.data();
  if (data.length == 0 || data.buffers[1] == nullptr) return;
  const T* values = data.GetValues<T>(1);
  if (array.null_count() == 0) return visit(values, data.length);
  arrow::internal::VisitSetBitRunsVoid(
      data.buffers[0]->data(), data.offset, data.length,
      [&](std::int64_t start, std::int64_t length) { visit(values + start, length); });
}

/// T as it lies in the array; Held as a Value has it.
template <typename T, typename Held>
class FixedCollector final : public Collector {
 public:
  void Add(const arrow::Array& array) override {
    VisitRuns<T>(array, [this](const T* values, std::int64_t count) {
      AddBounds(values, count);
      AddDistinct(values, count);
    });
  }

  void Sample(const arrow::Array& rows) override {
    SampleRows(rows, sample_, [](const arrow::Array& values) {
      return
          [data = values.data()->GetValues<T>(1)](std::int64_t row) { return ValueAt(data, row); };
    });
  }

  Observations Observe() const override {
    std::vector<T> sorted = sample_.values();
    std::uint64_t nans = 0;
    if constexpr (kIsFloat) {
      nans = std::erase_if(sorted, [](T value) { return value != value; });
    }
    std::sort(sorted.begin(), sorted.end());
    Observations seen{.nans = nans, .described = sample_.passed(), .sampled = sorted.size() + nans};
    seen.values.reserve(sorted.size());
    seen.distinct =
        static_cast<double>(sketch_ != nullptr ? sketch_->Estimate() : seen_.values().size());
    for (auto at = sorted.begin(); at != sorted.end();) {
      const auto end = std::find_if(at, sorted.end(), [&](T value) { return value != *at; });
      seen.values.push_back({Hold(*at), static_cast<std::uint64_t>(end - at), 0});
      at = end;
    }
    return seen;
  }

  void Finish(ColumnStats& stats) const override {
    stats.may_have_nan = has_nan_;
    if (min_ <= max_) {
      stats.min = Hold(min_);
      stats.max = Hold(max_);
      stats.min_exact = stats.max_exact = true;
    }
    std::vector<Value> values;
    for (const T value : seen_.values()) values.emplace_back(Hold(value));
    FinishDistinct(std::move(values), sketch_.get(), stats);
  }

 private:
  static constexpr bool kIsFloat = std::is_floating_point_v<T>;
  // numeric_limits knows __int128 only in GNU mode.
  static constexpr T Highest() {
    if constexpr (std::is_same_v<T, Int128>)
      return kInt128Max;
    else if constexpr (kIsFloat)
      return std::numeric_limits<T>::infinity();
    else
      return std::numeric_limits<T>::max();
  }
  static constexpr T Lowest() {
    if constexpr (std::is_same_v<T, Int128>)
      return kInt128Min;
    else if constexpr (kIsFloat)
      return -std::numeric_limits<T>::infinity();
    else
      return std::numeric_limits<T>::min();
  }

  static Held Hold(T value) {
    if constexpr (kIsFloat)
      return CanonicalDouble(value);
    else
      return static_cast<Held>(value);
  }

  /// A NaN is neither below nor above anything, so the comparisons leave it out by themselves.
  void AddBounds(const T* values, std::int64_t count) {
    T low = min_;
    T high = max_;
    int nans = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = ValueAt(values, i);
      low = value < low ? value : low;
      high = value > high ? value : high;
      if constexpr (kIsFloat) nans |= value != value;
    }
    min_ = low;
    max_ = high;
    has_nan_ = has_nan_ || nans != 0;
  }

  void AddDistinct(const T* values, std::int64_t count) {
    T before{};
    for (std::int64_t i = 0; i < count; ++i) {
      const T value = Canonical(ValueAt(values, i));
      if (i > 0 && value == before) continue;
      before = value;
      if (sketch_ == nullptr) {
        if (seen_.Insert(value, SlotHash(value)) != Seen::kTooMany) continue;
        StartSketch();
      }
      sketch_->Add(Hash(value));
    }
  }

  /// Of sources with very many columns most have few values, and a sketch is 4 KiB.
  void StartSketch() {
    sketch_ = std::make_unique<DistinctSketch>();
    for (const T value : seen_.values()) sketch_->Add(Hash(value));
  }

  static T Canonical(T value) {
    if constexpr (kIsFloat)
      return static_cast<T>(CanonicalDouble(value));
    else
      return value;
  }
  static std::uint64_t Hash(T value) {
    if constexpr (kIsFloat)
      return HashDouble(value);
    else if constexpr (std::is_same_v<T, Int128>)
      return HashInt128(value);
    else
      return HashInteger(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }
  static std::uint64_t SlotHash(T value) {
    std::uint64_t bits;
    if constexpr (kIsFloat)
      bits = std::bit_cast<std::uint64_t>(static_cast<double>(value));
    else
      bits = static_cast<std::uint64_t>(value);
    return bits * 0x9E3779B97F4A7C15 >> 56;
  }

  T min_ = Highest();
  T max_ = Lowest();
  bool has_nan_ = false;
  SeenValues<T> seen_;
  std::unique_ptr<DistinctSketch> sketch_;  // Null while the values seen are all there are.
  ValueSample<T> sample_;
};

template <typename T, typename Held>
std::unique_ptr<Collector> Make() {
  return std::make_unique<FixedCollector<T, Held>>();
}

}  // namespace

std::unique_ptr<Collector> MakeFixedCollector(const DataType& type) {
  switch (type.kind()) {
    case TypeKind::kInt8: return Make<std::int8_t, std::int64_t>();
    case TypeKind::kInt16: return Make<std::int16_t, std::int64_t>();
    case TypeKind::kInt32:
    case TypeKind::kDate: return Make<std::int32_t, std::int64_t>();
    case TypeKind::kInt64:
    case TypeKind::kTimestamp:
    case TypeKind::kTime: return Make<std::int64_t, std::int64_t>();
    case TypeKind::kUInt8: return Make<std::uint8_t, std::uint64_t>();
    case TypeKind::kUInt16: return Make<std::uint16_t, std::uint64_t>();
    case TypeKind::kUInt32: return Make<std::uint32_t, std::uint64_t>();
    case TypeKind::kUInt64: return Make<std::uint64_t, std::uint64_t>();
    case TypeKind::kFloat32: return Make<float, double>();
    case TypeKind::kFloat64: return Make<double, double>();
    case TypeKind::kDecimal: return Make<Int128, Int128>();
    default: GRANARY_CHECK(false, "{} is not of fixed width", type.ToString());
  }
  return nullptr;
}

}  // namespace granary::storage
