// DataType::Parse (data_type.h): the names that users and other systems give to types.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "granary/base/utf8.h"
#include "granary/types/data_type.h"

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
    {"string", TypeKind::kString},
    {"str", TypeKind::kString},
    {"object", TypeKind::kString},
    {"text", TypeKind::kString},
    {"varchar", TypeKind::kString},
    {"char", TypeKind::kString},
    {"nvarchar", TypeKind::kString},
    {"nchar", TypeKind::kString},
    {"bpchar", TypeKind::kString},
    {"character", TypeKind::kString},
    {"character varying", TypeKind::kString},
    {"utf8", TypeKind::kString},
    {"large_utf8", TypeKind::kString},
    {"large_string", TypeKind::kString},
    {"string_view", TypeKind::kString},
    {"utf8_view", TypeKind::kString},
    {"unicode", TypeKind::kString},
    {"category", TypeKind::kString},
    {"bool", TypeKind::kBool},
    {"boolean", TypeKind::kBool},
    {"bool_", TypeKind::kBool},
    {"int8", TypeKind::kInt8},
    {"tinyint", TypeKind::kInt8},
    {"int16", TypeKind::kInt16},
    {"smallint", TypeKind::kInt16},
    {"int2", TypeKind::kInt16},
    {"short", TypeKind::kInt16},
    {"int32", TypeKind::kInt32},
    {"int4", TypeKind::kInt32},
    {"mediumint", TypeKind::kInt32},
    {"int64", TypeKind::kInt64},
    {"int", TypeKind::kInt64},
    {"integer", TypeKind::kInt64},
    {"bigint", TypeKind::kInt64},
    {"long", TypeKind::kInt64},
    {"int_", TypeKind::kInt64},
    {"uint8", TypeKind::kUInt8},
    {"utinyint", TypeKind::kUInt8},
    {"uint16", TypeKind::kUInt16},
    {"usmallint", TypeKind::kUInt16},
    {"uint32", TypeKind::kUInt32},
    {"uinteger", TypeKind::kUInt32},
    {"uint64", TypeKind::kUInt64},
    {"ubigint", TypeKind::kUInt64},
    {"uint", TypeKind::kUInt64},
    {"float32", TypeKind::kFloat32},
    {"float4", TypeKind::kFloat32},
    {"real", TypeKind::kFloat32},
    {"single", TypeKind::kFloat32},
    {"float16", TypeKind::kFloat32},
    {"halffloat", TypeKind::kFloat32},
    {"float64", TypeKind::kFloat64},
    {"float8", TypeKind::kFloat64},
    {"double", TypeKind::kFloat64},
    {"double precision", TypeKind::kFloat64},
    {"float", TypeKind::kFloat64},
    {"date", TypeKind::kDate},
    {"date32", TypeKind::kDate},
    {"date64", TypeKind::kDate},
    {"date32[day]", TypeKind::kDate},
    {"date64[ms]", TypeKind::kDate},
    {"time", TypeKind::kTime},
    {"time64", TypeKind::kTime},
    {"time64[us]", TypeKind::kTime},
    {"time64[ns]", TypeKind::kTime},
    {"time32[s]", TypeKind::kTime},
    {"time32[ms]", TypeKind::kTime},
    {"time without time zone", TypeKind::kTime},
    {"binary", TypeKind::kBinary},
    {"bytes", TypeKind::kBinary},
    {"bytea", TypeKind::kBinary},
    {"blob", TypeKind::kBinary},
    {"varbinary", TypeKind::kBinary},
    {"large_binary", TypeKind::kBinary},
    {"binary_view", TypeKind::kBinary},
    {"fixed_size_binary", TypeKind::kBinary},
    {"uuid", TypeKind::kUuid},
    {"guid", TypeKind::kUuid},
    {"uniqueidentifier", TypeKind::kUuid},
    {"json", TypeKind::kJson},
    {"jsonb", TypeKind::kJson},
    {"variant", TypeKind::kJson},
};

constexpr std::string_view kDecimalNames[] = {"decimal",   "numeric",   "number",     "dec",
                                              "decimal32", "decimal64", "decimal128", "decimal256"};

struct TimestampSpelling {
  std::string_view name;
  TimeUnit unit;
};
// Without a unit, pandas' names mean nanoseconds and SQL's microseconds, as they do at home.
constexpr TimestampSpelling kTimestampNames[] = {
    {"datetime64", TimeUnit::kNano},
    {"timestamp", TimeUnit::kMicro},
    {"timestamptz", TimeUnit::kMicro},
    {"datetime", TimeUnit::kMicro},
    {"timestamp with time zone", TimeUnit::kMicro},
    {"timestamp without time zone", TimeUnit::kMicro},
    {"timestamp_tz", TimeUnit::kMicro},
    {"timestamp_ntz", TimeUnit::kMicro},
    {"timestamp_s", TimeUnit::kSecond},
    {"timestamp_ms", TimeUnit::kMilli},
    {"timestamp_us", TimeUnit::kMicro},
    {"timestamp_ns", TimeUnit::kNano},
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
  const bool sized =
      kind == TypeKind::kString || kind == TypeKind::kBinary || kind == TypeKind::kTime;
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

}  // namespace

Result<DataType> DataType::Parse(std::string_view text) {
  constexpr std::size_t kTextMax = 256;  // Longer than any nesting that we allow.
  if (text.size() <= kTextMax) {
    if (auto type = ParseText(Normalised(text), 0)) return *std::move(type);
  }
  return Status(Code::kInvalidDefinition,
                fmt::format("unknown type \"{}\"; known types: {}", Quotable(text), kKnownTypes));
}

}  // namespace granary
