#include "granary/tenant/tenant_news.h"

#include <algorithm>
#include <set>
#include <utility>

#include "granary/storage/source/segment.h"

namespace granary {
namespace {

// The last of them stays the same object for as long as no file comes, goes or changes.
template <typename T>
bool IsSame(const std::weak_ptr<T>& then, const std::shared_ptr<T>& now) {
  return !then.owner_before(now) && !now.owner_before(then);
}

void Spend(std::size_t columns, std::size_t& budget) { budget -= std::min(budget, columns + 1); }

std::shared_ptr<const storage::SegmentMeta> MetaOf(
    const std::shared_ptr<const storage::Segment>& segment) {
  return {segment, &segment->meta()};
}

}  // namespace

TenantNews::TenantNews(Tenant& tenant, const io::Clock& clock, Options options)
    : tenant_(tenant), clock_(clock), options_(options) {}

void TenantNews::ForgetAll() {
  told_.clear();
  said_all_ = false;
}

News TenantNews::Take() {
  News news;
  std::size_t budget = columns_max_;
  std::set<SourceId> there;
  for (const auto& source : tenant_.store().List()) {
    const SourceId id = source->shape().definition->id;
    there.insert(id);
    if (budget == 0) continue;
    if (auto one = TakeSource(*source, budget)) news.sources.push_back(std::move(*one));
  }
  // One that is refused is still there.
  for (const auto& refused : tenant_.store().ListRefused()) there.insert(refused.source);
  std::erase_if(told_, [&](const auto& entry) {
    if (there.contains(entry.first)) return false;
    news.gone.push_back(entry.first);
    return true;
  });
  news.more = budget == 0;
  if (!news.more && !said_all_) news.all_told = said_all_ = true;
  return news;
}

// While the budget lasts: at least one schema or file a part, however many columns it has.
std::optional<SourceNews> TenantNews::TakeSource(const storage::Source& source,
                                                 std::size_t& budget) {
  const storage::SourceMoment now = source.moment();
  Told& told = told_[now.shape.definition->id];
  if (told.number > 0 && told.uid != source.uid()) told = {};
  told.uid = source.uid();
  const bool changed = !told.complete || !IsSame(told.seen, now.files) ||
                       told.schema != now.shape.schema || told.definition != now.shape.definition;
  const bool stats_due = AreStatsDue(told, now);
  if (!changed && !stats_due) return {};
  SourceNews news;
  news.source = now.shape.definition->id;
  news.uid = told.uid.value;
  news.base = told.number;
  news.number = ++told.number;
  news.created_us = source.created_us();
  news.last_write_us = now.last_write_us;
  news.flushed_sequence = now.flushed_sequence;
  if (told.definition != now.shape.definition) news.definition = now.shape.definition;
  told.definition = now.shape.definition;
  Spend(0, budget);
  news.complete = TakeSchemas(source, told, news, budget) &&
                  (!changed || TakeFiles(source, now, told, news, budget));
  told.complete = news.complete;
  if (news.complete) {
    told.seen = now.files;
    told.schema = now.shape.schema;
    if (stats_due) {
      TakeStats(now, told, news);
      Spend(kStatsColumn * now.shape.schema->columns().size(), budget);
    }
  } else {
    budget = 0;
  }
  return news;
}

bool TenantNews::AreStatsDue(const Told& told, const storage::SourceMoment& now) const {
  if (!told.stats_us) return true;
  if (clock_.MonotonicNanos() / 1000 - *told.stats_us < options_.statistics_interval_us)
    return false;
  return told.stats_sequence != now.visible_sequence || !IsSame(told.stats_files, now.files);
}

// False when the budget ends first.
bool TenantNews::TakeSchemas(const storage::Source& source, Told& told, SourceNews& news,
                             std::size_t& budget) {
  if (told.schema != nullptr && told.schema == source.schema()) return true;
  for (const storage::SchemaVersion& version : source.schema_history()) {
    if (version.schema->version() <= told.schema_version) continue;
    if (budget == 0 && !news.schemas.empty()) return false;
    Spend(version.schema->columns().size(), budget);
    told.schema_version = version.schema->version();
    news.schemas.push_back(version);
  }
  return true;
}

bool TenantNews::TakeFiles(const storage::Source& source, const storage::SourceMoment& now,
                           Told& told, SourceNews& news, std::size_t& budget) {
  std::set<std::uint64_t> live;
  for (const auto& segment : *now.files) live.insert(segment->meta().id.value);
  std::erase_if(told.files, [&](const auto& entry) {
    if (live.contains(entry.first)) return false;
    news.files_gone.push_back({entry.first});
    return true;
  });
  std::ranges::sort(news.files_gone);
  for (const auto& segment : *now.files) {
    const storage::SegmentMeta& meta = segment->meta();
    FileMark mark;
    if (const auto& deletions = segment->deletions(); deletions != nullptr)
      mark = {deletions->rows()->count(), deletions->last_sequence()};
    const auto found = told.files.find(meta.id.value);
    if (found != told.files.end() && found->second == mark) continue;
    if (budget == 0 && !(news.files.empty() && news.schemas.empty())) return false;
    Spend(meta.columns.size(), budget);
    told.files[meta.id.value] = mark;
    const SchemaPtr& schema = segment->file_schema();
    news.files.push_back({MetaOf(segment), schema,
                          storage::PartitionPath(source.partitions(), *schema, meta.partition),
                          mark.deleted_rows});
  }
  return true;
}

// A source that was dropped meanwhile has none.
void TenantNews::TakeStats(const storage::SourceMoment& now, Told& told, SourceNews& news) {
  Result<SourceStatsInfo> stats = tenant_.Stats(news.source);
  const auto plan = tenant_.store().PlanCompaction(news.source, storage::CompactionWish::kWhatPays);
  if (!stats.ok() || !plan.ok()) return;
  told.stats_us = clock_.MonotonicNanos() / 1000;
  told.stats_sequence = now.visible_sequence;
  told.stats_files = now.files;
  news.stats = stats.Take();
  MergeNews merges{.merges = plan->choices.size(), .debt = plan->debt};
  for (const storage::CompactionChoice& choice : plan->choices) merges.bytes += choice.bytes;
  if (!plan->choices.empty()) merges.reason = plan->choices.front().reason;
  news.merges = std::move(merges);
}

}  // namespace granary
