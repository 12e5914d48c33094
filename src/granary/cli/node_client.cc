#include "granary/cli/node_client.h"

#include <optional>

#include <fmt/format.h>
#include <simdjson.h>

#include "granary/cli/secret_input.h"
#include "granary/io/posix_file_system.h"
#include "granary/json/batch_writer.h"

namespace granary::cli {
namespace {

// The member's text, or `otherwise` where there is none.
std::string_view TextOf(const simdjson::dom::element& object, std::string_view name,
                        std::string_view otherwise) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? text : otherwise;
}

std::optional<Code> CodeOf(std::string_view name) {
  for (auto i = static_cast<int>(Code::kOk) + 1; i <= static_cast<int>(Code::kInternal); ++i) {
    if (CodeName(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  }
  return std::nullopt;
}

// What a problem+json body says, in a few lines. A code that this version does not know, and an
// answer that is no problem of a node's, keep their words.
Status ProblemToStatus(const net::ClientResponse& response) {
  simdjson::dom::parser parser;
  simdjson::dom::element problem;
  std::string_view name = "HTTP";
  std::string_view detail = response.body;
  const bool is_problem =
      parser.parse(response.body).get(problem) == simdjson::SUCCESS && problem.is_object();
  if (is_problem) {
    name = TextOf(problem, "code", name);
    detail = TextOf(problem, "detail", detail);
  }
  const std::optional<Code> code = CodeOf(name);
  std::string message = code ? fmt::format("{} (HTTP {})", detail, response.status)
                             : fmt::format("{} {}: {}", name, response.status, detail);
  if (code == Code::kUnauthenticated)
    message += "\n  a key is taken from the file that --key-file names, or from GRANARY_API_KEY";
  simdjson::dom::array errors;
  if (is_problem && problem["errors"].get(errors) == simdjson::SUCCESS) {
    for (simdjson::dom::element error : errors) {
      message +=
          fmt::format("\n  {}: {}", TextOf(error, "pointer", ""), TextOf(error, "detail", ""));
    }
  }
  return Status(code.value_or(Code::kInvalidRequest), std::move(message));
}

void AppendPretty(const simdjson::dom::element& value, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent) * 2, ' ');
  if (value.is_array() || value.is_object()) {
    const bool is_array = value.is_array();
    bool first = true;
    out += is_array ? '[' : '{';
    const auto item = [&](std::string_view key, const simdjson::dom::element& child) {
      out += first ? "\n" : ",\n";
      first = false;
      out += pad + "  ";
      if (!is_array) {
        json::AppendString(key, out);
        out += ": ";
      }
      AppendPretty(child, indent + 1, out);
    };
    if (is_array) {
      const simdjson::dom::array children = value.get_array().value_unsafe();
      for (auto child : children) item({}, child);
    } else {
      const simdjson::dom::object members = value.get_object().value_unsafe();
      for (auto field : members) item(field.key, field.value);
    }
    if (!first) out += "\n" + pad;
    out += is_array ? ']' : '}';
    return;
  }
  out += simdjson::minify(value);
}

}  // namespace

std::string PrettyJson(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS)
    return std::string(json);
  std::string out;
  AppendPretty(document, 0, out);
  return out;
}

Result<NodeClient> NodeClient::Create(std::string_view url, const std::string& ca_file,
                                      std::int64_t timeout_ms) {
  net::PemText ca;
  if (!ca_file.empty()) {
    ca.name = fmt::format("--ca-file '{}'", ca_file);
    GRANARY_ASSIGN(ca.text, io::PosixFileSystem().ReadFile(ca_file));
    if (ca.text.empty()) return Status(Code::kInvalidArgument, ca.name + ": it is empty");
  }
  GRANARY_ASSIGN(auto http, net::HttpClient::Create(url, timeout_ms, ca));
  return NodeClient(std::move(http), url);
}

Result<NodeClient> NodeClient::Connect(const NodeAddress& address, std::int64_t timeout_ms) {
  GRANARY_ASSIGN(const std::optional<std::string> key, FindApiKey(address.key_file));
  std::string url = address.url;
  if (url.empty()) url = key ? kGatewayUrl : kNodeUrl;
  GRANARY_ASSIGN(NodeClient client, Create(url, address.ca_file, timeout_ms));
  if (key) client.set_credential(*key);
  return client;
}

void NodeClient::set_credential(std::string_view key) {
  headers_.Set("Authorization", fmt::format("Bearer {}", key));
}

Result<std::string> NodeClient::Call(std::string_view method, std::string_view target,
                                     std::string_view body) {
  GRANARY_ASSIGN(auto response, http_.Send(method, target, body, headers_));
  if (response.status / 100 != 2) return ProblemToStatus(response);
  return std::move(response.body);
}

Status NodeClient::Stream(std::string_view target, std::string_view body,
                          const std::function<Status(std::string_view)>& on_body,
                          std::string_view accept) {
  net::Headers headers = headers_;
  headers.Set("Accept", accept);
  GRANARY_ASSIGN(auto response, http_.Stream("POST", target, body, on_body, headers));
  return response.status / 100 == 2 ? Status::Ok() : ProblemToStatus(response);
}

Result<std::optional<std::map<std::string, std::string>>> NodeClient::ColumnsOf(
    const SourceId& id) {
  using Columns = std::map<std::string, std::string>;
  GRANARY_ASSIGN(auto response, http_.Send("GET", "/sources/" + id.str(), {}, headers_));
  if (response.status == 404) return std::optional<Columns>();
  if (response.status / 100 != 2) return ProblemToStatus(response);
  simdjson::dom::parser parser;
  simdjson::dom::object columns;
  if (parser.parse(response.body)["schema_definition"].get(columns) != simdjson::SUCCESS)
    return Status(Code::kInternal, "the node's answer has no schema_definition");
  Columns out;
  for (const auto member : columns) {
    std::string_view type;
    if (member.value.get(type) == simdjson::SUCCESS) out[std::string(member.key)] = type;
  }
  return std::optional(std::move(out));
}

Result<bool> NodeClient::IsUnwritten(const SourceId& id) {
  GRANARY_ASSIGN(const std::string stats, Call("GET", "/sources/" + id.str() + "/stats"));
  simdjson::dom::parser parser;
  simdjson::dom::element read, last_write;
  std::uint64_t rows = 0;
  if (parser.parse(stats).get(read) != simdjson::SUCCESS ||
      read["rows"].get(rows) != simdjson::SUCCESS ||
      read["last_write"].get(last_write) != simdjson::SUCCESS)
    return Status(Code::kInternal, "the node's statistics have no rows and no last_write");
  return rows == 0 && last_write.is_null();
}

Status NodeClient::AddSource(const SourceId& id,
                             const std::vector<storage::DeclaredColumn>& columns) {
  std::string body = R"({"source_id":)";
  json::AppendString(id.str(), body);
  body += R"(,"schema_definition":{)";
  bool first = true;
  for (const auto& column : columns) {
    if (!first) body += ',';
    first = false;
    json::AppendString(column.name, body);
    body += ':';
    json::AppendString(column.type.ToString(), body);
  }
  body += "}}";
  return Call("POST", "/sources/add", body).status();
}

Status NodeClient::Write(const SourceId& id, std::string_view records) {
  std::string body = R"({"source_id":)";
  json::AppendString(id.str(), body);
  body += R"(,"records":[)";
  body += records;
  body += "]}";
  return Call("POST", "/data/write", body).status();
}

Result<std::uint64_t> NodeClient::WriteBody(const SourceId& id, std::string_view media_type,
                                            const std::function<Result<std::string>()>& next) {
  net::Headers headers = headers_;
  headers.Set("Content-Type", media_type);
  GRANARY_ASSIGN(auto response,
                 http_.Upload("POST", "/data/write?source_id=" + id.str(), next, headers));
  if (response.status / 100 != 2) return ProblemToStatus(response);
  simdjson::dom::parser parser;
  std::uint64_t written = 0;
  if (parser.parse(response.body)["written"].get(written) != simdjson::SUCCESS)
    return Status(Code::kInternal, "the node's answer does not say what was written");
  return written;
}

}  // namespace granary::cli
