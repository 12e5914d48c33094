#include "granary/storage/source/segment_set_writer.h"

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "granary/json/rest_split.h"

namespace granary::storage {
namespace {

using BatchPtr = std::shared_ptr<arrow::RecordBatch>;
using Positions = std::shared_ptr<arrow::Int64Array>;

Status FlushStatus(const arrow::Status& status, std::string_view what) {
  if (status.ok()) return Status::Ok();
  return Status::Internal(fmt::format("flush: {}: {}", what, status.ToString()));
}

#define GRANARY_ARROW(lhs, expr, what)                                   \
  auto GRANARY_CONCAT(arrow_, __LINE__) = (expr);                        \
  if (!GRANARY_CONCAT(arrow_, __LINE__).ok())                            \
    return FlushStatus(GRANARY_CONCAT(arrow_, __LINE__).status(), what); \
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
      : options_(options), writer_(files, failpoints, options, next_id) {}

  Status Write(const std::vector<HotChunk>& chunks) {
    GRANARY_TRY(Project(chunks));
    GRANARY_ASSIGN(const Partitions partitions, Split());
    for (const auto& [key, slices] : partitions) GRANARY_TRY(WritePartition(key, slices));
    return Status::Ok();
  }

  std::vector<SegmentMeta>& segments() { return writer_.segments(); }

 private:
  // All chunks in the columns of the newest schema.
  Status Project(const std::vector<HotChunk>& chunks) {
    for (const HotChunk& chunk : chunks) {
      Rows rows{chunk.batch, chunk.sequences};
      if (chunk.schema != options_.schema) {
        GRANARY_ASSIGN(rows.batch,
                       json::ProjectRecords(chunk.batch, *chunk.schema, *options_.schema));
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
    writer_.Begin(key);
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
    return writer_.FinishFile();
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

  Status Append(const Rows& rows) { return writer_.Append(*rows.batch, *rows.sequences); }

  const SegmentSetOptions& options_;
  PartitionWriter writer_;
  std::vector<Rows> chunks_;
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

}  // namespace granary::storage
