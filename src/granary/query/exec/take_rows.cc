#include "granary/query/exec/take_rows.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/compute/api_vector.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "granary/types/unnamed_batch.h"

namespace granary::query {
namespace {

using Data = std::shared_ptr<arrow::ArrayData>;
using BufferPtr = std::shared_ptr<arrow::Buffer>;

/// Few bytes, for which Arrow's allocator, which aligns and counts, is more than half of the work.
class SmallBuffer : public arrow::MutableBuffer {
 public:
  static constexpr std::int64_t kMax = 512;
  explicit SmallBuffer(std::int64_t bytes) : MutableBuffer(bytes_, bytes) {}

 private:
  alignas(std::uint64_t) std::uint8_t bytes_[kMax];
};

Result<BufferPtr> Allocate(std::int64_t bytes) {
  if (bytes <= SmallBuffer::kMax) return BufferPtr(std::make_shared<SmallBuffer>(bytes));
  auto buffer = arrow::AllocateBuffer(bytes);
  if (!buffer.ok()) return Status::Internal("take rows: " + buffer.status().ToString());
  return BufferPtr(buffer.MoveValueUnsafe());
}

/// Bits of `bits`, from `offset` on, at the chosen places.
template <typename Row>
Result<BufferPtr> TakeBits(const std::uint8_t* bits, std::int64_t offset,
                           std::span<const Row> rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  GRANARY_ASSIGN(BufferPtr taken, Allocate(arrow::bit_util::BytesForBits(count)));
  std::memset(taken->mutable_data(), 0, static_cast<std::size_t>(taken->size()));
  for (std::int64_t i = 0; i < count; ++i) {
    if (arrow::bit_util::GetBit(bits, offset + rows[static_cast<std::size_t>(i)]))
      arrow::bit_util::SetBit(taken->mutable_data(), i);
  }
  return taken;
}

template <typename T, typename Row>
void Gather(const std::uint8_t* from, std::span<const Row> rows, std::uint8_t* to) {
  const T* values = reinterpret_cast<const T*>(from);
  T* out = reinterpret_cast<T*>(to);
  for (std::size_t i = 0; i < rows.size(); ++i) out[i] = values[rows[i]];
}

template <typename Row>
Result<BufferPtr> TakeFixed(const arrow::ArrayData& data, std::int64_t width,
                            std::span<const Row> rows) {
  GRANARY_ASSIGN(BufferPtr taken, Allocate(width * static_cast<std::int64_t>(rows.size())));
  const std::uint8_t* from = data.buffers[1]->data() + data.offset * width;
  std::uint8_t* to = taken->mutable_data();
  switch (width) {
    case 1: Gather<std::uint8_t>(from, rows, to); break;
    case 2: Gather<std::uint16_t>(from, rows, to); break;
    case 4: Gather<std::uint32_t>(from, rows, to); break;
    case 8: Gather<std::uint64_t>(from, rows, to); break;
    default:
      for (const Row row : rows) {
        std::memcpy(to, from + row * width, static_cast<std::size_t>(width));
        to += width;
      }
  }
  return taken;
}

constexpr std::int64_t kNoRow = -1;

/// Offsets and bytes of strings and binaries; at(i) is the row of the i-th, kNoRow for none.
template <typename At>
Status TakeBytes(const arrow::ArrayData& data, std::size_t count, const At& at,
                 std::vector<BufferPtr>& buffers) {
  const auto* offsets = data.GetValues<std::int32_t>(1);
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::int64_t row = at(i); row != kNoRow) bytes += offsets[row + 1] - offsets[row];
  }
  if (bytes > std::numeric_limits<std::int32_t>::max())
    return Status::Internal("take rows: more than 2 GiB of one column at once");
  GRANARY_ASSIGN(BufferPtr taken_offsets,
                 Allocate(static_cast<std::int64_t>((count + 1) * sizeof(std::int32_t))));
  GRANARY_ASSIGN(BufferPtr taken_bytes, Allocate(bytes));
  auto* out_offsets = reinterpret_cast<std::int32_t*>(taken_offsets->mutable_data());
  std::uint8_t* out = taken_bytes->mutable_data();
  std::int32_t end = 0;
  for (std::size_t i = 0; i < count; ++i) {
    *out_offsets++ = end;
    const std::int64_t row = at(i);
    if (row == kNoRow) continue;
    const std::int32_t size = offsets[row + 1] - offsets[row];
    if (size > 0)
      std::memcpy(out + end, data.buffers[2]->data() + offsets[row],
                  static_cast<std::size_t>(size));
    end += size;
  }
  *out_offsets = end;
  buffers = {nullptr, std::move(taken_offsets), std::move(taken_bytes)};
  return Status::Ok();
}

/// The values of the codes; a null has none.
template <typename Row>
Status TakeCoded(const arrow::ArrayData& data, std::span<const Row> rows,
                 std::vector<BufferPtr>& buffers) {
  const auto* codes = data.GetValues<std::int32_t>(1);
  const bool has_nulls = data.buffers[0] != nullptr && data.GetNullCount() != 0;
  const auto at = [&](std::size_t i) -> std::int64_t {
    const bool is_null =
        has_nulls && !arrow::bit_util::GetBit(data.buffers[0]->data(), data.offset + rows[i]);
    return is_null ? kNoRow : codes[rows[i]];
  };
  return TakeBytes(*data.dictionary, rows.size(), at, buffers);
}

/// A dictionary of texts with codes of 32 bits.
bool IsCodedText(const arrow::DataType& type) {
  if (type.id() != arrow::Type::DICTIONARY) return false;
  const auto& coded = static_cast<const arrow::DictionaryType&>(type);
  return coded.index_type()->id() == arrow::Type::INT32 &&
         coded.value_type()->id() == arrow::Type::STRING;
}

bool IsBytes(arrow::Type::type type) {
  return type == arrow::Type::STRING || type == arrow::Type::BINARY;
}

/// Null for a type that is left to Arrow.
template <typename Row>
Result<Data> TakeData(const arrow::ArrayData& data, std::span<const Row> rows) {
  const arrow::Type::type type = data.type->id();
  std::shared_ptr<arrow::DataType> taken_type = data.type;
  std::vector<BufferPtr> buffers;
  if (IsBytes(type)) {
    GRANARY_TRY(TakeBytes(
        data, rows.size(), [rows](std::size_t i) { return std::int64_t{rows[i]}; }, buffers));
  } else if (type == arrow::Type::BOOL) {
    GRANARY_ASSIGN(BufferPtr bits, TakeBits(data.buffers[1]->data(), data.offset, rows));
    buffers = {nullptr, std::move(bits)};
  } else if (IsCodedText(*data.type)) {
    GRANARY_TRY(TakeCoded(data, rows, buffers));
    taken_type = arrow::utf8();
  } else if (type != arrow::Type::DICTIONARY && arrow::is_fixed_width(type)) {
    const int width = data.type->byte_width();
    if (width <= 0) return Data();
    GRANARY_ASSIGN(BufferPtr values, TakeFixed(data, width, rows));
    buffers = {nullptr, std::move(values)};
  } else {
    return Data();
  }
  std::int64_t nulls = 0;
  if (data.buffers[0] != nullptr && data.GetNullCount() != 0) {
    GRANARY_ASSIGN(buffers[0], TakeBits(data.buffers[0]->data(), data.offset, rows));
    nulls = arrow::kUnknownNullCount;
  }
  return arrow::ArrayData::Make(std::move(taken_type), static_cast<std::int64_t>(rows.size()),
                                std::move(buffers), nulls);
}

template <typename ArrayType, typename Row>
Result<std::shared_ptr<arrow::Array>> Take(const std::shared_ptr<arrow::Array>& column,
                                           std::span<const Row> rows) {
  GRANARY_ASSIGN(const Data data, TakeData(*column->data(), rows));
  if (data != nullptr) return arrow::MakeArray(data);
  const auto positions = std::make_shared<ArrayType>(
      static_cast<std::int64_t>(rows.size()),
      std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(rows.data()),
                                      static_cast<std::int64_t>(rows.size_bytes())));
  auto taken =
      arrow::compute::Take(*column, *positions, arrow::compute::TakeOptions::NoBoundsCheck());
  if (!taken.ok()) return Status::Internal("take rows: " + taken.status().ToString());
  return taken.MoveValueUnsafe();
}

}  // namespace

Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               std::span<const std::int32_t> rows) {
  return Take<arrow::Int32Array>(column, rows);
}

Result<std::shared_ptr<arrow::Array>> TakeRows(const std::shared_ptr<arrow::Array>& column,
                                               std::span<const std::int64_t> rows) {
  return Take<arrow::Int64Array>(column, rows);
}

Result<std::shared_ptr<arrow::Array>> FirstRows(const std::shared_ptr<arrow::Array>& column,
                                                std::int64_t rows) {
  if (column->type_id() != arrow::Type::DICTIONARY)
    return column->length() == rows ? column : column->Slice(0, rows);
  std::vector<std::int32_t> all(static_cast<std::size_t>(rows));
  std::iota(all.begin(), all.end(), 0);
  return TakeRows(column, std::span<const std::int32_t>(all));
}

Result<std::shared_ptr<arrow::RecordBatch>> TakeRows(const arrow::RecordBatch& batch,
                                                     std::span<const std::int32_t> rows) {
  arrow::ArrayVector columns;
  columns.reserve(static_cast<std::size_t>(batch.num_columns()));
  for (int i = 0; i < batch.num_columns(); ++i) {
    GRANARY_ASSIGN(auto taken, TakeRows(batch.column(i), rows));
    columns.push_back(std::move(taken));
  }
  return UnnamedBatch(static_cast<std::int64_t>(rows.size()), std::move(columns));
}

}  // namespace granary::query
