#include "granary/json/json_path.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <gtest/gtest.h>

namespace granary::json {
namespace {

using Kind = Predicate::Kind;
using Path = std::vector<std::string>;

Literal Number(std::string text) { return {Literal::Kind::kNumber, false, std::move(text), {}}; }
Literal String(std::string text) { return {Literal::Kind::kString, false, std::move(text), {}}; }
Literal Bool(bool value) { return {Literal::Kind::kBool, value, "", {}}; }
Literal Object(std::string text) { return {Literal::Kind::kObject, false, std::move(text), {}}; }
Literal List(std::vector<Literal> items) {
  return {Literal::Kind::kList, false, "", std::move(items)};
}

std::shared_ptr<arrow::Array> Documents(const std::vector<const char*>& texts) {
  arrow::StringBuilder builder;
  for (const char* text : texts) {
    EXPECT_TRUE((text == nullptr ? builder.AppendNull() : builder.Append(text)).ok());
  }
  return builder.Finish().ValueOrDie();
}

Predicate Leaf(Kind kind, Path path, std::vector<Literal> literals, std::string pattern = {}) {
  Predicate leaf;
  leaf.kind = kind;
  leaf.type = TypeKind::kJson;
  leaf.path = std::move(path);
  leaf.json = std::move(literals);
  leaf.pattern = std::move(pattern);
  return leaf;
}

/// "tfu" for true, false, unknown.
std::string Outcome(const Predicate& leaf, const std::vector<const char*>& texts) {
  const auto evaluated = EvaluatePath(*Documents(texts), leaf);
  if (!evaluated.ok()) return std::string(CodeName(evaluated.status().code()));
  const auto& array = static_cast<const arrow::BooleanArray&>(**evaluated);
  std::string out;
  for (std::int64_t i = 0; i < array.length(); ++i)
    out += array.IsNull(i) ? 'u' : array.Value(i) ? 't' : 'f';
  return out;
}

TEST(SplitPathTest, SplitsAtDotsThatAreNotEscaped) {
  EXPECT_EQ(SplitPath("a.b.c").Take(), (Path{"a", "b", "c"}));
  EXPECT_EQ(SplitPath(R"(a.b\.c)").Take(), (Path{"a", "b.c"}));
  EXPECT_EQ(SplitPath(R"(a\\.b)").Take(), (Path{"a\\", "b"}));
  EXPECT_EQ(SplitPath("a..b").Take(), (Path{"a", "", "b"}));
  EXPECT_EQ(SplitPath("").Take(), (Path{""}));
  EXPECT_EQ(SplitPath("a\\").status().code(), Code::kUnknownColumn);
}

TEST(EvaluatePathTest, ALiteralMatchesOnlyItsKind) {
  const std::vector<const char*> docs = {
      R"({"a":1})",  R"({"a":1.0})", R"({"a":"1"})", R"({"a":true})", R"({"a":null})",
      R"({"b":1})",  nullptr,        R"({"a":{}})",  R"({"a":[]})",   "5",
      R"([{"a":1}])"};
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {Number("1e0")}), docs), "ttffuuuffut");
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {String("1")}), docs), "fftfuuuffuf");
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {Bool(true)}), docs), "ffftuuuffuf");
  EXPECT_EQ(Outcome(Leaf(Kind::kIsNull, {"a"}, {}), docs),
            "ffffttt"
            "ff"
            "tf");
  Predicate not_null = Leaf(Kind::kNotNullIs, {"a"}, {});
  not_null.constant = false;
  EXPECT_EQ(Outcome(not_null, docs), "ffffuuuffuf");
}

TEST(EvaluatePathTest, ComparesNumbersExactly) {
  const std::vector<const char*> docs = {R"({"a":9007199254740992})",
                                         R"({"a":9007199254740993})",
                                         R"({"a":9007199254740993.5})",
                                         R"({"a":1e400})",
                                         R"({"a":-5})",
                                         R"({"a":"z"})"};
  EXPECT_EQ(Outcome(Leaf(Kind::kGreater, {"a"}, {Number("9007199254740992")}), docs),
            "fttt"
            "ff");
  EXPECT_EQ(Outcome(Leaf(Kind::kGreaterEqual, {"a"}, {Number("9007199254740993")}), docs),
            "ftttff");
  EXPECT_EQ(Outcome(Leaf(Kind::kLess, {"a"}, {Number("9007199254740993.0")}), docs), "tffftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kLessEqual, {"a"}, {Number("1e400")}), docs), "tttttf");
}

TEST(EvaluatePathTest, AnyElementOfAnArrayMatches) {
  const std::vector<const char*> docs = {R"({"a":[1,2]})",   R"({"a":[]})",
                                         R"({"a":[null]})",  R"({"a":[[1]]})",
                                         R"({"a":["x",2]})", R"([{"a":1},{"a":7}])"};
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {Number("1")}), docs),
            "tffff"
            "t");
  EXPECT_EQ(Outcome(Leaf(Kind::kGreater, {"a"}, {Number("1")}), docs), "tffftt");
  EXPECT_EQ(Outcome(Leaf(Kind::kContains, {"a"}, {Number("2")}), docs), "tffftf");
}

TEST(EvaluatePathTest, PathsCrossArraysOfObjects) {
  const std::vector<const char*> docs = {R"({"items":[{"sku":"a"},{"sku":"b"}]})",
                                         R"({"items":[{"sku":null},{}]})", R"({"items":[{"x":1}]})",
                                         R"({"items":{"sku":["q","b"]}})", R"({"items":[]})"};
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"items", "sku"}, {String("b")}), docs),
            "tuut"
            "u");
  EXPECT_EQ(Outcome(Leaf(Kind::kIsNull, {"items", "sku"}, {}), docs),
            "fttf"
            "t");
}

TEST(EvaluatePathTest, InIsUnknownWhenNotFoundBesideANull) {
  Predicate in = Leaf(Kind::kIn, {"a"}, {Number("1"), String("x")});
  const std::vector<const char*> docs = {R"({"a":1})", R"({"a":"x"})", R"({"a":2})", R"({})"};
  EXPECT_EQ(Outcome(in, docs), "ttfu");
  in.in_has_null = true;
  EXPECT_EQ(Outcome(in, docs), "ttuu");
  EXPECT_EQ(Outcome(Leaf(Kind::kIn, {"a"}, {}), docs), "fffu");
}

TEST(EvaluatePathTest, PatternsMatchStrings) {
  const std::vector<const char*> docs = {R"({"a":"caf\u00e9_100%"})", R"({"a":"Cafe"})",
                                         R"({"a":5})", R"({"a":["x","caf"]})", R"({"a":"a\nb"})"};
  EXPECT_EQ(Outcome(Leaf(Kind::kLike, {"a"}, {}, "caf_\\_%\\%"), docs), "tffff");
  EXPECT_EQ(Outcome(Leaf(Kind::kLike, {"a"}, {}, "caf%"), docs), "tfftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kLike, {"a"}, {}, "a_b"), docs), "fffft");
  EXPECT_EQ(Outcome(Leaf(Kind::kILike, {"a"}, {}, "CAF%"), docs), "ttftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kStartsWith, {"a"}, {}, "ca"), docs), "tfftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kEndsWith, {"a"}, {}, "f"), docs), "ffftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kContains, {"a"}, {}, "af"), docs), "ttfff");
  EXPECT_EQ(Outcome(Leaf(Kind::kContains, {"a"}, {}, "caf"), docs), "tfftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kRegex, {"a"}, {}, "^[cC]af.$"), docs), "ftfff");
  EXPECT_EQ(Outcome(Leaf(Kind::kRegex, {"a"}, {}, "("), docs), "INVALID_LITERAL");
}

TEST(EvaluatePathTest, DocumentsAreEqualWhateverTheirSpelling) {
  const std::vector<const char*> docs = {R"({"a":{"x":1,"y":[true]}})",
                                         R"({"a":{"y":[true],"x":1.0}})", R"({"a":{"x":1}})",
                                         R"({"a":[{"x":1,"y":[true]},5]})", R"({"a":[5,{"x":2}]})"};
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {Object(R"({"y":[true],"x":1})")}), docs), "ttftf");
  EXPECT_EQ(Outcome(Leaf(Kind::kContains, {"a"}, {Object(R"({"x":2.0})")}), docs), "fffft");
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {List({Number("5"), Object(R"({"x":2})")})}), docs),
            "fffft");
  EXPECT_EQ(Outcome(Leaf(Kind::kIn, {"a"}, {Number("5"), Object(R"({"x":1})")}), docs),
            "fftt"
            "t");
}

TEST(EvaluatePathTest, FindsKeysHoweverTheyAreWritten) {
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {""}, {Number("1")}), {R"({"":1})"}), "t");
  EXPECT_EQ(
      Outcome(Leaf(Kind::kEqual, {"a\"b"}, {Number("1")}), {R"({"a\"b":1})", R"({"\u0061\"b":1})"}),
      "tt");
  EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {}, {Number("5")}), {"5", "5.0", "[5]", "\"5\"", "null"}),
            "tttfu");
}

TEST(EvaluatePathTest, BrokenDocumentsAreCorruption) {
  for (const char* text : {"{", "{\"a\":}", "{\"a\":1a}", "", "{\"a\":tru}"}) {
    EXPECT_EQ(Outcome(Leaf(Kind::kEqual, {"a"}, {Number("1")}), {text}), "CORRUPTION") << text;
  }
}

TEST(ExtractPathTest, GivesTheTextAtThePath) {
  const auto docs = Documents({R"({"a":{"b":1.50}})", R"({"a":{"b":null}})", R"({"a":1})", nullptr,
                               R"({"a":{"b":{"c": [1, 2]}}})", R"({"a":[{"b":"x"},{},{"b":2}]})",
                               R"({"a":{"b":""}})"});
  const auto extracted = ExtractPath(*docs, {"a", "b"});
  ASSERT_TRUE(extracted.ok());
  const auto& array = static_cast<const arrow::StringArray&>(**extracted);
  const std::vector<std::string> kExpected = {"1.50",           "-",          "-",   "-",
                                              R"({"c":[1,2]})", R"(["x",2])", "\"\""};
  for (std::size_t i = 0; i < kExpected.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    EXPECT_EQ(array.IsNull(row) ? "-" : array.GetString(row), kExpected[i]);
  }
}

}  // namespace
}  // namespace granary::json
