#include "granary/services/tenant_node/openapi_document.h"

#include <map>
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "granary/api/code_table.h"
#include "granary/api/json_node.h"
#include "granary/io/posix_file_system.h"
#include "granary/services/tenant_node/routes.h"
#include "granary/testing/fake_clock.h"

namespace granary::services {
namespace {

using api::JsonNode;
using Names = std::set<std::string>;

const JsonNode* Member(const JsonNode& node, std::string_view name) {
  for (const api::JsonMember& member : node.members)
    if (member.name == name) return &member.value;
  return nullptr;
}

class OpenApiDocumentTest : public ::testing::Test {
 protected:
  OpenApiDocumentTest() : root_(api::ParseJsonObject(OpenApiDocument(), 64).Take()) {}

  const JsonNode& At(std::initializer_list<std::string_view> path) const {
    const JsonNode* node = &root_;
    for (const std::string_view name : path) {
      node = Member(*node, name);
      if (node == nullptr) throw std::runtime_error(std::string(name) + " is missing");
    }
    return *node;
  }

  // "#/components/parameters/Timeout" -> what stands there.
  const JsonNode& Resolved(const JsonNode& node) const {
    const JsonNode* reference = Member(node, "$ref");
    if (reference == nullptr) return node;
    const JsonNode* out = &root_;
    std::string_view rest = std::string_view(reference->text).substr(2);
    while (!rest.empty()) {
      const auto end = std::min(rest.find('/'), rest.size());
      out = Member(*out, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (out == nullptr) throw std::runtime_error(reference->text);
    }
    return *out;
  }

  static std::string Upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
  }

  // "GET /sources" -> its query parameters; likewise of the routes below.
  std::map<std::string, Names> Documented() const {
    std::map<std::string, Names> out;
    for (const api::JsonMember& path : At({"paths"}).members) {
      for (const api::JsonMember& method : path.value.members) {
        if (method.name == "parameters") continue;
        Names& names = out[Upper(method.name) + " " + path.name];
        const JsonNode* parameters = Member(method.value, "parameters");
        if (parameters == nullptr) continue;
        for (const JsonNode& item : parameters->items) {
          const JsonNode& parameter = Resolved(item);
          if (Member(parameter, "in")->text == "query")
            names.insert(Member(parameter, "name")->text);
        }
      }
    }
    return out;
  }

  const JsonNode root_;
  testing::FakeClock clock_;
  ProcessMemory memory_{runtime::MemoryBudget::kNoLimit, [] { return std::uint64_t{0}; }};
  io::PosixFileSystem files_;
  NodeState state_{Config{}, Logger::Null(), clock_, memory_, files_};
};

TEST_F(OpenApiDocumentTest, HasEveryRouteWithItsParametersAndNoOther) {
  const hosting::Router router = MakeRouter(state_);
  const auto documented = Documented();
  Names routes;
  for (const hosting::Router::Entry& entry : router.entries()) {
    if (entry.route.between_services) continue;
    const std::string name = entry.route.method + " " + entry.route.pattern;
    routes.insert(name);
    ASSERT_TRUE(documented.contains(name)) << name << " is not documented";
    const Names taken(entry.route.query.begin(), entry.route.query.end());
    EXPECT_EQ(documented.at(name), taken) << name;
  }
  for (const auto& [name, parameters] : documented)
    EXPECT_TRUE(routes.contains(name)) << name << " is documented and not served";
}

TEST_F(OpenApiDocumentTest, NamesEveryCodeOfTheTable) {
  Names documented, table;
  for (const JsonNode& code :
       At({"components", "schemas", "Problem", "properties", "code", "enum"}).items)
    documented.insert(code.text);
  for (const api::CodeRow& row : api::AllRows())
    if (row.code != Code::kOk) table.insert(std::string(CodeName(row.code)));
  EXPECT_EQ(documented, table);
}

TEST_F(OpenApiDocumentTest, TellsTheStatusesOfEveryCode) {
  const JsonNode& told =
      At({"components", "schemas", "Problem", "properties", "code", "x-http-statuses"});
  std::map<std::string, std::string> documented, table;
  for (const api::JsonMember& code : told.members)
    for (const JsonNode& status : code.value.items) documented[code.name] += status.text + " ";
  for (const api::CodeRow& row : api::AllRows()) {
    if (row.code == Code::kOk) continue;
    std::string& statuses = table[std::string(CodeName(row.code))];
    statuses = std::to_string(row.http) + " ";
    if (row.http_of_request != 0) statuses += std::to_string(row.http_of_request) + " ";
  }
  EXPECT_EQ(documented, table);
}

TEST_F(OpenApiDocumentTest, TellsWhatAnyRequestMayBeAnswered) {
  const Names cancelled = {"/data/search", "/data/search/stream", "/data/aggregate",
                           "/data/delete", "/data/explain",       "/sources/{id}/compact"};
  for (const api::JsonMember& path : At({"paths"}).members) {
    for (const api::JsonMember& method : path.value.members) {
      if (method.name == "parameters") continue;
      // An empty list: whoever asks may know.
      const bool is_open = Member(method.value, "security") != nullptr;
      Names expected = {"400", "406", "408", "413", "431"};
      if (!is_open) expected.insert({"401", "503"});
      // GET /sources shows what may be seen, /sql does not get so far.
      if (!is_open && path.name != "/sql" && path.name != "/sources") expected.insert("403");
      if (cancelled.contains(path.name)) expected.insert("499");
      for (const std::string& status : expected)
        EXPECT_NE(Member(*Member(method.value, "responses"), status), nullptr)
            << method.name << " " << path.name << " does not tell " << status;
    }
  }
}

TEST_F(OpenApiDocumentTest, EveryStatusOfAnAnswerIsOneOfTheTable) {
  Names table = {"200", "201", "202", "204"};
  for (const api::CodeRow& row : api::AllRows()) {
    table.insert(std::to_string(row.http));
    table.insert(std::to_string(row.http_of_request));
  }
  for (const api::JsonMember& path : At({"paths"}).members) {
    for (const api::JsonMember& method : path.value.members) {
      if (method.name == "parameters") continue;
      for (const api::JsonMember& answer : Member(method.value, "responses")->members)
        EXPECT_TRUE(table.contains(answer.name)) << method.name << path.name << answer.name;
    }
  }
}

TEST_F(OpenApiDocumentTest, IsOfThisVersion) {
  EXPECT_EQ(At({"info", "version"}).text, NodeVersion());
  EXPECT_EQ(At({"openapi"}).text, "3.1.0");
}

}  // namespace
}  // namespace granary::services
