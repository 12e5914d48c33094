#include "granary/query/exec/value_block.h"

#include <arrow/array.h>
#include <arrow/type.h>

#include <cstring>

#include <fmt/format.h>

#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"

namespace granary::query {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

/// out[i] = the i-th chosen number, widened.
template <typename In, typename Out>
void Widen(const arrow::Array& column, const RowRange& rows, std::vector<Out>& out) {
  out.resize(static_cast<std::size_t>(rows.count));
  const In* in = column.data()->GetValues<In>(1);
  if (rows.selected == nullptr) {
    for (std::int64_t i = 0; i < rows.count; ++i)
      out[static_cast<std::size_t>(i)] = static_cast<Out>(in[rows.first + i]);
    return;
  }
  const std::int32_t* selected = rows.selected + rows.first;
  for (std::int64_t i = 0; i < rows.count; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<Out>(in[selected[i]]);
}

/// The array's own buffer when it can be used as it is, else a copy in `buffer`.
template <typename T>
const T* ViewOrCopy(const arrow::Array& column, const RowRange& rows, std::vector<T>& buffer) {
  if (rows.selected == nullptr) return column.data()->GetValues<T>(1) + rows.first;
  Widen<T>(column, rows, buffer);
  return buffer.data();
}

Int128 LoadDecimal(const arrow::Array& column, std::int64_t row) {
  Int128 value;
  std::memcpy(&value, column.data()->buffers[1]->data() + (column.offset() + row) * 16, 16);
  return value;
}

template <typename Out>
void WidenAny(const arrow::Array& column, const RowRange& rows, std::vector<Out>& out) {
  switch (column.type_id()) {
    case arrow::Type::INT8: return Widen<std::int8_t>(column, rows, out);
    case arrow::Type::INT16: return Widen<std::int16_t>(column, rows, out);
    case arrow::Type::INT32:
    case arrow::Type::DATE32: return Widen<std::int32_t>(column, rows, out);
    case arrow::Type::INT64:
    case arrow::Type::TIMESTAMP:
    case arrow::Type::TIME64: return Widen<std::int64_t>(column, rows, out);
    case arrow::Type::UINT8: return Widen<std::uint8_t>(column, rows, out);
    case arrow::Type::UINT16: return Widen<std::uint16_t>(column, rows, out);
    case arrow::Type::UINT32: return Widen<std::uint32_t>(column, rows, out);
    case arrow::Type::UINT64: return Widen<std::uint64_t>(column, rows, out);
    case arrow::Type::FLOAT: return Widen<float>(column, rows, out);
    default: return Widen<double>(column, rows, out);
  }
}

/// Copies what the view shows into the buffer, unless it is there already.
template <typename T>
T* Own(const T*& view, std::int64_t size, std::vector<T>& buffer) {
  if (view != buffer.data()) buffer.assign(view, view + size);
  view = buffer.data();
  return buffer.data();
}

template <typename T>
bool AppendNumber(const Value& value, std::string& out) {
  const auto* number = std::get_if<T>(&value);
  const T plain = number == nullptr ? T{} : *number;
  out.append(reinterpret_cast<const char*>(&plain), sizeof plain);
  return number != nullptr || IsNull(value);
}

/// As blocks hold it; zero for null. False when it is of another kind.
bool AppendPlain(const Value& value, ValueKind kind, std::string& out) {
  const auto* flag = std::get_if<bool>(&value);
  switch (kind) {
    case ValueKind::kInt64:
      return AppendNumber<std::int64_t>(flag == nullptr ? value : Value(std::int64_t{*flag}), out);
    case ValueKind::kUInt64: return AppendNumber<std::uint64_t>(value, out);
    case ValueKind::kDouble: return AppendNumber<double>(value, out);
    case ValueKind::kInt128: return AppendNumber<Int128>(value, out);
    case ValueKind::kBytes: break;
  }
  const auto* bytes = std::get_if<std::string>(&value);
  if (bytes != nullptr) out.append(*bytes);
  return bytes != nullptr || IsNull(value);
}

template <typename T>
void AppendNumbers(const T* values, std::span<const std::int32_t> rows, std::string& out) {
  const std::size_t at = out.size();
  out.resize(at + rows.size() * sizeof(T));
  char* to = out.data() + at;
  for (const std::int32_t row : rows) {
    std::memcpy(to, values + row, sizeof(T));
    to += sizeof(T);
  }
}

template <typename T>
const T* TakeNumbers(ByteReader& in, std::int64_t count, std::vector<T>& buffer) {
  buffer.resize(static_cast<std::size_t>(count));
  const std::string_view bytes = in.Take(buffer.size() * sizeof(T));
  if (in.ok() && !bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer.data();
}

Status CutShort() { return Status::Corruption("a page of a query's temporary file is cut short"); }

std::int64_t UnitsPerDay(TimeUnit unit) { return kSecondsPerDay * UnitsPerSecond(unit); }

}  // namespace

ValueKind ValueKindOf(const DataType& type) {
  if (type.IsBytes()) return ValueKind::kBytes;
  if (type.IsFloat()) return ValueKind::kDouble;
  if (type.IsUnsigned()) return ValueKind::kUInt64;
  if (type.kind() == TypeKind::kDecimal) return ValueKind::kInt128;
  return ValueKind::kInt64;
}

Value IntValue(const DataType& type, std::int64_t number) {
  if (type.kind() == TypeKind::kBool) return number != 0;
  return number;
}

std::string_view BytesAt(const arrow::Array& array, std::int64_t row) {
  if (array.type_id() == arrow::Type::FIXED_SIZE_BINARY) {
    return static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row);
  }
  return static_cast<const arrow::BinaryArray&>(array).GetView(row);
}

Status ValueBlock::Load(const arrow::Array& column, const DataType& from, const DataType& to,
                        const RowRange& rows) {
  type_ = to;
  kind_ = ValueKindOf(to);
  size_ = rows.count;
  codes_ = nullptr;
  dictionary_ = nullptr;
  LoadValid(column, rows);
  switch (kind_) {
    case ValueKind::kInt64: return LoadInts(column, from, rows);
    case ValueKind::kUInt64: LoadNaturals(column, rows); break;
    case ValueKind::kDouble: LoadDoubles(column, from, rows); break;
    case ValueKind::kInt128: LoadDecimals(column, from, rows); break;
    case ValueKind::kBytes: LoadBytes(column, rows); break;
  }
  return Status::Ok();
}

void ValueBlock::LoadPresence(const arrow::Array& column, const RowRange& rows) {
  size_ = rows.count;
  LoadValid(column, rows);
}

void ValueBlock::LoadNulls(const DataType& to, std::int64_t count) {
  type_ = to;
  kind_ = ValueKindOf(to);
  size_ = count;
  codes_ = nullptr;
  dictionary_ = nullptr;
  const auto rows = static_cast<std::size_t>(count);
  valid_buffer_.assign(rows, 0);
  valid_ = valid_buffer_.data();
  int_buffer_.assign(rows, 0);
  natural_buffer_.assign(rows, 0);
  double_buffer_.assign(rows, 0);
  decimal_buffer_.assign(kind_ == ValueKind::kInt128 ? rows : 0, 0);
  ints_ = int_buffer_.data();
  naturals_ = natural_buffer_.data();
  doubles_ = double_buffer_.data();
}

void ValueBlock::LoadValid(const arrow::Array& column, const RowRange& rows) {
  valid_ = nullptr;
  if (column.null_count() == 0) return;
  valid_buffer_.resize(static_cast<std::size_t>(rows.count));
  valid_ = valid_buffer_.data();
  if (rows.selected == nullptr && column.null_bitmap_data() != nullptr) {
    ExpandBits(column.null_bitmap_data(), column.offset() + rows.first, rows.count,
               valid_buffer_.data());
    return;
  }
  for (std::int64_t i = 0; i < rows.count; ++i) {
    valid_buffer_[static_cast<std::size_t>(i)] = column.IsValid(rows.RowOf(i));
  }
}

Status ValueBlock::LoadInts(const arrow::Array& column, const DataType& from,
                            const RowRange& rows) {
  if (from.kind() == TypeKind::kBool) {
    int_buffer_.resize(static_cast<std::size_t>(rows.count));
    const auto& flags = static_cast<const arrow::BooleanArray&>(column);
    for (std::int64_t i = 0; i < rows.count; ++i) {
      int_buffer_[static_cast<std::size_t>(i)] = flags.Value(rows.RowOf(i));
    }
    ints_ = int_buffer_.data();
    return Status::Ok();
  }
  const bool is_64 = column.type_id() == arrow::Type::INT64 ||
                     column.type_id() == arrow::Type::TIMESTAMP ||
                     column.type_id() == arrow::Type::TIME64;
  if (is_64) {
    ints_ = ViewOrCopy(column, rows, int_buffer_);
  } else {
    WidenAny(column, rows, int_buffer_);
    ints_ = int_buffer_.data();
  }
  if (type_.kind() != TypeKind::kTimestamp) return Status::Ok();
  if (from.kind() == TypeKind::kDate) return Multiply(UnitsPerDay(type_.unit()));
  return Multiply(UnitsPerSecond(type_.unit()) / UnitsPerSecond(from.unit()));
}

Status ValueBlock::Multiply(std::int64_t factor) {
  if (factor == 1) return Status::Ok();
  std::int64_t* values = MutableInts();
  for (std::int64_t i = 0; i < size_; ++i) {
    if (IsValid(i) && __builtin_mul_overflow(values[i], factor, &values[i])) {
      return Status(Code::kTypeMismatch,
                    "an instant is outside of what " + type_.ToString() + " holds");
    }
  }
  return Status::Ok();
}

std::int64_t* ValueBlock::MutableInts() { return Own(ints_, size_, int_buffer_); }
std::uint64_t* ValueBlock::MutableNaturals() { return Own(naturals_, size_, natural_buffer_); }
double* ValueBlock::MutableDoubles() { return Own(doubles_, size_, double_buffer_); }

Status ValueBlock::LoadValues(const DataType& to, std::span<const Value> values) {
  std::string page;
  PutFixed(page, std::uint8_t{1});
  for (const Value& value : values) page.push_back(static_cast<char>(!IsNull(value)));
  if (ValueKindOf(to) == ValueKind::kBytes) {
    for (const Value& value : values) {
      const auto* bytes = std::get_if<std::string>(&value);
      PutFixed(page, static_cast<std::uint32_t>(bytes == nullptr ? 0 : bytes->size()));
    }
  }
  for (const Value& value : values) {
    if (!AppendPlain(value, ValueKindOf(to), page))
      return Status::Corruption(fmt::format("a value that is no {}", to.ToString()));
  }
  ByteReader in(page);
  return Decode(to, static_cast<std::int64_t>(values.size()), in);
}

void ValueBlock::LoadNaturals(const arrow::Array& column, const RowRange& rows) {
  if (column.type_id() == arrow::Type::UINT64) {
    naturals_ = ViewOrCopy(column, rows, natural_buffer_);
    return;
  }
  WidenAny(column, rows, natural_buffer_);
  naturals_ = natural_buffer_.data();
}

void ValueBlock::LoadDoubles(const arrow::Array& column, const DataType& from,
                             const RowRange& rows) {
  if (column.type_id() == arrow::Type::DOUBLE) {
    doubles_ = ViewOrCopy(column, rows, double_buffer_);
    return;
  }
  if (from.kind() == TypeKind::kDecimal) {
    double_buffer_.resize(static_cast<std::size_t>(rows.count));
    const auto divisor = static_cast<long double>(PowerOfTen(from.scale()));
    for (std::int64_t i = 0; i < rows.count; ++i) {
      const auto unscaled = static_cast<long double>(LoadDecimal(column, rows.RowOf(i)));
      double_buffer_[static_cast<std::size_t>(i)] = static_cast<double>(unscaled / divisor);
    }
  } else {
    WidenAny(column, rows, double_buffer_);
  }
  doubles_ = double_buffer_.data();
}

void ValueBlock::LoadDecimals(const arrow::Array& column, const DataType& from,
                              const RowRange& rows) {
  decimal_buffer_.resize(static_cast<std::size_t>(rows.count));
  if (from.kind() == TypeKind::kDecimal) {
    const Int128 factor = PowerOfTen(type_.scale() - from.scale());
    for (std::int64_t i = 0; i < rows.count; ++i) {
      const Int128 unscaled = IsValid(i) ? LoadDecimal(column, rows.RowOf(i)) : 0;
      decimal_buffer_[static_cast<std::size_t>(i)] = unscaled * factor;
    }
    return;
  }
  const Int128 factor = PowerOfTen(type_.scale());
  if (from.IsUnsigned()) {
    WidenAny(column, rows, natural_buffer_);
    for (std::size_t i = 0; i < natural_buffer_.size(); ++i)
      decimal_buffer_[i] = natural_buffer_[i] * factor;
  } else {
    WidenAny(column, rows, int_buffer_);
    for (std::size_t i = 0; i < int_buffer_.size(); ++i)
      decimal_buffer_[i] = int_buffer_[i] * factor;
  }
}

void ValueBlock::LoadBytes(const arrow::Array& column, const RowRange& rows) {
  rows_ = rows;
  const arrow::Array* bytes = &column;
  if (column.type_id() == arrow::Type::DICTIONARY) {
    const auto& coded = static_cast<const arrow::DictionaryArray&>(column);
    codes_ = ViewOrCopy(*coded.indices(), rows, code_buffer_);
    dictionary_ = coded.dictionary().get();
    bytes = dictionary_;
  }
  const arrow::ArrayData& data = *bytes->data();
  if (bytes->type_id() == arrow::Type::FIXED_SIZE_BINARY) {
    width_ = static_cast<const arrow::FixedSizeBinaryArray&>(*bytes).byte_width();
    data_ = reinterpret_cast<const char*>(data.buffers[1]->data()) + data.offset * width_;
    return;
  }
  width_ = 0;
  offsets_ = data.GetValues<std::int32_t>(1);
  data_ =
      data.buffers[2] == nullptr ? nullptr : reinterpret_cast<const char*>(data.buffers[2]->data());
}

std::string_view ValueBlock::bytes(std::int64_t i) const {
  const std::int64_t row = codes_ != nullptr ? codes_[i] : rows_.RowOf(i);
  if (width_ != 0) return {data_ + row * width_, static_cast<std::size_t>(width_)};
  return {data_ + offsets_[row], static_cast<std::size_t>(offsets_[row + 1] - offsets_[row])};
}

void ValueBlock::EncodePresence(std::span<const std::int32_t> rows, std::string& out) const {
  PutFixed(out, static_cast<std::uint8_t>(valid_ != nullptr));
  if (valid_ == nullptr) return;
  for (const std::int32_t row : rows) out.push_back(static_cast<char>(valid_[row]));
}

void ValueBlock::EncodeRows(std::span<const std::int32_t> rows, std::string& out) const {
  EncodePresence(rows, out);
  switch (kind_) {
    case ValueKind::kInt64: return AppendNumbers(ints_, rows, out);
    case ValueKind::kUInt64: return AppendNumbers(naturals_, rows, out);
    case ValueKind::kDouble: return AppendNumbers(doubles_, rows, out);
    case ValueKind::kInt128: return AppendNumbers(decimal_buffer_.data(), rows, out);
    case ValueKind::kBytes: break;
  }
  for (const std::int32_t row : rows)
    PutFixed(out, static_cast<std::uint32_t>(IsValid(row) ? bytes(row).size() : 0));
  for (const std::int32_t row : rows) {
    if (IsValid(row)) out.append(bytes(row));
  }
}

Status ValueBlock::DecodePresence(std::int64_t count, ByteReader& in) {
  size_ = count;
  valid_ = nullptr;
  if (in.Fixed<std::uint8_t>() != 0) {
    const std::string_view flags = in.Take(static_cast<std::size_t>(count));
    valid_buffer_.assign(flags.begin(), flags.end());
    valid_ = valid_buffer_.data();
  }
  return in.ok() ? Status::Ok() : CutShort();
}

Status ValueBlock::Decode(const DataType& type, std::int64_t count, ByteReader& in) {
  type_ = type;
  kind_ = ValueKindOf(type);
  codes_ = nullptr;
  dictionary_ = nullptr;
  GRANARY_TRY(DecodePresence(count, in));
  switch (kind_) {
    case ValueKind::kInt64: ints_ = TakeNumbers(in, count, int_buffer_); break;
    case ValueKind::kUInt64: naturals_ = TakeNumbers(in, count, natural_buffer_); break;
    case ValueKind::kDouble: doubles_ = TakeNumbers(in, count, double_buffer_); break;
    case ValueKind::kInt128: TakeNumbers(in, count, decimal_buffer_); break;
    case ValueKind::kBytes: DecodeBytes(count, in); break;
  }
  return in.ok() ? Status::Ok() : CutShort();
}

void ValueBlock::DecodeBytes(std::int64_t count, ByteReader& in) {
  offset_buffer_.assign(1, 0);
  for (std::int64_t i = 0; i < count && in.ok(); ++i) {
    const auto bytes = static_cast<std::int32_t>(in.Fixed<std::uint32_t>());
    offset_buffer_.push_back(offset_buffer_.back() + bytes);
  }
  bytes_buffer_ = in.Take(static_cast<std::size_t>(offset_buffer_.back()));
  rows_ = {0, count, nullptr};
  width_ = 0;
  offsets_ = offset_buffer_.data();
  data_ = bytes_buffer_.data();
}

Value ValueBlock::ValueOf(std::int64_t i) const {
  if (!IsValid(i)) return {};
  switch (kind_) {
    case ValueKind::kInt64: return IntValue(type_, ints_[i]);
    case ValueKind::kUInt64: return naturals_[i];
    case ValueKind::kDouble: return doubles_[i];
    case ValueKind::kInt128: return decimal_buffer_[static_cast<std::size_t>(i)];
    case ValueKind::kBytes: return std::string(bytes(i));
  }
  return {};
}

}  // namespace granary::query
