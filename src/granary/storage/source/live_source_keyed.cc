// Sources with a primary key: what a flush and a bulk replace.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "granary/storage/manifest/findings.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/moved_deletions.h"
#include "granary/storage/source/quiet_locks.h"
#include "granary/storage/source/record_keys.h"

namespace granary::storage {
namespace {

// Of a bulk so many are held at once; a larger one is gone through as often as that takes.
constexpr std::size_t kBulkKeysMax = 1 << 20;

// By what the manifest knows of two files. A NaN is in no bound.
bool MayShareKeys(const std::vector<ColumnId>& key, const Segment& a, const Segment& b) {
  for (const ColumnId id : key) {
    const auto in_a = a.meta().columns.find(id), in_b = b.meta().columns.find(id);
    if (in_a == a.meta().columns.end() || in_b == b.meta().columns.end()) continue;
    const ColumnStats &x = in_a->second, &y = in_b->second;
    const bool known = !IsNull(x.min) && !IsNull(x.max) && !IsNull(y.min) && !IsNull(y.max);
    if (!known || a.file_schema()->FindId(id)->type.IsFloat()) continue;
    if (Compare(x.max, y.min) < 0 || Compare(y.max, x.min) < 0) return false;
  }
  return true;
}

}  // namespace

Status LiveSource::CheckKeys(const Schema& schema, const arrow::RecordBatch& batch) const {
  if (hot_keys_ == nullptr) return Status::Ok();
  return CheckKeyIsThere(batch, schema, hot_keys_->key());
}

// Keys are compared by what they are written as, in files of every age.
Status LiveSource::CheckKeyTypes(const Schema& next) const {
  if (hot_keys_ == nullptr) return Status::Ok();
  const SchemaPtr now = schema();
  for (const ColumnId id : hot_keys_->key()) {
    const Column* before = now->FindId(id);
    const Column* after = next.FindId(id);
    if (after != nullptr && before->type == after->type) continue;
    return Status::Invalid(Code::kInvalidRecord, "/" + PointerStep(before->name),
                           fmt::format("\"{}\" is {} and part of the primary key, so it does not "
                                       "become wider",
                                       before->name, before->type.ToString()));
  }
  return Status::Ok();
}

Result<TierView> LiveSource::ViewWithKeys() const {
  const std::lock_guard lock(hot_keys_->mutex());
  TierView view = tiers_.View();
  GRANARY_TRY(hot_keys_->CatchUp(view, schema()));
  return view;
}

// Frames come first, then what is hot: most of it before the locks, so that writers wait shortly.
Result<LiveSource::QuietLocks> LiveSource::LockQuietly() {
  if (hot_keys_ == nullptr) {
    QuietLocks locks{std::unique_lock(write_mutex_), {}};
    AwaitFrames();
    return locks;
  }
  GRANARY_TRY(Flush());
  QuietLocks locks{std::unique_lock(write_mutex_, std::defer_lock),
                   std::unique_lock(flush_mutex_, std::defer_lock)};
  std::lock(locks.write, locks.flush);
  AwaitFrames();
  if (context_->closed) return Status(Code::kUnavailable, "the store is shutting down");
  GRANARY_TRY(FlushHot());
  return locks;
}

// Sets `next` to the segment as it is then; rows that are deleted already are passed over.
void LiveSource::AddDeletion(const std::shared_ptr<const Segment>& segment,
                             std::vector<EndedRow> ended, DeleteChanges& changes,
                             std::shared_ptr<const Segment>& next) const {
  const DeletionsPtr& before = segment->deletions();
  if (before != nullptr) {
    std::erase_if(ended, [&](const EndedRow& row) { return before->rows()->Contains(row.row); });
  }
  if (ended.empty()) return;
  DeletionPtr added = MakeDeletion(std::move(ended), context_->deps.clock.WallMicros());
  changes.last_sequence = std::max(changes.last_sequence, added->last_sequence);
  DeletionsPtr after =
      WithDeletion(before, std::move(added), DeletionLimitsOfNow(), changes.forgotten_sequence);
  changes.segments.push_back({segment->meta().id, before, after});
  next = segment->WithDeletions(std::move(after));
}

// flush_mutex_ and hot_keys_'s mutex are held. Of rows in older segments, and of the sealed rows
// themselves, those that sealed rows replace become deletions; those that rows do which stay hot
// are marked in the new objects.
Status LiveSource::ReplaceFlushed(const SealedRows& sealed, Segments& added,
                                  FlushedKeys& keys) const {
  const TierView view = tiers_.View();
  GRANARY_TRY(hot_keys_->CatchUp(view, schema()));
  for (const auto& segment : view.segments) {
    std::vector<EndedRow> gone = segment->replaced()->UpTo(sealed.last_sequence);
    if (gone.empty()) continue;
    std::shared_ptr<const Segment> next = segment;
    AddDeletion(segment, std::move(gone), keys.changes, next);
    auto rest = std::make_shared<ReplacedRows>();
    rest->Add(segment->replaced()->After(sealed.last_sequence));
    keys.changed.push_back(next->WithDeletions(next->deletions(), std::move(rest)));
  }
  std::unordered_map<std::uint64_t, std::uint64_t> moments;  // Of sealed rows, by sequence.
  for (const HotChunk& chunk : sealed.chunks) {
    if (chunk.ends == nullptr || !chunk.ends->any()) continue;
    for (std::int64_t row = 0; row < chunk.sequences->length(); ++row) {
      const std::uint64_t end = chunk.ends->EndOf(chunk.ends_first + row);
      if (end != 0) moments.emplace(static_cast<std::uint64_t>(chunk.sequences->Value(row)), end);
    }
  }
  if (moments.empty()) return Status::Ok();
  for (auto& segment : added) {
    GRANARY_ASSIGN(std::vector<EndedRow> ended, FindSequences(*segment, moments));
    std::sort(ended.begin(), ended.end(),
              [](const EndedRow& a, const EndedRow& b) { return a.sequence < b.sequence; });
    const auto later = std::find_if(ended.begin(), ended.end(), [&](const EndedRow& row) {
      return row.sequence > sealed.last_sequence;
    });
    segment->replaced()->Add({later, ended.end()});
    ended.erase(later, ended.end());
    AddDeletion(segment, std::move(ended), keys.changes, segment);
  }
  return Status::Ok();
}

// Nothing is hot. All records of a bulk become visible at once, so what they replace goes at one
// moment, the last of their sequences; of those with one key the last one stays.
Status LiveSource::ReplaceByBulk(Segments& added, std::uint64_t moment, DeleteChanges& changes,
                                 Segments& changed) const {
  const SchemaPtr now = schema();
  const Segments live = *tiers_.segments();
  std::vector<std::vector<EndedRow>> of_live(live.size()), of_added(added.size());
  std::unordered_map<Digest128, std::uint64_t, DigestHash> last;
  Segments held;  // Whose keys are in `last`.
  const auto replace = [&]() -> Status {
    for (std::size_t i = 0; i < live.size() + added.size(); ++i) {
      const bool is_live = i < live.size();
      const Segment& segment = is_live ? *live[i] : *added[i - live.size()];
      const bool may_share = std::ranges::any_of(
          held, [&](const auto& other) { return MayShareKeys(hot_keys_->key(), segment, *other); });
      if (!may_share) continue;
      std::vector<EndedRow>& ended = is_live ? of_live[i] : of_added[i - live.size()];
      GRANARY_TRY(ForEachKey(segment, hot_keys_->key(), *segment.file_schema(),
                             [&](std::uint32_t row, const Digest128& key, std::uint64_t sequence) {
                               const auto found = last.find(key);
                               if (found != last.end() && sequence < found->second)
                                 ended.push_back({row, moment});
                             }));
    }
    last.clear();
    held.clear();
    return Status::Ok();
  };
  for (const auto& segment : added) {
    held.push_back(segment);
    GRANARY_TRY(ForEachKey(*segment, hot_keys_->key(), *segment->file_schema(),
                           [&](std::uint32_t, const Digest128& key, std::uint64_t sequence) {
                             std::uint64_t& known = last[key];
                             known = std::max(known, sequence);
                           }));
    if (last.size() >= kBulkKeysMax) GRANARY_TRY(replace());
  }
  if (!last.empty()) GRANARY_TRY(replace());
  const auto distinct = [](std::vector<EndedRow>& ended) {
    std::sort(ended.begin(), ended.end(),
              [](const EndedRow& a, const EndedRow& b) { return a.row < b.row; });
    ended.erase(std::unique(ended.begin(), ended.end()), ended.end());
  };
  for (std::size_t i = 0; i < live.size(); ++i) {
    distinct(of_live[i]);
    std::shared_ptr<const Segment> next;
    AddDeletion(live[i], std::move(of_live[i]), changes, next);
    if (next != nullptr) changed.push_back(std::move(next));
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    distinct(of_added[i]);
    AddDeletion(added[i], std::move(of_added[i]), changes, added[i]);
  }
  return Status::Ok();
}

}  // namespace granary::storage
