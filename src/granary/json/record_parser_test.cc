#include "granary/json/record_parser.h"

#include <algorithm>
#include <cmath>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "granary/json/batch_writer.h"
#include "granary/types/number_text.h"
#include "granary/types/value.h"
#include "granary/types/widening.h"

namespace granary::json {
namespace {

using Fields = std::vector<FieldError>;

SchemaPtr MakeSchema(std::vector<std::pair<std::string, std::string>> columns) {
  std::vector<Column> made;
  for (auto& [name, type] : columns) {
    made.push_back({static_cast<ColumnId>(made.size() + 1), name, DataType::Parse(type).Take()});
  }
  const auto last = static_cast<ColumnId>(made.size());
  return std::make_shared<const Schema>(1, last, std::move(made));
}

Result<ParsedRecords> ParseBare(std::string_view text, const SchemaPtr& schema,
                                SchemaMode mode = SchemaMode::kEvolve, RecordLimits limits = {}) {
  RecordParser parser(limits);
  return parser.Parse(text, "/records", RecordShape::kBare, mode, schema);
}

/// "name:type name:type" of the schema that came out.
std::string Shape(const ParsedRecords& parsed) {
  std::string out;
  for (const Column& column : parsed.schema->columns()) {
    if (!out.empty()) out += ' ';
    out += column.name + ':' + column.type.ToString();
  }
  return out;
}

/// The batch as JSON, one row after the other.
std::string Rows(const ParsedRecords& parsed) {
  EXPECT_TRUE(parsed.batch->ValidateFull().ok());
  EXPECT_TRUE(parsed.batch->schema()->Equals(*parsed.schema->ToArrow()));
  const BatchWriter writer(parsed.schema->columns());
  std::string out;
  for (std::int64_t row = 0; row < parsed.batch->num_rows(); ++row)
    writer.AppendRow(*parsed.batch, row, out);
  return out;
}

/// One value for a column of `type`, strict: its text in the answer, or what the refusal says.
std::string Stored(const std::string& type, const std::string& json) {
  const auto parsed =
      ParseBare("[{\"x\":" + json + "}]", MakeSchema({{"x", type}}), SchemaMode::kStrict);
  if (!parsed.ok()) {
    if (parsed.status().code() != Code::kInvalidRecord)
      return std::string(CodeName(parsed.status().code()));
    EXPECT_EQ(parsed.status().fields().at(0).pointer.substr(0, 12), "/records/0/x");
    return parsed.status().fields().at(0).detail;
  }
  const std::string rows = Rows(*parsed);
  return rows.substr(5, rows.size() - 6);
}

TEST(RecordParserTest, ReadsTheWriteExample) {
  const auto schema = MakeSchema({{"order_id", "string"},
                                  {"customer_id", "string"},
                                  {"amount", "float64"},
                                  {"order_date", "datetime64[ns]"}});
  RecordParser parser({});
  const auto parsed = parser.Parse(
      R"([{"fields": {"order_id": "ORD_001", "customer_id": "CUST_001", "amount": 100.50, "order_date": "2024-01-15"}}])",
      "/records", RecordShape::kFields, SchemaMode::kEvolve, schema);
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(parsed->schema, schema);
  EXPECT_EQ(
      Rows(*parsed),
      R"({"order_id":"ORD_001","customer_id":"CUST_001","amount":100.5,"order_date":"2024-01-15T00:00:00Z"})");
}

TEST(RecordParserTest, StoresEveryTypeExactlyOrRefuses) {
  const std::string expected = "expected ";
  const std::tuple<const char*, const char*, std::string> kCases[] = {
      {"string", R"("a\u00e9\n\ud83d\ude00")", "\"a\u00e9\\n\U0001F600\""},
      {"string", "5", "expected string, found number 5"},
      {"string", "null", "null"},
      {"string", R"("")", "\"\""},
      {"string", R"("\u0000")", R"("\u0000")"},
      {"bool", "true", "true"},
      {"bool", "1", "expected bool, found number 1"},
      {"bool", R"("true")", "expected bool, found string \"true\""},
      {"int8", "-128", "-128"},
      {"int8", "128", "expected int8, found number 128"},
      {"int64", "9223372036854775807", "9223372036854775807"},
      {"int64", "-9223372036854775808", "-9223372036854775808"},
      {"int64", "9223372036854775808", "expected int64, found number 9223372036854775808"},
      {"int64", "9007199254740993", "9007199254740993"},
      {"int64", "1.0", "1"},
      {"int64", "1e3", "1000"},
      {"int64", "-0.0", "0"},
      {"int64", "9007199254740993.0", "9007199254740993"},
      {"int64", "1.5", "expected int64, found number 1.5"},
      {"int64", "1e30", "expected int64, found number 1e30"},
      {"int64", R"("1")", "expected int64, found string \"1\""},
      {"int64", "true", "expected int64, found true"},
      {"int64", "[1]", "expected int64, found an array"},
      {"int64", "{}", "expected int64, found an object"},
      {"uint64", "18446744073709551615", "18446744073709551615"},
      {"uint64", "-1", "expected uint64, found number -1"},
      {"uint8", "256", "expected uint8, found number 256"},
      {"uint8", "-0", "0"},
      {"uint16", "65535", "65535"},
      {"float64", "0.1", "0.1"},
      {"float64", "5", "5.0"},
      {"float64", "1e308", "1e+308"},
      {"float64", "1e400", "expected float64, found number 1e400"},
      {"float64", "-0.0", "-0.0"},
      {"float64", "9007199254740993",
       "expected a whole number that float64 has (with a fraction or an exponent it becomes the "
       "nearest), found number 9007199254740993"},
      {"float64", "-9007199254740993",
       "expected a whole number that float64 has (with a fraction or an exponent it becomes the "
       "nearest), found number -9007199254740993"},
      {"float64", "9007199254740992", "9007199254740992.0"},
      {"float64", "9007199254740993.0", "9007199254740992.0"},
      {"float64", "1152921504606846976", "1.152921504606847e+18"},
      {"float64", "1152921504606847000", "1.152921504606847e+18"},
      {"float64", "-1152921504606847000", "-1.152921504606847e+18"},
      {"float64", "1152921504606847001",
       "expected a whole number that float64 has (with a fraction or an exponent it becomes the "
       "nearest), found number 1152921504606847001"},
      {"float64", "1152921504606847040",
       "expected a whole number that float64 has (with a fraction or an exponent it becomes the "
       "nearest), found number 1152921504606847040"},
      {"float32", "1152921500000000000", "1.1529215e+18"},
      {"float64", "100000000000000000000", "1e+20"},
      {"float64", "1e23", "1e+23"},
      {"float64", R"("NaN")", R"("NaN")"},
      {"float64", R"("-Infinity")", R"("-Infinity")"},
      {"float64", R"("1.5")", "expected float64, found string \"1.5\""},
      {"float64", R"("abc")", "expected float64, found string \"abc\""},
      {"float32", "0.1", "0.1"},
      {"float32", "1e39", "expected float32, found number 1e39"},
      {"float32", "16777216", "16777216.0"},
      {"float32", "16777217",
       "expected a whole number that float32 has (with a fraction or an exponent it becomes the "
       "nearest), found number 16777217"},
      {"list<float64>", "[0.1,9007199254740993]",
       "expected a whole number that float64 has (with a fraction or an exponent it becomes the "
       "nearest), found number 9007199254740993"},
      {"decimal(10,2)", "12.5", R"("12.50")"},
      {"decimal(10,2)", R"("12.50")", R"("12.50")"},
      {"decimal(10,2)", "0.1", R"("0.10")"},
      {"decimal(10,2)", "1.234", "expected decimal(10,2), found number 1.234"},
      {"decimal(10,2)", "99999999.99", R"("99999999.99")"},
      {"decimal(10,2)", "100000000", "expected decimal(10,2), found number 100000000"},
      {"decimal(10,2)", R"("1e2")", "expected decimal(10,2), found string \"1e2\""},
      {"decimal(10,2)", "1e2", R"("100.00")"},
      {"decimal(38,0)", "-99999999999999999999999999999999999999",
       R"("-99999999999999999999999999999999999999")"},
      {"date", R"("2024-01-15")", R"("2024-01-15")"},
      {"date", R"("2024-01-32")",
       "expected date as a string like 2024-01-15, found string \"2024-01-32\""},
      {"datetime64[us]", R"("2024-01-15T10:00:00.5+02:00")", R"("2024-01-15T08:00:00.5Z")"},
      {"datetime64[us]", "1705312800",
       "expected datetime64[us] as an RFC 3339 string, found number 1705312800"},
      {"datetime64[ms]", R"("2024-01-15T10:00:00.0001Z")",
       R"("2024-01-15T10:00:00.0001Z" is finer than datetime64[ms])"},
      {"datetime64[us]", R"("soon")",
       "expected datetime64[us] as an RFC 3339 string, found string \"soon\""},
      {"time", R"("10:00:00.25")", R"("10:00:00.25")"},
      {"time", R"("24:00:00")",
       "expected time as a string like 10:00:00, found string \"24:00:00\""},
      {"binary", R"("AP8=")", R"("AP8=")"},
      {"binary", R"("AP8")", "expected binary as a base64 string, found string \"AP8\""},
      {"uuid", R"("6F9619FF-8B86-D011-B42D-00C04FC964FF")",
       R"("6f9619ff-8b86-d011-b42d-00c04fc964ff")"},
      {"uuid", R"("x")", "expected uuid, found string \"x\""},
      {"list<int64>", "[1, null ,3]", "[1,null,3]"},
      {"list<int64>", "[]", "[]"},
      {"list<list<string>>", R"([["a"],null,[]])", R"([["a"],null,[]])"},
      {"list<int64>", "5", "expected list<int64>, found number 5"},
      {"list<int8>", "[1,300]", "expected int8, found number 300"},
      {"json", R"( { "b" : [ 1.50 , 1e5, -0, true, null ] , "a" : { } } )",
       R"({"b":[1.50,1e5,-0,true,null],"a":{}})"},
      {"json", R"("a\/\u0041\"")", R"("a/A\"")"},
      {"json", "123456789012345678901234567890.10", "123456789012345678901234567890.10"},
      {"json", "null", "null"},
      {"json", R"({"":{"a":1,"a":2}})", R"({"":{"a":1,"a":2}})"},
  };
  for (const auto& [type, json, stored] : kCases)
    EXPECT_EQ(Stored(type, json), stored) << json << " into " << type;
}

TEST(RecordParserTest, RefusesWhatIsNotJson) {
  for (const std::string text : {"",
                                 "[",
                                 "[{]",
                                 "[{\"x\":}]",
                                 "[{\"x\":1,}]",
                                 "[{\"x\" 1}]",
                                 "[{x:1}]",
                                 "[{\"x\":1} {\"x\":2}]",
                                 "[{\"x\":tru}]",
                                 "[{\"x\":nul}]",
                                 "[{\"x\":01}]",
                                 "[{\"x\":1.}]",
                                 "[{\"x\":+1}]",
                                 "[{\"x\":1a}]",
                                 "[{\"x\":'a'}]",
                                 "[{\"x\":\"\\ud800\"}]",
                                 "[{\"x\":\"\\x\"}]",
                                 "[{\"x\":\"a\nb\"}]",
                                 "[{\"x\":\"\xff\"}]",
                                 "[{\"\xc3\":1}]",
                                 "[{\"x\":1}] 2",
                                 "[{\"x\":1}][]",
                                 "[{\"x\":NaN}]",
                                 "[{\"x\":{\"a\":1a}}]",
                                 "[{\"x\":[1,]}]",
                                 "[{\"x\":{\"a\" 1}}]",
                                 "[{\"x\":\"abc}]",
                                 "[{\"x\":1}",
                                 "]"}) {
    for (const char* type : {"json", "int64", "string", "float64", "bool", "decimal(5,2)"}) {
      const auto parsed = ParseBare(text, MakeSchema({{"x", type}}));
      ASSERT_FALSE(parsed.ok()) << text << " as " << type;
      const bool known = parsed.status().code() == Code::kInvalidJson ||
                         parsed.status().code() == Code::kInvalidRecord;
      EXPECT_TRUE(known) << text << " as " << type << ": " << parsed.status().ToString();
    }
    EXPECT_EQ(ParseBare(text, MakeSchema({{"x", "json"}})).status().code(), Code::kInvalidJson)
        << text;
  }
}

TEST(RecordParserTest, EvolvesFromNothing) {
  const auto parsed = ParseBare(
      R"([{"b":true,"i":1,"f":1.5,"s":"a","o":{"k":1},"a":[1],"n":null},{"i":null,"late":7}])",
      MakeSchema({}));
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(Shape(*parsed), "b:bool i:int64 f:float64 s:string o:json a:json late:int64");
  EXPECT_EQ(parsed->schema->version(), 2u);
  EXPECT_EQ(parsed->schema->columns()[6].id, 7);
  EXPECT_EQ(Rows(*parsed), R"({"b":true,"i":1,"f":1.5,"s":"a","o":{"k":1},"a":[1],"late":null})"
                           R"({"b":null,"i":null,"f":null,"s":null,"o":null,"a":null,"late":7})");
  EXPECT_TRUE(parsed->widened.empty());
}

/// What a batch of values for one field makes of it.
std::string Evolved(const SchemaPtr& schema, const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values)
    text += (text.size() > 1 ? ",{\"x\":" : "{\"x\":") + value + "}";
  const auto parsed = ParseBare(text + "]", schema);
  if (!parsed.ok())
    return parsed.status().fields().at(0).pointer + " " + parsed.status().fields().at(0).detail;
  const auto unproven = [&](const WidenedColumn& column) {
    return WideningOf(schema->FindId(column.id)->type, parsed->schema->FindId(column.id)->type) ==
           Widening::kWhileExact;
  };
  return Shape(*parsed) + " " + Rows(*parsed) +
         (std::ranges::any_of(parsed->widened, unproven) ? " unproven" : "");
}

TEST(RecordParserTest, ANewColumnFindsItsTypeWhateverTheOrder) {
  const auto none = MakeSchema({});
  EXPECT_EQ(Evolved(none, {"1", "1.5"}), R"(x:float64 {"x":1.0}{"x":1.5})");
  EXPECT_EQ(Evolved(none, {"1.5", "1"}), R"(x:float64 {"x":1.5}{"x":1.0})");
  EXPECT_EQ(Evolved(none, {"1", "2.0"}), R"(x:float64 {"x":1.0}{"x":2.0})");
  EXPECT_EQ(Evolved(none, {"9007199254740993", "1.5"}),
            "/records/1/x expected int64, found number 1.5");
  EXPECT_EQ(Evolved(none, {"1.5", "9007199254740993"}),
            "/records/1/x expected a whole number that float64 has (with a fraction or an exponent "
            "it becomes the nearest), found number 9007199254740993");
  EXPECT_EQ(Evolved(none, {"1", "18446744073709551615"}),
            R"(x:uint64 {"x":1}{"x":18446744073709551615})");
  EXPECT_EQ(Evolved(none, {"-1", "18446744073709551615"}),
            R"(x:decimal(38,0) {"x":"-1"}{"x":"18446744073709551615"})");
  EXPECT_EQ(Evolved(none, {"18446744073709551615", "-1"}),
            R"(x:decimal(38,0) {"x":"18446744073709551615"}{"x":"-1"})");
  EXPECT_EQ(Evolved(none, {"1", "null", "18446744073709551616"}),
            R"(x:decimal(38,0) {"x":"1"}{"x":null}{"x":"18446744073709551616"})");
  EXPECT_EQ(Evolved(none, {"1" + std::string(38, '0')}),
            "/records/0/x expected a whole number of at most 38 digits, found number 1" +
                std::string(38, '0'));
  EXPECT_EQ(Evolved(none, {"1", "\"a\""}), "/records/1/x expected int64, found string \"a\"");
  EXPECT_EQ(Evolved(none, {"\"a\"", "1"}), "/records/1/x expected string, found number 1");
  EXPECT_EQ(Evolved(none, {"\"a\"", "{}"}), "/records/1/x expected string, found an object");
  EXPECT_EQ(Evolved(none, {"true", "1"}), "/records/1/x expected bool, found number 1");
  EXPECT_EQ(Evolved(none, {"[1]", "5", "\"s\""}), R"(x:json {"x":[1]}{"x":5}{"x":"s"})");
  EXPECT_EQ(Evolved(none, {"\"2024-01-15\""}), R"(x:string {"x":"2024-01-15"})");
  EXPECT_EQ(Evolved(none, {"null"}), " {}");
}

TEST(RecordParserTest, KnownColumnsWidenOnlySafely) {
  const auto with = [](const char* type) { return MakeSchema({{"x", type}}); };
  EXPECT_EQ(Evolved(with("int8"), {"1", "128"}), R"(x:int16 {"x":1}{"x":128})");
  EXPECT_EQ(Evolved(with("int8"), {"-9223372036854775808"}),
            R"(x:int64 {"x":-9223372036854775808})");
  EXPECT_EQ(Evolved(with("uint8"), {"256"}), R"(x:uint16 {"x":256})");
  EXPECT_EQ(Evolved(with("uint8"), {"-1"}), R"(x:int16 {"x":-1})");
  EXPECT_EQ(Evolved(with("uint64"), {"1", "-1"}), R"(x:decimal(38,0) {"x":"1"}{"x":"-1"})");
  EXPECT_EQ(Evolved(with("int64"), {"1", "18446744073709551615"}),
            R"(x:decimal(38,0) {"x":"1"}{"x":"18446744073709551615"})");
  EXPECT_EQ(Evolved(with("int64"), {"2.0"}), R"(x:int64 {"x":2})");
  EXPECT_EQ(Evolved(with("int64"), {"1", "1.5"}), R"(x:float64 {"x":1.0}{"x":1.5} unproven)");
  EXPECT_EQ(Evolved(with("int64"), {"9007199254740993", "1.5"}),
            "/records/1/x expected int64, found number 1.5");
  EXPECT_EQ(Evolved(with("int64"), {"1.5", "9007199254740993"}),
            "/records/1/x expected a whole number that float64 has (with a fraction or an exponent "
            "it becomes the nearest), found number 9007199254740993");
  EXPECT_EQ(Evolved(with("int32"), {"1.5"}), R"(x:float64 {"x":1.5})");
  EXPECT_EQ(Evolved(with("int64"), {"1e300"}), R"(x:float64 {"x":1e+300} unproven)");
  EXPECT_EQ(Evolved(with("string"), {"1"}), "/records/0/x expected string, found number 1");
  EXPECT_EQ(Evolved(with("decimal(5,2)"), {"1000"}),
            "/records/0/x expected decimal(5,2), found number 1000");
  EXPECT_EQ(Evolved(with("list<int8>"), {"[300]"}),
            "/records/0/x/0 expected int8, found number 300");
}

TEST(RecordParserTest, StrictRefusesNewFieldsAndOtherTypes) {
  const auto schema = MakeSchema({{"x", "int8"}});
  const auto parsed =
      ParseBare(R"([{"x":1},{"y":1},{"x":300},{"x":1.5},{"z":null}])", schema, SchemaMode::kStrict);
  EXPECT_EQ(parsed.status().fields(), (Fields{{"/records/1/y", "the source has no such column"},
                                              {"/records/2/x", "expected int8, found number 300"},
                                              {"/records/3/x", "expected int8, found number 1.5"},
                                              {"/records/4/z", "the source has no such column"}}));
}

TEST(RecordParserTest, PointsAtEveryWrongPlaceInOrder) {
  const auto schema = MakeSchema({{"a/b~c", "int64"}, {"tags", "list<list<int64>>"}});
  RecordParser parser({});
  const auto parsed = parser.Parse(
      R"([{"fields":{"a/b~c":"x","tags":[[1],[2,"y"]]}},{"fields":{"a/b~c":1}},{"fields":{"a/b~c":true}}])",
      "/records", RecordShape::kFields, SchemaMode::kStrict, schema);
  EXPECT_EQ(parsed.status().code(), Code::kInvalidRecord);
  EXPECT_EQ(parsed.status().fields(),
            (Fields{{"/records/0/fields/a~1b~0c", "expected int64, found string \"x\""},
                    {"/records/0/fields/tags/1/1", "expected int64, found string \"y\""},
                    {"/records/2/fields/a~1b~0c", "expected int64, found true"}}));
  EXPECT_EQ(parsed.status().message(),
            "/records/0/fields/a~1b~0c: expected int64, found string \"x\" (and 2 more)");
}

TEST(RecordParserTest, StopsAtTwentyPlaces) {
  std::string text = "[{}";
  for (int i = 0; i < 50; ++i) text += ",{\"x\":\"bad\"}";
  const auto parsed = ParseBare(text + "]", MakeSchema({{"x", "int64"}}));
  ASSERT_EQ(parsed.status().fields().size(), kRecordErrorsMax);
  EXPECT_EQ(parsed.status().fields().back().pointer, "/records/20/x");
}

TEST(RecordParserTest, RefusesRecordsOfAnotherShape) {
  const auto parse = [](std::string_view text) {
    RecordParser parser({});
    return parser.Parse(text, "/records", RecordShape::kFields, SchemaMode::kEvolve, MakeSchema({}))
        .status();
  };
  EXPECT_EQ(parse("{}").code(), Code::kInvalidRequest);
  EXPECT_EQ(parse("5").code(), Code::kInvalidRequest);
  EXPECT_EQ(parse("[5]").fields(), (Fields{{"/records/0", "expected an object, found number 5"}}));
  EXPECT_EQ(parse("[null]").code(), Code::kInvalidRequest);
  EXPECT_EQ(parse("[{}]").fields(), (Fields{{"/records/0", "a record needs \"fields\""}}));
  EXPECT_EQ(parse(R"([{"fields":{}},{"fields":[]}])").fields(),
            (Fields{{"/records/1/fields", "expected an object, found an array"}}));
  EXPECT_EQ(parse(R"([{"fields":{},"extra":1}])").code(), Code::kUnknownMember);
  EXPECT_EQ(parse(R"([{"fields":{},"extra":1}])").fields().at(0).pointer, "/records/0/extra");
  EXPECT_EQ(parse(R"([{"fields":{},"fields":{}}])").code(), Code::kInvalidRequest);
}

TEST(RecordParserTest, RefusesAKeyThatStandsTwice) {
  const auto schema = MakeSchema({{"x", "int64"}});
  for (const char* text : {R"([{"x":1,"x":1}])", R"([{"x":null,"x":1}])", R"([{"x":1,"\u0078":2}])",
                           R"([{"y":null,"y":2}])"}) {
    const auto parsed = ParseBare(text, schema);
    EXPECT_EQ(parsed.status().code(), Code::kInvalidRecord) << text;
    EXPECT_EQ(parsed.status().fields().at(0).detail, "the key stands twice in one record") << text;
  }
}

TEST(RecordParserTest, KeepsItsLimits) {
  RecordLimits limits;
  limits.records_max = 2;
  limits.columns_max = 2;
  limits.depth_max = 4;
  const auto parse = [&](std::string_view text) {
    return ParseBare(text, MakeSchema({}), SchemaMode::kEvolve, limits);
  };
  EXPECT_TRUE(parse(R"([{"a":1},{"b":1}])").ok());
  EXPECT_EQ(parse(R"([{},{},{}])").status().code(), Code::kTooLarge);
  EXPECT_EQ(parse(R"([{"a":1,"b":1,"c":1}])").status().fields(),
            (Fields{{"/records/0/c", "a source has at most 2 columns"}}));
  EXPECT_TRUE(parse(R"([{"a":[[1]]}])").ok());
  EXPECT_EQ(parse(R"([{"a":[[[1]]]}])").status().code(), Code::kInvalidJson);
  const std::string deep =
      "[{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}]";
  EXPECT_EQ(ParseBare(deep, MakeSchema({})).status().code(), Code::kInvalidJson);
}

TEST(RecordParserTest, AsksForRoomBeforeItMakesTheNullsOfSparseRecords) {
  std::string records = "[";
  for (int row = 0; row < 1000; ++row) {
    records += fmt::format("{}{{\"c{}\":1}}", row == 0 ? "" : ",", row % 50);
  }
  records += "]";
  std::uint64_t asked = 0, most = ~std::uint64_t{0};
  RecordLimits limits;
  limits.null_room = [&](std::uint64_t bytes) {
    EXPECT_GT(bytes, asked);
    asked = bytes;
    return bytes > most ? Status(Code::kOverloaded, "no room") : Status::Ok();
  };
  ASSERT_TRUE(ParseBare(records, MakeSchema({}), SchemaMode::kEvolve, limits).ok());
  // 49 of 50 values of 1,000 x 50 are missing; eight bytes each, twice.
  EXPECT_GE(asked, 49u * 1000 * 16);
  EXPECT_LE(asked, 49u * 1000 * 16 + (64u << 10));
  for (const std::uint64_t share : {std::uint64_t{0}, asked / 2, asked - 1}) {
    most = share;
    asked = 0;
    EXPECT_EQ(ParseBare(records, MakeSchema({}), SchemaMode::kEvolve, limits).status().code(),
              Code::kOverloaded);
  }
  asked = 0;
  ASSERT_TRUE(
      ParseBare(R"([{"a":1,"b":2},{"b":2,"a":1}])", MakeSchema({}), SchemaMode::kEvolve, limits)
          .ok());
  EXPECT_EQ(asked, 0u) << "nothing is missing";
}

TEST(RecordParserTest, RefusesNamesThatNoColumnMayHave) {
  for (const std::string& name :
       {std::string("_seq"), std::string(""), std::string("_granary_x"), std::string(256, 'n')}) {
    const auto parsed = ParseBare("[{\"" + name + "\":1}]", MakeSchema({}));
    EXPECT_EQ(parsed.status().code(), Code::kInvalidRecord) << name;
  }
}

TEST(RecordParserTest, IsReusableAfterAFailure) {
  RecordParser parser({});
  const auto schema = MakeSchema({{"x", "int64"}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(
        parser.Parse("[{\"x\":tru}]", "", RecordShape::kBare, SchemaMode::kStrict, schema).ok());
    const auto parsed =
        parser.Parse("[{\"x\":1}]", "", RecordShape::kBare, SchemaMode::kStrict, schema);
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(Rows(*parsed), "{\"x\":1}");
  }
}

TEST(RecordParserTest, CutAnywhereIsRefusedAndNeverCrashes) {
  const std::string whole =
      R"([{"a":1,"b":"x\u00e9","c":{"d":[1.5,true,null]},"e":"2024-01-15"},{"a":-2,"b":""}])";
  const auto schema = MakeSchema({{"a", "int64"}, {"b", "string"}, {"c", "json"}, {"e", "date"}});
  ASSERT_TRUE(ParseBare(whole, schema).ok());
  for (std::size_t keep = 0; keep < whole.size(); ++keep) {
    EXPECT_FALSE(ParseBare(std::string_view(whole).substr(0, keep), schema).ok()) << keep;
  }
}

TEST(RecordParserTest, FlippedBytesNeverCrash) {
  const std::string whole =
      R"([{"a":1,"b":"x\u00e9","c":{"d":[1.5,true,null]},"e":"2024-01-15"},{"a":-2,"b":""}])";
  const auto schema = MakeSchema({{"a", "int64"}, {"b", "string"}, {"c", "json"}, {"e", "date"}});
  RecordParser parser({});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int flip = 1; flip < 256; ++flip) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto parsed =
          parser.Parse(damaged, "", RecordShape::kBare, SchemaMode::kEvolve, schema);
      if (!parsed.ok()) continue;
      ASSERT_TRUE(parsed->batch->ValidateFull().ok()) << damaged;
    }
  }
}

TEST(RecordParserTest, FindsColumnsInAnyOrderAndFillsGaps) {
  const auto schema = MakeSchema({{"a", "int64"}, {"b", "string"}, {"c", "list<int64>"}});
  const auto parsed =
      ParseBare(R"([{},{"c":[1],"a":1},{"b":"x"},{"b":"y","c":[],"a":2},{}])", schema);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(Rows(*parsed),
            R"({"a":null,"b":null,"c":null}{"a":1,"b":null,"c":[1]}{"a":null,"b":"x","c":null})"
            R"({"a":2,"b":"y","c":[]}{"a":null,"b":null,"c":null})");
}

}  // namespace
}  // namespace granary::json
