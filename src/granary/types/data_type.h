// DataType: the type of a column, as users name it, and its shape in memory (Arrow).
//
//   user's name (canonical)          Arrow in memory             Value (types/value.h)
//   string                           utf8                        std::string
//   bool                             bool                        bool
//   int8 int16 int32 int64           the same                    std::int64_t
//   uint8 uint16 uint32 uint64       the same                    std::uint64_t
//   float32 float64                  float, double               double
//   decimal(p,s)      1<=p<=38, 0<=s<=p  decimal128(p,s)         Int128 (unscaled)
//   date                             date32                      std::int64_t (days since 1970)
//   datetime64[s|ms|us|ns]           timestamp(unit, "UTC")      std::int64_t (units since 1970)
//   time                             time64(us)                  std::int64_t (us since midnight)
//   binary                           binary                      std::string
//   uuid                             fixed_size_binary(16)       std::string (16 bytes)
//   json                             utf8, one JSON text a value std::string
//   list<T>                          list<item: T>               none
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "granary/base/status.h"

namespace granary {

enum class TypeKind : std::uint8_t {
  kString,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kFloat32,
  kFloat64,
  kDecimal,
  kDate,
  kTimestamp,
  kTime,
  kBinary,
  kUuid,
  kJson,
  kList,
};

enum class TimeUnit : std::uint8_t { kSecond, kMilli, kMicro, kNano };
/// 1, 1'000, 1'000'000 or 1'000'000'000.
std::int64_t UnitsPerSecond(TimeUnit unit);

inline constexpr int kDecimalPrecisionMax = 38;
inline constexpr int kListDepthMax = 8;

class DataType {
 public:
  DataType() = default;  ///< string
  DataType(TypeKind kind)
      : kind_(kind) {}  // NOLINT: implicit on purpose; not for decimal and list.
  static DataType Decimal(int precision, int scale);
  static DataType Timestamp(TimeUnit unit);
  static DataType List(DataType element);

  /// Reads a user's spelling: canonical names and pandas/NumPy, SQL and Arrow ones ("object",
  /// "str", "double", "bigint", "varchar(20)", "timestamp", "timestamptz", "timestamp[us, tz=UTC]",
  /// "numeric(10,2)", "list<int64>", "int64[]", …), case-insensitive. kInvalidDefinition names the
  /// text and lists what is known.
  static Result<DataType> Parse(std::string_view text);
  /// The type of an Arrow column that comes in (any integer, float, utf8/large_utf8/view,
  /// dictionary of these, …). kUnsupported for what no column can hold.
  static Result<DataType> FromArrow(const arrow::DataType& type);

  TypeKind kind() const { return kind_; }
  int precision() const { return precision_; }
  int scale() const { return scale_; }
  TimeUnit unit() const { return unit_; }
  const DataType& element() const;  ///< Of a list.

  /// The canonical name, which Parse reads back.
  std::string ToString() const;
  std::shared_ptr<arrow::DataType> ToArrow() const;

  bool IsInteger() const { return kind_ >= TypeKind::kInt8 && kind_ <= TypeKind::kUInt64; }
  bool IsUnsigned() const { return kind_ >= TypeKind::kUInt8 && kind_ <= TypeKind::kUInt64; }
  bool IsFloat() const { return kind_ == TypeKind::kFloat32 || kind_ == TypeKind::kFloat64; }
  bool IsNumeric() const { return (kind_ >= TypeKind::kInt8 && kind_ <= TypeKind::kDecimal); }
  bool IsTemporal() const { return kind_ >= TypeKind::kDate && kind_ <= TypeKind::kTime; }
  /// string, binary, uuid, json: compared by bytes.
  bool IsBytes() const;

  bool operator==(const DataType& other) const;

 private:
  TypeKind kind_ = TypeKind::kString;
  std::uint8_t precision_ = 0;
  std::uint8_t scale_ = 0;
  TimeUnit unit_ = TimeUnit::kNano;
  std::shared_ptr<const DataType> element_;
};

}  // namespace granary
