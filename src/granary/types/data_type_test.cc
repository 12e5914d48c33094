#include "granary/types/data_type.h"

#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace granary {
namespace {

std::string Canonical(std::string_view text) {
  const auto type = DataType::Parse(text);
  return type.ok() ? type.value().ToString() : "refused";
}

TEST(DataTypeTest, ReadsItsOwnCanonicalNames) {
  for (const char* name : {"string",
                           "bool",
                           "int8",
                           "int16",
                           "int32",
                           "int64",
                           "uint8",
                           "uint16",
                           "uint32",
                           "uint64",
                           "float32",
                           "float64",
                           "decimal(38,0)",
                           "decimal(1,1)",
                           "date",
                           "datetime64[s]",
                           "datetime64[ms]",
                           "datetime64[us]",
                           "datetime64[ns]",
                           "time",
                           "binary",
                           "uuid",
                           "json",
                           "list<string>",
                           "list<list<decimal(10,2)>>"}) {
    EXPECT_EQ(Canonical(name), name);
  }
}

TEST(DataTypeTest, ReadsTheSpellingsOfOtherSystems) {
  const std::pair<const char*, const char*> kCases[] = {
      {"object", "string"},
      {"str", "string"},
      {"VARCHAR(20)", "string"},
      {"  Text ", "string"},
      {"character   varying ( 255 )", "string"},
      {"large_string", "string"},
      {"string[pyarrow]", "string"},
      {"Boolean", "bool"},
      {"BIGINT", "int64"},
      {"Int64", "int64"},
      {"int", "int64"},
      {"integer", "int64"},
      {"smallint", "int16"},
      {"tinyint", "int8"},
      {"UInt8", "uint8"},
      {"double", "float64"},
      {"DOUBLE PRECISION", "float64"},
      {"float", "float64"},
      {"real", "float32"},
      {"numeric(10,2)", "decimal(10,2)"},
      {"decimal128(10, 2)", "decimal(10,2)"},
      {"NUMERIC(5)", "decimal(5,0)"},
      {"number", "decimal(38,9)"},
      {"date32[day]", "date"},
      {"timestamp", "datetime64[us]"},
      {"timestamptz", "datetime64[us]"},
      {"timestamp(3)", "datetime64[ms]"},
      {"timestamp(9)", "datetime64[ns]"},
      {"timestamp[us, tz=UTC]", "datetime64[us]"},
      {"timestamp[ns][pyarrow]", "datetime64[ns]"},
      {"datetime64[ns, Europe/Berlin]", "datetime64[ns]"},
      {"datetime64", "datetime64[ns]"},
      {"TIMESTAMP WITH TIME ZONE", "datetime64[us]"},
      {"timestamp_ms", "datetime64[ms]"},
      {"time64[us]", "time"},
      {"bytea", "binary"},
      {"fixed_size_binary[16]", "binary"},
      {"guid", "uuid"},
      {"jsonb", "json"},
      {"int64[]", "list<int64>"},
      {"list<item: int64>", "list<int64>"},
      {"list<element: string>", "list<string>"},
      {"array(varchar(3))", "list<string>"},
      {"double[][]", "list<list<float64>>"},
      {"list<decimal(10,2)>", "list<decimal(10,2)>"},
      {"dictionary<values=string, indices=int32, ordered=0>", "string"},
  };
  for (const auto& [spelling, canonical] : kCases)
    EXPECT_EQ(Canonical(spelling), canonical) << spelling;
}

TEST(DataTypeTest, RefusesWhatItDoesNotKnowAndNamesIt) {
  for (const char* name :
       {"", "strin", "decimal(39,0)", "decimal(0,0)", "decimal(5,6)", "decimal(5,-1)",
        "decimal(5,2", "datetime64[h]", "int64(3)", "list<>", "list<nope>", "[]", "varchar(x)",
        "timestamp(10)", "decimal(99999999999999,1)", "int64 ]"}) {
    EXPECT_EQ(Canonical(name), "refused") << name;
  }
  const Status status = DataType::Parse("moeny").status();
  EXPECT_EQ(status.code(), Code::kInvalidDefinition);
  EXPECT_NE(status.message().find("\"moeny\""), std::string_view::npos);
  EXPECT_NE(status.message().find("float64"), std::string_view::npos);
}

TEST(DataTypeTest, NestsListsUpToTheLimit) {
  std::string text = "int8";
  for (int depth = 0; depth < kListDepthMax; ++depth) text = "list<" + text + ">";
  EXPECT_EQ(Canonical(text), text);
  EXPECT_EQ(Canonical("list<" + text + ">"), "refused");
  EXPECT_EQ(Canonical(std::string(100'000, '[')), "refused");
}

TEST(DataTypeTest, ComesBackFromArrow) {
  for (const char* name :
       {"string", "bool", "int8", "uint64", "float32", "float64", "decimal(12,3)", "date",
        "datetime64[ms]", "time", "binary", "list<list<int16>>"}) {
    const DataType type = DataType::Parse(name).Take();
    EXPECT_EQ(DataType::FromArrow(*type.ToArrow()).Take(), type) << name;
  }
}

TEST(DataTypeTest, TakesWhatArrowFilesBring) {
  const auto from = [](const std::shared_ptr<arrow::DataType>& type) {
    const auto read = DataType::FromArrow(*type);
    return read.ok() ? read.value().ToString() : std::string(CodeName(read.status().code()));
  };
  EXPECT_EQ(from(arrow::dictionary(arrow::int8(), arrow::large_utf8())), "string");
  EXPECT_EQ(from(arrow::utf8_view()), "string");
  EXPECT_EQ(from(arrow::float16()), "float32");
  EXPECT_EQ(from(arrow::date64()), "date");
  EXPECT_EQ(from(arrow::time32(arrow::TimeUnit::SECOND)), "time");
  EXPECT_EQ(from(arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin")), "datetime64[ns]");
  EXPECT_EQ(from(arrow::fixed_size_list(arrow::int32(), 3)), "list<int32>");
  EXPECT_EQ(from(arrow::decimal256(38, 2)), "decimal(38,2)");
  EXPECT_EQ(from(arrow::decimal256(76, 2)), "UNSUPPORTED");
  EXPECT_EQ(from(arrow::decimal128(10, -2)), "UNSUPPORTED");
  EXPECT_EQ(from(arrow::null()), "UNSUPPORTED");
  EXPECT_EQ(from(arrow::struct_({arrow::field("a", arrow::int8())})), "UNSUPPORTED");
}

TEST(DataTypeTest, EqualityLooksAtItsParameters) {
  EXPECT_EQ(DataType::Decimal(10, 2), DataType::Decimal(10, 2));
  EXPECT_NE(DataType::Decimal(10, 2), DataType::Decimal(10, 3));
  EXPECT_NE(DataType::Timestamp(TimeUnit::kMilli), DataType::Timestamp(TimeUnit::kMicro));
  EXPECT_NE(DataType::List(TypeKind::kInt8), DataType::List(TypeKind::kInt16));
}

}  // namespace
}  // namespace granary
