#include "granary/types/value.h"

#include <cmath>
#include <limits>

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "granary/types/number_text.h"

namespace granary {
namespace {

constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();
constexpr auto kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr auto kUInt64Max = std::numeric_limits<std::uint64_t>::max();
const double kNan = std::nan("");
const double kInfinity = std::numeric_limits<double>::infinity();

DataType Type(std::string_view text) { return DataType::Parse(text).Take(); }
Value I(std::int64_t value) { return value; }
Value U(std::uint64_t value) { return value; }
Value D(Int128 value) { return value; }

struct Sample {
  const char* type;
  Value value;
  const char* text;
};

const std::vector<Sample>& Samples() {
  static const std::vector<Sample> samples = {
      {"string", std::string("a\0b", 3), nullptr},
      {"string", std::string(), ""},
      {"bool", true, "true"},
      {"bool", false, "false"},
      {"int8", I(-128), "-128"},
      {"int16", I(32767), "32767"},
      {"int32", I(-2147483648LL), "-2147483648"},
      {"int64", I(kInt64Min), "-9223372036854775808"},
      {"int64", I(kInt64Max), "9223372036854775807"},
      {"uint8", U(255), "255"},
      {"uint16", U(65535), "65535"},
      {"uint32", U(4294967295), "4294967295"},
      {"uint64", U(kUInt64Max), "18446744073709551615"},
      {"float32", static_cast<double>(0.1f), "0.1"},
      {"float64", 1.5, "1.5"},
      {"float64", kInfinity, "Infinity"},
      {"decimal(38,0)", D(PowerOfTen(38) - 1), "99999999999999999999999999999999999999"},
      {"decimal(38,2)", D(1 - PowerOfTen(38)), "-999999999999999999999999999999999999.99"},
      {"date", I(19737), "2024-01-15"},
      {"datetime64[ns]", I(1), "1970-01-01T00:00:00.000000001Z"},
      {"datetime64[s]", I(-1), "1969-12-31T23:59:59Z"},
      {"time", I(1), "00:00:00.000001"},
      {"binary", std::string("\0\xff", 2), "00ff"},
      {"json", std::string("{\"a\":1}"), "{\"a\":1}"},
      {"uuid", std::string(16, '\x11'), "11111111-1111-1111-1111-111111111111"}};
  return samples;
}

TEST(ValueTest, PrintsEveryType) {
  for (const Sample& sample : Samples()) {
    if (sample.text == nullptr) continue;
    EXPECT_EQ(ValueToText(sample.value, Type(sample.type)), sample.text);
  }
  EXPECT_EQ(ValueToText(Value{}, TypeKind::kInt64), "null");
}

TEST(ValueTest, ConstantArraysGiveTheirValueBack) {
  for (const Sample& sample : Samples()) {
    const DataType type = Type(sample.type);
    const auto array = MakeConstantArray(type, sample.value, 3);
    ASSERT_TRUE(array.ok()) << sample.type << ": " << array.status().ToString();
    ASSERT_TRUE((*array)->ValidateFull().ok());
    EXPECT_EQ((*array)->length(), 3);
    EXPECT_TRUE((*array)->type()->Equals(*type.ToArrow())) << sample.type;
    EXPECT_EQ(ValueAt(**array, 2), sample.value) << sample.type;
    const auto nulls = MakeConstantArray(type, Value{}, 2);
    ASSERT_TRUE(nulls.ok()) << sample.type;
    EXPECT_EQ(ValueAt(**nulls, 1), Value());
  }
}

TEST(ValueTest, ConstantArraysRefuseAnotherKind) {
  EXPECT_FALSE(MakeConstantArray(TypeKind::kInt64, std::string("1"), 1).ok());
  EXPECT_FALSE(MakeConstantArray(TypeKind::kInt8, I(300), 1).ok());
  EXPECT_FALSE(MakeConstantArray(TypeKind::kUuid, std::string("short"), 1).ok());
  EXPECT_FALSE(MakeConstantArray(DataType::List(TypeKind::kInt8), I(1), 1).ok());
  EXPECT_TRUE(MakeConstantArray(DataType::List(TypeKind::kInt8), Value{}, 1).ok());
}

TEST(ValueTest, EncodesEveryKind) {
  std::string bytes;
  for (const Sample& sample : Samples()) EncodeValue(sample.value, bytes);
  EncodeValue(Value{}, bytes);
  ByteReader in(bytes);
  for (const Sample& sample : Samples())
    EXPECT_EQ(DecodeValue(in).Take(), sample.value) << sample.type;
  EXPECT_EQ(DecodeValue(in).Take(), Value());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(ValueTest, DecodeRefusesCutAndUnknownBytes) {
  for (const Sample& sample : Samples()) {
    std::string bytes;
    EncodeValue(sample.value, bytes);
    for (std::size_t keep = 0; keep < bytes.size(); ++keep) {
      ByteReader in(std::string_view(bytes).substr(0, keep));
      EXPECT_EQ(DecodeValue(in).status().code(), Code::kCorruption)
          << sample.type << " cut at " << keep;
    }
  }
  ByteReader in("\x07");
  EXPECT_EQ(DecodeValue(in).status().code(), Code::kCorruption);
}

TEST(ValueTest, OrdersNumbersBytesNanAndNull) {
  const std::vector<std::vector<Value>> kAscending = {
      {I(kInt64Min), I(-1), I(0), I(kInt64Max), Value{}},
      {U(0), U(kUInt64Max), Value{}},
      {-kInfinity, -1.5, 0.0, 5e-324, 1.5, kInfinity, kNan, Value{}},
      {D(1 - PowerOfTen(38)), D(-1), D(0), D(PowerOfTen(38) - 1), Value{}},
      {std::string(), std::string("Z"), std::string("a"), std::string("a\0", 2),
       std::string("\xc3\xa9"), Value{}},
      {false, true, Value{}}};
  for (const auto& values : kAscending) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t j = 0; j < values.size(); ++j) {
        EXPECT_TRUE(Compare(values[i], values[j]) == (i <=> j))
            << values[0].index() << " " << i << " " << j;
      }
    }
  }
  EXPECT_TRUE(Compare(Value(-0.0), Value(0.0)) == 0);
  EXPECT_TRUE(Compare(Value(kNan), Value(-kNan)) == 0);
}

struct Conversion {
  const char* from;
  const char* to;
  Value value;
  std::optional<Value> expected;
};

TEST(ConvertValueTest, ConvertsExactlyOrNotAtAll) {
  const std::int64_t two53 = 1LL << 53;
  const Conversion kCases[] = {
      {"int8", "int64", I(-128), I(-128)},
      {"int64", "int8", I(128), {}},
      {"int64", "uint64", I(-1), {}},
      {"uint64", "int64", U(kUInt64Max), {}},
      {"uint8", "int16", U(255), I(255)},
      {"int64", "decimal(38,0)", I(kInt64Min), D(kInt64Min)},
      {"int64", "decimal(21,2)", I(kInt64Max), D(Int128{kInt64Max} * 100)},
      {"int64", "decimal(5,2)", I(1000), {}},
      {"int64", "float64", I(two53), static_cast<double>(two53)},
      {"int64", "float64", I(two53 + 1), {}},
      {"int64", "float64", I(kInt64Max), {}},
      {"int64", "float64", I(kInt64Min), -std::ldexp(1, 63)},
      {"uint64", "float64", U(kUInt64Max), {}},
      {"int32", "float32", I((1 << 24) + 1), {}},
      {"float64", "int64", -0.0, I(0)},
      {"float64", "int64", 1.5, {}},
      {"float64", "int64", std::ldexp(1, 63), {}},
      {"float64", "int64", kNan, {}},
      {"float64", "int64", kInfinity, {}},
      {"float64", "decimal(38,1)", 1.5, D(15)},
      {"float64", "decimal(38,1)", 0.1, {}},
      {"float64", "float32", 0.5, 0.5},
      {"float64", "float32", 0.1, {}},
      {"float64", "float32", kInfinity, kInfinity},
      {"float32", "float64", static_cast<double>(0.1f), static_cast<double>(0.1f)},
      {"decimal(10,2)", "decimal(38,4)", D(150), D(15000)},
      {"decimal(10,2)", "decimal(10,1)", D(150), D(15)},
      {"decimal(10,2)", "decimal(10,1)", D(155), {}},
      {"decimal(38,0)", "decimal(38,38)", D(1), {}},
      {"decimal(10,2)", "int8", D(12700), I(127)},
      {"decimal(10,2)", "int8", D(12800), {}},
      {"decimal(10,2)", "float64", D(150), 1.5},
      {"decimal(10,2)", "float64", D(10), {}},
      {"date", "datetime64[us]", I(1), I(86'400'000'000)},
      {"date", "datetime64[ns]", I(200'000), {}},
      {"datetime64[s]", "datetime64[ns]", I(-1), I(-1'000'000'000)},
      {"datetime64[s]", "datetime64[ns]", I(kInt64Max), {}},
      {"datetime64[ns]", "datetime64[s]", I(1), {}},
      {"datetime64[ms]", "date", I(86'400'000), I(1)},
      {"string", "int64", std::string("1"), {}},
      {"string", "json", std::string("1"), {}},
      {"bool", "int64", true, {}},
      {"string", "int64", Value{}, Value{}},
      {"uuid", "uuid", std::string(16, 'x'), Value(std::string(16, 'x'))},
  };
  for (const Conversion& c : kCases) {
    EXPECT_EQ(ConvertValue(c.value, Type(c.from), Type(c.to)), c.expected)
        << ValueToText(c.value, Type(c.from)) << ": " << c.from << " -> " << c.to;
  }
}

TEST(ValueTest, ReadsThroughADictionary) {
  arrow::StringDictionaryBuilder builder;
  ASSERT_TRUE(builder.Append("x").ok() && builder.AppendNull().ok() && builder.Append("y").ok());
  const auto array = builder.Finish().ValueOrDie();
  EXPECT_EQ(ValueAt(*array, 2), Value(std::string("y")));
  EXPECT_EQ(ValueAt(*array, 1), Value());
}

}  // namespace
}  // namespace granary
