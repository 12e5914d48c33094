#include "granary/query/exec/access_plan.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <limits>
#include <list>
#include <utility>

#include "granary/base/hash.h"
#include "granary/query/exec/hot_probe.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/query/optimizer/predicate_estimates.h"
#include "granary/query/optimizer/selectivity.h"
#include "granary/storage/index/index_key.h"
#include "granary/storage/segment/segment_writer.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::query {
namespace {

using storage::IndexKey;
using storage::IndexKind;
using storage::Segment;

// Row numbers are 32 bits with a sign.
constexpr std::uint64_t kRowsMax = std::numeric_limits<std::int32_t>::max();

// Of a hot chunk's rows an order may name one in so many: it lies in memory, and more are sooner
// looked at.
constexpr std::size_t kHotPart = 4;

const std::uint64_t kRowsOfGroup =
    static_cast<std::uint64_t>(storage::SegmentWriterOptions().row_group_rows);

bool HasIndex(const std::vector<storage::IndexMeta>& indexes, IndexKey key) {
  return std::ranges::find(indexes, key, &storage::IndexMeta::key) != indexes.end();
}

/// Which of a segment's indexes each question may be put to. Neighbours mostly have the same.
class IndexesOfSegment {
 public:
  explicit IndexesOfSegment(const IndexQuestions& questions) : questions_(questions) {}

  /// Empty when there is none to ask.
  std::span<const QuestionIndexes> Of(const Segment& segment) {
    if (questions_.empty() || segment.meta().rows > kRowsMax) return {};
    if (!IsAsBefore(segment)) Look(segment);
    return any_ ? std::span<const QuestionIndexes>(indexes_) : std::span<const QuestionIndexes>();
  }

 private:
  bool IsAsBefore(const Segment& segment) const {
    const auto& indexes = segment.meta().indexes;
    return looked_ && segment.file_schema().get() == schema_ && indexes.size() == keys_.size() &&
           std::equal(indexes.begin(), indexes.end(), keys_.begin(),
                      [](const storage::IndexMeta& a, const IndexKey& b) { return a.key == b; });
  }

  void Look(const Segment& segment) {
    looked_ = true;
    any_ = false;
    schema_ = segment.file_schema().get();
    keys_.clear();
    for (const storage::IndexMeta& index : segment.meta().indexes) keys_.push_back(index.key);
    indexes_.assign(questions_.questions.size(), {});
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
      const IndexQuestion& question = questions_.questions[i];
      const Column* column = schema_->FindId(question.column);
      if (column == nullptr || !storage::SharesKeys(column->type, question.type)) continue;
      const auto has = [&](IndexKind kind) {
        return std::find(keys_.begin(), keys_.end(), IndexKey{question.column, kind}) !=
               keys_.end();
      };
      indexes_[i] = {has(IndexKind::kHash), has(IndexKind::kBtree), has(IndexKind::kBloom)};
      any_ = any_ || indexes_[i].hash || indexes_[i].btree || indexes_[i].bloom;
    }
  }

  const IndexQuestions& questions_;
  bool looked_ = false, any_ = false;
  const Schema* schema_ = nullptr;
  std::vector<IndexKey> keys_;
  std::vector<QuestionIndexes> indexes_;
};

/// What is known of a segment's columns, in the types that they have now.
class EstimatorView {
 public:
  EstimatorView(const std::vector<ColumnId>& columns, const Schema& schema) {
    for (const ColumnId id : columns) columns_.push_back({.id = id, .now = schema.FindId(id)});
  }

  /// Both outlive what it tells of them.
  void Look(const Segment& segment, StatsView& stats) {
    segment_ = &segment;
    stats_ = &stats;
    made_.clear();
    for (KnownColumn& column : columns_) column.is_found = false;
    if (segment.file_schema().get() == file_schema_) return;
    file_schema_ = segment.file_schema().get();
    for (KnownColumn& column : columns_) column.then = file_schema_->IndexOfId(column.id);
  }

  const storage::ColumnEstimator* Find(ColumnId id) {
    const auto at = std::ranges::find(columns_, id, &KnownColumn::id);
    if (at == columns_.end()) return nullptr;
    if (!at->is_found) {
      at->is_found = true;
      at->estimator = Estimator(*at);
    }
    return at->estimator;
  }

 private:
  struct KnownColumn {
    ColumnId id = 0;
    const Column* now = nullptr;
    int then = -1;  ///< Its place in the file's schema.
    bool is_found = false;
    const storage::ColumnEstimator* estimator = nullptr;
  };

  /// Of a column that was widened since, with its sketches; of another one as pruning sees it.
  const storage::ColumnEstimator* Estimator(const KnownColumn& column) {
    if (column.now != nullptr && column.then >= 0) {
      const auto place = static_cast<std::size_t>(column.then);
      const DataType& then = file_schema_->columns()[place].type;
      if (column.now->type == then) return segment_->EstimatorAt(place);
      const ColumnStats* known = segment_->StatsAt(place);
      if (known != nullptr)
        return &made_.emplace_back(storage::ConvertStats(*known, then, column.now->type));
    }
    const ColumnStats* stats = stats_->Find(column.id);
    return stats == nullptr ? nullptr : &made_.emplace_back(*stats);
  }

  const Schema* file_schema_ = nullptr;
  const Segment* segment_ = nullptr;
  StatsView* stats_ = nullptr;
  std::vector<KnownColumn> columns_;
  std::list<storage::ColumnEstimator> made_;
};

class AccessPlanner {
 public:
  AccessPlanner(const AccessInput& input, const AccessAsk& ask, const OptimizerOptions& options)
      : input_(input),
        ask_(ask),
        model_(Sound(options.model)),
        shape_{.filters = input.predicate != nullptr,
               .checks = input.predicate == nullptr ? Work() : CheckWork(*input.predicate),
               .filter = GroupOf(input.filter_columns, *input.snapshot.schema),
               .rest = GroupOf(input.rest, *input.snapshot.schema),
               .comparisons = input.predicate == nullptr ? 0 : ComparisonsOf(*input.predicate),
               .per_match_ns = ask.per_match_ns,
               .limit = ask.limit},
        optimizer_(shape_, input.questions, model_,
                   options.enabled ? Choosing::kByCost : Choosing::kPlain),
        indexes_(input.questions),
        estimators_(
            input.predicate == nullptr ? std::vector<ColumnId>() : input.predicate->Columns(),
            *input.snapshot.schema),
        stats_(StatsView::OfSegments(*input.snapshot.schema)) {
    if (input.predicate != nullptr) {
      estimates_.emplace(*input.predicate, input.questions,
                         PredicateEstimates::Learning{options.corrections.get(),
                                                      ShapeSeedOf(input.snapshot), input.typical});
      plan_.predicate_shape = estimates_->shape();
      plan_.question_shapes = estimates_->question_shapes();
      plan_.correction = estimates_->correction();
      plan_.is_one_question = estimates_->is_one_question();
      for (std::size_t i = 0; i < input.questions.questions.size(); ++i)
        plan_.corrections.push_back(estimates_->correction_of(i));
    }
    if (!ask.first_by.empty()) {
      shape_.first = ask.first_count;
      shape_.first_orders = ask.first_by.size();
    }
    if (options.forced) optimizer_.Force(*options.forced);
    read_ = input.filter_columns;
    read_.insert(read_.end(), input.rest.begin(), input.rest.end());
    plan_.named.resize(input.questions.questions.size());
    plan_.asking_ns.resize(plan_.named.size());
    plan_.named_by_statistics.resize(plan_.named.size());
    plan_.asked.resize(plan_.named.size());
    by_cost_ = options.enabled;
    may_probe_hot_ = options.enabled && options.forced != kScan;
    page_rows_ = static_cast<double>(std::max<std::int64_t>(options.page_rows, 1));
    may_prune_pages_ = by_cost_ && input.predicate != nullptr && MayPrunePages(*input.predicate);
    always_by_pages_ = options.forced == kPages;
  }

  Result<AccessPlan> Plan() {
    plan_.segments.reserve(input_.snapshot.segments.size());
    for (const auto& segment : input_.snapshot.segments) {
      const bool is_without =
          std::binary_search(ask_.without.begin(), ask_.without.end(), segment->meta().id);
      ++plan_.segments_total;
      if (!is_without) GRANARY_TRY(Add(segment));
    }
    for (const storage::HotChunk& chunk : input_.snapshot.hot) {
      GRANARY_TRY(GoOn());
      if (chunk.batch->num_rows() > 0) AddHot(chunk);
    }
    plan_.first_by = ask_.first_by;
    plan_.first_count = ask_.first_count;
    plan_.shape = shape_;
    plan_.choices = std::move(optimizer_).Finish();
    return std::move(plan_);
  }

 private:
  Status GoOn() const { return ask_.cancel == nullptr ? Status::Ok() : ask_.cancel->Check(); }

  Status Add(const std::shared_ptr<const Segment>& segment) {
    GRANARY_TRY(GoOn());
    const storage::SegmentMeta& meta = segment->meta();
    const storage::RowSetPtr deleted = segment->DeletedAt(input_.snapshot.visible_sequence);
    const std::uint64_t deleted_rows = deleted == nullptr ? 0 : deleted->count();
    if (deleted != nullptr && deleted_rows == meta.rows) {
      plan_.pruned.push_back({segment.get(), PrunedBy::kDeletions});
      return Status::Ok();
    }
    stats_.Look(*segment);
    SegmentFacts facts{.rows = meta.rows,
                       .row_groups = (meta.rows + kRowsOfGroup - 1) / kRowsOfGroup,
                       .all_match = input_.predicate == nullptr};
    if (input_.predicate != nullptr) {
      const storage::Outcomes outcomes = stats_.OutcomesOf(*input_.predicate);
      if (outcomes.NoneMatch()) {
        plan_.pruned.push_back({segment.get(), PrunedBy::kStatistics});
        return Status::Ok();
      }
      if (!input_.snapshot.partitions.empty() &&
          !storage::PartitionMayMatch(input_.snapshot.partitions, meta.partition,
                                      *segment->file_schema(), *input_.predicate)) {
        plan_.pruned.push_back({segment.get(), PrunedBy::kPartition});
        return Status::Ok();
      }
      facts.all_match = outcomes.AllMatch();
    }
    if (facts.all_match) {
      facts.by_metadata = ask_.by_metadata && ask_.by_metadata(*segment, deleted_rows);
      facts.first_by_index = HasTrees(*segment);
    } else {
      Estimate(*segment, facts);
    }
    std::shared_ptr<const SegmentPages> pages;
    const auto pages_of = [&]() -> std::optional<PageFacts> {
      pages = LookAtPages(*segment);
      return pages == nullptr ? std::nullopt : std::optional(pages->facts);
    };
    if (may_prune_pages_ && !facts.all_match &&
        (always_by_pages_ || static_cast<double>(facts.rows) > page_rows_)) {
      facts.pages = PagesOfSorted(facts, page_rows_);
      if (ask_.exactly) {
        if (const auto exact = pages_of()) facts.pages = exact;
      }
    }
    const auto is_cached = [&] { return segment->IsCached(read_, *input_.snapshot.schema); };
    if (ask_.exactly) facts.cached = is_cached();
    const SegmentChoice choice = optimizer_.Choose(facts, is_cached, pages_of);
    if (choice.probe >= 0) CountQuestions(facts, choice);
    plan_.pieces += facts.row_groups;
    if (choice.way != kPages) pages = nullptr;
    plan_.segments.push_back({segment, facts.all_match, choice, deleted, std::move(pages)});
    return Status::Ok();
  }

  /// Null while they would have to be read first.
  std::shared_ptr<const SegmentPages> LookAtPages(const Segment& segment) const {
    std::shared_ptr<const storage::SegmentReader> reader = segment.OpenReader();
    if (ask_.exactly && reader == nullptr) {
      auto opened = segment.Reader();
      if (opened.ok()) reader = opened.Take();
    }
    if (reader == nullptr) return nullptr;
    if (ask_.exactly) {
      std::uint64_t uncounted = 0;
      segment.LoadPages(*reader, read_, uncounted);
    } else if (!reader->HasLoadedPages(input_.filter_columns)) {
      return nullptr;
    }
    static const runtime::CancelToken kNever;
    auto pages = PagesOfSegment(*reader, *input_.snapshot.schema, *input_.predicate,
                                ask_.cancel == nullptr ? kNever : *ask_.cancel);
    if (!pages.ok()) return nullptr;  // It is cancelled, which who asks next is told.
    return std::make_shared<const SegmentPages>(pages.Take());
  }

  void Estimate(const Segment& segment, SegmentFacts& facts) {
    if (by_cost_) facts.indexes = indexes_.Of(segment);
    estimators_.Look(segment, stats_);
    const KnownColumns known = [this](ColumnId column) { return estimators_.Find(column); };
    estimates_->Of(known, !facts.indexes.empty(), found_);
    facts.matches = found_.matches;
    const auto rows = static_cast<double>(facts.rows);
    rows_ += rows;
    matches_ += found_.matches * rows;
    by_statistics_ += found_.matches_by_statistics * rows;
    plan_.matches_by_statistics += found_.matches_by_statistics * rows;
    if (!facts.indexes.empty()) facts.named = found_.named;
  }

  void CountQuestions(const SegmentFacts& facts, const SegmentChoice& choice) {
    for (const std::uint16_t i : optimizer_.probe(choice.probe).questions) {
      const double rows = facts.named[i] * static_cast<double>(facts.rows);
      plan_.named[i] += rows;
      plan_.named_by_statistics[i] +=
          found_.named_by_statistics[i] * static_cast<double>(facts.rows);
      ++plan_.asked[i];
      plan_.asking_ns[i] += model_.index_lookup_ns + rows * model_.index_row_ns;
    }
  }

  bool HasTrees(const Segment& segment) const {
    return !ask_.first_by.empty() && segment.meta().rows <= kRowsMax &&
           std::ranges::all_of(ask_.first_by, [&](const AccessAsk::Order& first) {
             const Column* column = segment.file_schema()->FindId(first.column.id);
             return column != nullptr && storage::SharesKeys(column->type, first.column.type) &&
                    HasIndex(segment.meta().indexes, {first.column.id, IndexKind::kBtree});
           });
  }

  /// Of hot rows there are no statistics: they are taken to be like those in segments.
  void AddHot(const storage::HotChunk& chunk) {
    SegmentFacts facts{.rows = static_cast<std::uint64_t>(chunk.batch->num_rows()),
                       .all_match = input_.predicate == nullptr};
    if (input_.predicate != nullptr) {
      const double unknown =
          rows_ > 0 ? 0 : Selectivity(*input_.predicate, [](ColumnId) { return nullptr; }).matches;
      facts.matches = rows_ > 0 ? matches_ / rows_ : unknown;
      plan_.matches_by_statistics +=
          (rows_ > 0 ? by_statistics_ / rows_ : unknown) * static_cast<double>(facts.rows);
      if (by_cost_ && chunk.index != nullptr) {
        LookAtHashes(chunk);
        facts.indexes = hashes_;
        facts.named = named_of_hot_;
      }
    }
    SegmentChoice choice = optimizer_.ChooseHot(facts);
    if (HasOrders(chunk)) {
      choice.way = kFirst;
      choice.found_max = static_cast<std::size_t>(facts.rows) / kHotPart;
    }
    if (ask_.exactly && choice.probe >= 0) {
      found_.named_by_statistics = named_of_hot_;
      CountQuestions(facts, choice);
    }
    plan_.hot.push_back({&chunk, choice});
    ++plan_.pieces;
  }

  /// True when all rows are wanted, and declared B-trees give the orders that the first are of.
  bool HasOrders(const storage::HotChunk& chunk) const {
    return may_probe_hot_ && input_.predicate == nullptr && !ask_.first_by.empty() &&
           chunk.index != nullptr &&
           std::ranges::all_of(ask_.first_by, [&](const AccessAsk::Order& first) {
             return IsDeclared({first.column.id, IndexKind::kBtree});
           });
  }

  bool IsDeclared(IndexKey key) const {
    return std::ranges::find(input_.snapshot.indexes, key) != input_.snapshot.indexes.end();
  }

  void LookAtHashes(const storage::HotChunk& chunk) {
    const auto& questions = input_.questions.questions;
    hashes_.assign(questions.size(), {});
    named_of_hot_.assign(questions.size(), 1.0);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const bool is_indexed = std::ranges::any_of(
          input_.snapshot.indexes,
          [&](const IndexKey& key) { return key.column == questions[i].column; });
      const Column* column = chunk.schema->FindId(questions[i].column);
      hashes_[i].hash = questions[i].kind == IndexQuestion::Kind::kEqual && is_indexed &&
                        column != nullptr && storage::SharesKeys(column->type, questions[i].type);
      named_of_hot_[i] = questions[i].NamedOf(nullptr);
      if (!IsDeclared({questions[i].column, IndexKind::kBtree})) continue;
      const auto rows = static_cast<std::size_t>(chunk.batch->num_rows());
      const auto named = FindInOrder(questions[i], chunk, rows / kHotPart);
      if (!named) continue;
      hashes_[i].btree = true;
      named_of_hot_[i] = static_cast<double>(named->size()) / static_cast<double>(rows);
    }
  }

  const AccessInput& input_;
  const AccessAsk& ask_;
  const CostModel model_;
  AccessShape shape_;
  SourceOptimizer optimizer_;
  IndexesOfSegment indexes_;
  bool by_cost_ = true, may_probe_hot_ = true;
  double page_rows_ = 1;
  bool may_prune_pages_ = false;
  bool always_by_pages_ = false;
  std::vector<ColumnId> read_;
  EstimatorView estimators_;
  StatsView stats_;
  std::optional<PredicateEstimates> estimates_;  // Of the predicate, if there is one.
  PredicateEstimates::Found found_;              // Of the segment at hand.
  std::vector<double> named_of_hot_;
  std::vector<QuestionIndexes> hashes_;
  double rows_ = 0, matches_ = 0, by_statistics_ = 0;  // Of the segments.
  AccessPlan plan_;
};

}  // namespace

ColumnGroup GroupOf(const std::vector<ColumnId>& columns, const Schema& schema) {
  ColumnGroup group;
  for (const ColumnId id : columns) {
    const Column* column = schema.FindId(id);
    const TypeKind unnamed = id < 0 ? TypeKind::kJson : TypeKind::kInt64;  // A path, or _seq.
    group.Add(column == nullptr ? DataType(unnamed) : column->type);
  }
  return group;
}

std::uint64_t ShapeSeedOf(const storage::SourceSnapshot& snapshot) {
  return Hash64(snapshot.id.str(), snapshot.uid.value);
}

Result<AccessPlan> PlanAccess(const AccessInput& input, const AccessAsk& ask,
                              const OptimizerOptions& options) {
  return AccessPlanner(input, ask, options).Plan();
}

}  // namespace granary::query
