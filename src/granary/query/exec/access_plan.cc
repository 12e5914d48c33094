#include "granary/query/exec/access_plan.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <limits>
#include <list>
#include <utility>

#include "granary/query/exec/segment_stats.h"
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

// Are estimated between two looks at the token.
constexpr std::size_t kQuestionsAtOnce = 128;

const std::uint64_t kRowsOfGroup =
    static_cast<std::uint64_t>(storage::SegmentWriterOptions().row_group_rows);

ColumnGroup GroupOf(const std::vector<ColumnId>& columns, const Schema& schema) {
  ColumnGroup group;
  for (const ColumnId id : columns) {
    const Column* column = schema.FindId(id);
    const TypeKind unnamed = id < 0 ? TypeKind::kJson : TypeKind::kInt64;  // A path, or _seq.
    group.Add(column == nullptr ? DataType(unnamed) : column->type);
  }
  return group;
}

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
  EstimatorView(const Segment& segment, const Schema& schema, StatsView& stats)
      : segment_(segment), schema_(schema), stats_(stats) {}

  const storage::ColumnEstimator* Find(ColumnId column) {
    for (const auto& [id, found] : found_) {
      if (id == column) return found;
    }
    const storage::ColumnEstimator* estimator =
        IsAsInFile(column) ? segment_.Estimator(column) : Make(column);
    found_.emplace_back(column, estimator);
    return estimator;
  }

 private:
  bool IsAsInFile(ColumnId id) const {
    const Column* now = schema_.FindId(id);
    const Column* then = segment_.file_schema()->FindId(id);
    return now != nullptr && then != nullptr && now->type == then->type;
  }
  /// Of a column that was widened since, with its sketches; of another one as pruning sees it.
  const storage::ColumnEstimator* Make(ColumnId id) {
    const Column* now = schema_.FindId(id);
    const Column* then = segment_.file_schema()->FindId(id);
    const auto known = segment_.meta().columns.find(id);
    if (now != nullptr && then != nullptr && known != segment_.meta().columns.end())
      return &made_.emplace_back(storage::ConvertStats(known->second, then->type, now->type));
    const ColumnStats* stats = stats_.Find(id);
    return stats == nullptr ? nullptr : &made_.emplace_back(*stats);
  }

  const Segment& segment_;
  const Schema& schema_;
  StatsView& stats_;
  std::vector<std::pair<ColumnId, const storage::ColumnEstimator*>> found_;
  std::list<storage::ColumnEstimator> made_;
};

class AccessPlanner {
 public:
  AccessPlanner(const AccessInput& input, const AccessAsk& ask, const OptimizerOptions& options)
      : input_(input),
        ask_(ask),
        model_(Sound(options.model)),
        shape_{.predicate = input.predicate,
               .filter = GroupOf(input.filter_columns, *input.snapshot.schema),
               .rest = GroupOf(input.rest, *input.snapshot.schema),
               .comparisons = input.predicate == nullptr ? 0 : ComparisonsOf(*input.predicate),
               .per_match_ns = ask.per_match_ns,
               .limit = ask.limit},
        optimizer_(shape_, input.questions, model_,
                   options.enabled ? Choosing::kByCost : Choosing::kPlain),
        indexes_(input.questions),
        named_(input.questions.questions.size(), 1.0) {
    if (!ask.first_by.empty()) {
      shape_.first = ask.first_count;
      shape_.first_orders = ask.first_by.size();
    }
    if (options.forced) optimizer_.Force(*options.forced);
    read_ = input.filter_columns;
    read_.insert(read_.end(), input.rest.begin(), input.rest.end());
    plan_.named.resize(named_.size());
    plan_.asking_ns.resize(named_.size());
    by_cost_ = options.enabled;
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
    StatsView view = StatsView::OfSegment(*segment, *input_.snapshot.schema);
    SegmentFacts facts{.rows = meta.rows,
                       .row_groups = (meta.rows + kRowsOfGroup - 1) / kRowsOfGroup,
                       .all_match = input_.predicate == nullptr};
    if (input_.predicate != nullptr) {
      const storage::Outcomes outcomes = view.OutcomesOf(*input_.predicate);
      if (outcomes.NoneMatch()) {
        plan_.pruned.push_back({segment.get(), PrunedBy::kStatistics});
        return Status::Ok();
      }
      if (!storage::PartitionMayMatch(input_.snapshot.partitions, meta.partition,
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
      GRANARY_TRY(Estimate(*segment, view, facts));
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
    if (ask_.exactly && choice.probe >= 0) CountQuestions(facts, choice);
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

  Status Estimate(const Segment& segment, StatsView& view, SegmentFacts& facts) {
    EstimatorView estimators(segment, *input_.snapshot.schema, view);
    const KnownColumns known = [&](ColumnId column) { return estimators.Find(column); };
    facts.matches = Selectivity(*input_.predicate, known).matches;
    rows_ += static_cast<double>(facts.rows);
    matches_ += facts.matches * static_cast<double>(facts.rows);
    if (!by_cost_) return Status::Ok();
    facts.indexes = indexes_.Of(segment);
    if (facts.indexes.empty()) return Status::Ok();
    for (std::size_t i = 0; i < named_.size(); ++i) {
      if (i % kQuestionsAtOnce == kQuestionsAtOnce - 1) GRANARY_TRY(GoOn());
      const IndexQuestion& question = input_.questions.questions[i];
      named_[i] = question.NamedOf(known(question.column));
    }
    facts.named = named_;
    return Status::Ok();
  }

  void CountQuestions(const SegmentFacts& facts, const SegmentChoice& choice) {
    for (const std::uint16_t i : optimizer_.probe(choice.probe).questions) {
      const double rows = facts.named[i] * static_cast<double>(facts.rows);
      plan_.named[i] += rows;
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
      facts.matches =
          rows_ > 0 ? matches_ / rows_
                    : Selectivity(*input_.predicate, [](ColumnId) { return nullptr; }).matches;
      if (by_cost_ && chunk.index != nullptr) {
        LookAtHashes(chunk);
        facts.indexes = hashes_;
        facts.named = named_of_hot_;
      }
    }
    const SegmentChoice choice = optimizer_.ChooseHot(facts);
    if (ask_.exactly && choice.probe >= 0) CountQuestions(facts, choice);
    plan_.hot.push_back({&chunk, choice});
    ++plan_.pieces;
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
    }
  }

  const AccessInput& input_;
  const AccessAsk& ask_;
  const CostModel model_;
  AccessShape shape_;
  SourceOptimizer optimizer_;
  IndexesOfSegment indexes_;
  bool by_cost_ = true;
  double page_rows_ = 1;
  bool may_prune_pages_ = false;
  bool always_by_pages_ = false;
  std::vector<ColumnId> read_;
  std::vector<double> named_, named_of_hot_;
  std::vector<QuestionIndexes> hashes_;
  double rows_ = 0, matches_ = 0;  // Of the segments until now.
  AccessPlan plan_;
};

}  // namespace

Result<AccessPlan> PlanAccess(const AccessInput& input, const AccessAsk& ask,
                              const OptimizerOptions& options) {
  return AccessPlanner(input, ask, options).Plan();
}

}  // namespace granary::query
