#include "granary/query/exec/index_probe.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "granary/storage/index/index_key.h"
#include "granary/storage/stats/value_hash.h"

namespace granary::query {
namespace {

using storage::FoundRows;
using storage::IndexKind;
using storage::IndexReader;
using Node = IndexQuestions::Node;

// With so few rows at hand no further index is asked: checking them is cheaper.
constexpr std::size_t kFewRows = 64;
constexpr std::size_t kNotAsked = ~std::size_t{0};

void SortOut(RowNumbers& rows) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
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
    auto rows = Of(static_cast<std::size_t>(order_.questions.root));
    if (rows && rows->size() > order_.picked_max) return std::nullopt;
    return rows;
  }

 protected:
  virtual std::optional<RowNumbers> Ask(const IndexQuestion& question) = 0;

  const ProbeOrder& order_;

 private:
  std::optional<RowNumbers> Of(std::size_t place) {
    const Node& node = order_.questions.nodes[place];
    switch (node.kind) {
      case Node::Kind::kAnd: return Intersect(node);
      case Node::Kind::kOr: return Unite(node);
      case Node::Kind::kQuestion: break;
    }
    if (TurnOf(place) == kNotAsked) return std::nullopt;
    Measured* measured = order_.measured == nullptr ? nullptr : &(*order_.measured)[node.question];
    Stopwatch watch(measured);
    auto rows = Ask(order_.questions.questions[node.question]);
    if (rows) watch.rows = rows->size();
    if (measured == nullptr) return rows;
    measured->calls.fetch_add(1, std::memory_order_relaxed);
    if (!rows) measured->rows_at_least.fetch_add(order_.found_max + 1, std::memory_order_relaxed);
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

  std::optional<RowNumbers> Intersect(const Node& node) {
    std::vector<std::pair<std::size_t, std::uint16_t>> turns;
    for (const std::uint16_t part : node.parts) {
      const std::size_t turn = TurnOf(part);
      if (turn != kNotAsked) turns.emplace_back(turn, part);
    }
    std::sort(turns.begin(), turns.end());
    std::optional<RowNumbers> rows;
    for (const auto& [turn, part] : turns) {
      if (rows && rows->size() <= kFewRows) break;
      And(rows, Of(part));
    }
    return rows;
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

  std::optional<RowNumbers> Unite(const Node& node) {
    RowNumbers all;
    for (const std::uint16_t part : node.parts) {
      const auto rows = Of(part);
      if (!rows) return std::nullopt;
      all.insert(all.end(), rows->begin(), rows->end());
      if (all.size() / 2 <= order_.found_max) continue;
      SortOut(all);  // Parts may name the same rows.
      if (all.size() > order_.found_max) return std::nullopt;
    }
    SortOut(all);
    if (all.size() > order_.found_max) return std::nullopt;
    return all;
  }

  std::vector<std::size_t> turns_;  ///< Of each question; kNotAsked.
};

class SegmentIndexes {
 public:
  SegmentIndexes(const storage::Segment& segment, std::size_t found_max, QueryStats& stats)
      : segment_(segment), stats_(stats), found_max_(found_max) {}

  /// Null when the segment has none that can be asked for values of `type`.
  std::shared_ptr<const IndexReader> Find(ColumnId id, const DataType& type, IndexKind kind) const {
    const Column* column = segment_.file_schema()->FindId(id);
    if (column == nullptr || !storage::SharesKeys(column->type, type)) return nullptr;
    return segment_.Index({id, kind});
  }

  /// A damaged index is reported and says nothing.
  std::optional<RowNumbers> Ask(const IndexReader& index, std::size_t lookups,
                                const std::function<Status(FoundRows&)>& ask) {
    FoundRows found{found_max_, {}, false};
    const Status asked = ask(found);
    stats_.work[Counted::kLookup] += lookups;
    stats_.work[Counted::kIndexRow] += found.rows.size();
    if (!asked.ok()) {
      if (asked.code() == Code::kCorruption) segment_.ReportDamage(index.key());
      return std::nullopt;
    }
    if (found.too_many) return std::nullopt;
    stats_.access_paths.insert(index.key().kind == IndexKind::kHash ? "hash_index" : "btree_index");
    return Sorted(found.rows);
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
  const storage::Segment& segment_;
  QueryStats& stats_;
  const std::size_t found_max_;
};

class SegmentProber final : public Prober {
 public:
  SegmentProber(const ProbeOrder& order, const storage::Segment& segment, QueryStats& stats)
      : Prober(order), indexes_(segment, order.found_max, stats) {}

 private:
  std::optional<RowNumbers> Ask(const IndexQuestion& question) override {
    if (question.kind == IndexQuestion::Kind::kEqual) return Equal(question);
    const auto index = indexes_.Find(question.column, question.type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return indexes_.Ask(*index, 1, [&](FoundRows& found) {
      if (question.kind == IndexQuestion::Kind::kPrefix)
        return index->FindPrefix(question.prefix, found);
      const auto end = [](const Value& value) {
        return IsNull(value) ? std::nullopt : std::optional(value);
      };
      return index->FindRange(end(question.low), end(question.high), found);
    });
  }

  std::optional<RowNumbers> Equal(const IndexQuestion& question) {
    std::vector<Value> values = question.values;
    indexes_.DropAbsent(question, values);
    if (values.empty()) return RowNumbers();
    auto index = indexes_.Find(question.column, question.type, IndexKind::kHash);
    if (index == nullptr) index = indexes_.Find(question.column, question.type, IndexKind::kBtree);
    if (index == nullptr) return std::nullopt;
    return indexes_.Ask(*index, values.size(), [&](FoundRows& found) -> Status {
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
  ChunkProber(const ProbeOrder& order, const storage::HotChunk& chunk)
      : Prober(order), chunk_(chunk) {}

 private:
  std::optional<RowNumbers> Ask(const IndexQuestion& question) override {
    const int at = chunk_.schema->IndexOfId(question.column);
    if (at < 0 || question.kind != IndexQuestion::Kind::kEqual) return std::nullopt;
    std::vector<std::uint64_t> hashes;
    for (const Value& value : question.values) hashes.push_back(storage::HashValue(value));
    RowNumbers rows;
    if (!chunk_.index->Find(question.column, *chunk_.batch->column(at), hashes, order_.found_max,
                            rows))
      return std::nullopt;
    SortOut(rows);
    return rows;
  }

  const storage::HotChunk& chunk_;
};

}  // namespace

std::optional<RowNumbers> ProbeSegment(const ProbeOrder& order, const storage::Segment& segment,
                                       QueryStats& stats) {
  return SegmentProber(order, segment, stats).Rows();
}

std::optional<RowNumbers> ProbeChunk(const ProbeOrder& order, const storage::HotChunk& chunk) {
  if (chunk.index == nullptr) return std::nullopt;  // Of a chunk that a snapshot cuts.
  return ChunkProber(order, chunk).Rows();
}

std::optional<RowNumbers> ProbeFirst(const storage::Segment& segment, const Column& column,
                                     storage::KeyOrder order, std::size_t count,
                                     std::size_t found_max, QueryStats& stats) {
  SegmentIndexes indexes(segment, found_max, stats);
  const auto index = indexes.Find(column.id, column.type, IndexKind::kBtree);
  if (index == nullptr || count > found_max) return std::nullopt;
  bool told = false;
  auto rows = indexes.Ask(*index, 1, [&](FoundRows& found) -> Status {
    GRANARY_ASSIGN(told, index->FindFirst(order, count, found));
    return Status::Ok();
  });
  return told ? rows : std::nullopt;
}

}  // namespace granary::query
