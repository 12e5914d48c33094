#include "granary/storage/memtable/column_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

namespace granary::storage {
namespace {

const std::int32_t* OffsetsOf(const arrow::ArrayData& in, std::int64_t first) {
  return in.GetValues<std::int32_t>(1) + first;
}

/// How many of `rows` rows, whose offsets start at `offsets`, take at most `room`.
std::int64_t RowsWithin(const std::int32_t* offsets, std::int64_t rows, std::int64_t room) {
  const std::int64_t limit = offsets[0] + room;
  if (offsets[rows] <= limit) return rows;
  const auto* past = std::upper_bound(offsets + 1, offsets + rows + 1, limit);
  return past - (offsets + 1);
}

/// Points `shown` at the writer's buffer if that has grown.
void Show(const std::shared_ptr<arrow::Buffer>& written, std::shared_ptr<arrow::Buffer>& shown) {
  if (shown != written) shown = written;
}

}  // namespace

Result<std::unique_ptr<ColumnBuffer>> ColumnBuffer::Make(
    const std::shared_ptr<arrow::DataType>& type) {
  const auto make = [&](Shape shape, std::int64_t width) {
    return std::unique_ptr<ColumnBuffer>(new ColumnBuffer(type, shape, width));
  };
  const arrow::Type::type id = type->id();
  if (id == arrow::Type::BOOL) return make(Shape::kBool, 0);
  if (id == arrow::Type::STRING || id == arrow::Type::BINARY) return make(Shape::kBytes, 0);
  if (id == arrow::Type::LIST) {
    auto column = make(Shape::kList, 0);
    GRANARY_ASSIGN(column->elements_, Make(type->field(0)->type()));
    return column;
  }
  if (arrow::is_fixed_width(id) && id != arrow::Type::DICTIONARY && type->bit_width() % 8 == 0) {
    return make(Shape::kFixed, type->bit_width() / 8);
  }
  return Status::Internal("the hot tier has no column of type " + type->ToString());
}

std::int64_t ColumnBuffer::RowsThatFit(const arrow::ArrayData& in, std::int64_t first,
                                       std::int64_t rows) const {
  switch (shape_) {
    case Shape::kFixed:
      return std::clamp<std::int64_t>(kColumnBytesMax / width_ - written_.rows, 0, rows);
    case Shape::kBool:
      return std::clamp<std::int64_t>(kColumnBytesMax * 8 - written_.rows, 0, rows);
    case Shape::kBytes:
      if (rows == 0) return 0;
      return RowsWithin(OffsetsOf(in, first), rows,
                        std::max<std::int64_t>(0, kColumnBytesMax - written_.bytes));
    case Shape::kList: {
      if (rows == 0) return 0;
      const std::int32_t* offsets = OffsetsOf(in, first);
      const std::int64_t elements = offsets[rows] - offsets[0];
      return RowsWithin(offsets, rows,
                        elements_->RowsThatFit(*in.child_data[0], offsets[0], elements));
    }
  }
  return 0;
}

Status ColumnBuffer::Append(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows) {
  GRANARY_TRY(AppendValidity(in, first, rows));
  switch (shape_) {
    case Shape::kFixed: GRANARY_TRY(AppendFixed(in, first, rows)); break;
    case Shape::kBool: GRANARY_TRY(AppendBool(in, first, rows)); break;
    case Shape::kBytes: GRANARY_TRY(AppendBytes(in, first, rows)); break;
    case Shape::kList: GRANARY_TRY(AppendList(in, first, rows)); break;
  }
  written_.rows += rows;
  return Status::Ok();
}

Status ColumnBuffer::AppendValidity(const arrow::ArrayData& in, std::int64_t first,
                                    std::int64_t rows) {
  const bool nulls = in.buffers[0] != nullptr && in.GetNullCount() != 0;
  if (!nulls && !has_validity_) return Status::Ok();
  const std::int64_t before = written_.rows;
  GRANARY_TRY(validity_.Reserve(has_validity_ ? before : 0, before + rows));
  if (!has_validity_) {
    validity_.WriteOnes(0, before);
    has_validity_ = true;
  }
  if (nulls) {
    written_.nulls +=
        rows - validity_.Write(before, in.buffers[0]->data(), in.offset + first, rows);
  } else {
    validity_.WriteOnes(before, rows);
  }
  return Status::Ok();
}

Status ColumnBuffer::AppendFixed(const arrow::ArrayData& in, std::int64_t first,
                                 std::int64_t rows) {
  const std::int64_t used = written_.rows * width_, bytes = rows * width_;
  GRANARY_TRY(values_.Reserve(used, std::max<std::int64_t>(used + bytes, 1)));
  if (bytes == 0) return Status::Ok();
  std::memcpy(values_.data() + used, in.buffers[1]->data() + (in.offset + first) * width_,
              static_cast<std::size_t>(bytes));
  return Status::Ok();
}

Status ColumnBuffer::AppendBool(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows) {
  GRANARY_TRY(bits_.Reserve(written_.rows, std::max<std::int64_t>(written_.rows + rows, 1)));
  if (rows > 0) bits_.Write(written_.rows, in.buffers[1]->data(), in.offset + first, rows);
  return Status::Ok();
}

Status ColumnBuffer::AppendBytes(const arrow::ArrayData& in, std::int64_t first,
                                 std::int64_t rows) {
  const std::int32_t* offsets = rows > 0 ? OffsetsOf(in, first) : nullptr;
  const std::int64_t bytes = rows > 0 ? offsets[rows] - offsets[0] : 0;
  GRANARY_TRY(values_.Reserve(written_.bytes, std::max<std::int64_t>(written_.bytes + bytes, 1)));
  GRANARY_TRY(AppendOffsets(offsets, rows, written_.bytes));
  if (bytes > 0) {
    std::memcpy(values_.data() + written_.bytes, in.buffers[2]->data() + offsets[0],
                static_cast<std::size_t>(bytes));
  }
  written_.bytes += bytes;
  return Status::Ok();
}

Status ColumnBuffer::AppendList(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows) {
  const std::int32_t* offsets = rows > 0 ? OffsetsOf(in, first) : nullptr;
  const std::int64_t elements_before = elements_->written_.rows;
  GRANARY_TRY(AppendOffsets(offsets, rows, elements_before));
  const std::int64_t from = rows > 0 ? offsets[0] : 0, to = rows > 0 ? offsets[rows] : 0;
  return elements_->Append(*in.child_data[0], from, to - from);
}

/// Moves offsets that begin anywhere in their own data to begin at `base` in ours.
Status ColumnBuffer::AppendOffsets(const std::int32_t* in, std::int64_t rows, std::int64_t base) {
  constexpr std::int64_t kWidth = sizeof(std::int32_t);
  const std::int64_t used = written_.rows + 1;
  const bool first_time = offsets_.capacity() == 0;
  GRANARY_TRY(offsets_.Reserve(used * kWidth, (used + rows) * kWidth));
  if (first_time) offsets_.as<std::int32_t>()[0] = 0;
  auto* out = offsets_.as<std::int32_t>() + used;
  for (std::int64_t i = 0; i < rows; ++i)
    out[i] = static_cast<std::int32_t>(base + (in[i + 1] - in[0]));
  return Status::Ok();
}

void ColumnBuffer::Publish() {
  published_ = written_;
  shown_.nulls = written_.nulls;
  if (has_validity_) Show(validity_.buffer(), shown_.validity);
  Show(shape_ == Shape::kBool ? bits_.buffer() : values_.buffer(), shown_.values);
  Show(offsets_.buffer(), shown_.offsets);
  if (elements_) elements_->Publish();
}

void ColumnBuffer::Rollback() {
  written_ = published_;
  if (elements_) elements_->Rollback();
}

ColumnSnapshot ColumnBuffer::Snapshot() const {
  ColumnSnapshot snapshot = shown_;
  if (elements_) snapshot.elements = std::make_shared<ColumnSnapshot>(elements_->Snapshot());
  return snapshot;
}

std::int64_t ColumnBuffer::bytes() const {
  const std::int64_t rows = written_.rows, bits = (rows + 7) / 8;
  const std::int64_t offsets = (rows + 1) * static_cast<std::int64_t>(sizeof(std::int32_t));
  switch (shape_) {
    case Shape::kFixed: return bits + rows * width_;
    case Shape::kBool: return bits + bits;
    case Shape::kBytes: return bits + offsets + written_.bytes;
    case Shape::kList: break;
  }
  return bits + offsets + elements_->bytes();
}

std::shared_ptr<arrow::ArrayData> MakeColumn(const ColumnSnapshot& snapshot,
                                             const std::shared_ptr<arrow::DataType>& type,
                                             std::int64_t rows) {
  std::shared_ptr<arrow::Buffer> validity;
  if (snapshot.nulls > 0) validity = CopyBits(*snapshot.validity, rows);
  auto data = arrow::ArrayData::Make(type, rows, {std::move(validity)}, snapshot.nulls);
  if (snapshot.elements) {
    data->buffers.push_back(snapshot.offsets);
    const std::int64_t elements =
        reinterpret_cast<const std::int32_t*>(snapshot.offsets->data())[rows];
    data->child_data.push_back(MakeColumn(*snapshot.elements, type->field(0)->type(), elements));
    return data;
  }
  if (snapshot.offsets) data->buffers.push_back(snapshot.offsets);
  data->buffers.push_back(type->id() == arrow::Type::BOOL ? CopyBits(*snapshot.values, rows)
                                                          : snapshot.values);
  return data;
}

}  // namespace granary::storage
