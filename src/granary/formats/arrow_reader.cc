#include "granary/formats/arrow_reader.h"

#include <algorithm>

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>

#include "granary/formats/batch_reader.h"

namespace granary::formats {
namespace {

constexpr std::int64_t kStepBytes = 256 << 10;
constexpr int kSchemaDepthMax = 64;

/// Arrow's input stream over a ByteSource. What a message claims to be long costs no memory before
/// it is there.
class SourceStream final : public arrow::io::InputStream {
 public:
  SourceStream(ByteSource source, arrow::MemoryPool* pool)
      : source_(std::move(source)), pool_(pool) {}

  arrow::Result<std::int64_t> Read(std::int64_t bytes, void* out) override {
    std::int64_t got = 0;
    while (got < bytes) {
      const std::span<char> room(static_cast<char*>(out) + got,
                                 static_cast<std::size_t>(bytes - got));
      Result<std::size_t> more = source_(room);
      if (!more.ok()) {
        failure_ = more.status();
        return arrow::Status::IOError(failure_.ToString());
      }
      if (*more == 0) break;
      got += static_cast<std::int64_t>(*more);
    }
    position_ += got;
    return got;
  }

  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(0, pool_));
    std::int64_t got = 0;
    while (got < bytes) {
      const std::int64_t step = std::min(bytes - got, std::max(kStepBytes, got));
      ARROW_RETURN_NOT_OK(buffer->Resize(got + step, /*shrink_to_fit=*/false));
      ARROW_ASSIGN_OR_RAISE(const std::int64_t more, Read(step, buffer->mutable_data() + got));
      got += more;
      if (more < step) break;
    }
    ARROW_RETURN_NOT_OK(buffer->Resize(got, /*shrink_to_fit=*/false));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  arrow::Status Close() override {
    closed_ = true;
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> Tell() const override { return position_; }
  bool closed() const override { return closed_; }
  /// The source's own failure behind an Arrow status.
  const Status& failure() const { return failure_; }

 private:
  const ByteSource source_;
  arrow::MemoryPool* const pool_;
  std::int64_t position_ = 0;
  bool closed_ = false;
  Status failure_;
};

class StreamSource final : public BatchSource {
 public:
  StreamSource(std::shared_ptr<DecodeMemory> memory, ByteSource source)
      : memory_(std::move(memory)),
        stream_(std::make_shared<SourceStream>(std::move(source), &memory_->pool)) {}

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    if (reader_ == nullptr) GRANARY_TRY(Open());
    const std::int64_t before = stream_->Tell().ValueOr(0);
    auto batch = reader_->Next();
    GRANARY_TRY(Failure(batch.status()));
    // Without the end mark nobody knows whether the sender was done.
    if (*batch == nullptr && stream_->Tell().ValueOr(0) == before)
      return Status(Code::kInvalidRequest, "the body is not a whole Arrow stream: it has no end");
    if (*batch == nullptr) GRANARY_TRY(CheckEnd());
    return *batch;
  }

  const arrow::Schema& schema() const override { return *reader_->schema(); }

  std::uint64_t body_bytes() const override {
    return static_cast<std::uint64_t>(stream_->Tell().ValueOr(0));
  }

 private:
  Status CheckEnd() {
    char more = 0;
    const auto got = stream_->Read(1, &more);
    GRANARY_TRY(Failure(got.status()));
    if (*got == 0) return Status::Ok();
    return {Code::kInvalidRequest,
            "the body goes on behind the end of its Arrow stream: send one stream a body"};
  }

  Status Open() {
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.memory_pool = &memory_->pool;
    options.use_threads = false;
    options.max_recursion_depth = kSchemaDepthMax;
    auto opened = arrow::ipc::RecordBatchStreamReader::Open(stream_, options);
    GRANARY_TRY(Failure(opened.status()));
    reader_ = opened.MoveValueUnsafe();
    return Status::Ok();
  }

  Status Failure(const arrow::Status& status) const {
    if (!stream_->failure().ok()) return stream_->failure();
    return BodyFailure(status, "Arrow stream");
  }

  const std::shared_ptr<DecodeMemory> memory_;
  const std::shared_ptr<SourceStream> stream_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> reader_;
};

}  // namespace

std::unique_ptr<TableReader> MakeArrowReader(ByteSource source, const ReadLimits& limits) {
  auto memory = std::make_shared<DecodeMemory>(limits.decode_bytes_max, limits.decode_room);
  auto batches = std::make_unique<StreamSource>(memory, std::move(source));
  return std::make_unique<BatchReader>(std::move(memory), std::move(batches), limits);
}

}  // namespace granary::formats
