#include "granary/storage/source/partition_writer.h"

#include <optional>
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
    const auto numbers = std::static_pointer_cast<arrow::Int64Array>(sequences.Slice(begin, step));
    GRANARY_TRY(ForEachPart([&](std::size_t part) {
      if (part == 0) return writer_->Append(piece, numbers);
      IndexBuilder& index = *indexes_[part - 1];
      index.Add(*piece->column(options_.schema->IndexOfId(index.key().column)));
      return Status::Ok();
    }));
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
  path_ = folder.empty() ? name : io::JoinPath(folder, name);
  GRANARY_ASSIGN(writer_, SegmentWriter::Create(files_, failpoints_, options_.folder, path_,
                                                options_.schema, options_.writer));
  for (const IndexKey& key : options_.indexes) {
    const Column* column = options_.schema->FindId(key.column);
    if (column != nullptr) indexes_.push_back(IndexBuilder::Make(key, column->type));
  }
  return Status::Ok();
}

Status PartitionWriter::ForEachPart(const std::function<Status(std::size_t)>& body) const {
  const std::size_t parts = 1 + indexes_.size();
  if (options_.pool != nullptr) return options_.pool->ParallelFor(parts, parts, body);
  for (std::size_t part = 0; part < parts; ++part) GRANARY_TRY(body(part));
  return Status::Ok();
}

Status PartitionWriter::FinishFile() {
  if (writer_ == nullptr) return Status::Ok();
  SegmentMeta meta;
  std::vector<std::optional<IndexMeta>> made(indexes_.size());
  const Status failure = ForEachPart([&](std::size_t part) -> Status {
    if (part == 0) {
      GRANARY_ASSIGN(meta, writer_->Finish());
      return Status::Ok();
    }
    GRANARY_ASSIGN(made[part - 1], indexes_[part - 1]->Write(files_, options_.folder, path_, id_));
    return Status::Ok();
  });
  const bool has_segment = !meta.path.empty();
  writer_.reset();
  indexes_.clear();
  file_rows_ = 0;
  meta.id = id_;
  meta.path = path_;
  meta.partition = key_;
  meta.created_us = options_.created_us;
  for (const auto& index : made)
    if (index) meta.indexes.push_back(*index);
  if (has_segment)
    segments_.push_back(std::move(meta));  // From here on it is discarded with the set.
  else
    DiscardSegments(files_, options_.folder, {meta});
  return failure;
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
