#include "granary/storage/source/tiers.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <iterator>

namespace granary::storage {
namespace {

bool Before(const std::shared_ptr<const Segment>& a, const std::shared_ptr<const Segment>& b) {
  if (a->meta().min_sequence != b->meta().min_sequence)
    return a->meta().min_sequence < b->meta().min_sequence;
  return a->meta().id < b->meta().id;
}

std::shared_ptr<const Segments> Sorted(Segments segments) {
  std::sort(segments.begin(), segments.end(), Before);
  return std::make_shared<const Segments>(std::move(segments));
}

bool IsRetired(const std::shared_ptr<const Segment>& segment) {
  return segment->meta().retired_generation != 0;
}

// The live ones, and those that are new; `changed` in the places of those with their ids.
std::shared_ptr<const Segments> Merged(const Segments& live, Segments added,
                                       const Segments& changed) {
  for (const auto& segment : live) {
    const auto now = std::find_if(changed.begin(), changed.end(), [&](const auto& other) {
      return other->meta().id == segment->meta().id;
    });
    added.push_back(now == changed.end() ? segment : *now);
  }
  return Sorted(std::move(added));
}

std::uint64_t LastSequence(const std::vector<HotChunk>& chunks) {
  if (chunks.empty()) return 0;
  const arrow::Int64Array& sequences = *chunks.back().sequences;
  return sequences.length() == 0
             ? 0
             : static_cast<std::uint64_t>(sequences.Value(sequences.length() - 1));
}

}  // namespace

Tiers::Tiers(HotBudget& budget, Segments segments, std::uint64_t flushed_sequence, TiersPast past)
    : budget_(budget),
      open_{std::make_shared<Memtable>(), {}, {}},
      visible_sequence_(std::max(flushed_sequence, past.delete_sequence)),
      flushed_sequence_(flushed_sequence),
      past_(past) {
  generation_ = past.forgotten_generation;  // Its files may all be gone.
  for (const auto& segment : segments) {
    const SegmentMeta& meta = segment->meta();
    generation_ = std::max({generation_, meta.generation, meta.retired_generation});
    if (IsRetired(segment)) retired_.push_back(segment);
  }
  std::erase_if(segments, IsRetired);
  segments_ = Sorted(std::move(segments));
  // Segments of a bulk may lie above what was flushed.
  for (const auto& segment : *segments_)
    visible_sequence_ = std::max(visible_sequence_, segment->meta().max_sequence);
}

Tiers::~Tiers() { budget_.Release(counts().bytes); }

Status Tiers::Append(const SchemaPtr& schema, const arrow::RecordBatch& batch,
                     std::uint64_t first_sequence, const Origin& origin) {
  if (batch.num_rows() == 0) return Status::Ok();
  const std::lock_guard append(append_mutex_);
  // Seal needs append_mutex_ to replace the open tier, so it stays the same one here.
  Memtable& rows = *open_.rows;
  GRANARY_TRY(rows.Append(schema, batch, first_sequence));

  const std::uint64_t bytes = rows.bytes();
  const std::lock_guard lock(mutex_);
  HotCounts& counts = open_.counts;
  if (counts.rows == 0) {
    counts.since_us = origin.now_us;
    counts.log_start = origin.log_start;
  }
  budget_.Add(bytes - counts.bytes);
  counts.bytes = bytes;
  counts.rows += static_cast<std::uint64_t>(batch.num_rows());
  counts.log_bytes += origin.log_bytes;
  // Replay may bring rows that are older than a bulk's.
  visible_sequence_ = std::max(visible_sequence_,
                               first_sequence + static_cast<std::uint64_t>(batch.num_rows()) - 1);
  return Status::Ok();
}

TierView Tiers::View() const { return *ViewOf(UINT64_MAX); }

std::optional<TierView> Tiers::ViewOf(std::uint64_t generation) const {
  TierView view;
  Segments retired;
  std::shared_ptr<const Segments> segments;
  for (bool whole = false; !whole;) {
    view = TierView();
    std::shared_ptr<Memtable> open;
    std::uint64_t bulks = 0;
    {
      const std::lock_guard lock(mutex_);
      segments = segments_;
      open = open_.rows;
      bulks = bulks_;
      for (const Tier& tier : sealed_)
        view.hot.insert(view.hot.end(), tier.chunks.begin(), tier.chunks.end());
      view.flushed_sequence = flushed_sequence_;
      view.visible_sequence = visible_sequence_;
      view.generation = generation_;
      view.forgotten_sequence = past_.forgotten_sequence;
      if (generation < past_.forgotten_generation) return std::nullopt;
      if (generation < generation_) retired = retired_;
    }
    // Looked at outside the lock, and still one moment: whatever a flush does meanwhile, these rows
    // are in none of `segments`; rows that came in since belong to a slightly later moment of the
    // same tier. Unless they came in behind a bulk that `segments` lacks.
    for (HotChunk& chunk : open->View()) view.hot.push_back(std::move(chunk));
    const std::lock_guard lock(mutex_);
    whole = bulks == bulks_;
  }
  view.segments = *segments;
  view.visible_sequence = std::max(view.visible_sequence, LastSequence(view.hot));
  if (generation >= view.generation) return view;
  view.generation = generation;
  std::erase_if(view.segments, [&](const auto& s) { return s->meta().generation > generation; });
  for (auto& segment : retired) {
    const SegmentMeta& meta = segment->meta();
    if (meta.generation <= generation && meta.retired_generation > generation)
      view.segments.push_back(std::move(segment));
  }
  std::sort(view.segments.begin(), view.segments.end(), Before);
  return view;
}

std::shared_ptr<const Segments> Tiers::segments() const {
  const std::lock_guard lock(mutex_);
  return segments_;
}

std::uint64_t Tiers::visible_sequence() const {
  const std::lock_guard lock(mutex_);
  return visible_sequence_;
}

std::uint64_t Tiers::flushed_sequence() const {
  const std::lock_guard lock(mutex_);
  return flushed_sequence_;
}

HotCounts Tiers::counts() const {
  const std::lock_guard lock(mutex_);
  HotCounts total;
  const auto add = [&total](const HotCounts& part) {
    if (part.rows == 0) return;
    if (total.rows == 0) {
      total.since_us = part.since_us;
      total.log_start = part.log_start;
    }
    total.rows += part.rows;
    total.bytes += part.bytes;
    total.log_bytes += part.log_bytes;
  };
  for (const Tier& tier : sealed_) add(tier.counts);
  add(open_.counts);
  return total;
}

SealedRows Tiers::Seal() {
  const std::lock_guard append(append_mutex_);
  std::vector<HotChunk> closing = open_.rows->View();
  const std::lock_guard lock(mutex_);
  if (open_.counts.rows > 0) {
    open_.chunks = std::move(closing);
    sealed_.push_back(std::move(open_));
    open_ = Tier{std::make_shared<Memtable>(), {}, {}};
  }
  SealedRows all;
  for (const Tier& tier : sealed_) {
    all.chunks.insert(all.chunks.end(), tier.chunks.begin(), tier.chunks.end());
    all.rows += tier.counts.rows;
  }
  all.last_sequence = LastSequence(all.chunks);
  return all;
}

void Tiers::AddBulk(Segments added, std::uint64_t last_sequence, Below below,
                    const Segments& changed) {
  std::shared_ptr<const Segments> replaced;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  replaced = std::exchange(segments_, Merged(*segments_, std::move(added), changed));
  visible_sequence_ = std::max(visible_sequence_, last_sequence);
  if (below == Below::kFlushed) flushed_sequence_ = last_sequence;
  ++bulks_;
}

void Tiers::Delete(const DeleteChanges& deletes, std::uint64_t sequence, Below below) {
  std::shared_ptr<const Segments> replaced;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  auto segments = std::make_shared<Segments>(*segments_);
  for (auto& segment : *segments) {
    const auto change = std::find_if(
        deletes.segments.begin(), deletes.segments.end(),
        [&](const SegmentDeletes& other) { return other.segment == segment->meta().id; });
    if (change != deletes.segments.end()) segment = segment->WithDeletions(change->after);
  }
  replaced = std::exchange(segments_, std::move(segments));
  visible_sequence_ = std::max(visible_sequence_, sequence);
  if (below == Below::kFlushed) flushed_sequence_ = sequence;
  past_.forgotten_sequence = std::max(past_.forgotten_sequence, deletes.forgotten_sequence);
  ++bulks_;
}

void Tiers::Forget(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  past_.forgotten_sequence = std::max(past_.forgotten_sequence, sequence);
}

void Tiers::Swap(Segments added, std::uint64_t flushed_sequence, const Segments& changed) {
  std::vector<Tier> gone;  // Freed after the lock.
  std::shared_ptr<const Segments> replaced;
  const std::lock_guard lock(mutex_);
  replaced = std::exchange(segments_, Merged(*segments_, std::move(added), changed));
  gone = std::exchange(sealed_, {});
  for (const Tier& tier : gone) budget_.Release(tier.counts.bytes);
  flushed_sequence_ = flushed_sequence;
}

void Tiers::Replace(std::shared_ptr<const Segment> segment) {
  std::shared_ptr<const Segments> replaced;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  auto segments = std::make_shared<Segments>(*segments_);
  for (auto& each : *segments) {
    if (each->meta().id == segment->meta().id) each = segment;
  }
  replaced = std::exchange(segments_, std::move(segments));
}

std::uint64_t Tiers::next_generation() const {
  const std::lock_guard lock(mutex_);
  return generation_ + 1;
}

void Tiers::Compact(Segments added, const std::vector<SegmentId>& replaced,
                    std::uint64_t generation, std::int64_t retired_us) {
  std::shared_ptr<const Segments> before;  // Freed after the lock.
  const std::lock_guard lock(mutex_);
  for (const auto& segment : *segments_) {
    if (std::find(replaced.begin(), replaced.end(), segment->meta().id) == replaced.end()) {
      added.push_back(segment);
      continue;
    }
    SegmentMeta meta = segment->meta();
    meta.retired_generation = generation;
    meta.retired_us = retired_us;
    retired_.push_back(segment->With(std::move(meta)));
  }
  before = std::exchange(segments_, Sorted(std::move(added)));
  generation_ = generation;
}

Segments Tiers::TakeRetired(std::int64_t before_us) {
  const std::lock_guard lock(mutex_);
  // Whoever wants one from here on has to come by this lock.
  const auto kept = std::partition(retired_.begin(), retired_.end(), [&](const auto& segment) {
    return segment->meta().retired_us >= before_us || segment.use_count() > 1 ||
           !segment->IsHeldOnce();
  });
  Segments taken(kept, retired_.end());
  retired_.erase(kept, retired_.end());
  for (const auto& segment : taken) {
    past_.forgotten_generation =
        std::max(past_.forgotten_generation, segment->meta().retired_generation);
  }
  return taken;
}

Segments Tiers::TakeAllRetired() {
  const std::lock_guard lock(mutex_);
  past_.forgotten_generation = generation_;
  return std::exchange(retired_, {});
}

void Tiers::PutBackRetired(Segments segments) {
  const std::lock_guard lock(mutex_);
  std::move(segments.begin(), segments.end(), std::back_inserter(retired_));
}

Segments Tiers::retired() const {
  const std::lock_guard lock(mutex_);
  return retired_;
}

}  // namespace granary::storage
