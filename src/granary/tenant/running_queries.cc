#include "granary/tenant/running_queries.h"

#include <fmt/compile.h>

namespace granary {

std::string_view QueryKindName(QueryKind kind) {
  switch (kind) {
    case QueryKind::kSearch: return "search";
    case QueryKind::kStream: return "stream";
    case QueryKind::kDelete: return "delete";
    case QueryKind::kAggregate: return "aggregate";
  }
  return "unknown";
}

RunningQueries::RunningQueries(const io::Clock& clock)
    : clock_(clock), life_(io::SystemRandom().Next64() & 0xffff'ffff) {}

RunningQueries::Entry::Entry(RunningQueries& owner, RunningQuery query, runtime::CancelToken cancel)
    : owner_(owner),
      query_(std::move(query)),
      cancel_(std::move(cancel)),
      started_ns_(owner.clock_.MonotonicNanos()) {}

RunningQueries::Entry::~Entry() {
  const std::lock_guard lock(owner_.mutex_);
  const auto found = owner_.by_id_.find(query_.id);
  owner_.entries_.erase(found->second);
  owner_.by_id_.erase(found);
}

Status RunningQueries::Entry::Explain(const Status& status) const {
  if (status.code() != Code::kCancelled || !cancelled_.load()) return status;
  return {Code::kCancelled, fmt::format("cancelled by DELETE /queries/{}", query_.id)};
}

std::unique_ptr<RunningQueries::Entry> RunningQueries::Begin(QueryKind kind,
                                                             const std::vector<SourceId>& sources,
                                                             const Caller& caller) {
  RunningQuery query;
  query.kind = kind;
  query.sources = sources;
  query.started_us = clock_.WallMicros();
  query.request_id = caller.request_id;
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  query.id = fmt::format(FMT_COMPILE("{:08x}-{}"), life_, number);
  auto entry = std::make_unique<Entry>(*this, std::move(query), caller.cancel);
  by_id_.emplace(entry->query_.id, number);
  entries_.emplace(number, entry.get());
  return entry;
}

std::vector<RunningQuery> RunningQueries::List() const {
  std::vector<RunningQuery> queries;
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ns = clock_.MonotonicNanos();
  for (const auto& [number, entry] : entries_) {
    RunningQuery& query = queries.emplace_back(entry->query_);
    query.elapsed_ns = now_ns - entry->started_ns_;
    query.running = entry->running_.load();
    query.rows_scanned = entry->progress_.rows_scanned.load(std::memory_order_relaxed);
  }
  return queries;
}

Status RunningQueries::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end())
    return {Code::kNotFound, fmt::format("no query \"{}\" waits or runs", id.substr(0, 64))};
  Entry& entry = *entries_.at(found->second);
  entry.cancelled_.store(true);
  entry.cancel_.Cancel();
  return Status::Ok();
}

}  // namespace granary
