// SchemaMode::kJson: what has no column goes into the rest, and comes back as it was.
#include <gtest/gtest.h>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "granary/json/batch_writer.h"
#include "granary/json/record_parser.h"
#include "granary/types/rest_column.h"

namespace granary::json {
namespace {

SchemaPtr Documents(std::vector<Column> declared = {{1, "id", TypeKind::kInt64}}) {
  const auto last = static_cast<ColumnId>(declared.size());
  return std::make_shared<const Schema>(WithRestColumn(Schema(1, last, std::move(declared))));
}

Result<ParsedRecords> Parse(std::string_view text, const SchemaPtr& schema,
                            RecordLimits limits = {}, RejectedRecords* rejected = nullptr) {
  RecordParser parser(limits);
  return parser.Parse(text, "/records", RecordShape::kBare, SchemaMode::kJson, schema, rejected);
}

/// The records as they come back, one after the other.
std::string Back(const ParsedRecords& parsed) {
  EXPECT_TRUE(parsed.batch->ValidateFull().ok());
  EXPECT_TRUE(parsed.batch->schema()->Equals(*parsed.schema->ToArrow()));
  const BatchWriter writer(parsed.schema->columns());
  std::string out;
  for (std::int64_t row = 0; row < parsed.batch->num_rows(); ++row)
    writer.AppendRow(*parsed.batch, row, out);
  return out;
}

std::string ComesBack(std::string_view document, const SchemaPtr& schema = Documents()) {
  const auto parsed = Parse(fmt::format("[{}]", document), schema);
  return parsed.ok() ? Back(*parsed) : std::string(parsed.status().message());
}

TEST(RestParsingTest, DocumentsComeBackAsTheyWere) {
  for (const std::string_view document : {
           R"({})", R"({"id":1})", R"({"id":1,"x":null})", R"({"":"empty key"})",
           R"({"id":1,"n":1.0,"big":123456789012345678901234567890.5,"e":1e3,"minus":-0})",
           R"({"a":{"b":[1,{"c":null},[]],"":{}},"ü\"\\":"\u0001é"})",
           R"({"_granary_rest":{"x":1},"_seq":"mine","a.b":1,"a":{"b":2}})",
           R"({"a":{"k":1,"k":2}})",  // Inside a value, text is text.
       }) {
    EXPECT_EQ(ComesBack(document), document);
  }
}

TEST(RestParsingTest, ANullOfADeclaredColumnIsKeptApartFromNothing) {
  EXPECT_EQ(ComesBack(R"({"id":null})"), R"({"id":null})");
  EXPECT_EQ(ComesBack(R"({"x":1,"id":null})"), R"({"x":1,"id":null})");
}

TEST(RestParsingTest, DeclaredColumnsComeFirst) {
  EXPECT_EQ(ComesBack(R"({"b":1,"id":7,"a":2})"), R"({"id":7,"b":1,"a":2})");
}

TEST(RestParsingTest, TheSchemaStaysAsItIs) {
  const auto schema = Documents();
  const auto parsed = Parse(R"([{"new":1,"other":"x"}])", schema);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->schema, schema);
}

TEST(RestParsingTest, ADeclaredColumnTakesOnlyWhatFits) {
  const auto status = Parse(R"([{"id":1},{"id":"x","a":1},{"id":1.5}])", Documents()).status();
  EXPECT_EQ(status.code(), Code::kInvalidRecord);
  const std::vector<FieldError> expected = {{"/records/1/id", "expected int64, found string \"x\""},
                                            {"/records/2/id", "expected int64, found number 1.5"}};
  EXPECT_EQ(status.fields(), expected);
}

TEST(RestParsingTest, AKeyStandsOnceInARecord) {
  for (const std::string_view twice : {R"([{"a":1,"a":1}])", R"([{"a":null,"b":2,"a":1}])"}) {
    const auto status = Parse(twice, Documents()).status();
    ASSERT_EQ(status.fields().size(), 1u);
    EXPECT_EQ(status.fields()[0].pointer, "/records/0/a");
  }
}

TEST(RestParsingTest, WrongRecordsAreLeftOutWhole) {
  RejectedRecords rejected;
  const auto parsed =
      Parse(R"([{"a":1},{"b":2,"id":"x"},{"id":3,"c":3}])", Documents(), {}, &rejected);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(Back(*parsed), R"({"a":1}{"id":3,"c":3})");
  EXPECT_EQ(rejected.size(), 1u);
}

TEST(RestParsingTest, ManyKeysAreNoColumns) {
  constexpr int kKeys = 100'000;
  std::string document = "{";
  for (int i = 0; i < kKeys; ++i) fmt::format_to(std::back_inserter(document), "\"k{}\":{},", i, i);
  document.back() = '}';
  EXPECT_EQ(ComesBack(document), document);
}

TEST(RestParsingTest, KeysAndValuesMayBeLong) {
  const std::string key(100'000, 'k'), value(8 << 20, 'v');
  const std::string document = fmt::format(R"({{"{}":"{}"}})", key, value);
  EXPECT_EQ(ComesBack(document), document);
}

TEST(RestParsingTest, DepthIsCountedWithTheRecord) {
  const auto nested = [](std::size_t depth) {
    return "[{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}]";
  };
  // Array and record are two.
  const auto deepest = Parse(nested(62), Documents());
  ASSERT_TRUE(deepest.ok()) << deepest.status().message();
  EXPECT_EQ(Parse(nested(63), Documents()).status().code(), Code::kInvalidJson);
}

TEST(RestParsingTest, ColumnsThatAreNullAreLeftOutOfADocumentAlone) {
  const auto schema = Documents({{1, "a", TypeKind::kString}, {2, "b", TypeKind::kString}});
  EXPECT_EQ(ComesBack(R"({"b":"x"})", schema), R"({"b":"x"})");
  const auto parsed = Parse(R"([{"b":"x"}])", schema);
  const BatchWriter chosen({{1, "a", TypeKind::kString}});
  std::string out;
  chosen.AppendRow(*parsed->batch, 0, out);
  EXPECT_EQ(out, R"({"a":null})");
}

}  // namespace
}  // namespace granary::json
