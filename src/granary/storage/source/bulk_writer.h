// BulkWriter: the BulkWrite of a source on disk (see source.h).
//
// Memory     batches are kept until they make a flush's worth (flush_bytes or flush_rows), then
//            they are written as a flush would; they count towards the memory of all hot tiers
//            meanwhile.
// Threads    one.
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
  Status WriteSet();

  const std::shared_ptr<LiveSource> source_;
  const runtime::CancelToken cancel_;
  BulkSet set_;
  std::vector<HotChunk> chunks_;  // Not written yet.
  std::vector<HotBudget::Hold> holds_;
  std::uint64_t chunk_rows_ = 0, chunk_bytes_ = 0;
};

}  // namespace granary::storage
