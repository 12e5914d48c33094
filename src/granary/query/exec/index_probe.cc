#include "granary/query/exec/index_probe.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <utility>

#include "granary/storage/index/index_key.h"
#include "granary/storage/stats/like_prefix.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::query {
namespace {

using storage::FoundRows;
using storage::IndexKind;
using storage::IndexReader;
using Kind = Predicate::Kind;

// Where more than one row in so many comes, reading them all costs less than finding, sorting and
// picking them: comparing a number takes a nanosecond, picking a row fifty to a hundred.
constexpr std::uint64_t kRowsPerHitMin = 128;
constexpr std::size_t kRowsMaxAtLeast = 256;
// With so few rows at hand no further index is asked: checking them is cheaper.
constexpr std::size_t kFewRows = 64;
// Row numbers are 32 bits with a sign.
constexpr std::uint64_t kRowsMax = std::numeric_limits<std::int32_t>::max();

std::size_t RowsMax(std::uint64_t rows) {
  return std::max<std::size_t>(kRowsMaxAtLeast, rows / kRowsPerHitMin);
}

RowNumbers Sorted(const std::vector<std::uint32_t>& found) {
  RowNumbers rows(found.begin(), found.end());
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

bool IsLow(Kind kind) { return kind == Kind::kGreater || kind == Kind::kGreaterEqual; }
bool IsHigh(Kind kind) { return kind == Kind::kLess || kind == Kind::kLessEqual; }

/// The two ends that an AND sets on one column.
struct Bounds {
  const Predicate* any = nullptr;
  std::optional<Value> low, high;

  void Add(const Predicate& leaf) {
    any = &leaf;
    const Value& value = leaf.values.front();
    if (IsLow(leaf.kind) && (!low || Compare(value, *low) > 0)) low = value;
    if (IsHigh(leaf.kind) && (!high || Compare(value, *high) < 0)) high = value;
  }
};

/// Combines what leaves find; where that comes from is the derived class's.
class Probe {
 public:
  virtual ~Probe() = default;

  std::optional<RowNumbers> Rows(const Predicate& predicate) {
    switch (predicate.kind) {
      case Kind::kAnd: return Intersect(predicate.children);
      case Kind::kOr: return Unite(predicate.children);
      case Kind::kEqual:
      case Kind::kIn: return predicate.path.empty() ? Equal(predicate) : std::nullopt;
      case Kind::kStartsWith:
        return predicate.path.empty() ? Prefix(predicate, predicate.pattern) : std::nullopt;
      case Kind::kLike: return predicate.path.empty() ? Like(predicate) : std::nullopt;
      case Kind::kLess:
      case Kind::kLessEqual:
      case Kind::kGreater:
      case Kind::kGreaterEqual: {
        if (!predicate.path.empty()) return std::nullopt;
        Bounds bounds;
        bounds.Add(predicate);
        return Range(bounds);
      }
      default: return std::nullopt;
    }
  }

 protected:
  virtual std::optional<RowNumbers> Equal(const Predicate& leaf) = 0;
  virtual std::optional<RowNumbers> Range(const Bounds&) { return std::nullopt; }
  virtual std::optional<RowNumbers> Prefix(const Predicate&, const std::string&) {
    return std::nullopt;
  }

 private:
  std::optional<RowNumbers> Like(const Predicate& leaf) {
    const storage::LikePrefix like = storage::PrefixOfLike(leaf.pattern);
    if (like.prefix.empty()) return std::nullopt;
    return Prefix(leaf, like.prefix);
  }

  /// Equality first, since it finds least; ranges of one column together.
  std::optional<RowNumbers> Intersect(const std::vector<Predicate>& children) {
    std::optional<RowNumbers> rows;
    std::map<ColumnId, Bounds> bounds;
    std::vector<const Predicate*> later;
    for (const Predicate& child : children) {
      const bool is_range = (IsLow(child.kind) || IsHigh(child.kind)) && child.path.empty();
      if (is_range)
        bounds[child.column].Add(child);
      else if (child.kind == Kind::kEqual)
        And(rows, Rows(child));
      else
        later.push_back(&child);
    }
    for (const auto& [column, range] : bounds) {
      if (!IsEnough(rows)) And(rows, Range(range));
    }
    for (const Predicate* child : later) {
      if (!IsEnough(rows)) And(rows, Rows(*child));
    }
    return rows;
  }

  static bool IsEnough(const std::optional<RowNumbers>& rows) {
    return rows && rows->size() <= kFewRows;
  }

  static void And(std::optional<RowNumbers>& rows, std::optional<RowNumbers> more) {
    if (!more) return;
    if (!rows) {
      rows = std::move(more);
      return;
    }
    RowNumbers both;
    std::set_intersection(rows->begin(), rows->end(), more->begin(), more->end(),
                          std::back_inserter(both));
    rows = std::move(both);
  }

  std::optional<RowNumbers> Unite(const std::vector<Predicate>& children) {
    RowNumbers all;
    for (const Predicate& child : children) {
      const auto rows = Rows(child);
      if (!rows) return std::nullopt;
      RowNumbers both;
      std::set_union(all.begin(), all.end(), rows->begin(), rows->end(), std::back_inserter(both));
      all = std::move(both);
    }
    return all;
  }
};

class SegmentProbe final : public Probe {
 public:
  SegmentProbe(const storage::Segment& segment, QueryStats& stats)
      : segment_(segment), stats_(stats), rows_max_(RowsMax(segment.meta().rows)) {}

  std::optional<RowNumbers> First(const Column& column, storage::KeyOrder order,
                                  std::size_t count) {
    const auto index = Find(column.id, column.type, IndexKind::kBtree);
    if (index == nullptr || count > rows_max_) return std::nullopt;
    bool told = false;
    auto rows = Ask(*index, [&](FoundRows& found) -> Status {
      GRANARY_ASSIGN(told, index->FindFirst(order, count, found));
      return Status::Ok();
    });
    return told ? rows : std::nullopt;
  }

 private:
  /// Null when the segment has none that can be asked for values of `type`.
  std::shared_ptr<const IndexReader> Find(ColumnId id, const DataType& type, IndexKind kind) const {
    const Column* column = segment_.file_schema()->FindId(id);
    if (column == nullptr || !storage::SharesKeys(column->type, type)) return nullptr;
    return segment_.Index({id, kind});
  }

  /// A damaged index is reported and says nothing.
  std::optional<RowNumbers> Ask(const IndexReader& index,
                                const std::function<Status(FoundRows&)>& ask) {
    FoundRows found{rows_max_, {}, false};
    const Status asked = ask(found);
    if (!asked.ok()) {
      if (asked.code() == Code::kCorruption) segment_.ReportDamage(index.key());
      return std::nullopt;
    }
    if (found.too_many) return std::nullopt;
    stats_.access_paths.insert(index.key().kind == IndexKind::kHash ? "hash_index" : "btree_index");
    return Sorted(found.rows);
  }

  std::optional<RowNumbers> Equal(const Predicate& leaf) override {
    if (leaf.values.empty() && leaf.kind == Kind::kEqual) return std::nullopt;
    std::vector<Value> values = leaf.values;
    DropAbsent(leaf, values);
    if (values.empty()) return RowNumbers();
    auto index = Find(leaf.column, leaf.type, IndexKind::kHash);
    if (index == nullptr) index = Find(leaf.column, leaf.type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return Ask(*index, [&](FoundRows& found) -> Status {
      for (std::size_t i = 0; i < values.size() && !found.too_many; ++i) {
        GRANARY_TRY(index->FindEqual(values[i], found));
      }
      return Status::Ok();
    });
  }

  /// Leaves out what the bloom filter says is nowhere in the segment.
  void DropAbsent(const Predicate& leaf, std::vector<Value>& values) {
    const auto bloom = Find(leaf.column, leaf.type, IndexKind::kBloom);
    if (bloom == nullptr) return;
    bool dropped = false;
    std::erase_if(values, [&](const Value& value) {
      const auto may = bloom->MayContain(value);
      if (!may.ok()) segment_.ReportDamage(bloom->key());
      const bool absent = may.ok() && !*may;
      dropped = dropped || absent;
      return absent;
    });
    if (dropped) stats_.access_paths.insert("bloom");
  }

  std::optional<RowNumbers> Range(const Bounds& bounds) override {
    const auto index = Find(bounds.any->column, bounds.any->type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return Ask(*index,
               [&](FoundRows& found) { return index->FindRange(bounds.low, bounds.high, found); });
  }

  std::optional<RowNumbers> Prefix(const Predicate& leaf, const std::string& prefix) override {
    const auto index = Find(leaf.column, leaf.type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return Ask(*index, [&](FoundRows& found) { return index->FindPrefix(prefix, found); });
  }

  const storage::Segment& segment_;
  QueryStats& stats_;
  const std::size_t rows_max_;
};

class ChunkProbe final : public Probe {
 public:
  ChunkProbe(const storage::HotChunk& chunk, const std::vector<storage::IndexKey>& indexes)
      : chunk_(chunk), indexes_(indexes) {}

 private:
  std::optional<RowNumbers> Equal(const Predicate& leaf) override {
    const int at = chunk_.schema->IndexOfId(leaf.column);
    const auto is_over = [&](const storage::IndexKey& key) { return key.column == leaf.column; };
    if (at < 0 || std::none_of(indexes_.begin(), indexes_.end(), is_over)) return std::nullopt;
    const DataType& type = chunk_.schema->columns()[static_cast<std::size_t>(at)].type;
    if (!storage::SharesKeys(type, leaf.type)) return std::nullopt;
    std::vector<std::uint64_t> hashes;
    for (const Value& value : leaf.values) hashes.push_back(storage::HashValue(value));
    RowNumbers rows;
    const std::size_t max = RowsMax(static_cast<std::uint64_t>(chunk_.batch->num_rows()));
    if (!chunk_.index->Find(leaf.column, *chunk_.batch->column(at), hashes, max, rows))
      return std::nullopt;
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
  }

  const storage::HotChunk& chunk_;
  const std::vector<storage::IndexKey>& indexes_;
};

}  // namespace

std::optional<RowNumbers> ProbeSegment(const Predicate& predicate, const storage::Segment& segment,
                                       QueryStats& stats) {
  if (segment.meta().indexes.empty() || segment.meta().rows > kRowsMax) return std::nullopt;
  return SegmentProbe(segment, stats).Rows(predicate);
}

std::optional<RowNumbers> ProbeChunk(const Predicate& predicate, const storage::HotChunk& chunk,
                                     const storage::SourceSnapshot& snapshot) {
  if (chunk.index == nullptr || snapshot.indexes.empty()) return std::nullopt;
  return ChunkProbe(chunk, snapshot.indexes).Rows(predicate);
}

std::optional<RowNumbers> ProbeFirst(const storage::Segment& segment, const Column& column,
                                     storage::KeyOrder order, std::size_t count,
                                     QueryStats& stats) {
  if (segment.meta().rows > kRowsMax) return std::nullopt;
  return SegmentProbe(segment, stats).First(column, order, count);
}

}  // namespace granary::query
