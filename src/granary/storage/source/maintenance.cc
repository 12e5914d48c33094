#include "granary/storage/source/maintenance.h"

#include <algorithm>
#include <utility>

#include "granary/storage/source/open_lanes.h"

namespace granary::storage {
namespace {

constexpr std::int64_t kCollectEveryUs = 10'000'000;
constexpr std::int64_t kRemoveEveryUs = 2'000'000;
constexpr std::int64_t kEstimatesEveryUs = 1'000'000;
// After a start; whoever starts often shall have compactions, too.
constexpr std::int64_t kFirstCompactionUs = 60'000'000;
constexpr std::int64_t kRetryFirstUs = 500'000, kRetryMaxUs = 5'000'000;
constexpr std::int64_t kMergeRetryFirstUs = 10'000'000;

}  // namespace

Maintenance::Maintenance(StoreContext& context, SourceMap& sources, CompactionJobs& compactions,
                         std::set<SourceUid> strangers)
    : context_(context),
      sources_(sources),
      compactions_(compactions),
      strangers_(std::move(strangers)),
      looked_us_(context.NowMicros() +
                 std::min(kFirstCompactionUs, context.options.compaction.interval_us) -
                 context.options.compaction.interval_us) {
  for (const auto& source : sources.All()) files_then_[source->uid()] = source->live_segments();
}

void Maintenance::Run() {
  ReopenFullLanes();
  FlushWhatIsDue();
  MendIndexes();
  CollectLogs();
  CompactWhatIsDue();
  RemoveRetired();
  RefreshEstimates();
}

// All sources every interval, and at once one that got many files since, has one of which nothing
// is left, owes so much that writers are slowed, or failed a while ago.
void Maintenance::CompactWhatIsDue() {
  const CompactionOptions& own = context_.options.compaction;
  if (!context_.manifest->closed_by().ok()) return;
  for (const auto& source : sources_.All()) {
    if (!source->refused().ok()) continue;
    const CompactionOptions options = source->compaction_options();
    if (!options.automatic) {
      source->ForgiveDebt();
      continue;
    }
    source->RefreshDebt();
    if (compactions_.IsBusy(source->uid())) continue;
    RememberMerge(*source);
    const std::string_view why = WhyCompact(*source, IsTimeFor(*source, options));
    if (why.empty()) continue;
    files_then_[source->uid()] = tried_with_[source->uid()] = source->live_segments();
    if (source->PlanCompaction(CompactionWish::kWhatPays).choices.empty()) continue;
    const auto started = compactions_.Start(source, CompactionWish::kWhatPays);
    if (!started.ok()) return;  // The store closes.
    merges_[source->uid()].job = started->id;
    context_.deps.log.Debug("compaction",
                            {{"source", source->id().str()}, {"job", started->id}, {"due", why}});
  }
  const std::int64_t now = context_.NowMicros();
  if (now - looked_us_ >= own.interval_us && own.hours.Contains(context_.deps.clock.WallMicros())) {
    looked_us_ = now;
  }
  const auto is_gone = [&](const auto& e) { return sources_.Find(e.first) == nullptr; };
  std::erase_if(files_then_, is_gone);
  std::erase_if(tried_with_, is_gone);
  std::erase_if(merges_, is_gone);
  std::erase_if(looked_later_us_, is_gone);
}

// A source that came since is as if it had been looked at with the others.
bool Maintenance::IsTimeFor(LiveSource& source, const CompactionOptions& options) {
  const std::int64_t now = context_.NowMicros();
  std::int64_t& looked_us = looked_later_us_.try_emplace(source.uid(), looked_us_).first->second;
  if (!options.timed || now - looked_us < options.interval_us ||
      !options.hours.Contains(context_.deps.clock.WallMicros())) {
    return false;
  }
  looked_us = now;
  return true;
}

// Empty: it is not due.
std::string_view Maintenance::WhyCompact(LiveSource& source, bool by_time) {
  const std::size_t files = source.live_segments();
  std::size_t& then = files_then_[source.uid()];
  then = std::min(then, files);
  if (!MayMerge(context_, source)) return {};
  if (by_time) return "by time";
  if (files - then >= context_.options.compaction.files_due) return "by the number of files";
  if (source.has_empty_files()) return "by files of which nothing is left";
  // What is owed after a merge could not be merged: only further files are news.
  std::size_t& tried = tried_with_[source.uid()];
  tried = std::min(tried, files);
  if (source.debt().owes() && files > tried) return "by what is owed";
  const auto merge = merges_.find(source.uid());
  if (merge == merges_.end() || merge->second.retry.at_us == 0) return {};
  return merge->second.retry.at_us <= context_.NowMicros() ? "by an earlier failure" : "";
}

// A failed merge changed nothing. Whatever stood in its way, a full disk for one, may be gone
// later.
void Maintenance::RememberMerge(LiveSource& source) {
  const auto found = merges_.find(source.uid());
  if (found == merges_.end() || found->second.job.empty()) return;
  Merge& merge = found->second;
  const auto job = compactions_.Find(std::exchange(merge.job, {}));
  if (!job.ok() || job->state != JobState::kFailed) {
    merges_.erase(found);
    return;
  }
  const std::int64_t longest_us = context_.options.compaction.interval_us;
  merge.retry.wait_us = std::min(std::max(2 * merge.retry.wait_us, kMergeRetryFirstUs), longest_us);
  merge.retry.at_us = context_.NowMicros() + merge.retry.wait_us;
  context_.deps.log.Info("compaction is tried again later",
                         {{"source", source.id().str()},
                          {"job", job->id},
                          {"after_seconds", merge.retry.wait_us / 1'000'000}});
}

void Maintenance::RemoveRetired() {
  const std::int64_t now = context_.NowMicros();
  if (now < next_remove_us_) return;
  next_remove_us_ = now + kRemoveEveryUs;
  for (const auto& source : sources_.All()) {
    const Result<std::uint64_t> removed = source->RemoveRetired();
    if (removed.ok() || removed.status().code() == Code::kSourceNotFound) continue;
    next_remove_us_ = now + kRetryMaxUs;
    context_.deps.log.Error(
        "files of older snapshots stay, tried again later",
        {{"source", source->id().str()}, {"cause", removed.status().ToString()}});
  }
}

// A file a source and round, so that flushes which become due meanwhile do not wait for them all.
void Maintenance::MendIndexes() {
  const std::int64_t now = context_.NowMicros();
  if (now < next_mend_us_) return;
  for (const auto& source : sources_.All()) {
    const Result<bool> mended = source->MendIndexes();
    if (mended.ok() && *mended) context_.Press();
    if (mended.ok()) continue;
    next_mend_us_ = now + kRetryMaxUs;
    context_.deps.log.Error(
        "indexes not built, tried again later",
        {{"source", source->id().str()}, {"cause", mended.status().ToString()}});
  }
}

// A source a round, as above.
void Maintenance::RefreshEstimates() {
  const std::int64_t now = context_.NowMicros();
  if (now < next_estimates_us_) return;
  for (const auto& source : sources_.All()) {
    if (!source->refused().ok()) continue;
    const std::string why =
        WhyRefresh(source->estimates_age(), now, context_.options.statistics_interval_us);
    if (why.empty()) continue;
    source->RefreshEstimates();
    context_.deps.log.Debug("statistics refreshed",
                            {{"source", source->id().str()}, {"reason", why}});
    return context_.Press();
  }
  next_estimates_us_ = now + kEstimatesEveryUs;
}

void Maintenance::FlushWhatIsDue() {
  const std::int64_t now = context_.NowMicros();
  std::erase_if(retries_, [&](const auto& e) { return sources_.Find(e.first) == nullptr; });
  std::vector<HotTierInfo> tiers;
  for (const auto& source : sources_.All()) {
    const auto retry = retries_.find(source->uid());
    const bool waits = retry != retries_.end() && retry->second.at_us > now;
    if (waits || !source->refused().ok()) continue;
    if (const HotTierInfo info = source->hot_tier(); info.rows > 0) tiers.push_back(info);
  }
  const FlushChoice choice = PickFlush(tiers, context_.budget.memory(), context_.options);
  if (choice.sources.empty()) return context_.budget.Answered(HotBudget::Answer::kNothingHelps);
  context_.deps.log.Debug("flushing",
                          {{"sources", choice.sources.size()}, {"reason", choice.reason}});

  std::vector<Status> outcomes(choice.sources.size());
  runtime::WorkerPool& pool = context_.deps.pool;
  const Status done =
      pool.ParallelFor(choice.sources.size(), pool.threads(), [&](std::size_t i) -> Status {
        if (const auto source = sources_.Find(choice.sources[i])) outcomes[i] = source->Flush();
        return Status::Ok();
      });
  context_.budget.Answered(HotBudget::Answer::kFlushed);
  if (!done.ok()) return;
  for (std::size_t i = 0; i < outcomes.size(); ++i) RememberOutcome(choice.sources[i], outcomes[i]);
  next_collect_us_ = 0;
}

void Maintenance::RememberOutcome(SourceUid uid, const Status& outcome) {
  if (outcome.ok() || outcome.code() == Code::kSourceNotFound ||
      outcome.code() == Code::kUnavailable) {
    retries_.erase(uid);
    return;
  }
  Retry& retry = retries_[uid];
  retry.wait_us = retry.wait_us == 0 ? kRetryFirstUs : std::min(retry.wait_us * 2, kRetryMaxUs);
  retry.at_us = context_.NowMicros() + retry.wait_us;
  context_.deps.log.Error("flush failed, tried again later",
                          {{"cause", outcome.ToString()}, {"after_us", retry.wait_us}});
}

// Called by the log about frames of any source that ever wrote to it.
std::optional<std::uint64_t> Maintenance::FlushedSequence(SourceUid uid) const {
  if (const auto source = sources_.Find(uid))
    return source->refused().ok() ? source->flushed_sequence() : 0;
  // Dropped sources need their frames no more; what this manifest never issued is not ours to
  // judge.
  if (strangers_.contains(uid) || !context_.manifest->Issued(uid)) return 0;
  return std::nullopt;
}

void Maintenance::CollectLogs() {
  const std::int64_t now = context_.NowMicros();
  if (now < next_collect_us_) return;
  next_collect_us_ = now + kCollectEveryUs;
  const StoreOptions& options = context_.options;
  const std::uint64_t lane_bytes = options.wal_retention_bytes / context_.lanes.size();
  for (const auto& [lane, slot] : context_.lanes) {
    const std::shared_ptr<WalLane> log = slot->log();
    if (!log->closed_by().ok()) continue;
    const Status collected = log->Collect([this](SourceUid uid) { return FlushedSequence(uid); },
                                          options.wal_retention_us, lane_bytes);
    if (!collected.ok()) {
      context_.deps.log.Warn("log files were not collected",
                             {{"lane", lane}, {"cause", collected.ToString()}});
    }
  }
}

// Opening reads the whole lane: not worth trying before the next file fits.
bool Maintenance::HasRoom(std::uint32_t lane) const {
  const auto available = context_.deps.files.AvailableBytes(context_.folder.LanePath(lane));
  return available.ok() && *available >= context_.options.wal_file_bytes;
}

// A lane that a full disk closed is opened anew once there is room. Its last group may be in the
// file although its writers were told that it failed; such frames become visible now, as they would
// after a restart, and so both agree. Other failures stay until a restart.
void Maintenance::ReopenFullLanes() {
  const StoreDeps& deps = context_.deps;
  for (const auto& [lane, slot] : context_.lanes) {
    if (slot->log()->closed_by().code() != Code::kDiskFull || !HasRoom(lane)) continue;
    Result<std::unique_ptr<WalLane>> log = WalLane::Open(
        deps.files, deps.clock, deps.failpoints, deps.log, LaneOptions(context_, lane),
        [this](const WalFrame& frame) -> Status {
          const auto source = sources_.Find(frame.source_uid);
          if (!HoldsRecords(frame.kind) || frame.records == 0 || source == nullptr ||
              !source->refused().ok() || frame.first_sequence <= source->visible_sequence()) {
            return Status::Ok();
          }
          return source->Replay(frame);
        });
    if (!log.ok()) {
      deps.log.Warn("the log stays closed", {{"lane", lane}, {"cause", log.status().ToString()}});
      continue;
    }
    slot->Set(log.Take());
    deps.log.Info("the log takes writes again", {{"lane", lane}});
  }
}

}  // namespace granary::storage
