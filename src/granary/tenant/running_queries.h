// RunningQueries: the queries of a tenant that wait or run, so that people can look at them and end
// them.
//
// Threads    fully safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "granary/base/ids.h"
#include "granary/base/status.h"
#include "granary/io/clock.h"
#include "granary/query/exec/query_context.h"
#include "granary/runtime/cancel.h"
#include "granary/tenant/caller.h"

namespace granary {

enum class QueryKind : std::uint8_t { kSearch, kStream, kAggregate, kDelete };
/// "search", "stream", "aggregate", "delete".
std::string_view QueryKindName(QueryKind kind);

struct RunningQuery {
  std::string id;
  QueryKind kind = QueryKind::kSearch;
  std::vector<SourceId> sources;  ///< As asked for; empty: all.
  std::int64_t started_us = 0;    ///< Wall clock, since the Unix epoch.
  std::int64_t elapsed_ns = 0;
  bool running = false;  ///< Else it waits for a slot.
  std::uint64_t rows_scanned = 0;
  std::string request_id;
};

class RunningQueries {
 public:
  /// `clock` outlives this.
  explicit RunningQueries(const io::Clock& clock);

  /// One query; it is no longer listed once this is gone.
  class Entry {
   public:
    Entry(RunningQueries& owner, RunningQuery query, runtime::CancelToken cancel);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    void Start() { running_.store(true); }  ///< It has its slot.
    query::QueryProgress& progress() { return progress_; }
    /// `status`, which the query ended with; says so when Cancel ended it.
    Status Explain(const Status& status) const;

   private:
    friend class RunningQueries;
    RunningQueries& owner_;
    const RunningQuery query_;
    runtime::CancelToken cancel_;
    const std::int64_t started_ns_;
    std::atomic<bool> running_ = false;
    std::atomic<bool> cancelled_ = false;
    query::QueryProgress progress_;
  };
  std::unique_ptr<Entry> Begin(QueryKind kind, const std::vector<SourceId>& sources,
                               const Caller& caller);

  std::vector<RunningQuery> List() const;  ///< The oldest first.
  /// The query ends soon, with kCancelled. kNotFound when no query of that id waits or runs.
  Status Cancel(const std::string& id);

 private:
  const io::Clock& clock_;
  const std::uint64_t life_;  ///< Ids of an earlier process are not ids of this one.
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Entry*> entries_;
  std::map<std::string, std::uint64_t> by_id_;
};

}  // namespace granary
