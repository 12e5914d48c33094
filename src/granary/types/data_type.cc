#include "granary/types/data_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "granary/base/check.h"

namespace granary {
namespace {

constexpr std::string_view kKnownTypes =
    "string, bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, "
    "decimal(p,s), date, datetime64[s|ms|us|ns], time, binary, uuid, json, list<T>";

struct Spelling {
  std::string_view name;
  TypeKind kind;
};

// Where dialects disagree the widest reading wins, so that no value of any of them is refused:
// "int" and "integer" (32 bits in SQL, 64 in pandas and SQLite) are int64, "float" is float64.
constexpr Spelling kSpellings[] = {
    {"string", TypeKind::kString}, {"str", TypeKind::kString}, {"object", TypeKind::kString},
    {"text", TypeKind::kString}, {"varchar", TypeKind::kString}, {"char", TypeKind::kString},
    {"nvarchar", TypeKind::kString}, {"nchar", TypeKind::kString}, {"bpchar", TypeKind::kString},
    {"character", TypeKind::kString}, {"character varying", TypeKind::kString},
    {"utf8", TypeKind::kString}, {"large_utf8", TypeKind::kString},
    {"large_string", TypeKind::kString}, {"string_view", TypeKind::kString},
    {"utf8_view", TypeKind::kString}, {"unicode", TypeKind::kString}, {"category", TypeKind::kString},
    {"bool", TypeKind::kBool}, {"boolean", TypeKind::kBool}, {"bool_", TypeKind::kBool},
    {"int8", TypeKind::kInt8}, {"tinyint", TypeKind::kInt8},
    {"int16", TypeKind::kInt16}, {"smallint", TypeKind::kInt16}, {"int2", TypeKind::kInt16},
    {"short", TypeKind::kInt16},
    {"int32", TypeKind::kInt32}, {"int4", TypeKind::kInt32}, {"mediumint", TypeKind::kInt32},
    {"int64", TypeKind::kInt64}, {"int", TypeKind::kInt64}, {"integer", TypeKind::kInt64},
    {"bigint", TypeKind::kInt64}, {"long", TypeKind::kInt64}, {"int_", TypeKind::kInt64},
    {"uint8", TypeKind::kUInt8}, {"utinyint", TypeKind::kUInt8},
    {"uint16", TypeKind::kUInt16}, {"usmallint", TypeKind::kUInt16},
    {"uint32", TypeKind::kUInt32}, {"uinteger", TypeKind::kUInt32},
    {"uint64", TypeKind::kUInt64}, {"ubigint", TypeKind::kUInt64}, {"uint", TypeKind::kUInt64},
    {"float32", TypeKind::kFloat32}, {"float4", TypeKind::kFloat32}, {"real", TypeKind::kFloat32},
    {"single", TypeKind::kFloat32}, {"float16", TypeKind::kFloat32},
    {"halffloat", TypeKind::kFloat32},
    {"float64", TypeKind::kFloat64}, {"float8", TypeKind::kFloat64}, {"double", TypeKind::kFloat64},
    {"double precision", TypeKind::kFloat64}, {"float", TypeKind::kFloat64},
    {"date", TypeKind::kDate}, {"date32", TypeKind::kDate}, {"date64", TypeKind::kDate},
    {"date32[day]", TypeKind::kDate}, {"date64[ms]", TypeKind::kDate},
    {"time", TypeKind::kTime}, {"time64", TypeKind::kTime}, {"time64[us]", TypeKind::kTime},
    {"time64[ns]", TypeKind::kTime}, {"time32[s]", TypeKind::kTime},
    {"time32[ms]", TypeKind::kTime}, {"time without time zone", TypeKind::kTime},
    {"binary", TypeKind::kBinary}, {"bytes", TypeKind::kBinary}, {"bytea", TypeKind::kBinary},
    {"blob", TypeKind::kBinary}, {"varbinary", TypeKind::kBinary},
    {"large_binary", TypeKind::kBinary}, {"binary_view", TypeKind::kBinary},
    {"fixed_size_binary", TypeKind::kBinary},
    {"uuid", TypeKind::kUuid}, {"guid", TypeKind::kUuid}, {"uniqueidentifier", TypeKind::kUuid},
    {"json", TypeKind::kJson}, {"jsonb", TypeKind::kJson}, {"variant", TypeKind::kJson},
};

constexpr std::string_view kDecimalNames[] = {"decimal", "numeric", "number", "dec", "decimal32",
                                              "decimal64", "decimal128", "decimal256"};

struct TimestampSpelling {
  std::string_view name;
  TimeUnit unit;
};
// Without a unit, pandas' names mean nanoseconds and SQL's microseconds, as they do at home.
constexpr TimestampSpelling kTimestampNames[] = {
    {"datetime64", TimeUnit::kNano}, {"timestamp", TimeUnit::kMicro},
    {"timestamptz", TimeUnit::kMicro}, {"datetime", TimeUnit::kMicro},
    {"timestamp with time zone", TimeUnit::kMicro},
    {"timestamp without time zone", TimeUnit::kMicro},
    {"timestamp_tz", TimeUnit::kMicro}, {"timestamp_ntz", TimeUnit::kMicro},
    {"timestamp_s", TimeUnit::kSecond}, {"timestamp_ms", TimeUnit::kMilli},
    {"timestamp_us", TimeUnit::kMicro}, {"timestamp_ns", TimeUnit::kNano},
    {"timestamptz_ns", TimeUnit::kNano},
};

constexpr std::string_view kUnitNames[] = {"s", "ms", "us", "ns"};

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// ASCII lower case, runs of white space as one space.
std::string Normalised(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space && (out.empty() || out.back() == ' ')) continue;
    out.push_back(space ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return std::string(Trim(out));
}

std::optional<int> ReadSmallInt(std::string_view text) {
  text = Trim(text);
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return {};
  return value;
}

std::optional<TimeUnit> ReadUnit(std::string_view text) {
  const auto* found = std::find(std::begin(kUnitNames), std::end(kUnitNames), Trim(text));
  if (found == std::end(kUnitNames)) return std::nullopt;
  return static_cast<TimeUnit>(found - std::begin(kUnitNames));
}

/// "name(inside)" and the other brackets, taken apart; `open` is 0 without brackets.
struct Call {
  std::string_view name;
  std::string_view inside;
  char open = 0;
};

Call TakeApart(std::string_view text) {
  const auto open = text.find_first_of("([<");
  if (open == text.npos) return {text, {}, 0};
  const char close = text[open] == '(' ? ')' : text[open] == '[' ? ']' : '>';
  if (text.back() != close) return {text, {}, 0};
  return {Trim(text.substr(0, open)), Trim(text.substr(open + 1, text.size() - open - 2)),
          text[open]};
}

using Parsed = std::optional<DataType>;  // Nothing: not this kind of type.

Parsed ParseText(std::string_view text, int depth);

Parsed ParseSimple(const Call& call) {
  const auto* found = std::find_if(std::begin(kSpellings), std::end(kSpellings),
                                   [&](const Spelling& s) { return s.name == call.name; });
  if (found == std::end(kSpellings)) return std::nullopt;
  const TypeKind kind = found->kind;
  if (call.open == 0) return DataType(kind);
  // A length or a precision, which says nothing about what we store: varchar(20), time(6).
  const bool sized = kind == TypeKind::kString || kind == TypeKind::kBinary || kind == TypeKind::kTime;
  if (sized && call.open != '<' && ReadSmallInt(call.inside)) return DataType(kind);
  return std::nullopt;
}

Parsed ParseDecimal(const Call& call) {
  const auto* found = std::find(std::begin(kDecimalNames), std::end(kDecimalNames), call.name);
  if (found == std::end(kDecimalNames)) return std::nullopt;
  // Bare "decimal": what does not fit is refused, never rounded, so leave room on both sides.
  if (call.open == 0) return DataType::Decimal(kDecimalPrecisionMax, 9);
  if (call.open != '(') return std::nullopt;
  const auto comma = call.inside.find(',');
  const auto precision = ReadSmallInt(call.inside.substr(0, comma));
  const auto scale = comma == call.inside.npos ? 0 : ReadSmallInt(call.inside.substr(comma + 1));
  if (!precision || !scale || *precision < 1 || *precision > kDecimalPrecisionMax || *scale < 0 ||
      *scale > *precision) {
    return std::nullopt;
  }
  return DataType::Decimal(*precision, *scale);
}

Parsed ParseTimestampType(const Call& call) {
  const auto* found = std::find_if(std::begin(kTimestampNames), std::end(kTimestampNames),
                                   [&](const auto& s) { return s.name == call.name; });
  if (found == std::end(kTimestampNames)) return std::nullopt;
  if (call.open == 0) return DataType::Timestamp(found->unit);
  if (call.open == '[') {  // datetime64[ns, UTC], timestamp[us, tz=Europe/Berlin]
    const auto unit = ReadUnit(call.inside.substr(0, call.inside.find(',')));
    if (!unit) return std::nullopt;
    return DataType::Timestamp(*unit);
  }
  const auto digits = ReadSmallInt(call.inside);  // timestamp(3)
  if (call.open != '(' || !digits || *digits < 0 || *digits > 9) return std::nullopt;
  return DataType::Timestamp(static_cast<TimeUnit>((*digits + 2) / 3));
}

/// list<T>, with Arrow's "item: " in front of T or not; array(T), list[T], T[].
Parsed ParseList(std::string_view text, const Call& call, int depth) {
  std::string_view inside = call.inside;
  if (text.ends_with("[]")) {
    inside = text.substr(0, text.size() - 2);
  } else if (call.open == 0 || (call.name != "list" && call.name != "array" &&
                                call.name != "large_list" && call.name != "list_view")) {
    return std::nullopt;
  }
  for (const std::string_view label : {"item:", "element:"}) {
    if (inside.starts_with(label)) inside.remove_prefix(label.size());
  }
  auto element = ParseText(Trim(inside), depth + 1);
  if (!element) return std::nullopt;
  return DataType::List(*std::move(element));
}

/// dictionary<values=string, indices=int32, ordered=0>
Parsed ParseDictionary(const Call& call, int depth) {
  constexpr std::string_view kValues = "values=";
  if (call.name != "dictionary" || !call.inside.starts_with(kValues)) return std::nullopt;
  const auto end = call.inside.find(", indices=");
  if (end == call.inside.npos) return std::nullopt;
  return ParseText(Trim(call.inside.substr(kValues.size(), end - kValues.size())), depth + 1);
}

Parsed ParseText(std::string_view text, int depth) {
  if (depth > kListDepthMax || text.empty()) return std::nullopt;
  for (const std::string_view storage : {"[pyarrow]", "[python]", "[pyarrow_numpy]"}) {
    if (text.ends_with(storage)) text.remove_suffix(storage.size());
  }
  const Call call = TakeApart(text);
  if (auto list = ParseList(text, call, depth)) return list;
  if (auto simple = ParseSimple(call)) return simple;
  if (auto whole = ParseSimple({text, {}, 0})) return whole;  // "date32[day]"
  if (auto decimal = ParseDecimal(call)) return decimal;
  if (auto timestamp = ParseTimestampType(call)) return timestamp;
  return ParseDictionary(call, depth);
}

TimeUnit FromArrowUnit(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return TimeUnit::kSecond;
    case arrow::TimeUnit::MILLI: return TimeUnit::kMilli;
    case arrow::TimeUnit::MICRO: return TimeUnit::kMicro;
    case arrow::TimeUnit::NANO: return TimeUnit::kNano;
  }
  return TimeUnit::kNano;
}

Status NoColumnFor(const arrow::DataType& type) {
  return Status::Unsupported(fmt::format("no column holds Arrow type {}", type.ToString()));
}

Result<DataType> DecimalFromArrow(const arrow::DataType& type) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  const bool fits = decimal.precision() <= kDecimalPrecisionMax && decimal.scale() >= 0 &&
                    decimal.scale() <= decimal.precision();
  if (!fits) return NoColumnFor(type);
  return DataType::Decimal(decimal.precision(), decimal.scale());
}

Result<DataType> FromArrowAt(const arrow::DataType& type, int depth);

Result<DataType> ListFromArrow(const arrow::DataType& type, int depth) {
  if (depth >= kListDepthMax) return NoColumnFor(type);
  GRANARY_ASSIGN(DataType element, FromArrowAt(*type.field(0)->type(), depth + 1));
  return DataType::List(std::move(element));
}

Result<DataType> ExtensionFromArrow(const arrow::DataType& type, int depth) {
  const auto& extension = static_cast<const arrow::ExtensionType&>(type);
  if (extension.extension_name() == "arrow.uuid") return DataType(TypeKind::kUuid);
  if (extension.extension_name() == "arrow.json") return DataType(TypeKind::kJson);
  return FromArrowAt(*extension.storage_type(), depth);
}

Result<DataType> FromArrowAt(const arrow::DataType& type, int depth) {
  switch (type.id()) {
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return DataType(TypeKind::kString);
    case arrow::Type::BOOL: return DataType(TypeKind::kBool);
    case arrow::Type::INT8: return DataType(TypeKind::kInt8);
    case arrow::Type::INT16: return DataType(TypeKind::kInt16);
    case arrow::Type::INT32: return DataType(TypeKind::kInt32);
    case arrow::Type::INT64: return DataType(TypeKind::kInt64);
    case arrow::Type::UINT8: return DataType(TypeKind::kUInt8);
    case arrow::Type::UINT16: return DataType(TypeKind::kUInt16);
    case arrow::Type::UINT32: return DataType(TypeKind::kUInt32);
    case arrow::Type::UINT64: return DataType(TypeKind::kUInt64);
    case arrow::Type::HALF_FLOAT:
    case arrow::Type::FLOAT: return DataType(TypeKind::kFloat32);
    case arrow::Type::DOUBLE: return DataType(TypeKind::kFloat64);
    case arrow::Type::DECIMAL32:
    case arrow::Type::DECIMAL64:
    case arrow::Type::DECIMAL128:
    case arrow::Type::DECIMAL256: return DecimalFromArrow(type);
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return DataType(TypeKind::kDate);
    case arrow::Type::TIMESTAMP:
      return DataType::Timestamp(
          FromArrowUnit(static_cast<const arrow::TimestampType&>(type).unit()));
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return DataType(TypeKind::kTime);
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY: return DataType(TypeKind::kBinary);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST:
    case arrow::Type::LIST_VIEW:
    case arrow::Type::LARGE_LIST_VIEW: return ListFromArrow(type, depth);
    case arrow::Type::DICTIONARY:
      return FromArrowAt(*static_cast<const arrow::DictionaryType&>(type).value_type(), depth);
    case arrow::Type::RUN_END_ENCODED:
      return FromArrowAt(*static_cast<const arrow::RunEndEncodedType&>(type).value_type(), depth);
    case arrow::Type::EXTENSION: return ExtensionFromArrow(type, depth);
    default: return NoColumnFor(type);
  }
}

arrow::TimeUnit::type ToArrowUnit(TimeUnit unit) {
  return static_cast<arrow::TimeUnit::type>(unit);  // The same order.
}
static_assert(static_cast<int>(arrow::TimeUnit::SECOND) == static_cast<int>(TimeUnit::kSecond) &&
              static_cast<int>(arrow::TimeUnit::NANO) == static_cast<int>(TimeUnit::kNano));

}  // namespace

std::int64_t UnitsPerSecond(TimeUnit unit) {
  constexpr std::int64_t kUnits[] = {1, 1'000, 1'000'000, 1'000'000'000};
  return kUnits[static_cast<int>(unit)];
}

DataType DataType::Decimal(int precision, int scale) {
  GRANARY_CHECK(precision >= 1 && precision <= kDecimalPrecisionMax && scale >= 0 &&
                    scale <= precision,
                "precision={} scale={}", precision, scale);
  DataType type(TypeKind::kDecimal);
  type.precision_ = static_cast<std::uint8_t>(precision);
  type.scale_ = static_cast<std::uint8_t>(scale);
  return type;
}

DataType DataType::Timestamp(TimeUnit unit) {
  DataType type(TypeKind::kTimestamp);
  type.unit_ = unit;
  return type;
}

DataType DataType::List(DataType element) {
  DataType type(TypeKind::kList);
  type.element_ = std::make_shared<const DataType>(std::move(element));
  return type;
}

Result<DataType> DataType::Parse(std::string_view text) {
  constexpr std::size_t kTextMax = 256;  // Longer than any nesting that we allow.
  if (text.size() <= kTextMax) {
    if (auto type = ParseText(Normalised(text), 0)) return *std::move(type);
  }
  return Status(Code::kInvalidDefinition, fmt::format("unknown type \"{}\"; known types: {}",
                                                      text.substr(0, 64), kKnownTypes));
}

Result<DataType> DataType::FromArrow(const arrow::DataType& type) { return FromArrowAt(type, 0); }

const DataType& DataType::element() const {
  GRANARY_CHECK(element_ != nullptr, "kind={}", static_cast<int>(kind_));
  return *element_;
}

std::string DataType::ToString() const {
  switch (kind_) {
    case TypeKind::kString: return "string";
    case TypeKind::kBool: return "bool";
    case TypeKind::kInt8: return "int8";
    case TypeKind::kInt16: return "int16";
    case TypeKind::kInt32: return "int32";
    case TypeKind::kInt64: return "int64";
    case TypeKind::kUInt8: return "uint8";
    case TypeKind::kUInt16: return "uint16";
    case TypeKind::kUInt32: return "uint32";
    case TypeKind::kUInt64: return "uint64";
    case TypeKind::kFloat32: return "float32";
    case TypeKind::kFloat64: return "float64";
    case TypeKind::kDecimal: return fmt::format("decimal({},{})", precision_, scale_);
    case TypeKind::kDate: return "date";
    case TypeKind::kTimestamp: return fmt::format("datetime64[{}]", kUnitNames[static_cast<int>(unit_)]);
    case TypeKind::kTime: return "time";
    case TypeKind::kBinary: return "binary";
    case TypeKind::kUuid: return "uuid";
    case TypeKind::kJson: return "json";
    case TypeKind::kList: return fmt::format("list<{}>", element().ToString());
  }
  return "string";
}

std::shared_ptr<arrow::DataType> DataType::ToArrow() const {
  switch (kind_) {
    case TypeKind::kString:
    case TypeKind::kJson: return arrow::utf8();
    case TypeKind::kBool: return arrow::boolean();
    case TypeKind::kInt8: return arrow::int8();
    case TypeKind::kInt16: return arrow::int16();
    case TypeKind::kInt32: return arrow::int32();
    case TypeKind::kInt64: return arrow::int64();
    case TypeKind::kUInt8: return arrow::uint8();
    case TypeKind::kUInt16: return arrow::uint16();
    case TypeKind::kUInt32: return arrow::uint32();
    case TypeKind::kUInt64: return arrow::uint64();
    case TypeKind::kFloat32: return arrow::float32();
    case TypeKind::kFloat64: return arrow::float64();
    case TypeKind::kDecimal: return arrow::decimal128(precision_, scale_);
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTimestamp: return arrow::timestamp(ToArrowUnit(unit_), "UTC");
    case TypeKind::kTime: return arrow::time64(arrow::TimeUnit::MICRO);
    case TypeKind::kBinary: return arrow::binary();
    case TypeKind::kUuid: return arrow::fixed_size_binary(16);
    case TypeKind::kList: return arrow::list(element().ToArrow());
  }
  return arrow::utf8();
}

bool DataType::IsBytes() const {
  return kind_ == TypeKind::kString || kind_ == TypeKind::kBinary || kind_ == TypeKind::kUuid ||
         kind_ == TypeKind::kJson;
}

bool DataType::operator==(const DataType& other) const {
  if (kind_ != other.kind_) return false;
  switch (kind_) {
    case TypeKind::kDecimal: return precision_ == other.precision_ && scale_ == other.scale_;
    case TypeKind::kTimestamp: return unit_ == other.unit_;
    case TypeKind::kList: return element() == other.element();
    default: return true;
  }
}

}  // namespace granary
