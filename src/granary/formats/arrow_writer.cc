#include "granary/formats/arrow_writer.h"

#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>

#include "granary/formats/column_match.h"
#include "granary/formats/text_stream.h"

namespace granary::formats {
namespace {

Status StreamStatus(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal("Arrow stream: " + status.ToString());
}

}  // namespace

ArrowWriter::ArrowWriter() : stream_(std::make_shared<TextStream>()) {}
ArrowWriter::~ArrowWriter() = default;

Status ArrowWriter::Begin(const TableShape& shape, std::string& out) {
  shape_ = shape;
  GRANARY_ASSIGN(schema_, ArrowSchemaOf(shape));
  auto made = arrow::ipc::MakeStreamWriter(stream_, schema_);
  GRANARY_TRY(StreamStatus(made.status()));
  writer_ = made.MoveValueUnsafe();
  stream_->MoveTo(out);
  return Status::Ok();
}

Status ArrowWriter::Add(const TableRows& rows, std::string& out) {
  GRANARY_ASSIGN(const auto batch, FitRows(shape_, schema_, rows));
  GRANARY_TRY(StreamStatus(writer_->WriteRecordBatch(*batch)));
  stream_->MoveTo(out);
  return Status::Ok();
}

Status ArrowWriter::Finish(std::string& out) {
  GRANARY_TRY(StreamStatus(writer_->Close()));
  stream_->MoveTo(out);
  return Status::Ok();
}

}  // namespace granary::formats
