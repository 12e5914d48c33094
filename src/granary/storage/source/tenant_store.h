// TenantStore: the Store on disk. It opens everything, and adds, finds and drops sources.
//
// Threads    fully safe. Adding, dropping and closing happen one at a time, under ddl_mutex_.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "granary/storage/source/compaction_jobs.h"
#include "granary/storage/source/live_source.h"
#include "granary/storage/source/maintenance.h"
#include "granary/storage/source/source_map.h"
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
  std::vector<Refused> ListRefused() const override;
  Result<std::string> Secret(const std::string& name) override;
  Result<CompactionJob> Compact(const SourceId& id, CompactionWish wish) override;
  void SetCompactionRules(CompactionRules rules) override {
    context_->compaction_rules.Set(std::move(rules));
    context_->Press();
  }
  Result<CompactionPlan> PlanCompaction(const SourceId& id, CompactionWish wish) const override;
  std::vector<CompactionJob> Jobs() const override { return compactions_->List(); }
  Result<CompactionJob> Job(const std::string& id) const override { return compactions_->Find(id); }
  Result<CompactionJob> AwaitJob(const std::string& id,
                                 const runtime::CancelToken& cancel) const override {
    return compactions_->Await(id, cancel);
  }
  Result<CompactionJob> CancelJob(const std::string& id) override {
    return compactions_->Cancel(id);
  }
  CompactionTotals compaction_totals() const override;
  std::vector<WalLaneStats> wal_stats() const override;
  std::uint64_t hot_bytes() const override { return context_->budget.bytes(); }
  CachedBytes cached_bytes() const override {
    const SegmentFiles& files = context_->segment_files;
    return {files.columns.bytes(), files.blocks.bytes(), files.open_files.reserved()};
  }
  std::string tenant_folder() const override {
    return context_->folder.TenantPath(context_->options.tenant);
  }
  std::string spool_folder() const override {
    return context_->folder.SpoolPath(context_->options.tenant);
  }
  Status Close() override;

 private:
  explicit TenantStore(std::shared_ptr<StoreContext> context) : context_(std::move(context)) {}

  // Opening, in this order.
  Status LoadSources();
  Status FinishDrops();
  void PrepareFolders();
  Status PrepareFolder(LiveSource& source);
  void StartBackground(std::set<SourceUid> strangers);

  Result<std::string> ChooseFolder(const SourceDefinition& definition) const;
  bool IsTheSame(const LiveSource& there, const SourceDefinition& definition) const;
  Result<std::shared_ptr<LiveSource>> Create(const SourceDefinition& definition);

  const std::shared_ptr<StoreContext> context_;
  std::mutex ddl_mutex_;
  SourceMap sources_;
  std::unique_ptr<CompactionJobs> compactions_;
  std::unique_ptr<Maintenance> maintenance_;
};

}  // namespace granary::storage
