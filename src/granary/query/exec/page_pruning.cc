#include "granary/query/exec/page_pruning.h"

#include <algorithm>
#include <list>
#include <memory>

#include "granary/query/exec/path_outcomes.h"
#include "granary/query/exec/segment_stats.h"
#include "granary/storage/stats/stats_builder.h"

namespace granary::query {
namespace {

using storage::ColumnPages;
using storage::SegmentReader;

/// The bounds of a predicate's columns in one row group, page by page.
class PageView {
 public:
  PageView(const SegmentReader& reader, int row_group, const Schema& schema,
           const Predicate& predicate)
      : reader_(reader),
        row_group_(row_group),
        schema_(schema),
        whole_(StatsView::OfRowGroup(reader, row_group, schema)) {
    for (const ColumnId id : predicate.Columns()) Add(id);
    ends_.push_back(reader.rows(row_group));
    std::sort(ends_.begin(), ends_.end());
    ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
  }

  /// Behind the rows of each piece.
  const std::vector<std::int64_t>& ends() const { return ends_; }

  storage::Outcomes OutcomesFrom(const Predicate& predicate, std::int64_t row) {
    for (PagedColumn& column : columns_) {
      while (column.pages->first_rows[column.at + 1] <= row) ++column.at;
    }
    return storage::PossibleOutcomes(
        predicate, [this](ColumnId id) { return Find(id); },
        [this](const Predicate& leaf) { return PathOutcomes(reader_, row_group_, schema_, leaf); });
  }

 private:
  struct PagedColumn {
    ColumnId id = 0;
    std::shared_ptr<const ColumnPages> pages;
    const std::vector<ColumnStats>* stats = nullptr;
    std::size_t at = 0;  // The page that the piece at hand lies in.
  };

  void Add(ColumnId id) {
    auto pages = reader_.Pages(row_group_, id);
    // Where the row group's statistics are of no use, those of its pages are not either.
    if (pages == nullptr || pages->stats.empty() || whole_.Find(id) == nullptr) return;
    ends_.insert(ends_.end(), pages->first_rows.begin() + 1, pages->first_rows.end());
    const std::vector<ColumnStats>* stats = &pages->stats;
    const Column* now = schema_.FindId(id);
    const Column* then = reader_.file_schema().FindId(id);
    if (now != nullptr && then != nullptr && !(now->type == then->type)) {
      std::vector<ColumnStats>& converted = converted_.emplace_back();
      for (const ColumnStats& page : *stats)
        converted.push_back(storage::ConvertStats(page, then->type, now->type));
      stats = &converted;
    }
    columns_.push_back({id, std::move(pages), stats, 0});
  }

  const ColumnStats* Find(ColumnId id) {
    for (const PagedColumn& column : columns_) {
      if (column.id == id) return &(*column.stats)[column.at];
    }
    return whole_.Find(id);
  }

  const SegmentReader& reader_;
  const int row_group_;
  const Schema& schema_;
  StatsView whole_;
  std::vector<PagedColumn> columns_;
  std::list<std::vector<ColumnStats>> converted_;
  std::vector<std::int64_t> ends_;
};

}  // namespace

Result<PagesLeft> PagesThatMayMatch(const SegmentReader& reader, int row_group,
                                    const Schema& schema, const Predicate& predicate,
                                    const runtime::CancelToken& cancel) {
  PagesLeft left;
  PageView view(reader, row_group, schema, predicate);
  std::int64_t begin = 0;
  for (const std::int64_t end : view.ends()) {
    if (end == begin) continue;
    GRANARY_TRY(cancel.Check());
    ++left.total;
    if (!view.OutcomesFrom(predicate, begin).NoneMatch()) {
      ++left.kept;
      storage::AddSpan(left.rows, {begin, end});
    }
    begin = end;
  }
  return left;
}

Result<SegmentPages> PagesOfSegment(const SegmentReader& reader, const Schema& schema,
                                    const Predicate& predicate,
                                    const runtime::CancelToken& cancel) {
  SegmentPages pages;
  for (int group = 0; group < reader.row_groups(); ++group) {
    GRANARY_ASSIGN(PagesLeft found, PagesThatMayMatch(reader, group, schema, predicate, cancel));
    const PagesLeft& left = pages.groups.emplace_back(std::move(found));
    pages.facts.rows += static_cast<double>(CountRows(left.rows));
    pages.facts.kept += static_cast<double>(left.kept);
    pages.facts.total += static_cast<double>(left.total);
    pages.facts.row_groups += left.kept > 0 ? 1 : 0;
  }
  return pages;
}

bool MayPrunePages(const Predicate& predicate) {
  using Kind = Predicate::Kind;
  switch (predicate.kind) {
    case Kind::kConstant: return false;
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot: return std::ranges::any_of(predicate.children, MayPrunePages);
    default: break;
  }
  if (!predicate.path.empty() || predicate.type.kind() == TypeKind::kList) return false;
  const bool asks_for_null = predicate.kind == Kind::kIsNull || predicate.kind == Kind::kNotNullIs;
  return asks_for_null || predicate.type.kind() != TypeKind::kJson;
}

double ComparisonsOf(const Predicate& predicate) {
  double all = 1 + static_cast<double>(predicate.values.size());
  for (const Predicate& child : predicate.children) all += ComparisonsOf(child);
  return all;
}

}  // namespace granary::query
