#include "granary/types/literal.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "granary/types/number_text.h"

namespace granary {
namespace {

constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();

DataType Type(std::string_view text) { return DataType::Parse(text).Take(); }
Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal String(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }

/// "=5", "1..2" (neighbours), "..5" (nothing below), or the code it fails with.
std::string Bound(const Literal& literal, std::string_view type_name) {
  const DataType type = Type(type_name);
  const auto bound = BindLiteral(literal, type);
  if (!bound.ok()) return std::string(CodeName(bound.status().code()));
  const auto text = [&](const Value& value) {
    return IsNull(value) ? std::string() : ValueToText(value, type);
  };
  if (bound->exact) return "=" + ValueToText(bound->value, type);
  return text(bound->below) + ".." + text(bound->above);
}

struct Case {
  Literal literal;
  const char* type;
  const char* bound;
};

TEST(BindLiteralTest, FindsExactPlacesAndNeighbours) {
  const Case kCases[] = {
      {Number("5"), "int8", "=5"},
      {Number("127"), "int8", "=127"},
      {Number("300"), "int8", "127.."},
      {Number("-300"), "int8", "..-128"},
      {Number("1.5"), "int64", "1..2"},
      {Number("-1.5"), "int64", "-2..-1"},
      {Number("-0.5"), "uint8", "..0"},
      {Number("0.5"), "uint8", "0..1"},
      {Number("127.5"), "int8", "127.."},
      {Number("1e3"), "int64", "=1000"},
      {Number("1.0"), "int64", "=1"},
      {Number("1e30"), "int64", "9223372036854775807.."},
      {Number("1e300"), "int64", "9223372036854775807.."},
      {Number("-1e300"), "int64", "..-9223372036854775808"},
      {Number("9007199254740993"), "int64", "=9007199254740993"},
      {Number("9223372036854775807"), "int64", "=9223372036854775807"},
      {Number("9223372036854775808"), "int64", "9223372036854775807.."},
      {Number("-9223372036854775808"), "int64", "=-9223372036854775808"},
      {Number("18446744073709551615"), "uint64", "=18446744073709551615"},
      {Number("-1"), "uint64", "..0"},
      {Number("0.125"), "decimal(5,2)", "0.12..0.13"},
      {Number("12.5"), "decimal(5,2)", "=12.50"},
      {Number("999.99"), "decimal(5,2)", "=999.99"},
      {Number("1000"), "decimal(5,2)", "999.99.."},
      {Number("-1e99"), "decimal(5,2)", "..-999.99"},
      {String("12.50"), "decimal(5,2)", "=12.50"},
      {String("1e1"), "decimal(5,2)", "INVALID_LITERAL"},
      {Number("0.1"), "float64", "=0.1"},
      {Number("9007199254740993"), "float64", "9007199254740992.0..9007199254740994.0"},
      {Number("-9007199254740993"), "float64", "-9007199254740994.0..-9007199254740992.0"},
      {Number("9007199254740992"), "float64", "=9007199254740992.0"},
      {Number("16777217"), "float32", "16777216.0..16777218.0"},
      {Number("0.1"), "float32", "=0.1"},
      {Number("1e400"), "float64", "1.7976931348623157e+308..Infinity"},
      {Number("-1e39"), "float32", "-Infinity..-3.4028235e+38"},
      {String("NaN"), "float64", "=NaN"},
      {String("-Infinity"), "float32", "=-Infinity"},
      {String("1.5"), "float64", "INVALID_LITERAL"},
      {String("12"), "int8", "INVALID_LITERAL"},
      {String("12"), "int32", "INVALID_LITERAL"},
      {String("12"), "int64", "INVALID_LITERAL"},
      {String("12"), "uint64", "INVALID_LITERAL"},
      {String("abc"), "int64", "INVALID_LITERAL"},
      {Number("1"), "string", "INVALID_LITERAL"},
      {String("x"), "string", "=x"},
      {String("AP8="), "binary", "=00ff"},
      {String("AP8"), "binary", "INVALID_LITERAL"},
      {String("6F9619FF8B86D011B42D00C04FC964FF"), "uuid", "=6f9619ff-8b86-d011-b42d-00c04fc964ff"},
      {String("nope"), "uuid", "INVALID_LITERAL"},
      {String("2024-01-15"), "date", "=2024-01-15"},
      {String("2024-01-15T00:00:00+00:00"), "date", "=2024-01-15"},
      {String("2024-01-15T01:00:00Z"), "date", "2024-01-15..2024-01-16"},
      {String("1969-12-31T23:00:00Z"), "date", "1969-12-31..1970-01-01"},
      {String("soon"), "date", "INVALID_LITERAL"},
      {String("2024-01-15"), "datetime64[ns]", "=2024-01-15T00:00:00Z"},
      {String("1969-12-31T23:59:59.9Z"), "datetime64[s]",
       "1969-12-31T23:59:59Z..1970-01-01T00:00:00Z"},
      {String("9999-01-01"), "datetime64[ns]", "2262-04-11T23:47:16.854775807Z.."},
      {String("0001-01-01"), "datetime64[ns]", "..1677-09-21T00:12:43.145224192Z"},
      {String("1677-09-21T00:12:43.145224191Z"), "datetime64[ns]",
       "..1677-09-21T00:12:43.145224192Z"},
      {String("1677-09-21T00:12:43.1452241919Z"), "datetime64[ns]",
       "..1677-09-21T00:12:43.145224192Z"},
      {String("1677-09-21T00:12:43.145224192Z"), "datetime64[ns]",
       "=1677-09-21T00:12:43.145224192Z"},
      {String("1677-09-21T00:12:43.1452241921Z"), "datetime64[ns]",
       "1677-09-21T00:12:43.145224192Z..1677-09-21T00:12:43.145224193Z"},
      {String("2262-04-11T23:47:16.854775807Z"), "datetime64[ns]",
       "=2262-04-11T23:47:16.854775807Z"},
      {String("2262-04-11T23:47:16.8547758071Z"), "datetime64[ns]",
       "2262-04-11T23:47:16.854775807Z.."},
      {String("2262-04-11T23:47:16.854775808Z"), "datetime64[ns]",
       "2262-04-11T23:47:16.854775807Z.."},
      {String("0000-12-31T23:59:59Z"), "datetime64[s]", "INVALID_LITERAL"},
      {String("0001-01-01T00:00:00+00:01"), "datetime64[s]", "INVALID_LITERAL"},
      {String("0001-01-01T00:00:00Z"), "datetime64[s]", "=0001-01-01T00:00:00Z"},
      {String("0001-01-01T00:00:01Z"), "datetime64[s]", "=0001-01-01T00:00:01Z"},
      {String("9999-12-31T23:59:58Z"), "datetime64[s]", "=9999-12-31T23:59:58Z"},
      {String("9999-12-31T23:59:59Z"), "datetime64[s]", "=9999-12-31T23:59:59Z"},
      {String("9999-12-31T23:59:59-00:01"), "datetime64[s]", "INVALID_LITERAL"},
      {String("9999-12-31T23:59:59-01:00"), "date", "INVALID_LITERAL"},
      {Number("5"), "datetime64[s]", "INVALID_LITERAL"},
      {String("10:00:00"), "time", "=10:00:00"},
      {String("10:00:00.0000001"), "time", "10:00:00..10:00:00.000001"},
      {String("23:59:59.9999999"), "time", "23:59:59.999999.."},
      {String("true"), "bool", "INVALID_LITERAL"},
      {{Literal::Kind::kBool, true, "", {}}, "bool", "=true"},
      {{Literal::Kind::kNull, false, "", {}}, "uuid", "=null"},
      {String("x"), "json", "INVALID_LITERAL"},
      {{Literal::Kind::kList, false, "", {}}, "int64", "INVALID_LITERAL"},
      {{Literal::Kind::kObject, false, "{}", {}}, "string", "INVALID_LITERAL"}};
  for (const Case& c : kCases)
    EXPECT_EQ(Bound(c.literal, c.type), c.bound) << c.literal.text << " for " << c.type;
}

TEST(BindLiteralTest, AListTakesItsElementsLiteral) {
  const auto bound = BindLiteral(Number("7"), DataType::List(TypeKind::kInt64));
  ASSERT_TRUE(bound.ok());
  EXPECT_EQ(bound->value, Value(std::int64_t{7}));
}

TEST(BindLiteralTest, SaysWhatWasExpectedAndFound) {
  EXPECT_EQ(BindLiteral(String("abc"), TypeKind::kInt64).status().message(),
            "expected int64, found string \"abc\"");
  EXPECT_EQ(BindLiteral(Number("1"), TypeKind::kDate).status().message(),
            "expected date, found number 1");
}

TEST(BindLiteralTest, Int64EndsAreExact) {
  EXPECT_EQ(BindLiteral(Number(std::to_string(kInt64Min)), TypeKind::kInt64)->value,
            Value(kInt64Min));
  EXPECT_EQ(BindLiteral(Number(std::to_string(kInt64Max)), TypeKind::kInt64)->value,
            Value(kInt64Max));
}

}  // namespace
}  // namespace granary
