// ValueBlock: some rows of a column as plain C++ values of one of five kinds, whatever the column's
// width, unit or coding; what grouping, aggregation and ordering compute with.
//
// Why        five kinds instead of twenty types keep those loops few; a column that already has the
//            right width is not copied.
// Threads    one; a block may be loaded again and keeps its buffers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "granary/base/bytes.h"
#include "granary/base/int128.h"
#include "granary/base/status.h"
#include "granary/query/exec/byte_mask.h"
#include "granary/types/data_type.h"
#include "granary/types/value.h"

namespace granary::query {

enum class ValueKind : std::uint8_t {
  kInt64,  ///< Signed integers, booleans (0, 1), dates, instants, times.
  kUInt64,
  kDouble,  ///< Both floats.
  kInt128,  ///< Decimals, unscaled.
  kBytes,   ///< Strings, binaries, uuids, JSON texts.
};
/// Not for lists.
ValueKind ValueKindOf(const DataType& type);

/// Which rows of an array: [first, first + count), or the positions selected[first] … of it.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
  const std::int32_t* selected = nullptr;

  std::int64_t RowOf(std::int64_t i) const {
    return selected == nullptr ? first + i : selected[first + i];
  }
};

class ValueBlock {
 public:
  /// `column` is of from's Arrow shape, or a dictionary of it, and outlives the block's use. Values
  /// come out in to's domain: CommonType(from, anything). kTypeMismatch for an instant that the
  /// finer unit cannot hold.
  Status Load(const arrow::Array& column, const DataType& from, const DataType& to,
              const RowRange& rows);
  /// Only which values are null, of a column of any type.
  void LoadPresence(const arrow::Array& column, const RowRange& rows);
  /// `values`, each null or of to's domain; kCorruption for another kind of value. Not for lists.
  Status LoadValues(const DataType& to, std::span<const Value> values);
  /// Only nulls.
  void LoadNulls(const DataType& to, std::int64_t count);

  ValueKind kind() const { return kind_; }
  const DataType& type() const { return type_; }
  std::int64_t size() const { return size_; }

  /// Null when no value is null, else 1 for each that is not.
  const std::uint8_t* valid() const { return valid_; }
  bool IsValid(std::int64_t i) const { return valid_ == nullptr || valid_[i] != 0; }

  const std::int64_t* ints() const { return ints_; }
  const std::uint64_t* naturals() const { return naturals_; }
  const double* doubles() const { return doubles_; }
  const Int128* decimals() const { return decimal_buffer_.data(); }
  /// Of a valid value.
  std::string_view bytes(std::int64_t i) const;

  /// Positions in dictionary(), one a row; null when the column is not coded.
  const std::int32_t* codes() const { return codes_; }
  const arrow::Array* dictionary() const { return dictionary_; }

  Value ValueOf(std::int64_t i) const;

  /// Appends the values at `rows` as bytes that Decode takes; or only which of them are null.
  void EncodeRows(std::span<const std::int32_t> rows, std::string& out) const;
  void EncodePresence(std::span<const std::int32_t> rows, std::string& out) const;
  /// Loads what EncodeRows wrote of a block of this type, or EncodePresence of any; into buffers of
  /// the block's own. kCorruption for anything else.
  Status Decode(const DataType& type, std::int64_t count, ByteReader& in);
  Status DecodePresence(std::int64_t count, ByteReader& in);

  /// The same values in the block's own buffers, to be changed in place; null's places included.
  std::int64_t* MutableInts();
  std::uint64_t* MutableNaturals();
  double* MutableDoubles();
  Int128* MutableDecimals() { return decimal_buffer_.data(); }
  /// Calls the values something else of the same kind.
  void set_type(const DataType& type) { type_ = type; }

 private:
  void LoadValid(const arrow::Array& column, const RowRange& rows);
  Status LoadInts(const arrow::Array& column, const DataType& from, const RowRange& rows);
  void LoadNaturals(const arrow::Array& column, const RowRange& rows);
  void LoadDoubles(const arrow::Array& column, const DataType& from, const RowRange& rows);
  void LoadDecimals(const arrow::Array& column, const DataType& from, const RowRange& rows);
  void LoadBytes(const arrow::Array& column, const RowRange& rows);
  void DecodeBytes(std::int64_t count, ByteReader& in);
  Status Multiply(std::int64_t factor);

  DataType type_;
  ValueKind kind_ = ValueKind::kInt64;
  std::int64_t size_ = 0;
  const std::uint8_t* valid_ = nullptr;
  const std::int64_t* ints_ = nullptr;
  const std::uint64_t* naturals_ = nullptr;
  const double* doubles_ = nullptr;
  const std::int32_t* codes_ = nullptr;
  const arrow::Array* dictionary_ = nullptr;

  // Where bytes are: offsets into data, or `width` bytes each.
  RowRange rows_;
  const std::int32_t* offsets_ = nullptr;
  const char* data_ = nullptr;
  std::int64_t width_ = 0;

  ByteMask valid_buffer_;
  std::vector<std::int64_t> int_buffer_;
  std::vector<std::uint64_t> natural_buffer_;
  std::vector<double> double_buffer_;
  std::vector<Int128> decimal_buffer_;
  std::vector<std::int32_t> code_buffer_;
  std::vector<std::int32_t> offset_buffer_;
  std::string bytes_buffer_;
};

/// The Value of a number of a kInt64 column: a bool for bool, else an int64.
Value IntValue(const DataType& type, std::int64_t number);
/// The bytes at `row` of a string, binary or uuid array.
std::string_view BytesAt(const arrow::Array& array, std::int64_t row);

}  // namespace granary::query
