// BatchReader: what Arrow streams and Parquet files have in common: batches that are checked before
// anything looks into them, and cut into chunks.
//
// Trust      every offset, length and text of a batch is verified (ValidateFull); the memory that
//            decoding takes is capped, whatever the bytes claim.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "granary/formats/decode_memory.h"
#include "granary/formats/table_reader.h"

namespace granary::formats {

/// Where batches come from: null at the end.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual Result<std::shared_ptr<arrow::RecordBatch>> Next() = 0;
  /// Once Next was called.
  virtual const arrow::Schema& schema() const = 0;
  /// Of the body, as far as it was read.
  virtual std::uint64_t body_bytes() const = 0;
};

class BatchReader final : public TableReader {
 public:
  BatchReader(std::shared_ptr<DecodeMemory> memory, std::unique_ptr<BatchSource> source,
              const ReadLimits& limits)
      : memory_(std::move(memory)), source_(std::move(source)), limits_(limits) {}

  Result<std::unique_ptr<TableChunk>> Next() override;
  Status CheckColumns(const Schema& schema) const override;

 private:
  Result<std::unique_ptr<TableChunk>> Cut();
  /// Before anything is made of the records that a batch claims to have.
  Status CountClaimed();

  const std::shared_ptr<DecodeMemory> memory_;  // Outlives all that lies in it.
  const std::unique_ptr<BatchSource> source_;
  const ReadLimits limits_;
  std::shared_ptr<arrow::RecordBatch> rest_;
  bool is_part_ = false;  // rest_, of the batch that the source gave.
  std::uint64_t records_ = 0;
  std::uint64_t claimed_ = 0;  // By all batches so far.
};

/// What a decoder's failure is to the client; `what` names the format.
Status BodyFailure(const arrow::Status& status, std::string_view what);

}  // namespace granary::formats
