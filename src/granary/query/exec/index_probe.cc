#include "granary/query/exec/index_probe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include "granary/query/exec/hot_probe.h"
#include "granary/storage/index/index_key.h"

namespace granary::query {
namespace {

using storage::FoundRows;
using storage::IndexKind;
using storage::IndexReader;
using Node = IndexQuestions::Node;

constexpr std::size_t kNotAsked = ~std::size_t{0};

constexpr std::int32_t kLastOfAll = std::numeric_limits<std::int32_t>::max();

// Fewer numbers are sorted as they are.
constexpr std::size_t kBitsFrom = 64;

/// Ascending, each once. What one key names is so already; many numbers are set as bits and read
/// again, which is a step for each of them and not for each of their comparisons.
void SortOut(RowNumbers& rows) {
  if (std::adjacent_find(rows.begin(), rows.end(), std::greater_equal()) == rows.end()) return;
  const auto [least, most] = std::ranges::minmax(rows);
  const auto words = static_cast<std::size_t>(most - least) / 64 + 1;
  if (rows.size() < kBitsFrom || words / 8 > rows.size()) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return;
  }
  std::vector<std::uint64_t> bits(words);
  for (const std::int32_t row : rows) {
    const auto at = static_cast<std::uint32_t>(row - least);
    bits[at / 64] |= std::uint64_t{1} << (at % 64);
  }
  rows.clear();
  for (std::size_t word = 0; word < words; ++word) {
    for (std::uint64_t left = bits[word]; left != 0; left &= left - 1)
      rows.push_back(least + static_cast<std::int32_t>(word * 64) + std::countr_zero(left));
  }
}

RowNumbers Sorted(const std::vector<std::uint32_t>& found) {
  RowNumbers rows(found.begin(), found.end());
  SortOut(rows);
  return rows;
}

/// Combines what questions find; where that comes from is the derived class's.
class Prober {
 public:
  explicit Prober(const ProbeOrder& order)
      : order_(order), turns_(order.questions.questions.size(), kNotAsked) {
    for (std::size_t turn = order.probe.questions.size(); turn-- > 0;)
      turns_[order.probe.questions[turn]] = turn;
  }
  virtual ~Prober() = default;

  std::optional<RowNumbers> Rows() {
    auto rows = Of(static_cast<std::size_t>(order_.questions.root), order_.found_max);
    if (rows && rows->size() > order_.picked_max) return std::nullopt;
    return rows;
  }

 protected:
  virtual std::optional<RowNumbers> Ask(const IndexQuestion& question, std::size_t found_max) = 0;

  const ProbeOrder& order_;

 private:
  std::optional<RowNumbers> Of(std::size_t place, std::size_t found_max) {
    const Node& node = order_.questions.nodes[place];
    switch (node.kind) {
      case Node::Kind::kAnd: return Intersect(node, found_max);
      case Node::Kind::kOr: return Unite(node, found_max);
      case Node::Kind::kQuestion: break;
    }
    if (TurnOf(place) == kNotAsked) return std::nullopt;
    Measured* measured = order_.measured == nullptr ? nullptr : &(*order_.measured)[node.question];
    Stopwatch watch(measured);
    auto rows = Ask(order_.questions.questions[node.question], found_max);
    if (rows) watch.rows = rows->size();
    if (measured == nullptr) return rows;
    measured->calls.fetch_add(1, std::memory_order_relaxed);
    if (!rows) measured->rows_at_least.fetch_add(found_max + 1, std::memory_order_relaxed);
    return rows;
  }

  /// When the first of a node's questions is asked.
  std::size_t TurnOf(std::size_t place) const {
    const Node& node = order_.questions.nodes[place];
    if (node.kind == Node::Kind::kQuestion) return turns_[node.question];
    std::size_t first = kNotAsked;
    for (const std::uint16_t part : node.parts) first = std::min(first, TurnOf(part));
    return first;
  }

  std::optional<RowNumbers> Intersect(const Node& node, std::size_t found_max) {
    std::vector<std::pair<std::size_t, std::uint16_t>> turns;
    for (const std::uint16_t part : node.parts) {
      const std::size_t turn = TurnOf(part);
      if (turn != kNotAsked) turns.emplace_back(turn, part);
    }
    std::sort(turns.begin(), turns.end());
    std::optional<RowNumbers> rows;
    for (const auto& [turn, part] : turns) {
      if (rows && rows->size() <= order_.probe.enough[turn]) {
        // Those that come later are expected to name more rows and to leave as many: expected.
        if (rows->size() <= order_.probe.insured_from) break;
        And(rows, Of(part, InsuredMax(rows->size())));
      } else {
        And(rows, Of(part, found_max));
      }
    }
    return rows;
  }

  std::size_t InsuredMax(std::size_t rows) const {
    const double most = double{order_.probe.insured_part} * static_cast<double>(rows);
    return static_cast<std::size_t>(std::min(most, static_cast<double>(order_.found_max)));
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

  std::optional<RowNumbers> Unite(const Node& node, std::size_t found_max) {
    RowNumbers all;
    for (const std::uint16_t part : node.parts) {
      const auto rows = Of(part, found_max);
      if (!rows) return std::nullopt;
      all.insert(all.end(), rows->begin(), rows->end());
      if (all.size() / 2 <= found_max) continue;
      SortOut(all);  // Parts may name the same rows.
      if (all.size() > found_max) return std::nullopt;
    }
    SortOut(all);
    if (all.size() > found_max) return std::nullopt;
    return all;
  }

  std::vector<std::size_t> turns_;  ///< Of each question; kNotAsked.
};

class SegmentIndexes {
 public:
  SegmentIndexes(const storage::Segment& segment, QueryStats& stats)
      : segment_(segment), stats_(stats) {}

  /// Null when the segment has none that can be asked for values of `type`.
  std::shared_ptr<const IndexReader> Find(ColumnId id, const DataType& type, IndexKind kind) const {
    const Column* column = segment_.file_schema()->FindId(id);
    if (column == nullptr || !storage::SharesKeys(column->type, type)) return nullptr;
    return segment_.Index({id, kind});
  }

  /// A damaged index is reported and says nothing.
  std::optional<RowNumbers> Ask(const IndexReader& index, std::size_t lookups,
                                std::size_t found_max,
                                const std::function<Status(FoundRows&)>& ask) {
    FoundRows found{.max = found_max, .rows = {}};
    if (!Ask(index, lookups, found, ask) || found.too_many) return std::nullopt;
    stats_.access_paths.insert(PathName(index));
    return Sorted(found.rows);
  }

  /// The one for equality, a hash index rather than a B-tree.
  std::shared_ptr<const IndexReader> FindForKeys(const IndexQuestion& question) const {
    auto index = Find(question.column, question.type, IndexKind::kHash);
    return index != nullptr ? index : Find(question.column, question.type, IndexKind::kBtree);
  }

  std::optional<RowsOfKeys> Keys(const IndexQuestion& question, std::size_t each_max) {
    const auto index = FindForKeys(question);
    if (index == nullptr) return std::nullopt;
    std::vector<Value> values = question.values;
    DropAbsent(question, values);
    FoundRows found{.keeps_first = true};
    std::int32_t last = kLastOfAll;  // That is known of all values.
    for (const Value& value : values) {
      found.max = found.rows.size() + each_max;
      const bool told =
          Ask(*index, 1, found, [&](FoundRows& rows) { return index->FindEqual(value, rows); });
      if (!told) return std::nullopt;
      if (found.too_many) last = std::min(last, static_cast<std::int32_t>(found.rows.back()));
    }
    if (!values.empty()) stats_.access_paths.insert(PathName(*index));
    RowsOfKeys keys{Sorted(found.rows)};
    keys.all = last == kLastOfAll;
    keys.rows.erase(std::ranges::upper_bound(keys.rows, last), keys.rows.end());
    return keys;
  }

  /// Leaves out what the bloom filter says is nowhere in the segment.
  void DropAbsent(const IndexQuestion& question, std::vector<Value>& values) {
    const auto bloom = Find(question.column, question.type, IndexKind::kBloom);
    if (bloom == nullptr) return;
    stats_.work[Counted::kBloomLookup] += values.size();
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

 private:
  static const char* PathName(const IndexReader& index) {
    return index.key().kind == IndexKind::kHash ? "hash_index" : "btree_index";
  }

  /// False when it cannot be asked.
  bool Ask(const IndexReader& index, std::size_t lookups, FoundRows& found,
           const std::function<Status(FoundRows&)>& ask) {
    const std::size_t before = found.rows.size();
    const Status asked = ask(found);
    stats_.work[Counted::kLookup] += lookups;
    stats_.work[Counted::kIndexRow] += found.rows.size() - before;
    if (asked.code() == Code::kCorruption) segment_.ReportDamage(index.key());
    return asked.ok();
  }

  const storage::Segment& segment_;
  QueryStats& stats_;
};

class SegmentProber final : public Prober {
 public:
  SegmentProber(const ProbeOrder& order, const storage::Segment& segment, QueryStats& stats)
      : Prober(order), indexes_(segment, stats) {}

 private:
  std::optional<RowNumbers> Ask(const IndexQuestion& question, std::size_t found_max) override {
    if (question.kind == IndexQuestion::Kind::kEqual) return Equal(question, found_max);
    const auto index = indexes_.Find(question.column, question.type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return indexes_.Ask(*index, 1, found_max, [&](FoundRows& found) {
      if (question.kind == IndexQuestion::Kind::kPrefix)
        return index->FindPrefix(question.prefix, found);
      const auto end = [](const Value& value) {
        return IsNull(value) ? std::nullopt : std::optional(value);
      };
      return index->FindRange(end(question.low), end(question.high), found);
    });
  }

  std::optional<RowNumbers> Equal(const IndexQuestion& question, std::size_t found_max) {
    std::vector<Value> values = question.values;
    indexes_.DropAbsent(question, values);
    if (values.empty()) return RowNumbers();
    const auto index = indexes_.FindForKeys(question);
    if (index == nullptr) return std::nullopt;
    return indexes_.Ask(*index, values.size(), found_max, [&](FoundRows& found) -> Status {
      for (std::size_t i = 0; i < values.size() && !found.too_many; ++i) {
        GRANARY_TRY(index->FindEqual(values[i], found));
      }
      return Status::Ok();
    });
  }

  SegmentIndexes indexes_;
};

class ChunkProber final : public Prober {
 public:
  ChunkProber(const ProbeOrder& order, const storage::HotChunk& chunk, QueryStats& stats)
      : Prober(order), chunk_(chunk), stats_(stats) {}

 private:
  std::optional<RowNumbers> Ask(const IndexQuestion& question, std::size_t found_max) override {
    const bool is_equal = question.kind == IndexQuestion::Kind::kEqual;
    auto rows = is_equal ? FindByHash(question, chunk_, found_max)
                         : FindInOrder(question, chunk_, found_max);
    if (rows) stats_.access_paths.insert(is_equal ? "hash_index" : "btree_index");
    return rows;
  }

  const storage::HotChunk& chunk_;
  QueryStats& stats_;
};

}  // namespace

std::optional<RowNumbers> ProbeSegment(const ProbeOrder& order, const storage::Segment& segment,
                                       QueryStats& stats) {
  return SegmentProber(order, segment, stats).Rows();
}

std::optional<RowsOfKeys> ProbeKeys(const IndexQuestion& question, const storage::Segment& segment,
                                    std::size_t each_max, QueryStats& stats) {
  return SegmentIndexes(segment, stats).Keys(question, each_max);
}

std::optional<RowNumbers> ProbeChunk(const ProbeOrder& order, const storage::HotChunk& chunk,
                                     QueryStats& stats) {
  return ChunkProber(order, chunk, stats).Rows();
}

std::optional<RowNumbers> ProbeFirst(const storage::Segment& segment, const Column& column,
                                     storage::KeyOrder order, std::size_t count,
                                     std::size_t found_max, QueryStats& stats) {
  SegmentIndexes indexes(segment, stats);
  const auto index = indexes.Find(column.id, column.type, IndexKind::kBtree);
  if (index == nullptr || count > found_max) return std::nullopt;
  bool told = false;
  auto rows = indexes.Ask(*index, 1, found_max, [&](FoundRows& found) -> Status {
    GRANARY_ASSIGN(told, index->FindFirst(order, count, found));
    return Status::Ok();
  });
  return told ? rows : std::nullopt;
}

}  // namespace granary::query
