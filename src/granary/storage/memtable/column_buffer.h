// ColumnBuffer: one column of a chunk, appended to in place while views of it are read.
//
// Shape      fixed width: values. bool: bits. string, binary: int32 offsets and data. list: int32
//            offsets and a column of its elements. Validity bits only from the first null on.
// Life       Append writes behind what is published; Publish shows it; Rollback forgets it.
// Threads    one writer. Publish and Snapshot only under the memtable's lock, which is what orders
//            a reader after the writer; Append and MakeArray outside it.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"
#include "granary/storage/memtable/growing_bitmap.h"
#include "granary/storage/memtable/growing_buffer.h"

namespace granary::storage {

/// A chunk is sealed when the next row would take a column's data past this: offsets are 32 bits
/// wide, and a flush wants pieces of a size.
inline constexpr std::int64_t kColumnBytesMax = 64 << 20;

/// The published buffers of a column.
struct ColumnSnapshot {
  std::shared_ptr<arrow::Buffer> validity;  ///< Null without nulls.
  std::shared_ptr<arrow::Buffer> values;    ///< Fixed values, bits, or the bytes of strings.
  std::shared_ptr<arrow::Buffer> offsets;
  std::int64_t nulls = 0;
  std::shared_ptr<ColumnSnapshot> elements;  ///< Of a list.
};

class ColumnBuffer {
 public:
  /// kInternal for a type that no column has.
  static Result<std::unique_ptr<ColumnBuffer>> Make(const std::shared_ptr<arrow::DataType>& type);

  const std::shared_ptr<arrow::DataType>& type() const { return type_; }

  /// How many of the `rows` rows of `in` from `first` on fit; 0 when the first does not.
  std::int64_t RowsThatFit(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows) const;
  /// Writes rows [first, first + rows) of `in`, which has this column's type. kInternal: no memory.
  Status Append(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  void Publish();
  void Rollback();

  ColumnSnapshot Snapshot() const;
  /// For how many there is room without copying, where values have a fixed width; else any number.
  std::int64_t rows_allocated() const {
    return shape_ == Shape::kFixed ? values_.capacity() / width_
                                   : std::numeric_limits<std::int64_t>::max();
  }
  /// In use by what is written. A bitmap of nulls counts before there is one.
  std::int64_t bytes() const;

 private:
  enum class Shape : std::uint8_t { kFixed, kBool, kBytes, kList };

  /// How much of the buffers is in use.
  struct Extent {
    std::int64_t rows = 0;
    std::int64_t nulls = 0;
    std::int64_t bytes = 0;  ///< Of strings.
  };

  ColumnBuffer(std::shared_ptr<arrow::DataType> type, Shape shape, std::int64_t width)
      : type_(std::move(type)), shape_(shape), width_(width) {}

  Status AppendValidity(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  Status AppendFixed(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  Status AppendBool(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  Status AppendBytes(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  Status AppendList(const arrow::ArrayData& in, std::int64_t first, std::int64_t rows);
  Status AppendOffsets(const std::int32_t* in, std::int64_t rows, std::int64_t base);

  const std::shared_ptr<arrow::DataType> type_;
  const Shape shape_;
  const std::int64_t width_;  ///< Of a fixed value, in bytes.

  Extent written_;    // The writer's.
  Extent published_;  // Under the lock.
  GrowingBitmap validity_;
  bool has_validity_ = false;
  GrowingBuffer values_;
  GrowingBitmap bits_;
  GrowingBuffer offsets_;
  std::unique_ptr<ColumnBuffer> elements_;
  ColumnSnapshot shown_;  // Under the lock.
};

/// The first `rows` rows of a snapshot of a column of `type`.
std::shared_ptr<arrow::ArrayData> MakeColumn(const ColumnSnapshot& snapshot,
                                             const std::shared_ptr<arrow::DataType>& type,
                                             std::int64_t rows);

}  // namespace granary::storage
