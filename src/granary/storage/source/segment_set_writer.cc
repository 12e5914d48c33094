#include "granary/storage/source/segment_set_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "granary/storage/index/index_builder.h"
#include "granary/storage/source/source_folder.h"

namespace granary::storage {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;
using Positions = std::shared_ptr<arrow::Int64Array>;

Status FromArrow(const arrow::Status& status, std::string_view what) {
  if (status.ok()) return Status::Ok();
  return Status::Internal(fmt::format("flush: {}: {}", what, status.ToString()));
}

#define GRANARY_ARROW(lhs, expr, what)                                 \
  auto GRANARY_CONCAT(arrow_, __LINE__) = (expr);                      \
  if (!GRANARY_CONCAT(arrow_, __LINE__).ok())                          \
    return FromArrow(GRANARY_CONCAT(arrow_, __LINE__).status(), what); \
  lhs = GRANARY_CONCAT(arrow_, __LINE__).MoveValueUnsafe()

// Rows on their way into files, with their sequences.
struct Rows {
  BatchPtr batch;
  Positions sequences;
};

struct KeyLess {
  bool operator()(const PartitionKey& a, const PartitionKey& b) const {
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(),
        [](const Value& x, const Value& y) { return Compare(x, y) < 0; });
  }
};

// Rows are sorted in runs of so many bytes: it bounds the memory for a second copy, and 32-bit
// string offsets hold.
constexpr std::int64_t kSortRunBytes = 512 << 20;

// Which rows of which chunk belong to a partition; in order of sequence.
struct Slice {
  std::size_t chunk;
  Positions rows;
};
using Partitions = std::map<PartitionKey, std::vector<Slice>, KeyLess>;

bool IsWhole(const Positions& rows, std::int64_t chunk_rows) {
  return rows->length() == chunk_rows;
}

Result<Rows> Take(const Rows& from, const std::shared_ptr<arrow::Array>& positions) {
  const auto options = arrow::compute::TakeOptions::NoBoundsCheck();
  GRANARY_ARROW(const arrow::Datum batch, arrow::compute::Take(from.batch, positions, options),
                "take rows");
  GRANARY_ARROW(const arrow::Datum sequences,
                arrow::compute::Take(from.sequences, positions, options), "take sequences");
  return Rows{batch.record_batch(),
              std::static_pointer_cast<arrow::Int64Array>(sequences.make_array())};
}

Result<Rows> Concatenate(const std::vector<Rows>& parts) {
  if (parts.size() == 1) return parts.front();
  arrow::RecordBatchVector batches;
  arrow::ArrayVector sequences;
  for (const Rows& part : parts) {
    batches.push_back(part.batch);
    sequences.push_back(part.sequences);
  }
  GRANARY_ARROW(BatchPtr batch, arrow::ConcatenateRecordBatches(batches), "concatenate rows");
  GRANARY_ARROW(const std::shared_ptr<arrow::Array> joined, arrow::Concatenate(sequences),
                "concatenate sequences");
  return Rows{std::move(batch), std::static_pointer_cast<arrow::Int64Array>(joined)};
}

class SegmentSetWriter {
 public:
  SegmentSetWriter(io::FileSystem& files, io::Failpoints& failpoints,
                   const SegmentSetOptions& options, const NextSegmentId& next_id)
      : files_(files), failpoints_(failpoints), options_(options), next_id_(next_id) {}

  Status Write(const std::vector<HotChunk>& chunks) {
    GRANARY_TRY(Project(chunks));
    GRANARY_ASSIGN(const Partitions partitions, Split());
    for (const auto& [key, slices] : partitions) GRANARY_TRY(WritePartition(key, slices));
    return Status::Ok();
  }

  std::vector<SegmentMeta>& segments() { return segments_; }

 private:
  // All chunks in the columns of the newest schema.
  Status Project(const std::vector<HotChunk>& chunks) {
    for (const HotChunk& chunk : chunks) {
      Rows rows{chunk.batch, chunk.sequences};
      if (chunk.schema != options_.schema) {
        GRANARY_ASSIGN(rows.batch, ProjectBatch(*chunk.batch, *chunk.schema, *options_.schema));
      }
      chunks_.push_back(std::move(rows));
    }
    return Status::Ok();
  }

  Result<Partitions> Split() const {
    Partitions partitions;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      GRANARY_ASSIGN(auto groups,
                     SplitByPartition(options_.partitions, *options_.schema, *chunks_[i].batch));
      for (PartitionGroup& group : groups) {
        if (group.rows->length() > 0)
          partitions[std::move(group.key)].push_back({i, std::move(group.rows)});
      }
    }
    return partitions;
  }

  Result<Rows> RowsOf(const Slice& slice) const {
    const Rows& chunk = chunks_[slice.chunk];
    if (IsWhole(slice.rows, chunk.batch->num_rows())) return chunk;
    return Take(chunk, slice.rows);
  }

  Status WritePartition(const PartitionKey& key, const std::vector<Slice>& slices) {
    key_ = &key;
    std::vector<Rows> run;
    std::int64_t run_bytes = 0;
    for (const Slice& slice : slices) {
      GRANARY_ASSIGN(Rows rows, RowsOf(slice));
      if (options_.sort_columns.empty()) {
        GRANARY_TRY(Append(rows));
        continue;
      }
      const std::int64_t bytes = arrow::util::TotalBufferSize(*rows.batch);
      if (!run.empty() && run_bytes + bytes > kSortRunBytes) {
        GRANARY_TRY(AppendClustered(std::move(run)));
        run.clear();
        run_bytes = 0;
      }
      run.push_back(std::move(rows));
      run_bytes += bytes;
    }
    if (!run.empty()) GRANARY_TRY(AppendClustered(std::move(run)));
    return FinishFile();
  }

  // In order of the sort columns; equal rows stay in order of sequence, since the sort is stable.
  Status AppendClustered(std::vector<Rows> run) {
    GRANARY_ASSIGN(const Rows all, Concatenate(run));
    run.clear();
    std::vector<arrow::compute::SortKey> keys;
    for (const ColumnId id : options_.sort_columns) {
      keys.emplace_back(arrow::FieldRef(options_.schema->IndexOfId(id)));
    }
    GRANARY_ARROW(const auto order,
                  arrow::compute::SortIndices(arrow::Datum(all.batch),
                                              arrow::compute::SortOptions(std::move(keys))),
                  "sort");
    GRANARY_ASSIGN(const Rows sorted, Take(all, order));
    return Append(sorted);
  }

  // In pieces of a row group, so that a file ends soon after it has its size.
  Status Append(const Rows& rows) {
    const std::int64_t step = options_.writer.row_group_rows;
    for (std::int64_t begin = 0; begin < rows.batch->num_rows(); begin += step) {
      if (writer_ == nullptr) GRANARY_TRY(StartFile());
      const BatchPtr piece = rows.batch->Slice(begin, step);
      GRANARY_TRY(writer_->Append(
          piece, std::static_pointer_cast<arrow::Int64Array>(rows.sequences->Slice(begin, step))));
      for (const auto& index : indexes_) {
        index->Add(*piece->column(options_.schema->IndexOfId(index->key().column)));
      }
      if (writer_->bytes_written() >= options_.file_bytes_max) GRANARY_TRY(FinishFile());
    }
    return Status::Ok();
  }

  Status StartFile() {
    GRANARY_ASSIGN(id_, next_id_());
    const std::string folder = PartitionPath(options_.partitions, *options_.schema, *key_);
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

  Status FinishFile() {
    if (writer_ == nullptr) return Status::Ok();
    const std::unique_ptr<SegmentWriter> writer = std::move(writer_);
    const auto indexes = std::exchange(indexes_, {});
    GRANARY_ASSIGN(SegmentMeta meta, writer->Finish());
    meta.id = id_;
    meta.partition = *key_;
    meta.created_us = options_.created_us;
    segments_.push_back(std::move(meta));  // From here on it is discarded with the set.
    for (const auto& index : indexes) {
      SegmentMeta& written = segments_.back();
      GRANARY_ASSIGN(IndexMeta made,
                     index->Write(files_, options_.folder, written.path, written.id));
      written.indexes.push_back(made);
    }
    return Status::Ok();
  }

  io::FileSystem& files_;
  io::Failpoints& failpoints_;
  const SegmentSetOptions& options_;
  const NextSegmentId& next_id_;

  std::vector<Rows> chunks_;
  const PartitionKey* key_ = nullptr;  // Of the partition that is being written.
  std::unique_ptr<SegmentWriter> writer_;
  std::vector<std::unique_ptr<IndexBuilder>> indexes_;  // Of the open file.
  SegmentId id_;
  std::vector<SegmentMeta> segments_;
};

}  // namespace

Result<std::vector<SegmentMeta>> WriteSegments(io::FileSystem& files, io::Failpoints& failpoints,
                                               const SegmentSetOptions& options,
                                               const std::vector<HotChunk>& chunks,
                                               const NextSegmentId& next_id) {
  SegmentSetWriter writer(files, failpoints, options, next_id);
  if (Status s = writer.Write(chunks); !s.ok()) {
    DiscardSegments(files, options.folder, writer.segments());
    return s;
  }
  return std::move(writer.segments());
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
