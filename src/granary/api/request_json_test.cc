// What the API accepts, and with which code and pointer it refuses the rest.
#include "granary/api/request_json.h"

#include <gtest/gtest.h>

#include "granary/base/utf8.h"

namespace granary::api {
namespace {

using query::Filter;
using query::Operator;

struct Refusal {
  const char* body;
  Code code;
  const char* pointer;  ///< Null: the refusal names no place.
};

template <typename Parse>
void ExpectRefusals(const std::vector<Refusal>& refusals, const Parse& parse) {
  for (const Refusal& refusal : refusals) {
    const Status status = parse(refusal.body);
    EXPECT_EQ(CodeName(status.code()), CodeName(refusal.code)) << refusal.body << "\n"
                                                               << status.ToString();
    if (refusal.pointer == nullptr) continue;
    ASSERT_FALSE(status.fields().empty()) << refusal.body;
    EXPECT_EQ(status.fields()[0].pointer, refusal.pointer) << refusal.body;
    EXPECT_FALSE(status.fields()[0].detail.empty());
  }
}

TEST(ParseWriteTest, FindsTheRecords) {
  const std::string body =
      R"({"source_id": "sales_data", "records": [{"fields": {"a": 1}}], "on_error": "reject"})";
  const auto write = ParseWrite(body);
  ASSERT_TRUE(write.ok()) << write.status().ToString();
  EXPECT_EQ(write->source.str(), "sales_data");
  EXPECT_EQ(write->records, R"([{"fields": {"a": 1}}])");
  EXPECT_EQ(write->records.data(), body.data() + body.find('['));
}

TEST(ParseWriteTest, RefusesWithAPointer) {
  ExpectRefusals(
      {{"", Code::kInvalidJson, nullptr},
       {"[]", Code::kInvalidRequest, nullptr},
       {"{}", Code::kInvalidRequest, "/source_id"},
       {R"({"source_id":"s"})", Code::kInvalidRequest, "/records"},
       {R"({"source_id":"s","records":null})", Code::kInvalidRequest, "/records"},
       {R"({"source_id":"s","records":{}})", Code::kInvalidRequest, "/records"},
       {R"({"source_id":5,"records":[]})", Code::kInvalidRequest, "/source_id"},
       {R"({"source_id":"","records":[]})", Code::kInvalidRequest, "/source_id"},
       {R"({"source_id":"../x","records":[]})", Code::kInvalidIdentifier, "/source_id"},
       {R"({"source_id":"..","records":[]})", Code::kInvalidIdentifier, "/source_id"},
       {R"({"source_id":"s","records":[],"recrods":[]})", Code::kUnknownMember, "/recrods"},
       {R"({"source_id":"s","records":[],"records":[]})", Code::kInvalidRequest, "/records"},
       {R"({"source_id":"s","r\u0065cords":[]})", Code::kInvalidRequest, "/records"},
       {R"({"source_id":"s","records":[],"on_error":"ignore"})", Code::kInvalidRequest,
        "/on_error"},
       {R"({"source_id":"s","records":[{]})", Code::kInvalidJson, nullptr},
       {R"({"source_id":"s","records":[]} x)", Code::kInvalidJson, nullptr}},
      [](const char* body) { return ParseWrite(body).status(); });
}

TEST(ParseWriteTest, NamesEveryUnknownMember) {
  const auto status = ParseWrite(R"({"source_id":"s","records":[],"a":1,"b/c":2})").status();
  ASSERT_EQ(status.fields().size(), 2u);
  EXPECT_EQ(status.fields()[1].pointer, "/b~1c");
}

TEST(ParseNothingTest, TakesNothingOrAnEmptyObject) {
  EXPECT_TRUE(ParseNothing("").ok());
  EXPECT_TRUE(ParseNothing(" \n").ok());
  EXPECT_TRUE(ParseNothing("{}").ok());
  EXPECT_EQ(ParseNothing(R"({"a":1})").code(), Code::kUnknownMember);
  EXPECT_EQ(ParseNothing("x").code(), Code::kInvalidJson);
}

Filter FilterOf(const std::string& filters) {
  const auto request = ParseSearch("{\"filters\":" + filters + "}", false);
  EXPECT_TRUE(request.ok()) << filters << request.status().ToString();
  return request.ok() && request->filter ? *request->filter : Filter();
}

TEST(RequestJsonTest, AByteOrderMarkInFrontIsPassedOver) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(ParseSearch(mark + R"({"limit":7})", false)->limit, 7u);
  const std::string write = mark + R"({"source_id":"s","records":[{"fields":{}}]})";
  EXPECT_EQ(ParseWrite(write)->records, R"([{"fields":{}}])");
  EXPECT_TRUE(ParseNothing(mark + "{}").ok());
  EXPECT_TRUE(ParseNothing(mark).ok());
  EXPECT_EQ(ParseSearch(mark + mark + "{}", false).status().code(), Code::kInvalidJson);
  EXPECT_EQ(ParseSearch(mark, false).status().code(), Code::kInvalidJson);
}

TEST(ParseSearchTest, ReadsEveryMember) {
  const auto request = ParseSearch(
      R"({"source_ids":["a","b","a"],"filters":{"x":1},"columns":["x","y.z"],"limit":10,"cursor":null,
          "order_by":[{"column":"x","direction":"desc"},{"column":"y"}]})",
      false);
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  ASSERT_EQ(request->sources.size(), 2u);
  EXPECT_EQ(request->sources[1].str(), "b");
  EXPECT_EQ(request->columns, (std::vector<std::string>{"x", "y.z"}));
  ASSERT_EQ(request->order_by.size(), 2u);
  EXPECT_EQ(request->order_by[0].direction, query::Direction::kDescending);
  EXPECT_EQ(request->order_by[1].direction, query::Direction::kAscending);
  EXPECT_EQ(request->order_by[1].pointer, "/order_by/1");
  EXPECT_EQ(request->limit, 10u);
  EXPECT_EQ(ParseSearch(R"({"source_id":"a"})", false)->sources.size(), 1u);
}

TEST(ParseSearchTest, DefaultsAndBoundsTheLimit) {
  EXPECT_EQ(ParseSearch("{}", false)->limit, 100u);
  EXPECT_EQ(ParseSearch("{}", true)->limit, std::nullopt);
  EXPECT_EQ(ParseSearch(R"({"limit":null})", false)->limit, 100u);
  EXPECT_EQ(ParseSearch(R"({"limit":0})", false)->limit, 0u);
  EXPECT_EQ(ParseSearch(R"({"limit":9999})", false)->limit, 9'999u);
  EXPECT_EQ(ParseSearch(R"({"limit":10000})", false)->limit, 10'000u);
  EXPECT_EQ(ParseSearch(R"({"limit":10001})", false).status().code(), Code::kInvalidRequest);
  EXPECT_EQ(ParseSearch(R"({"limit":10001})", true)->limit, 10'001u);
  EXPECT_FALSE(ParseSearch(R"({"limit":6})", false, {.page_records_max = 5}).ok());
}

TEST(ParseSearchTest, ReadsFilters) {
  const Filter bare = FilterOf(R"({"a":9007199254740993})");
  EXPECT_EQ(bare.kind, Filter::Kind::kCompare);
  EXPECT_EQ(bare.op, Operator::kEq);
  EXPECT_EQ(bare.literal.kind, Literal::Kind::kNumber);
  EXPECT_EQ(bare.literal.text, "9007199254740993");
  EXPECT_EQ(bare.pointer, "/filters/a");

  const Filter range = FilterOf(R"({"a/b":{"gte":1,"lt":2.50}})");
  ASSERT_EQ(range.kind, Filter::Kind::kAnd);
  ASSERT_EQ(range.children.size(), 2u);
  EXPECT_EQ(range.children[0].pointer, "/filters/a~1b/gte");
  EXPECT_EQ(range.children[1].literal.text, "2.50");
  EXPECT_EQ(range.children[1].column, "a/b");

  EXPECT_EQ(FilterOf("{}").kind, Filter::Kind::kAnd);
  EXPECT_TRUE(FilterOf("{}").children.empty());
  EXPECT_EQ(FilterOf(R"({"a":null})").literal.kind, Literal::Kind::kNull);
  EXPECT_EQ(FilterOf(R"({"a":{"in_list":[1,"x",null]}})").literal.items.size(), 3u);
  EXPECT_EQ(FilterOf(R"({"a":{"not_in":[]}})").op, Operator::kNin);
  EXPECT_EQ(FilterOf(R"({"a":{"eq":{"k":[1,{"z":null}]}}})").literal.text,
            R"({"k":[1,{"z":null}]})");
}

TEST(ParseSearchTest, NestsCombinationsAnywhere) {
  const Filter filter = FilterOf(
      R"({"$or":[{"a":1},{"$and":[{"b":2},{"$not":{"c":{"$or":[{"lt":1},{"gt":5},7]}}}]}],"d":{"$not":{"in":[1]}}})");
  ASSERT_EQ(filter.kind, Filter::Kind::kAnd);
  const Filter& either = filter.children[0];
  ASSERT_EQ(either.kind, Filter::Kind::kOr);
  const Filter& negated = either.children[1].children[1];
  ASSERT_EQ(negated.kind, Filter::Kind::kNot);
  const Filter& inner = negated.children[0];
  ASSERT_EQ(inner.kind, Filter::Kind::kOr);
  ASSERT_EQ(inner.children.size(), 3u);
  EXPECT_EQ(inner.children[1].pointer, "/filters/$or/1/$and/1/$not/c/$or/1/gt");
  EXPECT_EQ(inner.children[2].op, Operator::kEq);
  EXPECT_EQ(filter.children[1].kind, Filter::Kind::kNot);
}

TEST(ParseSearchTest, RefusesWithAPointer) {
  ExpectRefusals(
      {{R"({"filter":{}})", Code::kUnknownMember, "/filter"},
       {R"({"filters":[]})", Code::kInvalidRequest, "/filters"},
       {R"({"filters":{"a":{"eqq":1}}})", Code::kUnknownOperator, "/filters/a/eqq"},
       {R"({"filters":{"a":{"$gt":1}}})", Code::kUnknownOperator, "/filters/a/$gt"},
       {R"({"filters":{"$nor":[]}})", Code::kUnknownOperator, "/filters/$nor"},
       {R"({"filters":{"$or":{}}})", Code::kInvalidRequest, "/filters/$or"},
       {R"({"filters":{"$or":[]}})", Code::kInvalidRequest, "/filters/$or"},
       {R"({"filters":{"$and":[{"a":1},5]}})", Code::kInvalidRequest, "/filters/$and/1"},
       {R"({"filters":{"$not":[]}})", Code::kInvalidRequest, "/filters/$not"},
       {R"({"filters":{"a":{}}})", Code::kInvalidRequest, "/filters/a"},
       {R"({"filters":{"a":{"in":1}}})", Code::kInvalidLiteral, "/filters/a/in"},
       {R"({"filters":{"a":{"between":[1]}}})", Code::kInvalidLiteral, "/filters/a/between"},
       {R"({"filters":{"a":{"between":[1,2,3]}}})", Code::kInvalidLiteral, "/filters/a/between"},
       {R"({"filters":{"a":{"exists":1}}})", Code::kInvalidLiteral, "/filters/a/exists"},
       {R"({"filters":{"a":{"like":1}}})", Code::kInvalidLiteral, "/filters/a/like"},
       {R"({"filters":{"a":{"regex":7}}})", Code::kInvalidLiteral, "/filters/a/regex"},
       {R"({"filters":{"a":{"gt":[1]}}})", Code::kInvalidLiteral, "/filters/a/gt"},
       {R"({"filters":{"a":1,"a":2}})", Code::kInvalidRequest, "/filters/a"},
       {R"({"source_ids":"a"})", Code::kInvalidRequest, "/source_ids"},
       {R"({"source_ids":["a",5]})", Code::kInvalidRequest, "/source_ids/1"},
       {R"({"source_ids":["a","b/c"]})", Code::kInvalidIdentifier, "/source_ids/1"},
       {R"({"source_id":"a","source_ids":["b"]})", Code::kInvalidRequest, "/source_id"},
       {R"({"columns":"a"})", Code::kInvalidRequest, "/columns"},
       {R"({"columns":["a","b","a"]})", Code::kInvalidRequest, "/columns/2"},
       {R"({"order_by":["a"]})", Code::kInvalidRequest, "/order_by/0"},
       {R"({"order_by":[{"column":"a","direction":"down"}]})", Code::kInvalidRequest,
        "/order_by/0/direction"},
       {R"({"order_by":[{"direction":"asc"}]})", Code::kInvalidRequest, "/order_by/0/column"},
       {R"({"order_by":[{"column":"a","nulls":"first"}]})", Code::kUnknownMember,
        "/order_by/0/nulls"},
       {R"({"limit":-1})", Code::kInvalidRequest, "/limit"},
       {R"({"limit":1.0})", Code::kInvalidRequest, "/limit"},
       {R"({"limit":1e2})", Code::kInvalidRequest, "/limit"},
       {R"({"limit":"10"})", Code::kInvalidRequest, "/limit"},
       {R"({"limit":99999999999999999999})", Code::kInvalidRequest, "/limit"},
       {R"({"cursor":7})", Code::kInvalidRequest, "/cursor"},
       {R"({"as_of":"2024-01-01"})", Code::kUnsupported, "/as_of"}},
      [](const char* body) { return ParseSearch(body, false).status(); });
}

TEST(ParseAggregateTest, ReadsTheContractsExample) {
  const auto request = ParseAggregate(
      R"({"source_ids": ["sales_data"], "filters": {"order_date": {"gte": "2024-01-01"}},
 "group_by": ["region", {"column": "order_date", "transform": "month", "alias": "month"}],
 "aggregations": [{"type": "count", "alias": "total_orders"}, {"type": "sum", "column": "amount", "alias": "total_revenue"}],
 "having": {"total_orders": {"gt": 10}}, "order_by": [{"column": "total_revenue", "direction": "desc"}], "limit": 10})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->group_by[0].alias, "region");
  EXPECT_EQ(std::get<query::DatePart>(request->group_by[1].transform), query::DatePart::kMonth);
  EXPECT_EQ(request->group_by[1].alias, "month");
  EXPECT_EQ(request->aggregations[1].type, query::AggregateType::kSum);
  EXPECT_EQ(request->having->pointer, "/having/total_orders/gt");
  EXPECT_EQ(request->limit, 10u);
}

TEST(ParseAggregateTest, NamesWhatIsNotNamed) {
  const auto request = ParseAggregate(
      R"({"group_by":[{"column":"d"}],"aggregations":[{"type":"count"},{"type":"count","column":"a"},
          {"type":"percentile","column":"b","p":0.95}]})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->group_by[0].alias, "d");
  EXPECT_EQ(request->aggregations[0].alias, "count");
  EXPECT_EQ(request->aggregations[1].alias, "count_a");
  EXPECT_EQ(request->aggregations[2].alias, "percentile_b");
  EXPECT_DOUBLE_EQ(request->aggregations[2].p, 0.95);
  EXPECT_EQ(request->limit, std::nullopt);
}

TEST(ParseAggregateTest, ReadsTransforms) {
  const auto request = ParseAggregate(R"({"aggregations":[{"type":"count"}],"group_by":[
      {"column":"a","transform":{"bucket":0.25}},{"column":"a","transform":{"interval":"5m"}},
      {"column":"a","transform":{"interval":"250ms"}},{"column":"a","transform":"quarter"}]})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(std::get<query::Bucket>(request->group_by[0].transform).width, "0.25");
  EXPECT_EQ(std::get<query::Interval>(request->group_by[1].transform).micros, 300'000'000);
  EXPECT_EQ(std::get<query::Interval>(request->group_by[2].transform).micros, 250'000);
}

TEST(ParseAggregateTest, RefusesWithAPointer) {
#define AGGREGATE(rest) R"({"aggregations":[{"type":"count"}],)" rest "}"
  ExpectRefusals(
      {{"{}", Code::kInvalidRequest, "/aggregations"},
       {R"({"aggregations":[]})", Code::kInvalidRequest, "/aggregations"},
       {R"({"aggregations":{}})", Code::kInvalidRequest, "/aggregations"},
       {R"({"aggregations":[{}]})", Code::kInvalidRequest, "/aggregations/0/type"},
       {R"({"aggregations":[{"type":"median","column":"a"}]})", Code::kUnknownOperator,
        "/aggregations/0/type"},
       {R"({"aggregations":[{"type":"sum"}]})", Code::kInvalidRequest, "/aggregations/0/column"},
       {R"({"aggregations":[{"type":"sum","column":"a","alias":""}]})", Code::kInvalidRequest,
        "/aggregations/0/alias"},
       {R"({"aggregations":[{"type":"sum","column":"a","p":0.5}]})", Code::kInvalidRequest,
        "/aggregations/0/p"},
       {R"({"aggregations":[{"type":"percentile","column":"a","p":1.5}]})", Code::kInvalidRequest,
        "/aggregations/0/p"},
       {R"({"aggregations":[{"type":"percentile","column":"a","p":"x"}]})", Code::kInvalidRequest,
        "/aggregations/0/p"},
       {R"({"aggregations":[{"type":"count","colum":"a"}]})", Code::kUnknownMember,
        "/aggregations/0/colum"},
       {AGGREGATE(R"("group_by":"a")"), Code::kInvalidRequest, "/group_by"},
       {AGGREGATE(R"("group_by":[5])"), Code::kInvalidRequest, "/group_by/0"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":"decade"}])"), Code::kUnknownOperator,
        "/group_by/0/transform"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{}}])"), Code::kInvalidRequest,
        "/group_by/0/transform"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"bucket":0}}])"), Code::kInvalidRequest,
        "/group_by/0/transform/bucket"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"bucket":0.0e5}}])"),
        Code::kInvalidRequest, "/group_by/0/transform/bucket"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"bucket":-1}}])"),
        Code::kInvalidRequest, "/group_by/0/transform/bucket"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"interval":"5 m"}}])"),
        Code::kInvalidRequest, "/group_by/0/transform/interval"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"interval":"0s"}}])"),
        Code::kInvalidRequest, "/group_by/0/transform/interval"},
       {AGGREGATE(R"("group_by":[{"column":"a","transform":{"interval":"99999999999w"}}])"),
        Code::kInvalidRequest, "/group_by/0/transform/interval"},
       {AGGREGATE(R"("having":{"count":{"bigger":1}})"), Code::kUnknownOperator,
        "/having/count/bigger"},
       {AGGREGATE(R"("limit":-5)"), Code::kInvalidRequest, "/limit"},
       {AGGREGATE(R"("columns":["a"])"), Code::kUnknownMember, "/columns"}},
      [](const char* body) { return ParseAggregate(body).status(); });
#undef AGGREGATE
}

TEST(ParseSourceTest, ReadsTheContractsExample) {
  const auto source = ParseSource(
      R"({"source_id": "sales_data", "name": "Sales Data Source", "connection_string": "file://sales",
 "data_path": "./data/sources/sales_data",
 "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64", "order_date": "datetime64[ns]"},
 "partition_columns": ["order_date"], "index_columns": ["customer_id", "order_date"],
 "compression": "snappy", "max_file_size_mb": 256, "wal_enabled": true})");
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  EXPECT_EQ(source->id.str(), "sales_data");
  EXPECT_EQ(source->connection_string, "file://sales");
  ASSERT_EQ(source->columns.size(), 4u);
  EXPECT_EQ(source->columns[3].type, DataType::Timestamp(TimeUnit::kNano));
  EXPECT_EQ(source->partitions[0].column, "order_date");
  EXPECT_EQ(source->partitions[0].transform, std::nullopt);
  EXPECT_EQ(source->indexes.size(), 2u);
  EXPECT_TRUE(source->wal_enabled);
}

TEST(ParseSourceTest, ReadsTheLongForms) {
  const auto source =
      ParseSource(R"({"source_id":"s","schema_definition":{"a":"int64","d":"date","note":"str"},
      "partition_columns":[{"column":"d","transform":"month"},{"column":"a","transform":"bucket[16]"}],
      "index_columns":[{"column":"a","kind":"btree"},{"column":"note","kind":"bloom"},"d"],
      "compression":{"default":"zstd","columns":{"note":"gzip"}},"compression_level":5,"sort_columns":["a"],
      "schema_mode":"strict","durability":"sync","wal_enabled":false,"max_file_size_mb":1,"primary_key":null,"retention":null})");
  ASSERT_TRUE(source.ok()) << source.status().ToString();
  EXPECT_EQ(source->name, "s");
  EXPECT_EQ(source->partitions[1].transform->kind, storage::TransformKind::kBucket);
  EXPECT_EQ(source->partitions[1].transform->parameter, 16u);
  EXPECT_EQ(source->indexes[0].kind, storage::IndexKind::kBtree);
  EXPECT_EQ(source->indexes[2].kind, std::nullopt);
  EXPECT_EQ(source->compression.codec, storage::Codec::kZstd);
  EXPECT_EQ(source->compression.columns.at("note"), storage::Codec::kGzip);
  EXPECT_EQ(source->compression.level, 5);
  EXPECT_EQ(source->schema_mode, storage::SchemaMode::kStrict);
  EXPECT_FALSE(source->wal_enabled);
}

TEST(ParseSourceTest, NeedsOnlyAnId) {
  const auto source = ParseSource(R"({"source_id":"s"})");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->compression.codec, storage::Codec::kSnappy);
  EXPECT_EQ(source->max_file_size_mb, 256u);
  EXPECT_EQ(source->durability, storage::Durability::kSync);
}

TEST(ParseSourceTest, ReadsWhenAWriteIsAcknowledged) {
  using storage::Durability;
  EXPECT_EQ(ParseSource(R"({"source_id":"s","durability":"interval"})")->durability,
            Durability::kInterval);
  EXPECT_EQ(ParseSource(R"({"source_id":"s","durability":"sync"})")->durability, Durability::kSync);
  EXPECT_EQ(ParseSourceChange(R"({"durability":"interval"})")->durability, Durability::kInterval);
  EXPECT_EQ(ParseSourceChange(R"({"durability":"sync"})")->durability, Durability::kSync);
  EXPECT_EQ(ParseSourceChange("{}")->durability, std::nullopt);
  const auto keyed = ParseSource(
      R"({"source_id":"s","primary_key":["a","b"],"retention":{"column":"d","days":36500}})");
  ASSERT_TRUE(keyed.ok()) << keyed.status().ToString();
  EXPECT_EQ(keyed->primary_key, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(keyed->retention, (storage::Retention{"d", 36'500}));
  const auto dropped = ParseSourceChange(R"({"retention":null})");
  ASSERT_TRUE(dropped->retention.has_value());
  EXPECT_EQ(*dropped->retention, std::nullopt);
  EXPECT_EQ(ParseSourceChange("{}")->retention, std::nullopt);
  EXPECT_EQ(*ParseSourceChange(R"({"retention":"none"})")->retention, std::nullopt);
  EXPECT_EQ(**ParseSourceChange(R"({"retention":{"column":"d","days":1}})")->retention,
            (storage::Retention{"d", 1}));
  EXPECT_EQ(ParseSourceChange(R"({"primary_key":["a"]})").status().code(), Code::kInvalidRequest);
}

TEST(SourceChangeRequestTest, ANullThatWouldChangeNothingIsRefusedByItsName) {
  for (const char* name :
       {"add_columns", "rename_columns", "drop_columns", "widen_columns", "add_indexes",
        "drop_indexes", "name", "connection_string", "compression", "compression_level",
        "max_file_size_mb", "sort_columns", "schema_mode", "durability", "primary_key"}) {
    const Status status = ParseSourceChange("{\"" + std::string(name) + "\":null}").status();
    ASSERT_EQ(status.code(), Code::kInvalidRequest) << name;
    EXPECT_EQ(status.fields().at(0).pointer, "/" + std::string(name));
  }
  EXPECT_EQ(ParseSourceChange(R"({"nmae":null})").status().code(), Code::kUnknownMember);
}

TEST(ParseSourceTest, RefusesWithAPointer) {
#define SOURCE(rest) R"({"source_id":"s",)" rest "}"
  ExpectRefusals(
      {{"{}", Code::kInvalidRequest, "/source_id"},
       {R"({"source_id":"a b"})", Code::kInvalidIdentifier, "/source_id"},
       {SOURCE(R"("sources":1)"), Code::kUnknownMember, "/sources"},
       {SOURCE(R"("name":5)"), Code::kInvalidRequest, "/name"},
       {SOURCE(R"("data_path":"s3://bucket/x")"), Code::kUnsupported, "/data_path"},
       {SOURCE(R"("data_path":"a\u0000b")"), Code::kInvalidPath, "/data_path"},
       {SOURCE(R"("schema_definition":["a"])"), Code::kInvalidRequest, "/schema_definition"},
       {SOURCE(R"("schema_definition":{"a":5})"), Code::kInvalidRequest, "/schema_definition/a"},
       {SOURCE(R"("schema_definition":{"a/b":"floaty"})"), Code::kInvalidDefinition,
        "/schema_definition/a~1b"},
       {SOURCE(R"("schema_definition":{"_seq":"int64"})"), Code::kInvalidDefinition,
        "/schema_definition/_seq"},
       {SOURCE(R"("schema_definition":{"a":"int64","a":"string"})"), Code::kInvalidRequest,
        "/schema_definition/a"},
       {SOURCE(R"("partition_columns":[{"column":"a","transform":"decade"}])"),
        Code::kInvalidDefinition, "/partition_columns/0/transform"},
       {SOURCE(R"("partition_columns":[{"transform":"day"}])"), Code::kInvalidRequest,
        "/partition_columns/0/column"},
       {SOURCE(R"("partition_columns":"a")"), Code::kInvalidRequest, "/partition_columns"},
       {SOURCE(R"("index_columns":[{"column":"a","kind":"rtree"}])"), Code::kInvalidDefinition,
        "/index_columns/0/kind"},
       {SOURCE(R"("index_columns":[7])"), Code::kInvalidRequest, "/index_columns/0"},
       {SOURCE(R"("compression":"lzma")"), Code::kInvalidDefinition, "/compression"},
       {SOURCE(R"("compression":{"columns":{"a":"lzma"}})"), Code::kInvalidDefinition,
        "/compression/columns/a"},
       {SOURCE(R"("compression":{"level":3})"), Code::kUnknownMember, "/compression/level"},
       {SOURCE(R"("compression":"zstd","compression_level":"9")"), Code::kInvalidRequest,
        "/compression_level"},
       {SOURCE(R"("compression":"zstd","compression_level":9999)"), Code::kInvalidDefinition,
        "/compression_level"},
       {SOURCE(R"("max_file_size_mb":0)"), Code::kInvalidRequest, "/max_file_size_mb"},
       {SOURCE(R"("wal_enabled":"yes")"), Code::kInvalidRequest, "/wal_enabled"},
       {SOURCE(R"("schema_mode":"loose")"), Code::kInvalidDefinition, "/schema_mode"},
       {SOURCE(R"("durability":"often")"), Code::kInvalidDefinition, "/durability"},
       {SOURCE(R"("primary_key":"a")"), Code::kInvalidRequest, "/primary_key"},
       {SOURCE(R"("retention":1)"), Code::kInvalidRequest, "/retention"},
       {SOURCE(R"("retention":{"column":"d"})"), Code::kInvalidRequest, "/retention/days"},
       {SOURCE(R"("retention":{"column":"d","days":0})"), Code::kInvalidRequest, "/retention/days"},
       {SOURCE(R"("retention":{"column":"d","days":36501})"), Code::kInvalidRequest,
        "/retention/days"},
       {SOURCE(R"("retention":{"days":1})"), Code::kInvalidRequest, "/retention/column"}},
      [](const char* body) { return ParseSource(body).status(); });
#undef SOURCE
}

// A gRPC client does not read an error whose message is not UTF-8.
TEST(RequestJsonTest, ARefusalNeverQuotesPartOfACharacter) {
  std::string text(63, 'x');
  text += "é";
  const auto search = [](const std::string& body) { return ParseSearch(body, false).status(); };
  const auto aggregate = [](const std::string& body) { return ParseAggregate(body).status(); };
  const auto source = [](const std::string& body) { return ParseSource(body).status(); };
  const auto write = [](const std::string& body) { return ParseWrite(body).status(); };
  const std::string quoted = '"' + text + '"';
  const std::vector<Status> refusals = {
      search(R"({"order_by": [{"column": "a", "direction": )" + quoted + "}]}"),
      search("\u00c3{}"),
      search(R"({"limit": x)" + text.substr(32) + "}"),
      aggregate(R"({"aggregations": [{"type": )" + quoted + "}]}"),
      aggregate(R"({"group_by": [{"column": "a", "transform": )" + quoted + "}]}"),
      aggregate(R"({"group_by": [{"column": "a", "transform": {"interval": )" + quoted + "}}]}"),
      source(R"({"source_id": "s", "schema_definition": {"a": )" + quoted + "}}"),
      source(R"({"source_id": "s", "schema_mode": )" + quoted + "}"),
      source(R"({"source_id": "s", "index_columns": [{"column": "a", "kind": )" + quoted + "}]}"),
      source(R"({"source_id": "s", "partition_columns": [{"column": "a", "transform": )" + quoted +
             "}]}"),
      write(R"({"source_id": "s", "records": [], "on_error": )" + quoted + "}")};
  for (const Status& refusal : refusals) {
    EXPECT_FALSE(refusal.ok());
    EXPECT_TRUE(IsValidUtf8(refusal.message())) << refusal.ToString();
    for (const FieldError& field : refusal.fields()) EXPECT_TRUE(IsValidUtf8(field.detail));
  }
}

}  // namespace
}  // namespace granary::api
