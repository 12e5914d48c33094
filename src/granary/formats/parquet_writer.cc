#include "granary/formats/parquet_writer.h"

#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include "granary/formats/column_match.h"
#include "granary/formats/text_stream.h"

namespace granary::formats {
namespace {

constexpr std::int64_t kRowGroupRows = 128 << 10;
constexpr std::int64_t kRowGroupBytes = 16 << 20;

Status FileStatus(const arrow::Status& status) {
  if (status.ok()) return Status::Ok();
  // A time that milliseconds cannot hold; all else is fine by construction.
  const Code code = status.IsInvalid() ? Code::kInvalidRecord : Code::kInternal;
  return {code, "Parquet file: " + status.ToString()};
}

/// Runs what may throw.
template <typename Call>
Status GuardedWrite(const Call& call) {
  try {
    return FileStatus(call());
  } catch (const parquet::ParquetException& e) {
    return Status::Internal(fmt::format("Parquet file: {}", e.what()));
  }
}

}  // namespace

ParquetWriter::ParquetWriter() : stream_(std::make_shared<TextStream>()) {}
ParquetWriter::~ParquetWriter() = default;

Status ParquetWriter::Begin(const TableShape& shape, std::string& out) {
  shape_ = shape;
  GRANARY_ASSIGN(schema_, ArrowSchemaOf(shape));
  if (schema_->num_fields() == 0)
    return {Code::kInvalidRequest, "a Parquet file needs a column, and the answer has none"};
  GRANARY_TRY(GuardedWrite([&] {
    const auto properties =
        parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    auto made = parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream_,
                                                 properties, arrow_properties);
    if (made.ok()) writer_ = made.MoveValueUnsafe();
    return made.status();
  }));
  stream_->MoveTo(out);
  return Status::Ok();
}

Status ParquetWriter::Add(const TableRows& rows, std::string& out) {
  GRANARY_ASSIGN(auto batch, FitRows(shape_, schema_, rows));
  pending_rows_ += batch->num_rows();
  pending_bytes_ += arrow::util::ReferencedBufferSize(*batch).ValueOr(0);
  pending_.push_back(std::move(batch));
  if (pending_rows_ >= kRowGroupRows || pending_bytes_ >= kRowGroupBytes)
    GRANARY_TRY(WriteRowGroup());
  stream_->MoveTo(out);
  return Status::Ok();
}

Status ParquetWriter::WriteRowGroup() {
  GRANARY_TRY(GuardedWrite([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto table, arrow::Table::FromRecordBatches(schema_, pending_));
    return writer_->WriteTable(*table, pending_rows_);
  }));
  pending_.clear();
  pending_rows_ = pending_bytes_ = 0;
  return Status::Ok();
}

Status ParquetWriter::Finish(std::string& out) {
  if (pending_rows_ > 0) GRANARY_TRY(WriteRowGroup());
  GRANARY_TRY(GuardedWrite([&] { return writer_->Close(); }));
  stream_->MoveTo(out);
  return Status::Ok();
}

}  // namespace granary::formats
