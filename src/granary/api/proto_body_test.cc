#include "granary/api/proto_body.h"

#include <gtest/gtest.h>

#include <cbo_engine.pb.h>
#include <storage.pb.h>

#include "granary/api/proto_request.h"

namespace granary::api {
namespace {

v1::Comparison Compare(const char* column, v1::Operator op, std::int64_t value) {
  v1::Comparison out;
  out.set_column(column);
  out.set_op(op);
  out.mutable_value()->set_int64_value(value);
  return out;
}

std::string WriteText(const v1::WriteDataRequest& request) {
  std::string source_id;
  const auto text = ReadWriteMessage(request.SerializeAsString(), source_id);
  return text.ok() ? text->body : text.status().ToString();
}

TEST(ProtoBodyTest, AFilterIsTheObjectThatRestTakes) {
  v1::SearchDataRequest request;
  *request.mutable_filters()->add_where() = Compare("n", v1::OPERATOR_GT, 9007199254740993);
  *request.mutable_filters()->add_where() = Compare("n", v1::OPERATOR_LTE, -1);
  *request.mutable_filters()->add_any_of()->add_where() = Compare("m", v1::OPERATOR_EQ, 1);
  *request.mutable_filters()->mutable_not_of()->add_where() =
      Compare("m", v1::OPERATOR_STARTS_WITH, 2);
  request.add_source_ids("s");
  request.set_limit(0);
  const auto message = ReadSearchMessage(request.SerializeAsString());
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ(message->body, R"({"source_ids":["s"],"filters":{"n":{"gt":9007199254740993,"lte":-1},)"
                           R"("$or":[{"m":{"eq":1}}],"$not":{"m":{"starts_with":2}}},"limit":0})");
}

TEST(ProtoBodyTest, AFilterGivenTwiceOrTwoWaysIsRefused) {
  v1::SearchDataRequest request;
  *request.mutable_filters()->add_where() = Compare("n", v1::OPERATOR_GT, 1);
  *request.mutable_filters()->add_where() = Compare("n", v1::OPERATOR_GT, 2);
  auto message = ReadSearchMessage(request.SerializeAsString());
  EXPECT_EQ(message.status().fields()[0].pointer, "/filters/n/gt");
  request.mutable_filters()->mutable_where()->RemoveLast();
  request.mutable_filters()->set_json("{}");
  message = ReadSearchMessage(request.SerializeAsString());
  EXPECT_EQ(message.status().fields()[0].pointer, "/filters");
}

TEST(ProtoBodyTest, AnUpdateIsTheBodyOfAPatch) {
  v1::UpdateSourceRequest request;
  request.set_source_id("s");
  v1::ColumnDefinition& column = *request.add_add_columns();
  column.set_name("c");
  column.set_type("string");
  (*request.mutable_rename_columns())["a"] = "b";
  request.add_drop_columns("d");
  request.mutable_compression()->set_default_("zstd");
  auto update = ReadUpdateSourceMessage(request.SerializeAsString());
  ASSERT_TRUE(update.ok()) << update.status().ToString();
  EXPECT_EQ(update->source_id, "s");
  EXPECT_EQ(update->body, R"({"add_columns":{"c":"string"},"rename_columns":{"a":"b"},)"
                          R"("drop_columns":["d"],"compression":"zstd"})");
  request.Clear();
  request.set_clear_sort_columns(true);
  EXPECT_EQ(ReadUpdateSourceMessage(request.SerializeAsString())->body, R"({"sort_columns":[]})");
  request.set_name("n");
  EXPECT_EQ(ReadUpdateSourceMessage(request.SerializeAsString())->body,
            R"({"sort_columns":[],"name":"n"})");
  request.add_sort_columns("x");
  update = ReadUpdateSourceMessage(request.SerializeAsString());
  EXPECT_EQ(update.status().fields()[0].pointer, "/clear_sort_columns");
}

TEST(ProtoBodyTest, AFilterAtAndOverTheDepthLimit) {
  for (const int depth : {63, 64, 65}) {
    v1::SearchDataRequest request;
    v1::Filter* filter = request.mutable_filters();
    for (int i = 1; i < depth; ++i) filter = filter->mutable_not_of();
    EXPECT_EQ(BodyOf(request).ok(), depth <= 64) << depth;
  }
}

TEST(ProtoBodyTest, RecordsAreWrittenByTheNamesOfTheirFields) {
  v1::WriteDataRequest request;
  request.set_source_id("s");
  auto& fields = *request.add_records()->mutable_fields();
  fields["z"].set_uint64_value(18446744073709551615u);
  fields["a"].set_decimal_value("-0.10");
  fields["m"].mutable_timestamp_value()->set_value(-1);
  fields["m"].mutable_timestamp_value()->set_unit(v1::TIME_UNIT_NANOSECOND);
  fields["q"].set_string_value("\"}");
  EXPECT_EQ(
      WriteText(request),
      R"({"source_id":"s","records":[{"fields":{"a":"-0.10","m":"1969-12-31T23:59:59.999999999Z",)"
      R"("q":"\"}","z":18446744073709551615}}]})");
}

TEST(ProtoBodyTest, WholeFloatsAreWrittenToTheLastDigit) {
  v1::WriteDataRequest request;
  request.set_source_id("s");
  auto& fields = *request.add_records()->mutable_fields();
  fields["a"].set_float64_value(0x1p60);
  fields["b"].set_float64_value(-0x1p63);
  fields["c"].set_float64_value(0.1);
  fields["d"].set_float64_value(1e39);
  fields["e"].set_float32_value(0x1p60F);
  fields["f"].set_float64_value(2);
  EXPECT_EQ(
      WriteText(request),
      R"({"source_id":"s","records":[{"fields":{"a":1152921504606846976.0,)"
      R"("b":-9223372036854775808.0,"c":0.1,"d":1e+39,"e":1152921504606846976.0,"f":2.0}}]})");
}

TEST(ProtoBodyTest, ADocumentCannotReachWhatSurroundsIt) {
  for (const char* text : {"1}},{\"fields\":{\"b\":2", "1,\"b\":2", "", " ", "[1", "1 2", "nul"}) {
    v1::WriteDataRequest request;
    request.set_source_id("s");
    (*request.add_records()->mutable_fields())["a"].set_json_value(text);
    EXPECT_NE(WriteText(request).find("INVALID_RECORD: /records/0/fields/a"), std::string::npos)
        << text;
  }
}

TEST(ProtoBodyTest, FieldsOfANewerClientAreRefusedAtEveryDepth) {
  v1::AggregateDataRequest request;
  auto* group = request.add_group_by();
  group->GetReflection()->MutableUnknownFields(group)->AddVarint(99, 1);
  const auto message = ReadAggregateMessage(request.SerializeAsString());
  EXPECT_EQ(message.status().code(), Code::kUnknownMember);
  EXPECT_EQ(message.status().fields()[0].pointer, "/group_by/0");
}

TEST(ProtoBodyTest, AMapOfNumbersIsAnObjectOfThemAndANestedEnumItsWord) {
  v1::EstimateCostRequest request;
  (*request.mutable_work())["b_ns"] = 0.5;
  (*request.mutable_work())["a_ns"] = 2;
  request.mutable_facts()->add_nodes()->set_kind(v1::PlanFacts::Node::KIND_OR);
  request.mutable_facts()->add_classes()->set_rows(0);
  const auto body = BodyOf(request);
  ASSERT_TRUE(body.ok()) << body.status().ToString();
  EXPECT_EQ(*body, R"({"facts":{"nodes":[{"kind":"or"}],"classes":[{"rows":0}]},)"
                   R"("work":{"a_ns":2.0,"b_ns":0.5}})");
}

TEST(ProtoBodyTest, BytesThatAreNoMessageAreRefused) {
  EXPECT_EQ(ReadSearchMessage("\xff\xff").status().code(), Code::kInvalidRequest);
  EXPECT_EQ(ReadListSourcesMessage("\x0a\x01").code(), Code::kInvalidRequest);
  EXPECT_TRUE(ReadListSourcesMessage("").ok());
}

}  // namespace
}  // namespace granary::api
