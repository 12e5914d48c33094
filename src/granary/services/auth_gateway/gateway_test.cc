#include "granary/services/auth_gateway/gateway.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "granary/api/json_node.h"
#include "granary/auth/auth_file.h"
#include "granary/hosting/dispatcher.h"
#include "granary/io/posix_file_system.h"
#include "granary/net/http_client.h"
#include "granary/services/auth_gateway/access.h"
#include "granary/services/auth_gateway/node_api.h"
#include "granary/services/auth_gateway/openapi_document.h"
#include "granary/services/auth_gateway/proxy.h"
#include "granary/services/auth_gateway/routes.h"
#include "granary/testing/fake_clock.h"
#include "granary/testing/temp_directory.h"

namespace granary::gateway {
namespace {

using Names = std::set<std::string>;

const api::JsonNode* MemberOf(const api::JsonNode& node, std::string_view name) {
  for (const api::JsonMember& member : node.members)
    if (member.name == name) return &member.value;
  return nullptr;
}

// "GET /sources" -> its query parameters that are written out there.
std::map<std::string, Names> DocumentedIn(const std::string& text) {
  const api::JsonNode root = api::ParseJsonObject(text, 64).Take();
  std::map<std::string, Names> out;
  for (const api::JsonMember& path : MemberOf(root, "paths")->members) {
    for (const api::JsonMember& method : path.value.members) {
      if (method.name == "parameters") continue;
      std::string name = method.name;
      for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
      Names& names = out[name + " " + path.name];
      const api::JsonNode* parameters = MemberOf(method.value, "parameters");
      if (parameters == nullptr) continue;
      for (const api::JsonNode& parameter : parameters->items) {
        const api::JsonNode* in = MemberOf(parameter, "in");
        if (in != nullptr && in->text == "query") names.insert(MemberOf(parameter, "name")->text);
      }
    }
  }
  return out;
}

std::string FileText(const char* path) {
  io::PosixFileSystem files;
  return files.ReadFile(path).Take();
}

const Names kCommon = {"GET /health",  "GET /health/ready", "GET /health/live",
                       "GET /metrics", "GET /openapi.json", "GET /logs"};

// A route that the node has and this table does not would be 404 through the gateway; one that only
// the table has, unguarded thoughts.
TEST(NodeApiTest, HasEveryRouteOfTheNodesDocumentAndNoOther) {
  Names passed;
  for (const NodeRoute& route : NodeRoutes())
    passed.insert(fmt::format("{} {}", route.method, route.pattern));
  Names documented;
  for (const auto& [name, query] : DocumentedIn(FileText(GRANARY_NODE_DOCUMENT))) {
    if (!kCommon.contains(name)) documented.insert(name);
  }
  EXPECT_EQ(passed, documented);
}

TEST(NodeApiTest, ARouteNeedsItsVerbWhereItReaches) {
  const auto allowed = [](const char* method, const char* pattern, const char* grant,
                          const char* source) {
    for (const NodeRoute& route : NodeRoutes()) {
      if (route.method != method || route.pattern != pattern) continue;
      std::vector<security::Grant> grants;
      if (*grant != '\0') grants.push_back(*security::ParseGrant(grant));
      return CheckReach(route, grants, source).ok();
    }
    ADD_FAILURE() << method << pattern;
    return false;
  };
  EXPECT_TRUE(allowed("POST", "/data/write", "w:a", ""));
  EXPECT_FALSE(allowed("POST", "/data/write", "ra:*", ""));
  EXPECT_TRUE(allowed("GET", "/sources", "", ""));
  EXPECT_TRUE(allowed("GET", "/sources/{id}", "w:a", "a"));
  EXPECT_FALSE(allowed("GET", "/sources/{id}", "rwa:b", "a"));
  EXPECT_FALSE(allowed("GET", "/sources/{id}/stats", "wa:a", "a"));
  EXPECT_TRUE(allowed("DELETE", "/sources/{id}", "a:a*", "ab"));
  EXPECT_FALSE(allowed("DELETE", "/sources/{id}", "rw:*", "ab"));
  EXPECT_FALSE(allowed("GET", "/tenant/stats", "rwa:a*", ""));
  EXPECT_TRUE(allowed("GET", "/tenant/stats", "r:*", ""));
  EXPECT_FALSE(allowed("GET", "/queries", "a:a*", ""));
}

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    hosting::ConfigSources sources;
    sources.flags = {{"DATA_PATH", folder_.path(), "test"},
                     {"REST_HOST", "127.0.0.1", "test"},
                     {"AUTH_GATEWAY_PORT", "0", "test"},
                     {"PASSWORD_MEMORY_KB", "64", "test"},
                     {"PASSWORD_PASSES", "1", "test"},
                     {"RATE_KEY_PER_SECOND", "0", "test"},
                     {"TENANT_NODE_URL", "http://127.0.0.1:1", "test"}};
    config_ = LoadConfig(sources).Take();
  }
  void Open() {
    auto listening = AuthGateway::Listen(config_, Logger::Null(),
                                         [this](const std::string& key) { key_ = key; });
    ASSERT_TRUE(listening.ok()) << listening.status().ToString();
    gateway_ = listening.Take();
    ASSERT_TRUE(gateway_->Open().ok());
  }
  net::ClientResponse Call(std::string_view method, std::string_view target,
                           std::string_view body = {}, const net::Headers& headers = {}) {
    auto client =
        net::HttpClient::Create(fmt::format("http://127.0.0.1:{}", gateway_->port()), 20'000);
    auto answer = client->Send(method, target, body, headers);
    EXPECT_TRUE(answer.ok()) << answer.status().ToString();
    return answer.ok() ? answer.Take() : net::ClientResponse{};
  }
  net::Headers Key() const {
    net::Headers headers;
    headers.Set("X-API-Key", key_);
    return headers;
  }

  testing::TempDirectory folder_;
  Config config_;
  std::unique_ptr<AuthGateway> gateway_;
  std::string key_;
};

TEST_F(GatewayTest, ServesWhatItsDocumentSaysAndNothingElse) {
  testing::FakeClock clock;
  GatewayState state(config_, Logger::Null(), clock, nullptr);
  const hosting::Router router = MakeRouter(state);
  Names passed;
  for (const NodeRoute& route : NodeRoutes())
    passed.insert(fmt::format("{} {}", route.method, route.pattern));
  const auto documented = DocumentedIn(std::string(OpenApiDocument()));
  EXPECT_EQ(DocumentedIn(FileText(GRANARY_GATEWAY_DOCUMENT)), documented);
  Names served;
  for (const hosting::Router::Entry& entry : router.entries()) {
    const std::string name = entry.route.method + " " + entry.route.pattern;
    if (passed.contains(name) || entry.route.between_services) continue;
    served.insert(name);
    ASSERT_TRUE(documented.contains(name)) << name;
    EXPECT_EQ(documented.at(name), Names(entry.route.query.begin(), entry.route.query.end()));
  }
  for (const auto& [name, query] : documented) EXPECT_TRUE(served.contains(name)) << name;
}

// Whoever shows nothing is told so by every route but the open ones, and by what is no route.
TEST_F(GatewayTest, NothingIsAnsweredWithoutACredential) {
  Open();
  const Names open = {"POST /auth/login", "POST /auth/refresh", "GET /auth/jwks.json"};
  Names names = {"GET /nothing/there", "GET /auth/login/x", "GET /v1/auth/me"};
  for (const auto& [name, query] : DocumentedIn(FileText(GRANARY_GATEWAY_DOCUMENT)))
    names.insert(name);
  for (const NodeRoute& route : NodeRoutes())
    names.insert(fmt::format("{} {}", route.method, route.pattern));
  int asked = 0;
  for (const std::string& name : names) {
    if (open.contains(name) || kCommon.contains(name)) continue;
    const auto space = name.find(' ');
    const auto answer = Call(name.substr(0, space), name.substr(space + 1), "{}");
    EXPECT_EQ(answer.status, 401) << name;
    EXPECT_EQ(answer.headers.Get("WWW-Authenticate"), "Bearer") << name;
    ++asked;
  }
  EXPECT_GE(asked, 40);
}

TEST_F(GatewayTest, TheFirstStartGivesAKeyThatKnowsItsOwner) {
  Open();
  ASSERT_FALSE(key_.empty());
  const auto me = Call("GET", "/auth/me", {}, Key());
  EXPECT_EQ(me.status, 200);
  EXPECT_NE(me.body.find(R"("username":"admin")"), std::string::npos) << me.body;
  EXPECT_EQ(me.body.find(key_), std::string::npos);
  const std::string first = key_;
  gateway_.reset();
  key_.clear();
  Open();
  EXPECT_TRUE(key_.empty()) << "once in the life of a folder";
  key_ = first;
  EXPECT_EQ(Call("GET", "/auth/me", {}, Key()).status, 200);
}

TEST_F(GatewayTest, AFolderHasOneGateway) {
  Open();
  auto second = AuthGateway::Listen(config_, Logger::Null(), {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->Open().code(), Code::kConflict);
}

// Whoever comes second at a first start must find no half-made file to fail on, nor make one.
TEST_F(GatewayTest, TheFolderIsLockedBeforeItsFileIsMade) {
  io::PosixFileSystem files;
  ASSERT_TRUE(auth::MakeAuthFolder(folder_.path() + "/auth").ok());
  const auto lock = files.Lock(folder_.path() + "/auth/LOCK");
  ASSERT_TRUE(lock.ok());
  auto second = AuthGateway::Listen(config_, Logger::Null(), {});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*second)->Open().code(), Code::kConflict);
  EXPECT_EQ(files.ReadFile(auth::AuthFilePath(folder_.path() + "/auth")).status().code(),
            Code::kNotFound);
}

TEST_F(GatewayTest, IsNotReadyBeforeItIsOpen) {
  auto listening = AuthGateway::Listen(config_, Logger::Null(), {});
  gateway_ = listening.Take();
  EXPECT_EQ(Call("GET", "/health").status, 503);
  EXPECT_EQ(Call("GET", "/health/live").status, 200);
  net::Headers headers;
  headers.Set("Authorization", "Bearer x");
  EXPECT_EQ(Call("GET", "/auth/me", {}, headers).status, 503);
  ASSERT_TRUE(gateway_->Open().ok());
  EXPECT_EQ(Call("GET", "/health").status, 200);
}

// Nobody has to be known for the file to be asked for their key.
TEST_F(GatewayTest, ADamagedFileOfKeysIsNotNamedToAnybody) {
  Open();
  auto db =
      SqliteDb::Open(auth::AuthFilePath(folder_.path() + "/auth"), SqliteDb::Access::kReadWrite);
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE(db->Execute("DROP TABLE keys").ok());
  for (const char* method : {"GET", "POST"}) {
    const auto answer = Call(method, "/sources", {}, Key());
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("auth.sqlite"), std::string::npos) << answer.body;
    EXPECT_EQ(answer.body.find("SQLite"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("its log says why"), std::string::npos) << answer.body;
  }
}

TEST_F(GatewayTest, WhoeverIsNotKnownYetSendsLittle) {
  Open();
  const auto status_of = [&](const char* target, std::size_t bytes) {
    std::string body = R"({"username":"ada","password":"guess"})";
    body.resize(bytes, ' ');
    return Call("POST", target, body).status;
  };
  EXPECT_EQ(status_of("/auth/login", hosting::kStrangersBodyBytesMax - 1), 401);
  EXPECT_EQ(status_of("/v1/auth/login", hosting::kStrangersBodyBytesMax), 401);
  EXPECT_EQ(status_of("/auth/login", hosting::kStrangersBodyBytesMax + 1), 413);
  EXPECT_EQ(status_of("/auth/refresh", hosting::kStrangersBodyBytesMax + 1), 413);
  EXPECT_EQ(status_of("/data/search", hosting::kStrangersBodyBytesMax + 1), 401);
}

// What a role may have is told once.
TEST_F(GatewayTest, AnUnknownMemberIsToldWhatThereIs) {
  Open();
  const auto me = Call("GET", "/auth/me", {}, Key());
  const auto id = me.body.substr(me.body.find("u_"), 18);
  const auto answer = Call("PATCH", "/auth/users/" + id, R"({"rolls":[]})", Key());
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("known are password, current_password, roles, disabled"),
            std::string::npos)
      << answer.body;
}

TEST_F(GatewayTest, ANodeThatIsNotThereIs503) {
  Open();
  const auto answer = Call("GET", "/sources", {}, Key());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.Get("Retry-After"), "1");
  EXPECT_EQ(answer.body.find("127.0.0.1"), std::string::npos) << answer.body;
}

TEST_F(GatewayTest, ALimitOfRatesSaysWhenToComeAgain) {
  config_.rate_key_per_second = 1;
  config_.rate_burst_seconds = 3;
  Open();
  for (int left = 2; left >= 0; --left) {
    const auto answer = Call("GET", "/auth/me", {}, Key());
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.Get("RateLimit-Limit"), "3");
    EXPECT_EQ(answer.headers.Get("RateLimit-Remaining"), fmt::format("{}", left));
  }
  const auto refused = Call("GET", "/auth/me", {}, Key());
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.Get("Retry-After"), "1");
  EXPECT_EQ(refused.headers.Get("RateLimit-Remaining"), "0");
}

TEST(CredentialTest, IsOneAndOfOneScheme) {
  const auto of = [](std::initializer_list<std::pair<const char*, const char*>> headers) {
    net::HttpRequest request;
    for (const auto& [name, value] : headers) request.headers.Set(name, value);
    return CredentialOf(request);
  };
  EXPECT_EQ(of({{"Authorization", "Bearer abc"}}).Take(), "abc");
  EXPECT_EQ(of({{"authorization", "bearer abc"}}).Take(), "abc");
  EXPECT_EQ(of({{"X-API-Key", "gk_1"}}).Take(), "gk_1");
  EXPECT_FALSE(of({}).ok());
  EXPECT_FALSE(of({{"Authorization", "Basic YTpi"}}).ok());
  EXPECT_FALSE(of({{"Authorization", "Bearer"}}).ok());
  EXPECT_FALSE(of({{"Authorization", "Bearer a"}, {"X-API-Key", "b"}}).ok());
}

TEST(NodeListTest, ReadsTenantsAndTheirNodes) {
  const auto nodes = ParseNodeList("a=http://127.0.0.1:1,b=http://[::1]:2");
  ASSERT_TRUE(nodes.ok()) << nodes.status().ToString();
  EXPECT_EQ(nodes->at("b").text(), "[::1]:2");
  EXPECT_TRUE(ParseNodeList("")->empty());
  for (const char* bad :
       {"a", "a=", "=http://x:1", "a=http://x:1,a=http://x:2", "a b=http://x:1", "a=https://x:1"}) {
    EXPECT_FALSE(ParseNodeList(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace granary::gateway
