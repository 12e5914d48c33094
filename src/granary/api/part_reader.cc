#include <algorithm>
#include <utility>

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/api/part_frames.h"
#include "granary/api/part_kinds.h"
#include "granary/base/bytes.h"

namespace granary::api {
namespace {

constexpr std::size_t kHeadBytes = 5;
constexpr std::uint32_t kBatchesMax = 4096;
constexpr std::uint32_t kColumnsMax = 1 << 16;
constexpr std::uint32_t kSourcesMax = 1 << 20;
constexpr std::uint32_t kRowsMax = 1 << 20;
constexpr std::uint32_t kPathsMax = 64;

Status Bad(std::string_view what) {
  return Status::Corruption(fmt::format("the node's answer is no part of a query: {}", what));
}

/// Whether the frame may hold so many things of at least `bytes` each.
bool Fits(std::uint64_t count, std::uint64_t bytes, const ByteReader& in) {
  return count <= in.remaining() / bytes;
}

bool IsPathName(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

/// A batch as Arrow's message. What it decodes to is in the frame's bytes, or, as far as it has to be
/// moved or was compressed, in the pool.
Result<std::shared_ptr<arrow::RecordBatch>> TakeBatch(std::string_view bytes,
                                                      const std::shared_ptr<arrow::Schema>& schema,
                                                      std::uint32_t rows, arrow::MemoryPool* pool) {
  arrow::io::BufferReader body(arrow::Buffer::FromString(std::string(bytes)));
  arrow::ipc::IpcReadOptions options;
  options.use_threads = false;
  options.memory_pool = pool;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  auto message = arrow::ipc::ReadMessage(&body);
  if (!message.ok() || *message == nullptr ||
      (*message)->type() != arrow::ipc::MessageType::RECORD_BATCH)
    return Bad("a batch that is none");
  auto batch = arrow::ipc::ReadRecordBatch(**message, schema, nullptr, options);
  if (!batch.ok()) return Bad(batch.status().ToString());
  if ((*batch)->num_rows() != rows) return Bad("a batch of another length");
  const arrow::Status valid = (*batch)->ValidateFull();
  if (!valid.ok()) return Bad(valid.ToString());
  return batch.MoveValueUnsafe();
}

}  // namespace

PartReader::PartReader(SourceFn source, std::string tenant, std::uint64_t frame_bytes_max)
    : source_(std::move(source)), tenant_(std::move(tenant)), frame_bytes_max_(frame_bytes_max) {}

Status PartReader::Fill(std::size_t bytes, char* out) {
  for (std::size_t got = 0; got < bytes;) {
    GRANARY_ASSIGN(const std::size_t more, source_({out + got, bytes - got}));
    if (more == 0) return Bad("it ends before its end");
    got += more;
  }
  return Status::Ok();
}

Result<PartFrame> PartReader::Next() {
  while (true) {
    char head[kHeadBytes];
    GRANARY_TRY(Fill(kHeadBytes, head));
    ByteReader in({head, kHeadBytes});
    const auto kind = in.Fixed<std::uint8_t>();
    const auto bytes = in.Fixed<std::uint32_t>();
    if (bytes > frame_bytes_max_) {
      return Status(Code::kTooLarge,
                    fmt::format("a row, or a group, of the node takes {} bytes at once, allowed "
                                "are {} (QUERY_NODE_BUFFER_MB)",
                                bytes, frame_bytes_max_));
    }
    frame_.resize(bytes);
    GRANARY_TRY(Fill(bytes, frame_.data()));
    if (started_ == (kind == kStartFrame)) return Bad("its frames are not in order");
    switch (kind) {
      case kStartFrame: {
        started_ = true;
        GRANARY_ASSIGN(PartStart start, ReadStart());
        return PartFrame(std::move(start));
      }
      case kColumnsFrame: GRANARY_TRY(ReadColumns()); continue;
      case kRowsFrame: {
        GRANARY_ASSIGN(PartRows rows, ReadRows());
        count_ += rows.order.size();
        return PartFrame(std::move(rows));
      }
      case kStatesFrame: ++count_; return PartFrame(PartStates{frame_});
      case kEndFrame: {
        GRANARY_ASSIGN(PartEnd end, ReadEnd());
        return PartFrame(std::move(end));
      }
      default: return Bad("an unknown frame");
    }
  }
}

Result<PartStart> PartReader::ReadStart() {
  ByteReader in(frame_);
  if (in.Fixed<std::uint16_t>() != kPartFramesVersion) return Bad("it is of another version");
  if (in.String() != tenant_) return Bad("it is of another tenant");
  PartStart start;
  start.anchor = in.String();
  start.key_shape = in.String();
  if (!in.ok() || in.remaining() != 0) return Bad("its start");
  return start;
}

Status PartReader::ReadColumns() {
  ByteReader in(frame_);
  if (in.Fixed<std::uint32_t>() != known_.size() || known_.size() == kSourcesMax)
    return Bad("sources that are not in order");
  Known known;
  auto id = SourceId::Parse(in.String());
  if (!id.ok()) return Bad("a source without a name");
  known.id = id.Take();
  const auto columns = in.Fixed<std::uint32_t>();
  if (columns > kColumnsMax || !Fits(columns, 8, in)) return Bad("too many columns");
  arrow::FieldVector fields;
  for (std::uint32_t i = 0; i < columns && in.ok(); ++i) {
    Column& column = known.columns.emplace_back();
    column.id = static_cast<ColumnId>(i + 1);
    column.name = in.String();
    auto type = DataType::Parse(in.String());
    if (!type.ok()) return Bad("a column without a type");
    column.type = type.Take();
    fields.push_back(arrow::field(column.name, column.type.ToArrow()));
  }
  if (!in.ok() || in.remaining() != 0) return Bad("its columns");
  known.schema = arrow::schema(std::move(fields));
  known_.push_back(std::move(known));
  return Status::Ok();
}

Result<PartRows> PartReader::ReadRows() {
  ByteReader in(frame_);
  const auto rows = in.Fixed<std::uint32_t>();
  const auto batches = in.Fixed<std::uint32_t>();
  if (rows == 0 || rows > kRowsMax || batches == 0 || batches > kBatchesMax)
    return Bad("rows that no frame has");
  PartRows out;
  const auto pool = std::make_shared<arrow::CappedMemoryPool>(
      arrow::default_memory_pool(), static_cast<std::int64_t>(2 * frame_bytes_max_));
  out.memory = pool;
  std::vector<std::uint32_t> left;
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < batches; ++i) {
    const auto number = in.Fixed<std::uint32_t>();
    const auto count = in.Fixed<std::uint32_t>();
    const std::string_view bytes = in.String();
    if (!in.ok() || number >= known_.size()) return Bad("rows of no source");
    const Known& known = known_[number];
    GRANARY_ASSIGN(auto batch, TakeBatch(bytes, known.schema, count, pool.get()));
    out.batches.push_back({known.id, known.columns, std::move(batch)});
    out.batches.back().tenant = tenant_;
    GRANARY_TRY(CheckTexts(out.batches.back()));
    left.push_back(count);
    total += count;
  }
  if (total != rows) return Bad("more or fewer rows than it says");
  if (batches == 1) {
    out.order.assign(rows, 0);
  } else {
    if (!Fits(rows, sizeof(std::uint32_t), in)) return Bad("rows without an order");
    for (std::uint32_t i = 0; i < rows; ++i) {
      const auto at = in.Fixed<std::uint32_t>();
      if (at >= batches || left[at] == 0) return Bad("an order of other rows");
      --left[at];
      out.order.push_back(at);
    }
  }
  const bool keyed = in.Fixed<std::uint8_t>() != 0;
  for (std::uint32_t i = 0; i < rows && keyed && in.ok(); ++i) {
    out.keys.emplace_back(in.String());
    if (out.keys.back().size() <= query::kKeyTailBytes) return Bad("a key that is none");
    if (i > 0 && !(out.keys[i - 1] < out.keys[i])) return Bad("keys that are not in order");
  }
  if (!in.ok() || in.remaining() != 0) return Bad("its rows");
  return out;
}

// Documents go into answers as they stand.
Status PartReader::CheckTexts(const query::ResultBatch& rows) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    DataType type = rows.columns[i].type;
    std::shared_ptr<arrow::Array> array = rows.batch->column(static_cast<int>(i));
    while (type.kind() == TypeKind::kList) {
      array = static_cast<const arrow::ListArray&>(*array).values();
      type = DataType(type.element());
    }
    if (type.kind() != TypeKind::kJson) continue;
    const auto& texts = static_cast<const arrow::StringArray&>(*array);
    for (std::int64_t row = 0; row < texts.length(); ++row) {
      if (texts.IsNull(row)) continue;
      const auto text = texts.GetView(row);
      if (!texts_.IsJson({text.data(), text.size()})) return Bad("a document that is no JSON");
    }
  }
  return Status::Ok();
}

Result<PartEnd> PartReader::ReadEnd() {
  ByteReader in(frame_);
  if (in.Fixed<std::uint64_t>() != count_) return Bad("some of it is missing");
  PartEnd out;
  if (const std::string_view cursor = in.String(); !cursor.empty()) out.end.next_cursor = cursor;
  query::QueryStats& stats = out.end.stats;
  for (std::uint64_t* number : {&stats.rows_scanned, &stats.segments_total, &stats.segments_pruned,
                                &stats.bytes_read, &stats.spilled_bytes}) {
    *number = in.Fixed<std::uint64_t>();
    if (*number > std::uint64_t{1} << 56) return Bad("its statistics");
  }
  const auto paths = in.Fixed<std::uint32_t>();
  if (paths > kPathsMax) return Bad("its statistics");
  for (std::uint32_t i = 0; i < paths; ++i) {
    const std::string_view path = in.String();
    if (!IsPathName(path)) return Bad("its statistics");
    stats.access_paths.emplace(path);
  }
  if (!in.ok() || in.remaining() != 0) return Bad("its end");
  return out;
}

}  // namespace granary::api
