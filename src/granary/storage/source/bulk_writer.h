// BulkWriter: the BulkWrite of a source on disk (see source.h).
//
// Memory     batches are kept until they make a flush's worth (flush_bytes or flush_rows), then
//            they are written as a flush would, by a worker, while the next ones come in; they
//            count towards the memory of all hot tiers meanwhile.
// Threads    one calls; the store's pool writes, one set at a time.
#pragma once

#include <memory>
#include <vector>

#include "granary/storage/source/hot_budget.h"
#include "granary/storage/source/live_source.h"

namespace granary::storage {

class BulkWriter final : public BulkWrite {
 public:
  BulkWriter(std::shared_ptr<LiveSource> source, runtime::CancelToken cancel);
  ~BulkWriter() override;

  SchemaPtr schema() const override;
  Status Append(const SchemaPtr& schema, const std::shared_ptr<arrow::RecordBatch>& batch) override;
  Result<WriteOutcome> Commit(const KeyTurn* turn) override;

 private:
  /// What is being written.
  struct Flight;
  /// Sends off what was collected; waits for what was sent off before.
  Status StartSet();
  /// Waits for what was sent off and takes its files; its failure.
  Status EndSet();

  const std::shared_ptr<LiveSource> source_;
  const runtime::CancelToken cancel_;
  BulkSet set_;
  std::vector<HotChunk> chunks_;  // Not sent off yet.
  std::vector<HotBudget::Hold> holds_;
  std::uint64_t chunk_rows_ = 0, chunk_bytes_ = 0;
  std::shared_ptr<Flight> flight_;
};

}  // namespace granary::storage
