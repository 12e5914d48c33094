// Strings, documents, bytes and UUIDs: compared by bytes, bounds and kept values no longer than
// kBoundMaxBytes. Booleans, which are the same thing with two values, stand here too.
#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <arrow/array.h>

#include "granary/base/check.h"
#include "granary/storage/stats/byte_bounds.h"
#include "granary/storage/stats/collector.h"
#include "granary/storage/stats/sample_rows.h"
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

/// Trivial, so that a sample is one piece of memory.
struct SampledBytes {
  std::uint8_t size;
  bool is_whole;
  char bytes[kBoundMaxBytes];  ///< The first `size` of them are set.

  std::string_view view() const { return {bytes, size}; }
};
static_assert(kBoundMaxBytes <= 255, "a size is a byte");

/// How many bytes all of them begin with.
std::size_t SharedPrefix(const std::vector<SampledBytes>& sample) {
  if (sample.empty()) return 0;
  const std::string_view first = sample.front().view();
  std::size_t shared = first.size();
  for (const SampledBytes& bytes : sample) {
    const std::string_view value = bytes.view();
    if (value.size() >= shared && std::memcmp(value.data(), first.data(), shared) == 0) continue;
    shared = static_cast<std::size_t>(
        std::mismatch(first.begin(), first.end(), value.begin(), value.end()).first -
        first.begin());
  }
  return shared;
}

/// One of the sample, with the eight bytes behind what all share: most comparisons end there.
struct SortedBytes {
  std::uint64_t head;
  std::uint32_t behind;  ///< Bytes behind what all share.
  bool is_whole;
  const SampledBytes* bytes;
};

bool IsBefore(const SortedBytes& a, const SortedBytes& b) {
  if (a.head != b.head) return a.head < b.head;
  // Up to eight bytes are all in the head, where the end looks like zeroes.
  if (a.behind <= 8 && b.behind <= 8) return a.behind < b.behind;
  return a.bytes->view() < b.bytes->view();
}

/// Ascending.
std::vector<SortedBytes> SortedByValue(const std::vector<SampledBytes>& sample) {
  const std::size_t shared = SharedPrefix(sample);
  std::vector<SortedBytes> sorted;
  sorted.reserve(sample.size());
  for (const SampledBytes& bytes : sample) {
    const std::string_view behind = bytes.view().substr(shared);
    sorted.push_back(
        {HeadOf(behind), static_cast<std::uint32_t>(behind.size()), bytes.is_whole, &bytes});
  }
  std::sort(sorted.begin(), sorted.end(), IsBefore);
  return sorted;
}

enum class Sampled : std::uint8_t { kNo, kYes };

class BytesCollector final : public Collector {
 public:
  BytesCollector(BytesKind kind, Sampled sampled) : kind_(kind), sampled_(sampled) {}

  void Add(const arrow::Array& array) override {
    switch (array.type_id()) {
      case arrow::Type::STRING:
      case arrow::Type::BINARY: return AddAll(static_cast<const arrow::BinaryArray&>(array));
      case arrow::Type::FIXED_SIZE_BINARY:
        return AddAll(static_cast<const arrow::FixedSizeBinaryArray&>(array));
      default: GRANARY_CHECK(false, "{} is not bytes", array.type()->ToString());
    }
  }

  void Sample(const arrow::Array& rows) override {
    if (sampled_ == Sampled::kNo) return;
    SampleRows(rows, sample_, [this](const arrow::Array& values) {
      return [this, &values](std::int64_t row) { return Cut(ViewAt(values, row)); };
    });
  }

  Observations Observe() const override {
    Observations seen{.described = sample_.passed(), .sampled = sample_.values().size()};
    seen.values.reserve(sample_.values().size());
    seen.distinct =
        static_cast<double>(sketch_ != nullptr ? sketch_->Estimate() : seen_.values().size());
    const SortedBytes* before = nullptr;
    const std::vector<SortedBytes> sorted = SortedByValue(sample_.values());
    for (const SortedBytes& item : sorted) {
      if (before == nullptr || IsBefore(*before, item))
        seen.values.push_back({std::string(item.bytes->view())});
      before = &item;
      ++(item.is_whole ? seen.values.back().exactly : seen.values.back().about);
    }
    return seen;
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
    FinishDistinct({seen.begin(), seen.end()}, sketch_.get(), stats);
  }

 private:
  static std::string_view ViewAt(const arrow::Array& values, std::int64_t row) {
    if (values.type_id() == arrow::Type::FIXED_SIZE_BINARY)
      return static_cast<const arrow::FixedSizeBinaryArray&>(values).GetView(row);
    return static_cast<const arrow::BinaryArray&>(values).GetView(row);
  }
  SampledBytes Cut(std::string_view value) const {
    const std::string_view kept = CutPrefix(value, kBoundMaxBytes, kind_);
    SampledBytes cut;
    cut.size = static_cast<std::uint8_t>(kept.size());
    cut.is_whole = kept.size() == value.size();
    std::memcpy(cut.bytes, kept.data(), kept.size());
    return cut;
  }

  template <typename ArrayType>
  void AddAll(const ArrayType& array) {
    const bool has_nulls = array.null_count() > 0;
    for (std::int64_t i = 0; i < array.length(); ++i) {
      if (!has_nulls || array.IsValid(i)) AddValue(array.GetView(i));
    }
  }

  void AddValue(std::string_view value) {
    const std::uint64_t hash = HashBytes(value);
    if (sketch_ == nullptr) {
      if (value.size() > kBoundMaxBytes) seen_.GiveUp();
      const Seen seen = seen_.Insert(value, hash);
      if (seen == Seen::kBefore) return;
      if (seen == Seen::kTooMany) StartSketch();
    }
    if (sketch_ != nullptr) sketch_->Add(hash);
    const std::uint64_t head = HeadOf(value);
    min_.Offer(value, head, std::less<>());
    max_.Offer(value, head, std::greater<>());
  }

  void StartSketch() {
    sketch_ = std::make_unique<DistinctSketch>();
    for (const std::string& value : seen_.values()) sketch_->Add(HashBytes(value));
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
  Sampled sampled_;
  Extreme min_;
  Extreme max_;
  SeenValues<std::string> seen_;
  std::unique_ptr<DistinctSketch> sketch_;  // Null while the values seen are all there are.
  ValueSample<SampledBytes> sample_;
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

  /// Two values are counted, not sampled.
  void Sample(const arrow::Array& rows) override {
    if (rows.type_id() == arrow::Type::BOOL) {
      const auto& flags = static_cast<const arrow::BooleanArray&>(rows);
      const std::int64_t trues = flags.true_count();
      trues_ += static_cast<std::uint64_t>(trues);
      falses_ += static_cast<std::uint64_t>(flags.length() - flags.null_count() - trues);
      return;
    }
    for (std::int64_t row = 0; row < rows.length(); ++row) {
      const Value value = ValueAt(rows, row);
      if (!IsNull(value)) ++(std::get<bool>(value) ? trues_ : falses_);
    }
  }

  Observations Observe() const override {
    Observations seen{.described = trues_ + falses_, .sampled = trues_ + falses_};
    if (falses_ > 0) seen.values.push_back({false, falses_});
    if (trues_ > 0) seen.values.push_back({true, trues_});
    return seen;
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
  std::uint64_t falses_ = 0;
  std::uint64_t trues_ = 0;
};

}  // namespace

std::unique_ptr<Collector> MakeBytesCollector(const DataType& type) {
  const bool is_text = type.kind() == TypeKind::kString || type.kind() == TypeKind::kJson;
  const Sampled sampled = type.kind() == TypeKind::kJson ? Sampled::kNo : Sampled::kYes;
  return std::make_unique<BytesCollector>(is_text ? BytesKind::kText : BytesKind::kBinary, sampled);
}

std::unique_ptr<Collector> MakeBoolCollector() { return std::make_unique<BoolCollector>(); }

void FinishDistinct(std::vector<Value> values, const DistinctSketch* sketch, ColumnStats& stats) {
  if (sketch != nullptr) {
    stats.distinct_sketch = sketch->Encode();
    return;
  }
  std::sort(values.begin(), values.end(),
            [](const Value& a, const Value& b) { return Compare(a, b) < 0; });
  stats.values = std::move(values);
}

}  // namespace granary::storage
