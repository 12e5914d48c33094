#include "granary/storage/source/partition_writer.h"

#include <utility>

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "granary/storage/source/source_folder.h"

namespace granary::storage {

// In pieces of a row group, so that a file ends soon after it has its size.
Status PartitionWriter::Append(const arrow::RecordBatch& batch,
                               const arrow::Int64Array& sequences) {
  for (std::int64_t begin = 0; begin < batch.num_rows();) {
    if (writer_ == nullptr) GRANARY_TRY(StartFile());
    const std::int64_t step = options_.writer.row_group_rows;
    const auto piece = batch.Slice(begin, step);
    GRANARY_TRY(writer_->Append(
        piece, std::static_pointer_cast<arrow::Int64Array>(sequences.Slice(begin, step))));
    for (const auto& index : indexes_)
      index->Add(*piece->column(options_.schema->IndexOfId(index->key().column)));
    begin += step;
    file_rows_ += static_cast<std::uint64_t>(piece->num_rows());
    if (writer_->bytes_written() >= options_.file_bytes_max || file_rows_ >= options_.file_rows_max)
      GRANARY_TRY(FinishFile());
  }
  return Status::Ok();
}

Status PartitionWriter::StartFile() {
  GRANARY_ASSIGN(id_, next_id_());
  const std::string folder = PartitionPath(options_.partitions, *options_.schema, key_);
  const std::string name = SegmentFileName(id_);
  const std::string path = folder.empty() ? name : io::JoinPath(folder, name);
  GRANARY_ASSIGN(writer_, SegmentWriter::Create(files_, failpoints_, options_.folder, path,
                                                options_.schema, options_.writer));
  for (const IndexKey& key : options_.indexes) {
    const Column* column = options_.schema->FindId(key.column);
    if (column != nullptr) indexes_.push_back(IndexBuilder::Make(key, column->type));
  }
  return Status::Ok();
}

Status PartitionWriter::FinishFile() {
  if (writer_ == nullptr) return Status::Ok();
  const std::unique_ptr<SegmentWriter> writer = std::move(writer_);
  const auto indexes = std::exchange(indexes_, {});
  file_rows_ = 0;
  GRANARY_ASSIGN(SegmentMeta meta, writer->Finish());
  meta.id = id_;
  meta.partition = key_;
  meta.created_us = options_.created_us;
  segments_.push_back(std::move(meta));  // From here on it is discarded with the set.
  for (const auto& index : indexes) {
    SegmentMeta& written = segments_.back();
    GRANARY_ASSIGN(IndexMeta made, index->Write(files_, options_.folder, written.path, written.id));
    written.indexes.push_back(made);
  }
  return Status::Ok();
}

void DiscardSegments(io::FileSystem& files, const std::string& folder,
                     const std::vector<SegmentMeta>& segments) {
  // What stays is swept at the next start.
  for (const SegmentMeta& segment : segments) {
    (void)files.Remove(io::JoinPath(folder, segment.path));
    for (const IndexMeta& index : segment.indexes)
      (void)files.Remove(io::JoinPath(folder, IndexPath(segment.path, index.key)));
  }
}

}  // namespace granary::storage
