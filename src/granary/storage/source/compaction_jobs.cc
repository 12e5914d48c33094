#include "granary/storage/source/compaction_jobs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "granary/runtime/thread_priority.h"

namespace granary::storage {
namespace {

constexpr std::size_t kEndedJobsMax = 1'000;  ///< That can still be asked for.
constexpr int kRoundsMax = 1'000;             ///< A plan after the other, in one job.
constexpr std::chrono::milliseconds kAwaitStep{50};

}  // namespace

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kQueued: return "queued";
    case JobState::kRunning: return "running";
    case JobState::kDone: return "done";
    case JobState::kFailed: return "failed";
    case JobState::kCancelled: return "cancelled";
  }
  return "unknown";
}

// Debt comes before the hours: it would only grow until they begin.
bool MayMerge(const StoreContext& context, LiveSource& source) {
  return source.compaction_options().hours.Contains(context.deps.clock.WallMicros()) ||
         source.debt().owes();
}

struct CompactionJobs::Entry {
  CompactionJob job;  // Under mutex_.
  SourceUid uid;
  std::weak_ptr<LiveSource> source;
  runtime::CancelToken cancel;
  std::atomic<std::uint64_t> bytes_done = 0;
};

// On shared threads a merge has no helper beside it: what is read ahead is not worth a thread for
// each of many stores.
CompactionJobs::CompactionJobs(StoreContext& context)
    : context_(context),
      pool_(context.deps.merges == nullptr
                ? std::make_unique<runtime::WorkerPool>(
                      runtime::WorkerPoolOptions{.threads = context.options.compaction.workers})
                : std::make_unique<runtime::WorkerPool>(*context.deps.merges)) {
  if (context.deps.merges != nullptr) return;
  for (std::size_t i = 0; i < context.options.compaction.workers; ++i) {
    helpers_.push_back(std::make_unique<runtime::WorkerPool>(runtime::WorkerPoolOptions{1}));
    helpers_.back()->Submit(runtime::GiveWay);  // Its one thread, before all else.
  }
}

CompactionJobs::~CompactionJobs() { Stop(); }

Result<CompactionJob> CompactionJobs::Start(const std::shared_ptr<LiveSource>& source,
                                            CompactionWish wish) {
  EntryPtr entry;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return Status(Code::kUnavailable, "the store is shutting down");
    for (const EntryPtr& other : entries_) {
      if (other->uid == source->uid() && other->job.wish == wish && !HasEnded(other->job.state))
        return Show(*other);
    }
    entry = std::make_shared<Entry>();
    entry->uid = source->uid();
    entry->source = source;
    entry->job.id = fmt::format("compact-{:08x}-{}", context_.life & 0xffff'ffff, next_++);
    entry->job.source = source->id();
    entry->job.wish = wish;
    entry->job.created_us = context_.deps.clock.WallMicros();
    entries_.push_back(entry);
    ++totals_.jobs_queued;
  }
  pool_->Submit([this, entry] { Run(entry); });
  const std::lock_guard lock(mutex_);
  return Show(*entry);
}

runtime::WorkerPool* CompactionJobs::HelperOf(std::size_t merge) const {
  return helpers_.empty() ? nullptr : helpers_[merge % helpers_.size()].get();
}

bool CompactionJobs::IsBusy(SourceUid source) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [&](const EntryPtr& entry) {
    return entry->uid == source && !HasEnded(entry->job.state);
  });
}

void CompactionJobs::Run(const EntryPtr& entry) {
  runtime::GiveWay();
  {
    const std::lock_guard lock(mutex_);
    --totals_.jobs_queued;
    ++totals_.jobs_running;
    entry->job.state = JobState::kRunning;
    entry->job.started_us = context_.deps.clock.WallMicros();
  }
  const std::int64_t began_ns = context_.deps.clock.MonotonicNanos();
  const Status outcome = RunMerges(*entry);
  const std::lock_guard lock(mutex_);
  totals_.seconds += static_cast<double>(context_.deps.clock.MonotonicNanos() - began_ns) / 1e9;
  End(*entry, outcome);
}

// A plan after the other, until none is left. A partition that did not get fewer files by its merge
// is not merged again: what stands in its way will do so the next time, too.
Status CompactionJobs::RunMerges(Entry& entry) {
  std::set<std::string> settled;
  Status damage;
  std::mutex outcome_mutex;  // Guards both.
  for (int round = 0; round < kRoundsMax; ++round) {
    GRANARY_TRY(entry.cancel.Check());
    const std::shared_ptr<LiveSource> source = entry.source.lock();
    if (source == nullptr) return damage;  // Dropped.
    if (entry.job.wish == CompactionWish::kWhatPays && !MayMerge(context_, *source)) return damage;
    GRANARY_TRY(source->RemoveRetired().status());
    CompactionPlan plan = source->PlanCompaction(entry.job.wish);
    std::erase_if(plan.choices, [&](const auto& c) { return settled.contains(c.partition); });
    if (plan.choices.empty()) return damage;
    {
      const std::lock_guard lock(mutex_);
      for (const CompactionChoice& choice : plan.choices) entry.job.bytes_total += choice.bytes;
      entry.job.reason = plan.choices.front().reason;
    }
    GRANARY_TRY(pool_->ParallelFor(
        plan.choices.size(), context_.options.compaction.workers, [&](std::size_t i) -> Status {
          runtime::GiveWay();
          const CompactionChoice& choice = plan.choices[i];
          const CompactionRun run{entry.cancel, entry.bytes_done, HelperOf(i)};
          Result<CompactionCounts> merged = source->Compact(choice, run);
          // Its files are others by now: a later plan goes by those.
          if (merged.status().code() == Code::kConflict) return Status::Ok();
          // The others are merged without the file, which the next plan leaves out.
          if (merged.status().code() == Code::kCorruption) {
            const std::lock_guard lock(outcome_mutex);
            if (damage.ok()) damage = merged.status();
            return Status::Ok();
          }
          GRANARY_TRY(merged.status());
          if (merged->files_out >= merged->files_in) {
            const std::lock_guard lock(outcome_mutex);
            settled.insert(choice.partition);
          }
          const std::lock_guard lock(mutex_);
          entry.job.counts.Add(*merged);
          totals_.counts.Add(*merged);
          return Status::Ok();
        }));
  }
  return damage;
}

// mutex_ is held.
void CompactionJobs::End(Entry& entry, const Status& outcome) {
  CompactionJob& job = entry.job;
  job.ended_us = context_.deps.clock.WallMicros();
  const bool cancelled = outcome.code() == Code::kCancelled;
  job.state = outcome.ok() ? JobState::kDone : cancelled ? JobState::kCancelled : JobState::kFailed;
  --totals_.jobs_running;
  ++(outcome.ok() ? totals_.jobs_done : cancelled ? totals_.jobs_cancelled : totals_.jobs_failed);
  const CompactionCounts& counts = job.counts;
  if (outcome.ok() || cancelled) {
    if (job.reason.empty()) job.reason = "nothing to merge";
    if (counts.merges > 0) {
      context_.deps.log.Info("compacted", {{"source", job.source.str()},
                                           {"job", job.id},
                                           {"reason", job.reason},
                                           {"files_before", counts.files_in},
                                           {"files_after", counts.files_out},
                                           {"bytes_before", counts.bytes_in},
                                           {"bytes_after", counts.bytes_out},
                                           {"ms", (*job.ended_us - *job.started_us) / 1000}});
    }
  } else {
    context_.deps.log.Error("compaction failed, nothing was replaced by it",
                            {{"source", job.source.str()},
                             {"job", job.id},
                             {"reason", job.reason},
                             {"cause", outcome.ToString()}});
  }
  job.failure = outcome;
  std::size_t ended = 0;
  for (const EntryPtr& other : entries_) ended += HasEnded(other->job.state) ? 1 : 0;
  for (auto at = entries_.begin(); at != entries_.end() && ended > kEndedJobsMax;) {
    const bool goes = HasEnded((*at)->job.state) && at->get() != &entry;
    ended -= goes ? 1 : 0;
    at = goes ? entries_.erase(at) : at + 1;
  }
  changed_.notify_all();
}

CompactionJobs::EntryPtr CompactionJobs::FindEntry(const std::string& id) const {
  for (const EntryPtr& entry : entries_) {
    if (entry->job.id == id) return entry;
  }
  return nullptr;
}

CompactionJob CompactionJobs::Show(const Entry& entry) const {
  CompactionJob job = entry.job;
  job.bytes_done = std::min(entry.bytes_done.load(), job.bytes_total);
  return job;
}

std::vector<CompactionJob> CompactionJobs::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<CompactionJob> jobs;
  for (const EntryPtr& entry : entries_) jobs.push_back(Show(*entry));
  return jobs;
}

Result<CompactionJob> CompactionJobs::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  if (const EntryPtr entry = FindEntry(id)) return Show(*entry);
  return Status(Code::kNotFound, fmt::format("there is no job \"{}\"", id.substr(0, 64)));
}

Result<CompactionJob> CompactionJobs::Await(const std::string& id,
                                            const runtime::CancelToken& cancel) const {
  std::unique_lock lock(mutex_);
  const EntryPtr entry = FindEntry(id);
  if (entry == nullptr)
    return Status(Code::kNotFound, fmt::format("there is no job \"{}\"", id.substr(0, 64)));
  while (!HasEnded(entry->job.state)) {
    GRANARY_TRY(cancel.Check());
    changed_.wait_for(lock, kAwaitStep);
  }
  return Show(*entry);
}

Result<CompactionJob> CompactionJobs::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const EntryPtr entry = FindEntry(id);
  if (entry == nullptr)
    return Status(Code::kNotFound, fmt::format("there is no job \"{}\"", id.substr(0, 64)));
  entry->cancel.Cancel();
  return Show(*entry);
}

CompactionTotals CompactionJobs::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

void CompactionJobs::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const EntryPtr& entry : entries_) entry->cancel.Cancel();
  }
  pool_->Stop();
}

}  // namespace granary::storage
