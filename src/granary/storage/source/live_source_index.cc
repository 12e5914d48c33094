// Index files that are not as declared: of segments from before the index was, of indexes that were
// dropped, and of files that turned out damaged.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "granary/storage/index/index_builder.h"
#include "granary/storage/source/live_source.h"

namespace granary::storage {
namespace {

bool Has(const std::vector<IndexMeta>& indexes, const IndexKey& key) {
  return std::any_of(indexes.begin(), indexes.end(),
                     [&](const IndexMeta& index) { return index.key == key; });
}

/// What is to be done about one segment.
struct Mending {
  std::shared_ptr<const Segment> segment;
  std::vector<IndexMeta> keep;
  std::vector<IndexKey> build;
  std::vector<IndexKey> drop;
  bool empty() const { return build.empty() && drop.empty(); }
};

Mending PlanMending(std::shared_ptr<const Segment> segment, const std::vector<IndexKey>& declared,
                    const DamagedIndexes& damaged) {
  Mending plan;
  const SegmentMeta& meta = segment->meta();
  for (const IndexMeta& index : meta.indexes) {
    const bool is_wanted = std::find(declared.begin(), declared.end(), index.key) != declared.end();
    if (!is_wanted)
      plan.drop.push_back(index.key);
    else if (!damaged.Contains({meta.id, index.key}))
      plan.keep.push_back(index);
  }
  for (const IndexKey& key : declared) {
    // A column that the file lacks is null in all its rows, which statistics know.
    const bool is_there = segment->file_schema()->FindId(key.column) != nullptr;
    if (is_there && !Has(plan.keep, key)) plan.build.push_back(key);
  }
  plan.segment = std::move(segment);
  return plan;
}

Result<IndexMeta> BuildIndex(io::FileSystem& files, const Segment& segment, const IndexKey& key) {
  const Schema& schema = *segment.file_schema();
  GRANARY_ASSIGN(const auto reader, segment.Reader());
  const auto builder = IndexBuilder::Make(key, schema.FindId(key.column)->type);
  for (int group = 0; group < reader->row_groups(); ++group) {
    GRANARY_ASSIGN(const auto batch, reader->Read(group, {&key.column, 1}, schema));
    builder->Add(*batch->column(0));
  }
  return builder->Write(files, segment.directory(), segment.meta().path, segment.meta().id);
}

}  // namespace

// One segment at a time, under the lock of flushes, so that no flush changes the set of segments
// (a bulk may add to it, and the swap edits the set of now). Files first, then the commit that
// names them, then the swap in memory, then what is no more named goes. A crash in between leaves
// files that are swept, or that the next start finds to be other ones than committed and builds
// anew.
Result<bool> LiveSource::MendIndexes() {
  SegmentFiles& shared = context_->segment_files;
  const std::uint64_t damage = shared.damaged.count();
  if (mended_ == std::pair(damage, declared_indexes_.load())) return false;
  const std::lock_guard lock(flush_mutex_);
  if (context_->closed) return false;
  // The count first: a change in between is seen again by the next round.
  const std::uint64_t declared_then = declared_indexes_;
  const auto declared = indexes();
  {
    const std::lock_guard state(state_mutex_);
    if (dropped_ || !refused_.ok()) return false;
  }
  for (const auto& segment : tiers_.View().segments) {
    const Mending plan = PlanMending(segment, declared, shared.damaged);
    if (plan.empty()) continue;
    GRANARY_TRY(Mend(*segment, plan.keep, plan.build, plan.drop));
    return true;
  }
  mended_ = {damage, declared_then};
  return false;
}

Status LiveSource::Mend(const Segment& segment, std::vector<IndexMeta> indexes,
                        const std::vector<IndexKey>& build, const std::vector<IndexKey>& drop) {
  const StoreDeps& deps = context_->deps;
  SegmentFiles& shared = context_->segment_files;
  GRANARY_TRY(context_->manifest->closed_by());
  for (const IndexKey& key : build) {
    if (shared.damaged.Contains({segment.meta().id, key})) {
      deps.log.Warn("index damaged, built anew",
                    {{"source", id().str()},
                     {"file", io::JoinPath(folder_, IndexPath(segment.meta().path, key))}});
    }
    GRANARY_ASSIGN(const IndexMeta made, BuildIndex(deps.files, segment, key));
    indexes.push_back(made);
  }
  std::sort(indexes.begin(), indexes.end(),
            [](const IndexMeta& a, const IndexMeta& b) { return a.key < b.key; });
  GRANARY_TRY(deps.failpoints.Hit("index.before_manifest"));
  GRANARY_TRY(context_->manifest->CommitIndexes(uid(), segment.meta().id, indexes));
  SegmentMeta meta = segment.meta();
  meta.indexes = std::move(indexes);
  tiers_.Replace(segment.With(std::move(meta)));
  for (const IndexKey& key : build) {
    shared.indexes.Forget({segment.meta().id, key});
    shared.damaged.Remove({segment.meta().id, key});
  }
  for (const IndexKey& key : drop) {
    shared.indexes.Forget({segment.meta().id, key});
    // What cannot be removed now is swept at the next start.
    (void)deps.files.Remove(io::JoinPath(folder_, IndexPath(segment.meta().path, key)));
  }
  return Status::Ok();
}

}  // namespace granary::storage
