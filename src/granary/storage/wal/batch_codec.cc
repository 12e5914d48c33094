#include "granary/storage/wal/batch_codec.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/status.h>

#include <cstring>

namespace granary::storage {
namespace {

/// Appends to a string, so that the encoded bytes are written once.
class StringStream final : public arrow::io::OutputStream {
 public:
  explicit StringStream(std::string& out) : out_(out) { set_mode(arrow::io::FileMode::WRITE); }
  arrow::Status Write(const void* data, std::int64_t bytes) override {
    out_.append(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override {
    return static_cast<std::int64_t>(out_.size());
  }
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }

 private:
  std::string& out_;
};

Status NotABatch(const arrow::Status& status) {
  return Status::Corruption("log payload is not a batch of its schema: " + status.ToString());
}

/// A copy at an address that vector instructions like.
arrow::Result<std::shared_ptr<arrow::Buffer>> AlignedCopy(std::string_view payload) {
  ARROW_ASSIGN_OR_RAISE(auto buffer,
                        arrow::AllocateBuffer(static_cast<std::int64_t>(payload.size())));
  if (!payload.empty()) std::memcpy(buffer->mutable_data(), payload.data(), payload.size());
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

constexpr std::int64_t kMeasuredCells = 64 << 10;

}  // namespace

Result<std::string> EncodeBatch(const arrow::RecordBatch& batch) {
  arrow::ipc::IpcWriteOptions options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  std::string payload;
  // A string that grows leaves as much as it holds to the allocator on its way. Measuring costs a
  // third of encoding: of a small batch that is more than it is worth.
  std::int64_t bytes = 0;
  if (batch.num_rows() * batch.num_columns() >= kMeasuredCells &&
      arrow::ipc::GetRecordBatchSize(batch, options, &bytes).ok())
    payload.reserve(static_cast<std::size_t>(bytes));
  StringStream stream(payload);
  std::int32_t metadata_bytes = 0;
  std::int64_t body_bytes = 0;
  const arrow::Status status = arrow::ipc::WriteRecordBatch(
      batch, /*buffer_start_offset=*/0, &stream, &metadata_bytes, &body_bytes, options);
  if (!status.ok()) return Status::Internal("encoding a batch for the log: " + status.ToString());
  return payload;
}

Result<std::shared_ptr<arrow::RecordBatch>> DecodeBatch(
    std::string_view payload, const std::shared_ptr<arrow::Schema>& schema) {
  auto bytes = AlignedCopy(payload);
  if (!bytes.ok()) return Status::Internal("decoding a log payload: " + bytes.status().ToString());
  arrow::io::BufferReader stream(*bytes);
  arrow::ipc::DictionaryMemo no_dictionaries;
  arrow::ipc::IpcReadOptions options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  auto batch = arrow::ipc::ReadRecordBatch(schema, &no_dictionaries, options, &stream);
  if (!batch.ok()) return NotABatch(batch.status());
  if (const arrow::Status valid = (*batch)->ValidateFull(); !valid.ok()) return NotABatch(valid);
  return *batch;
}

}  // namespace granary::storage
