// A whole node on a free port and a folder of its own, spoken to over HTTP only.
#include "granary/services/tenant_node/node.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include <gtest/gtest.h>

#include <simdjson.h>

#include "granary/net/http_client.h"
#include "granary/testing/temp_directory.h"

namespace granary::services {
namespace {

using net::ClientResponse;
using net::Headers;

// The bodies of the README's examples, byte for byte.
constexpr std::string_view kWrite = R"({
    "source_id": "sales_data",
    "records": [
      {
        "fields": {
          "order_id": "ORD_001",
          "customer_id": "CUST_001",
          "amount": 100.50,
          "order_date": "2024-01-15"
        }
      }
    ]
  })";
constexpr std::string_view kSearch = R"({
    "filters": {
      "customer_id": {"eq": "CUST_001"}
    },
    "limit": 10
  })";
constexpr std::string_view kAggregate = R"({
    "aggregations": [
      {"type": "count", "alias": "total_orders"},
      {"type": "sum", "column": "amount", "alias": "total_revenue"}
    ]
  })";
constexpr std::string_view kSource =
    R"({"source_id": "sales_data", "name": "Sales Data Source", "connection_string": "file://sales",
 "data_path": "./data/sources/sales_data",
 "schema_definition": {"order_id": "string", "customer_id": "string", "amount": "float64", "order_date": "datetime64[ns]"},
 "partition_columns": ["order_date"], "index_columns": ["customer_id", "order_date"],
 "compression": "snappy", "max_file_size_mb": 256, "wal_enabled": true})";

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct NodeTest : ::testing::Test {
  void SetUp() override { Start(); }
  void TearDown() override { Stop(); }

  Config MakeConfig(std::vector<ConfigSetting> more = {}) {
    ConfigSources sources;
    sources.flags = {{"DATA_PATH", folder.path(), "test"},
                     {"REST_PORT", "0", "test"},
                     {"REST_HOST", "127.0.0.1", "test"}};
    for (auto& setting : more) sources.flags.push_back(std::move(setting));
    auto config = LoadConfig(sources);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    return config.Take();
  }

  void Start(std::vector<ConfigSetting> more = {}) {
    auto listening =
        TenantNode::Listen(MakeConfig(std::move(more)), Logger::Null(), io::Failpoints::None());
    ASSERT_TRUE(listening.ok()) << listening.status().ToString();
    node = listening.Take();
    client =
        net::HttpClient::Create("http://127.0.0.1:" + std::to_string(node->port()), 30'000).Take();
    const Status opened = node->Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
  }
  void Stop() {
    client.reset();
    if (node) {
      EXPECT_TRUE(node->Stop().ok());
    }
    node.reset();
  }

  ClientResponse Call(std::string_view method, std::string_view target, std::string_view body = {},
                      const Headers& headers = {}) {
    auto response = client->Send(method, target, body, headers);
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    return response.ok() ? response.Take() : ClientResponse{};
  }
  void ExpectProblem(const ClientResponse& response, int status, std::string_view code,
                     std::string_view pointer = {}) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.headers.Get("Content-Type"), "application/problem+json");
    EXPECT_TRUE(Has(response.body, "\"code\":\"" + std::string(code) + "\"")) << response.body;
    EXPECT_TRUE(Has(response.body,
                    "\"instance\":\"" +
                        std::string(response.headers.Get("X-Request-Id").value_or("?")) + "\""));
    if (pointer.empty()) return;
    EXPECT_TRUE(Has(response.body, "\"pointer\":\"" + std::string(pointer) + "\""))
        << response.body;
  }
  void AddAndWrite() {
    ASSERT_EQ(Call("POST", "/sources/add", kSource).status, 201);
    ASSERT_EQ(Call("POST", "/data/write", kWrite).status, 200);
  }

  testing::TempDirectory folder;
  std::unique_ptr<TenantNode> node;
  std::optional<net::HttpClient> client;
};

TEST_F(NodeTest, AnswersTheReadmesExamplesHotFlushedAndRestarted) {
  AddAndWrite();
  for (const std::string state : {"hot", "flushed", "restarted"}) {
    if (state == "flushed") {
      ASSERT_EQ(Call("POST", "/sources/sales_data/flush").status, 200);
    } else if (state == "restarted") {
      Stop();
      Start();
    }
    const auto search = Call("POST", "/data/search", kSearch);
    EXPECT_EQ(search.status, 200) << search.body;
    EXPECT_TRUE(search.body.starts_with(
        R"({"records":[{"source_id":"sales_data","fields":{"order_id":"ORD_001","customer_id":"CUST_001",)"
        R"("amount":100.5,"order_date":"2024-01-15T00:00:00Z"}}],"count":1,"next_cursor":null,"stats":{"elapsed_ms":)"))
        << state << search.body;
    const auto aggregate = Call("POST", "/data/aggregate", kAggregate);
    EXPECT_TRUE(aggregate.body.starts_with(
        R"({"results":[{"total_orders":1,"total_revenue":100.5}],"stats":{)"))
        << state << aggregate.body;
  }
}

TEST_F(NodeTest, WritesAnswerWithTheirSequences) {
  ASSERT_EQ(Call("POST", "/sources/add", kSource).status, 201);
  const auto write = Call("POST", "/data/write", kWrite);
  EXPECT_TRUE(
      write.body.starts_with(R"({"source_id":"sales_data","written":1,"sequence":{"first":)"))
      << write.body;
  EXPECT_TRUE(write.body.ends_with(R"("schema_version":1,"durable":true})")) << write.body;
}

TEST_F(NodeTest, AddsShowsListsAndDropsSources) {
  const auto added = Call("POST", "/sources/add", kSource);
  EXPECT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(Call("POST", "/sources/add", kSource).status, 200);
  ExpectProblem(Call("POST", "/sources/add", R"({"source_id":"sales_data"})"), 409,
                "SOURCE_CONFLICT");
  const auto shown = Call("GET", "/sources/sales_data");
  EXPECT_EQ(shown.body, added.body);
  EXPECT_TRUE(Has(
      shown.body,
      R"("schema_definition":{"order_id":"string","customer_id":"string","amount":"float64","order_date":"datetime64[ns]"})"))
      << shown.body;
  EXPECT_TRUE(Has(shown.body, R"("schema_version":1,"created_at":"20)")) << shown.body;
  EXPECT_EQ(Call("GET", "/v1/sources").body, "{\"sources\":[" + shown.body + "]}");
  EXPECT_EQ(Call("DELETE", "/sources/sales_data?keep_data=false").status, 204);
  ExpectProblem(Call("GET", "/sources/sales_data"), 404, "SOURCE_NOT_FOUND");
  ExpectProblem(Call("DELETE", "/sources/sales_data"), 404, "SOURCE_NOT_FOUND");
}

TEST_F(NodeTest, ShowsStatistics) {
  AddAndWrite();
  for (const bool flushed : {false, true}) {
    if (flushed) Call("POST", "/sources/sales_data/flush", "{}");
    const auto stats = Call("GET", "/sources/sales_data/stats");
    EXPECT_EQ(stats.status, 200);
    EXPECT_TRUE(Has(stats.body, R"({"source_id":"sales_data","rows":1,)")) << stats.body;
    EXPECT_TRUE(
        Has(stats.body,
            R"("amount":{"type":"float64","nulls":0,"min":100.5,"max":100.5,"distinct":1,)"))
        << stats.body;
    EXPECT_TRUE(Has(stats.body, R"("min":"2024-01-15T00:00:00Z")")) << stats.body;
  }
  const auto tenant = Call("GET", "/tenant/stats");
  EXPECT_TRUE(tenant.body.starts_with(
      R"({"tenant_id":"default_tenant","tenant_name":"Default Tenant","sources":1,"rows":1,)"))
      << tenant.body;
}

TEST_F(NodeTest, StreamsLines) {
  AddAndWrite();
  const auto stream = Call("POST", "/data/search/stream", R"({"columns":["order_id"]})");
  EXPECT_EQ(stream.headers.Get("Content-Type"), "application/x-ndjson");
  EXPECT_EQ(stream.body, "{\"source_id\":\"sales_data\",\"fields\":{\"order_id\":\"ORD_001\"}}\n");
  ExpectProblem(Call("POST", "/data/search/stream", R"({"columns":["nope"]})"), 400,
                "UNKNOWN_COLUMN");
  Headers csv;
  csv.Set("Accept", "text/csv");
  const auto table = Call("POST", "/data/search/stream", R"({"columns":["order_id"]})", csv);
  EXPECT_EQ(table.headers.Get("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(table.headers.Get("Vary"), "Accept, Accept-Encoding");
  EXPECT_EQ(table.body, "order_id\r\nORD_001\r\n");
  Headers image;
  image.Set("Accept", "image/png");
  ExpectProblem(Call("POST", "/data/search/stream", "{}", image), 406, "NOT_ACCEPTABLE");
}

TEST_F(NodeTest, FramesTellAWholeAnswer) {
  AddAndWrite();
  const auto lines =
      Call("POST", "/data/search/stream?frames=true", R"({"columns":["order_id"]})").body;
  EXPECT_TRUE(lines.starts_with(R"({"meta":{"request_id":")")) << lines;
  EXPECT_NE(lines.find(R"("columns":[{"name":"order_id","type":"string"}]}})"), lines.npos);
  EXPECT_NE(lines.find("\n{\"row\":{\"source_id\":\"sales_data\",\"fields\":{\"order_id\":"
                       "\"ORD_001\"}}}\n{\"end\":{\"rows\":1,\"stats\":{"),
            lines.npos)
      << lines;
  Headers events;
  events.Set("Accept", "text/event-stream");
  const auto stream = Call("POST", "/data/search/stream", "{}", events);
  EXPECT_EQ(stream.headers.Get("Content-Type"), "text/event-stream");
  EXPECT_TRUE(stream.body.starts_with("event: meta\ndata: {")) << stream.body;
  EXPECT_NE(stream.body.find("\n\nevent: end\ndata: {\"rows\":1,"), stream.body.npos);
}

TEST_F(NodeTest, StreamsManyRecordsWhole) {
  ASSERT_EQ(
      Call("POST", "/sources/add", R"({"source_id":"n","schema_definition":{"i":"int64"}})").status,
      201);
  std::string body = R"({"source_id":"n","records":[)";
  for (int i = 0; i < 5000; ++i)
    body += (i > 0 ? "," : "") + std::string("{\"fields\":{\"i\":") + std::to_string(i) + "}}";
  for (int i = 0; i < 4; ++i) ASSERT_EQ(Call("POST", "/data/write", body + "]}").status, 200);
  std::size_t lines = 0;
  const auto stream =
      client->Stream("POST", "/data/search/stream", "{}", [&](std::string_view piece) {
        lines += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
        return Status::Ok();
      });
  ASSERT_TRUE(stream.ok()) << stream.status().ToString();
  EXPECT_EQ(lines, 20'000u);
}

TEST_F(NodeTest, RefusesBadRequestsByCodeAndPlace) {
  AddAndWrite();
  ExpectProblem(Call("POST", "/data/write", ""), 400, "INVALID_JSON");
  ExpectProblem(Call("POST", "/data/write", R"({"source_id":"none","records":[]})"), 404,
                "SOURCE_NOT_FOUND");
  ExpectProblem(
      Call(
          "POST", "/data/write",
          R"({"source_id":"sales_data","records":[{"fields":{"amount":1}},{"fields":{"amount":"x"}}]})"),
      400, "INVALID_RECORD", "/records/1/fields/amount");
  ExpectProblem(Call("POST", "/data/search", R"({"filters":{"amount":{"gt":"abc"}}})"), 400,
                "INVALID_LITERAL", "/filters/amount/gt");
  ExpectProblem(Call("POST", "/data/search", R"({"filters":{"amnt":1}})"), 400, "UNKNOWN_COLUMN",
                "/filters/amnt");
  ExpectProblem(
      Call("POST", "/data/aggregate", R"({"aggregations":[{"type":"sum","column":"order_id"}]})"),
      422, "TYPE_MISMATCH");
  ExpectProblem(Call("GET", "/nowhere"), 404, "NOT_FOUND");
  ExpectProblem(Call("GET", "/sources/a%20b"), 400, "INVALID_IDENTIFIER");
  ExpectProblem(Call("GET", "/sources/.."), 400, "INVALID_IDENTIFIER");
  ExpectProblem(Call("DELETE", "/sources/sales_data?keep_dat=true"), 400, "INVALID_ARGUMENT");
  ExpectProblem(Call("DELETE", "/sources/sales_data?keep_data=yes"), 400, "INVALID_ARGUMENT");
  const auto wrong_method = Call("PUT", "/data/write");
  ExpectProblem(wrong_method, 405, "METHOD_NOT_ALLOWED");
  EXPECT_EQ(wrong_method.headers.Get("Allow"), "POST");
  Headers text;
  text.Set("Content-Type", "text/plain");
  ExpectProblem(Call("POST", "/data/search", "{}", text), 415, "UNSUPPORTED_MEDIA_TYPE");
  // Nothing of all that changed anything.
  EXPECT_TRUE(Has(Call("POST", "/data/search", "{}").body, "\"count\":1,"));
}

TEST_F(NodeTest, AParameterThatIsGivenTwiceIsRefused) {
  AddAndWrite();
  for (const char* target : {"/sources/sales_data?keep_data=true&keep_data=true",
                             "/sources/sales_data?keep_data=true&keep%5Fdata=false"}) {
    const auto answer = Call("DELETE", target);
    ExpectProblem(answer, 400, "INVALID_ARGUMENT");
    EXPECT_TRUE(Has(answer.body, "keep_data is given twice")) << answer.body;
  }
  EXPECT_EQ(Call("GET", "/sources/sales_data").status, 200);
}

TEST_F(NodeTest, AnAnswerThatNobodyTakesIsRefusedBeforeAnythingIsDone) {
  AddAndWrite();
  Headers nothing;
  nothing.Set("Accept-Encoding", "identity;q=0");
  ExpectProblem(Call("POST", "/data/write", kWrite, nothing), 406, "NOT_ACCEPTABLE");
  EXPECT_TRUE(Has(Call("POST", "/data/search", "{}").body, "\"count\":1,"));
}

TEST_F(NodeTest, ContentTypesAreTakenWithWhatTheySay) {
  ASSERT_EQ(Call("POST", "/sources/add", R"({"source_id":"n"})").status, 201);
  const auto post = [&](const char* type, std::string_view body) {
    Headers headers;
    headers.Set("Content-Type", type);
    return Call("POST", "/data/write?source_id=n", body, headers);
  };
  const auto absent = post("text/csv; header=absent", "1,2\n");
  ExpectProblem(absent, 415, "UNSUPPORTED_MEDIA_TYPE");
  EXPECT_TRUE(Has(absent.body, "header=absent")) << absent.body;
  EXPECT_EQ(post("text/csv; header=present; charset=UTF-8", "a,b\r1,2\r").status, 200);
  EXPECT_EQ(post("application/x-ndjson", "\xEF\xBB\xBF{\"a\":3}\n").status, 200);
  EXPECT_TRUE(Has(Call("POST", "/data/search", "\xEF\xBB\xBF{}").body, "\"count\":2,"));
}

TEST_F(NodeTest, ABodyWhereNoneIsTakenIsRefusedAndNothingChanges) {
  AddAndWrite();
  const auto refused = Call("DELETE", "/sources/sales_data", R"({"keep_data":true})");
  ExpectProblem(refused, 400, "INVALID_ARGUMENT");
  EXPECT_TRUE(Has(refused.body, "takes no body")) << refused.body;
  EXPECT_TRUE(Has(refused.body, "keep_data")) << refused.body;
  for (const char* target : {"/sources", "/sources/sales_data/stats", "/queries", "/jobs"})
    ExpectProblem(Call("GET", target, "{}"), 400, "INVALID_ARGUMENT");
  for (const char* target : {"/queries/none", "/jobs/none"})
    ExpectProblem(Call("DELETE", target, "{}"), 400, "INVALID_ARGUMENT");
  EXPECT_TRUE(Has(Call("GET", "/sources/sales_data/stats").body, R"("rows":1)"));
  EXPECT_EQ(Call("DELETE", "/sources/sales_data").status, 204);
}

TEST_F(NodeTest, ABodyThatMayBeLeftOutIsJsonAllTheSame) {
  AddAndWrite();
  for (const std::string target : {"/sources/sales_data/flush", "/sources/sales_data/compact"}) {
    Headers text;
    text.Set("Content-Type", "text/plain");
    ExpectProblem(Call("POST", target, "{}", text), 415, "UNSUPPORTED_MEDIA_TYPE");
    EXPECT_LT(Call("POST", target, "", text).status, 300) << "of nothing the type says nothing";
    text.Set("Content-Type", "application/json");
    EXPECT_LT(Call("POST", target, "{}", text).status, 300);
  }
}

TEST_F(NodeTest, AParameterThatIsWrongIsNoPlaceOfTheBody) {
  ASSERT_EQ(Call("POST", "/sources/add", R"({"source_id":"n"})").status, 201);
  Headers ndjson;
  ndjson.Set("Content-Type", "application/x-ndjson");
  for (const char* wrong : {"on_error=foo", "atomic=maybe"}) {
    const auto answer =
        Call("POST", std::string("/data/write?source_id=n&") + wrong, "{\"a\":1}\n", ndjson);
    ExpectProblem(answer, 400, "INVALID_ARGUMENT");
    EXPECT_FALSE(Has(answer.body, "\"errors\"")) << answer.body;
    EXPECT_TRUE(Has(answer.body, std::string_view(wrong).substr(0, 6))) << answer.body;
  }
}

TEST_F(NodeTest, NamesWhatComesLater) {
  const std::pair<const char*, const char*> later[] = {{"POST", "/sql"}};
  for (const auto& [method, target] : later)
    ExpectProblem(Call(method, target, "{}"), 501, "UNSUPPORTED");
  Headers gzip;
  gzip.Set("Content-Encoding", "gzip");
  ExpectProblem(Call("POST", "/data/search", "{}", gzip), 400, "INVALID_ARGUMENT");
  gzip.Set("Content-Encoding", "br");
  ExpectProblem(Call("POST", "/data/search", "{}", gzip), 415, "UNSUPPORTED_MEDIA_TYPE");
}

TEST_F(NodeTest, ARepeatedKeyIsAnsweredAgainAndAnotherBodyIsAConflict) {
  AddAndWrite();
  Headers key;
  key.Set("Idempotency-Key", "k");
  const auto first = Call("POST", "/data/write", kWrite, key);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_FALSE(first.headers.Get("Idempotency-Replayed").has_value());
  const auto again = Call("POST", "/data/write", kWrite, key);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.Get("Idempotency-Replayed"), "true");
  ExpectProblem(Call("POST", "/data/write", std::string(kWrite) + " ", key), 409,
                "IDEMPOTENCY_KEY_REUSED");
}

TEST_F(NodeTest, AKeyHas1To255PrintableCharacters) {
  AddAndWrite();
  for (const auto& [text, status] :
       std::vector<std::pair<std::string, int>>{{std::string(1, 'k'), 200},
                                                {std::string(254, 'k'), 200},
                                                {std::string(255, 'k'), 200},
                                                {std::string(256, 'k'), 400},
                                                {"", 400},
                                                {"k\xc3\xa9", 400}}) {
    Headers key;
    key.Set("Idempotency-Key", text);
    EXPECT_EQ(Call("POST", "/data/write", kWrite, key).status, status) << text.size();
  }
}

TEST_F(NodeTest, AnswersOnlyJsonThatParses) {
  AddAndWrite();
  simdjson::dom::parser parser;
  for (const auto& [method, target, body] :
       std::vector<std::tuple<const char*, const char*, std::string_view>>{
           {"GET", "/health", ""},
           {"GET", "/sources", ""},
           {"GET", "/sources/sales_data", ""},
           {"GET", "/sources/sales_data/stats", ""},
           {"GET", "/tenant/stats", ""},
           {"POST", "/data/search", "{}"},
           {"POST", "/data/aggregate", kAggregate},
           {"GET", "/none", ""}}) {
    const auto response = Call(method, target, body);
    EXPECT_EQ(parser.parse(response.body).error(), simdjson::SUCCESS) << target << response.body;
  }
}

TEST_F(NodeTest, CountsInMetrics) {
  AddAndWrite();
  const auto metrics = Call("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  for (const char* line :
       {"granary_http_requests_total{method=\"POST\",route=\"/data/write\",status=\"200\"} 1",
        "granary_rows_written_total 1", "granary_sources 1", "granary_ready 1",
        "granary_wal_bytes ", "process_resident_memory_bytes "}) {
    EXPECT_TRUE(Has(metrics.body, line)) << line << "\n" << metrics.body;
  }
}

TEST_F(NodeTest, IsAliveButNotReadyBeforeRecovery) {
  Stop();
  auto listening = TenantNode::Listen(MakeConfig(), Logger::Null(), io::Failpoints::None());
  ASSERT_TRUE(listening.ok());
  node = listening.Take();
  client =
      net::HttpClient::Create("http://127.0.0.1:" + std::to_string(node->port()), 30'000).Take();
  const auto health = Call("GET", "/health");
  ExpectProblem(health, 503, "UNAVAILABLE");
  EXPECT_EQ(health.headers.Get("Retry-After"), "1");
  ExpectProblem(Call("GET", "/health/ready"), 503, "UNAVAILABLE");
  EXPECT_EQ(Call("GET", "/health/live").status, 200);
  EXPECT_EQ(Call("GET", "/metrics").status, 200);
  ExpectProblem(Call("POST", "/data/search", "{}"), 503, "UNAVAILABLE");
  ASSERT_TRUE(node->Open().ok());
  const auto ready = Call("GET", "/health");
  EXPECT_EQ(ready.status, 200);
  EXPECT_TRUE(ready.body.starts_with(
      R"({"status":"ok","service":"tenant-node","tenant_id":"default_tenant",)"))
      << ready.body;
}

TEST_F(NodeTest, RefusesASecondNodeOnTheSameFolder) {
  auto second = TenantNode::Listen(MakeConfig(), Logger::Null(), io::Failpoints::None());
  ASSERT_TRUE(second.ok());
  const Status status = second.value()->Open();
  EXPECT_EQ(status.code(), Code::kConflict) << status.ToString();
  EXPECT_TRUE(Has(status.message(), std::to_string(::getpid()))) << status.ToString();
}

TEST_F(NodeTest, LimitsTheBatch) {
  Stop();
  Start({{"MAX_BATCH_RECORDS", "3", "test"},
         {"MAX_PAGE_RECORDS", "5", "test"},
         {"MAX_JSON_DEPTH", "8", "test"}});
  ASSERT_EQ(Call("POST", "/sources/add", R"({"source_id":"n"})").status, 201);
  for (int records = 2; records <= 4; ++records) {
    std::string body = R"({"source_id":"n","records":[{"fields":{"i":0}})";
    for (int i = 1; i < records; ++i) body += R"(,{"fields":{"i":1}})";
    EXPECT_EQ(Call("POST", "/data/write", body + "]}").status, records <= 3 ? 200 : 413) << records;
  }
  EXPECT_EQ(Call("POST", "/data/search", R"({"limit":5})").status, 200);
  EXPECT_EQ(Call("POST", "/data/search", R"({"limit":6})").status, 400);
}

}  // namespace
}  // namespace granary::services
