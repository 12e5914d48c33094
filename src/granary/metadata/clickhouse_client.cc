#include "granary/metadata/clickhouse_client.h"

#include <fmt/format.h>

#include "granary/base/base64.h"
#include "granary/metadata/tab_separated.h"
#include "granary/net/request_target.h"

namespace granary::metadata {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 1u << 30;
constexpr std::size_t kWordsMax = 300;

// "Code: 241, e.displayText() = …": ErrorCodes.cpp.
Code CodeOfWords(std::string_view words, int http_status) {
  const auto is = [words](std::string_view number) {
    return words.starts_with(std::string("Code: ").append(number)) ||
           words.find(std::string("\nCode: ").append(number)) != std::string_view::npos;
  };
  if (is("243,") || is("243.")) return Code::kDiskFull;  // NOT_ENOUGH_SPACE
  if (http_status == 401 || http_status == 403 || is("192") || is("193") || is("194") ||
      is("497") || is("516"))
    return Code::kPermissionDenied;
  // TIMEOUT_EXCEEDED, TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY,
  // TOO_MANY_PARTS
  for (const std::string_view passing : {"159", "202", "241", "242", "252"})
    if (is(passing)) return Code::kUnavailable;
  return http_status == 503 ? Code::kUnavailable : Code::kInternal;
}

std::string FirstWords(std::string_view text) {
  std::string out(text.substr(0, std::min(text.find('\n'), kWordsMax)));
  return out.empty() ? "no words" : out;
}

}  // namespace

Result<std::string> ClickHouseClient::Send(std::string_view statement, std::string_view data) {
  if (!client_) {
    const std::string host =
        place_.host.find(':') == std::string::npos ? place_.host : "[" + place_.host + "]";
    GRANARY_ASSIGN(net::HttpClient client,
                   net::HttpClient::Create(
                       fmt::format("{}://{}:{}", place_.tls ? "https" : "http", host, place_.port),
                       place_.timeout_ms));
    client.set_limits({.body_bytes_max = kAnswerBytesMax, .total_ms = place_.timeout_ms});
    client_ = std::move(client);
  }
  // Data goes behind a statement that is in the target; one without data is the body. An answer
  // begins once it is whole, so a failure in the middle is no 200.
  std::vector<std::pair<std::string, std::string>> query = {{"wait_end_of_query", "1"}};
  if (!data.empty()) query.emplace_back("query", std::string(statement));
  net::Headers headers;
  headers.Set("Content-Type", "text/plain");
  if (!place_.user.empty()) {
    headers.Set("Authorization",
                "Basic " + Base64Encode(fmt::format("{}:{}", place_.user, place_.password)));
  }
  Result<net::ClientResponse> answer = client_->Send("POST", net::FormatTarget("/", query),
                                                     data.empty() ? statement : data, headers);
  if (!answer.ok()) {
    client_.reset();
    return Status(Code::kUnavailable, std::string(answer.status().message()));
  }
  if (answer->status == 200) return std::move(answer->body);
  return Status(CodeOfWords(answer->body, answer->status),
                fmt::format("HTTP {}: {}", answer->status, FirstWords(answer->body)));
}

Result<ClickHouseClient::Rows> ClickHouseClient::Ask(std::string_view sql, std::size_t columns) {
  GRANARY_ASSIGN(const std::string text, Send(fmt::format("{} FORMAT TabSeparated", sql), {}));
  return ParseTabSeparated(text, columns);
}

Status ClickHouseClient::Do(std::string_view sql) { return Send(sql, {}).status(); }

Status ClickHouseClient::Insert(std::string_view table, const Rows& rows) {
  std::string data;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) data.push_back('\t');
      AppendTabSeparated(row[i], data);
    }
    data.push_back('\n');
  }
  return Send(fmt::format("INSERT INTO {} FORMAT TabSeparated", table), data).status();
}

}  // namespace granary::metadata
