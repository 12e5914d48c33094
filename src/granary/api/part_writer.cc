#include <algorithm>

#include <arrow/buffer.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/util/byte_size.h>

#include "granary/api/part_frames.h"
#include "granary/api/part_kinds.h"
#include "granary/base/bytes.h"
#include "granary/query/exec/row_run.h"

namespace granary::api {
namespace {

constexpr std::int64_t kFrameBytes = 128 << 10;
constexpr std::uint64_t kFrameRows = 4096;

Status ArrowStatus(const arrow::Status& status) {
  return status.ok() ? Status::Ok() : Status::Internal("rows of a part: " + status.ToString());
}

/// So many rows are about a frame.
std::int64_t RowsAtOnce(const arrow::RecordBatch& batch) {
  const std::int64_t bytes = arrow::util::ReferencedBufferSize(batch).ValueOr(kFrameBytes);
  const std::int64_t row_bytes = bytes / std::max<std::int64_t>(batch.num_rows(), 1) + 1;
  return std::clamp<std::int64_t>(kFrameBytes / row_bytes, 1, kFrameRows);
}

}  // namespace

Status PartWriter::Frame(std::uint8_t kind, std::string_view payload) {
  std::string frame;
  PutFixed(frame, kind);
  PutFixed(frame, static_cast<std::uint32_t>(payload.size()));
  frame.append(payload);
  return sink_(frame);
}

Status PartWriter::Start(const std::string& tenant, const PartStart& start) {
  std::string payload;
  PutFixed(payload, kPartFramesVersion);
  PutString(payload, tenant);
  PutString(payload, start.anchor);
  PutString(payload, start.key_shape);
  return Frame(kStartFrame, payload);
}

Result<std::uint32_t> PartWriter::NumberOf(const query::ResultBatch& rows) {
  auto& known = known_[rows.source];
  if (known.columns == rows.columns && !known.columns.empty()) return known.number;
  known.number = numbers_++;
  known.columns = rows.columns;
  std::string payload;
  PutFixed(payload, known.number);
  PutString(payload, rows.source.str());
  PutFixed(payload, static_cast<std::uint32_t>(rows.columns.size()));
  for (const Column& column : rows.columns) {
    PutString(payload, column.name);
    PutString(payload, column.type.ToString());
  }
  GRANARY_TRY(Frame(kColumnsFrame, payload));
  return known.number;
}

Status PartWriter::Rows(const query::ResultBatch& rows) {
  GRANARY_ASSIGN(const auto plain, query::WithoutDictionaries(rows.batch));
  const std::int64_t at_once = RowsAtOnce(*plain);
  for (std::int64_t first = 0; first < plain->num_rows(); first += at_once) {
    query::ResultBatch part{rows.source, rows.columns, plain->Slice(first, at_once)};
    const std::int64_t count = part.batch->num_rows();
    for (std::int64_t i = first; i < first + count && !rows.keys.empty(); ++i)
      part.keys.push_back(rows.keys[static_cast<std::size_t>(i)]);
    pending_bytes_ += static_cast<std::uint64_t>(count * (kFrameBytes / at_once));
    pending_rows_ += static_cast<std::uint64_t>(count);
    pending_.push_back(std::move(part));
    if (pending_bytes_ >= kFrameBytes || pending_rows_ >= kFrameRows) GRANARY_TRY(Flush());
  }
  return is_due_ && is_due_() ? Flush() : Status::Ok();
}

Status PartWriter::Flush() {
  if (pending_.empty()) return Status::Ok();
  std::vector<std::uint32_t> numbers;  // Of the sources, in order of appearance.
  std::vector<arrow::RecordBatchVector> parts;
  std::string order, keys;
  for (const query::ResultBatch& rows : pending_) {
    GRANARY_ASSIGN(const std::uint32_t number, NumberOf(rows));
    const auto at = static_cast<std::size_t>(std::ranges::find(numbers, number) - numbers.begin());
    if (at == numbers.size()) {
      numbers.push_back(number);
      parts.emplace_back();
    }
    parts[at].push_back(rows.batch);
    for (std::int64_t i = 0; i < rows.batch->num_rows(); ++i)
      PutFixed(order, static_cast<std::uint32_t>(at));
    for (const std::string& key : rows.keys) PutString(keys, key);
  }
  std::string payload;
  PutFixed(payload, static_cast<std::uint32_t>(pending_rows_));
  PutFixed(payload, static_cast<std::uint32_t>(numbers.size()));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto joined = arrow::ConcatenateRecordBatches(parts[i]);
    GRANARY_TRY(ArrowStatus(joined.status()));
    auto bytes =
        arrow::ipc::SerializeRecordBatch(**joined, arrow::ipc::IpcWriteOptions::Defaults());
    GRANARY_TRY(ArrowStatus(bytes.status()));
    PutFixed(payload, numbers[i]);
    PutFixed(payload, static_cast<std::uint32_t>((*joined)->num_rows()));
    PutString(payload, {reinterpret_cast<const char*>((*bytes)->data()),
                        static_cast<std::size_t>((*bytes)->size())});
  }
  if (numbers.size() > 1) payload.append(order);
  PutFixed(payload, static_cast<std::uint8_t>(!keys.empty()));
  payload.append(keys);
  count_ += pending_rows_;
  pending_.clear();
  pending_bytes_ = pending_rows_ = 0;
  return Frame(kRowsFrame, payload);
}

Status PartWriter::States(std::string_view page) {
  ++count_;
  return Frame(kStatesFrame, page);
}

Status PartWriter::End(const SearchPageEnd& end) {
  GRANARY_TRY(Flush());
  std::string payload;
  PutFixed(payload, count_);
  PutString(payload, end.next_cursor.value_or(""));
  const query::QueryStats& stats = end.stats;
  for (const std::uint64_t number : {stats.rows_scanned, stats.segments_total,
                                     stats.segments_pruned, stats.bytes_read, stats.spilled_bytes})
    PutFixed(payload, number);
  PutFixed(payload, static_cast<std::uint32_t>(stats.access_paths.size()));
  for (const std::string& path : stats.access_paths) PutString(payload, path);
  return Frame(kEndFrame, payload);
}

}  // namespace granary::api
