#include "granary/json/value_sink.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include <arrow/builder.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/base/base64.h"
#include "granary/types/integer_domain.h"
#include "granary/types/number_text.h"
#include "granary/types/time_text.h"
#include "granary/types/uuid_text.h"

namespace granary::json {
namespace {

using simdjson::ondemand::json_type;

Taken FromArrow(const arrow::Status& status, CellContext& context) {
  if (status.ok()) return Taken::kYes;
  const bool full = status.IsOutOfMemory() || status.IsCapacityError();
  context.failure = Status(full ? Code::kTooLarge : Code::kInternal, status.ToString());
  return Taken::kBroken;
}

template <typename Builder, typename Value>
[[gnu::noinline]] Taken AppendAndGrow(Builder& builder, Value value, CellContext& context) {
  return FromArrow(builder.Append(value), context);
}

/// Arrow's Append without its Status while there is room, which is nearly always.
template <typename Builder, typename Value>
[[gnu::flatten]] Taken AppendNumber(Builder& builder, Value value, CellContext& context) {
  if (builder.length() == builder.capacity()) [[unlikely]]
    return AppendAndGrow(builder, value, context);
  builder.UnsafeAppend(value);
  return Taken::kYes;
}

template <typename Builder>
[[gnu::flatten]] Taken AppendBytes(Builder& builder, std::string_view bytes, CellContext& context) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::int64_t room = builder.value_data_capacity() - builder.value_data_length();
  if (builder.length() == builder.capacity() || room < size) [[unlikely]]
    return AppendAndGrow(builder, bytes, context);
  builder.UnsafeAppend(bytes);
  return Taken::kYes;
}

/// A sink with its builder; a refusal says the type and `form`, a literal. It is put together then:
/// a request has a sink for each column.
template <typename Builder>
class TypedSink : public ValueSink {
 public:
  explicit TypedSink(const DataType& type, std::string_view form = {})
      : builder_(type.ToArrow(), arrow::default_memory_pool()), type_(type), form_(form) {}
  arrow::ArrayBuilder& builder() override { return builder_; }

 protected:
  Taken Refuse(Cell& cell, CellContext& context) {
    return RefuseCell(cell, type_.ToString().append(form_), context);
  }

  Builder builder_;
  const DataType type_;
  const std::string_view form_;
};

class BoolSink final : public TypedSink<arrow::BooleanBuilder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    if (cell.type != json_type::boolean) return Refuse(cell, context);
    return AppendNumber(builder_, cell.boolean, context);
  }
};

class StringSink final : public TypedSink<arrow::StringBuilder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    if (!cell.IsString()) return Refuse(cell, context);
    return AppendBytes(builder_, cell.text, context);
  }
};

class JsonSink final : public TypedSink<arrow::StringBuilder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    context.scratch.clear();
    const Taken taken = AppendMinified(cell, context, context.scratch);
    return taken == Taken::kYes ? AppendBytes(builder_, context.scratch, context) : taken;
  }
};

template <typename Builder>
class IntegerSink final : public TypedSink<Builder> {
  using Int = typename Builder::value_type;

 public:
  IntegerSink(const DataType& type, NumberRule rule)
      : TypedSink<Builder>(type), domain_(DomainOf(type)), rule_(rule) {}

  Taken Append(Cell& cell, CellContext& context) override {
    if (!cell.IsNumber()) return this->Refuse(cell, context);
    Int value = 0;
    if (ReadPlain(cell.text, value)) return AppendNumber(this->builder_, value, context);
    if (!IsJsonNumber(cell.text)) return this->Refuse(cell, context);
    const ScaledNumber number = ScaleNumber(cell.text, 0);
    const bool spelled = rule_ == NumberRule::kByValue || IsPlainInteger(cell.text);
    if (!spelled || !number.exact || !domain_.Has(number.floor)) return this->Refuse(cell, context);
    return AppendNumber(this->builder_, static_cast<Int>(number.floor), context);
  }

 private:
  /// The usual spelling.
  static bool ReadPlain(std::string_view text, Int& value) {
    const auto whole = ReadPlainWhole(text);
    if (!whole) return false;
    const auto most = static_cast<std::uint64_t>(std::numeric_limits<Int>::max());
    if (!whole->negative) {
      value = static_cast<Int>(whole->magnitude);
      return whole->magnitude <= most;
    }
    if constexpr (std::is_signed_v<Int>) {
      if (whole->magnitude > most) return false;
      value = static_cast<Int>(-static_cast<std::int64_t>(whole->magnitude));
      return true;
    }
    return false;
  }

  const IntegerDomain domain_;
  const NumberRule rule_;
};

template <typename Builder>
class FloatSink final : public TypedSink<Builder> {
  using Float = typename Builder::value_type;

 public:
  using TypedSink<Builder>::TypedSink;

  Taken Append(Cell& cell, CellContext& context) override {
    if (cell.IsString()) return AppendSpecial(cell, context);
    if (!cell.IsNumber()) return this->Refuse(cell, context);
    Float value = 0;
    if (!Read(cell.text, value) || std::isinf(value)) return this->Refuse(cell, context);
    if (!KeepsIntegers(cell.text, value)) {
      return RefuseCell(cell,
                        fmt::format("a whole number that {} has (with a fraction or an exponent it "
                                    "becomes the nearest)",
                                    this->type_.ToString()),
                        context);
    }
    return AppendNumber(this->builder_, value, context);
  }

 private:
  static bool Read(std::string_view text, Float& value) {
    if constexpr (std::is_same_v<Float, double>) {
      if (const auto plain = ReadPlainDouble(text)) {
        value = *plain;
        return true;
      }
    }
    if (!IsJsonNumber(text)) return false;
    value = std::is_same_v<Float, double> ? static_cast<Float>(NearestDouble(text))
                                          : static_cast<Float>(NearestFloat(text));
    return true;
  }

  static bool KeepsIntegers(std::string_view text, Float value) {
    constexpr Float kAllExact = Float{1} / std::numeric_limits<Float>::epsilon();
    if (std::abs(value) <= kAllExact || !IsPlainInteger(text)) return true;
    return CompareNumbers(fmt::format("{:.0f}", value), text) == 0 || IsSpelledAs(text, value);
  }

  // The digits that tell the float from every other one, and then zeros: so JavaScript and Go write
  // a large one.
  static bool IsSpelledAs(std::string_view text, Float value) {
    if (text.starts_with('-')) text.remove_prefix(1);
    char shortest[32];
    const auto end =
        std::to_chars(shortest, std::end(shortest), std::abs(value), std::chars_format::scientific);
    const std::string_view whole(shortest, static_cast<std::size_t>(end.ptr - shortest));
    const std::size_t e = whole.find('e');
    std::string digits(whole.substr(0, e));
    std::erase(digits, '.');
    if (digits.size() > text.size() || !text.starts_with(digits)) return false;
    return text.find_first_not_of('0', digits.size()) == std::string_view::npos;
  }

  Taken AppendSpecial(Cell& cell, CellContext& context) {
    constexpr Float kInfinity = std::numeric_limits<Float>::infinity();
    Float value = std::numeric_limits<Float>::quiet_NaN();
    if (cell.text == "Infinity") {
      value = kInfinity;
    } else if (cell.text == "-Infinity") {
      value = -kInfinity;
    } else if (cell.text != "NaN") {
      return this->Refuse(cell, context);
    }
    return AppendNumber(this->builder_, value, context);
  }
};

class DecimalSink final : public TypedSink<arrow::Decimal128Builder> {
 public:
  explicit DecimalSink(const DataType& type)
      : TypedSink(type), domain_(DomainOf(type)), scale_(type.scale()) {}

  Taken Append(Cell& cell, CellContext& context) override {
    const bool readable = (cell.IsNumber() && IsJsonNumber(cell.text)) ||
                          (cell.IsString() && IsPlainDecimal(cell.text));
    if (!readable) return Refuse(cell, context);
    const ScaledNumber number = ScaleNumber(cell.text, scale_);
    const bool fits = number.exact && number.out_of_range == 0 && domain_.Has(number.floor);
    if (!fits) return Refuse(cell, context);
    const arrow::Decimal128 decimal(static_cast<std::int64_t>(number.floor >> 64),
                                    static_cast<std::uint64_t>(number.floor));
    return FromArrow(builder_.Append(decimal), context);
  }

 private:
  const IntegerDomain domain_;
  const int scale_;
};

class DateSink final : public TypedSink<arrow::Date32Builder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    const auto day = cell.IsString() ? ParseDate(cell.text) : std::nullopt;
    if (!day) return Refuse(cell, context);
    return AppendNumber(builder_, static_cast<std::int32_t>(*day), context);
  }
};

class TimeSink final : public TypedSink<arrow::Time64Builder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    const auto micros = cell.IsString() ? ParseTime(cell.text) : std::nullopt;
    if (!micros) return Refuse(cell, context);
    return AppendNumber(builder_, *micros, context);
  }
};

class TimestampSink final : public TypedSink<arrow::TimestampBuilder> {
 public:
  explicit TimestampSink(const DataType& type)
      : TypedSink(type, " as an RFC 3339 string"), unit_(type.unit()) {}

  Taken Append(Cell& cell, CellContext& context) override {
    const auto instant = cell.IsString() ? ParseInstant(cell.text) : std::nullopt;
    if (!instant) return Refuse(cell, context);
    const auto value = InUnits(*instant, unit_);
    if (!value)
      return context.Refuse(std::string(ParseTimestamp(cell.text, unit_).status().message()));
    return AppendNumber(builder_, *value, context);
  }

 private:
  const TimeUnit unit_;
};

class BinarySink final : public TypedSink<arrow::BinaryBuilder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    const auto bytes = cell.IsString() ? Base64Decode(cell.text) : std::nullopt;
    if (!bytes) return Refuse(cell, context);
    return FromArrow(builder_.Append(*bytes), context);
  }
};

class UuidSink final : public TypedSink<arrow::FixedSizeBinaryBuilder> {
 public:
  using TypedSink::TypedSink;
  Taken Append(Cell& cell, CellContext& context) override {
    const auto bytes = cell.IsString() ? ParseUuid(cell.text) : std::nullopt;
    if (!bytes) return Refuse(cell, context);
    return FromArrow(builder_.Append(*bytes), context);
  }
};

class ListSink final : public ValueSink {
 public:
  ListSink(const DataType& type, NumberRule rule)
      : element_(MakeSink(type.element(), rule)), expected_(type.ToString()) {
    // The element's builder is the sink's own; the list's holds it without owning it.
    const std::shared_ptr<arrow::ArrayBuilder> borrowed(std::shared_ptr<void>(),
                                                        &element_->builder());
    builder_ = std::make_unique<arrow::ListBuilder>(arrow::default_memory_pool(), borrowed,
                                                    type.ToArrow());
  }
  arrow::ArrayBuilder& builder() override { return *builder_; }

  Taken Append(Cell& cell, CellContext& context) override {
    if (cell.type != json_type::array) return RefuseCell(cell, expected_, context);
    simdjson::ondemand::array array;
    if (const auto error = cell.value.get_array().get(array)) return context.Break(error);
    if (const Taken taken = FromArrow(builder_->Append(), context); taken != Taken::kYes)
      return taken;
    std::size_t index = 0;
    for (auto item : array) {
      simdjson::ondemand::value value;
      if (const auto error = item.get(value)) return context.Break(error);
      const Taken taken = AppendElement(value, context);
      if (taken == Taken::kRefused) context.where.insert(0, fmt::format("/{}", index));
      if (taken != Taken::kYes) return taken;
      ++index;
    }
    return Taken::kYes;
  }

 private:
  Taken AppendElement(simdjson::ondemand::value value, CellContext& context) {
    Cell element;
    if (const Taken taken = ReadCell(value, context, element); taken != Taken::kYes) return taken;
    if (element.IsNull()) return FromArrow(element_->builder().AppendNull(), context);
    return element_->Append(element, context);
  }

  const std::unique_ptr<ValueSink> element_;
  std::unique_ptr<arrow::ListBuilder> builder_;
  const std::string expected_;
};

}  // namespace

std::unique_ptr<ValueSink> MakeSink(const DataType& type, NumberRule rule) {
  switch (type.kind()) {
    case TypeKind::kString: return std::make_unique<StringSink>(type);
    case TypeKind::kBool: return std::make_unique<BoolSink>(type);
    case TypeKind::kInt8: return std::make_unique<IntegerSink<arrow::Int8Builder>>(type, rule);
    case TypeKind::kInt16: return std::make_unique<IntegerSink<arrow::Int16Builder>>(type, rule);
    case TypeKind::kInt32: return std::make_unique<IntegerSink<arrow::Int32Builder>>(type, rule);
    case TypeKind::kInt64: return std::make_unique<IntegerSink<arrow::Int64Builder>>(type, rule);
    case TypeKind::kUInt8: return std::make_unique<IntegerSink<arrow::UInt8Builder>>(type, rule);
    case TypeKind::kUInt16: return std::make_unique<IntegerSink<arrow::UInt16Builder>>(type, rule);
    case TypeKind::kUInt32: return std::make_unique<IntegerSink<arrow::UInt32Builder>>(type, rule);
    case TypeKind::kUInt64: return std::make_unique<IntegerSink<arrow::UInt64Builder>>(type, rule);
    case TypeKind::kFloat32: return std::make_unique<FloatSink<arrow::FloatBuilder>>(type);
    case TypeKind::kFloat64: return std::make_unique<FloatSink<arrow::DoubleBuilder>>(type);
    case TypeKind::kDecimal: return std::make_unique<DecimalSink>(type);
    case TypeKind::kDate: return std::make_unique<DateSink>(type, " as a string like 2024-01-15");
    case TypeKind::kTimestamp: return std::make_unique<TimestampSink>(type);
    case TypeKind::kTime: return std::make_unique<TimeSink>(type, " as a string like 10:00:00");
    case TypeKind::kBinary: return std::make_unique<BinarySink>(type, " as a base64 string");
    case TypeKind::kUuid: return std::make_unique<UuidSink>(type);
    case TypeKind::kJson: return std::make_unique<JsonSink>(type);
    case TypeKind::kList: return std::make_unique<ListSink>(type, rule);
  }
  return nullptr;
}

}  // namespace granary::json
