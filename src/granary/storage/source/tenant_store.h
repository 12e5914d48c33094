// TenantStore: the Store on disk. It opens everything, keeps the sources by name, and runs what
// happens in the background.
//
// Locks      ddl_mutex_ (adding and dropping, one at a time) -> sources_mutex_ (the map).
// Threads    fully safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <vector>

#include "granary/storage/source/live_source.h"
#include "granary/storage/source/store.h"
#include "granary/storage/source/store_context.h"

namespace granary::storage {

class TenantStore final : public Store {
 public:
  static Result<std::unique_ptr<Store>> Open(StoreDeps deps, StoreOptions options);
  ~TenantStore() override;

  Result<Added> AddSource(const SourceDefinition& definition) override;
  Status DropSource(const SourceId& id, bool keep_data) override;
  Result<std::shared_ptr<Source>> Find(const SourceId& id) const override;
  std::vector<std::shared_ptr<Source>> List() const override;
  std::vector<WalLaneStats> wal_stats() const override;
  std::uint64_t hot_bytes() const override { return context_->budget.bytes(); }
  Status Close() override;

 private:
  explicit TenantStore(std::shared_ptr<StoreContext> context) : context_(std::move(context)) {}

  // Opening, in this order.
  Status FinishDrops();
  Status LoadSources();
  void PrepareFolders();
  Status PrepareFolder(LiveSource& source);
  Status OpenLanes();
  void StartBackground();

  Result<std::string> ChooseFolder(const SourceDefinition& definition) const;
  Result<std::shared_ptr<LiveSource>> Create(const SourceDefinition& definition);
  std::shared_ptr<LiveSource> FindLive(const SourceId& id) const;
  std::shared_ptr<LiveSource> FindLive(SourceUid uid) const;
  std::vector<std::shared_ptr<LiveSource>> LiveSources() const;

  // In the background.
  void RunBackground();
  void FlushWhatIsDue();
  void RememberOutcome(SourceUid uid, const Status& outcome);
  std::optional<std::uint64_t> FlushedSequence(SourceUid uid) const;
  void CollectLogs();
  void ReopenFullLanes();

  const std::shared_ptr<StoreContext> context_;
  std::mutex ddl_mutex_;
  mutable std::shared_mutex sources_mutex_;
  std::map<SourceId, std::shared_ptr<LiveSource>> sources_;
  std::map<SourceUid, std::shared_ptr<LiveSource>> by_uid_;
  std::set<SourceUid> strangers_;  // Whose frames stay in the log: see Replay.

  /// When a flush that failed is tried again.
  struct Retry {
    std::int64_t at_us = 0;
    std::int64_t wait_us = 0;
  };
  std::map<SourceUid, Retry> retries_;  // Of the background thread.
  std::int64_t next_collect_us_ = 0;
};

}  // namespace granary::storage
